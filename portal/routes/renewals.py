"""What is reached without signing in: mailed renewal links, the way back from providers, callbacks, calendar feeds."""

from __future__ import annotations

import uuid

import structlog
from flask import Blueprint, Response, flash, g, make_response, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _

from portal import runtime
from portal.access import Actor, Scope
from portal.authorisations import applications, connecting, login
from portal.connectors import registry
from portal.connectors.errors import Rejected
from portal.connectors.feed import Notice
from portal.feeds import calendar, linking, notices, opening, renewals, visits
from portal.feeds.models import Feed, State
from portal.feeds.visits import Returned
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.errors import Conflict, NotFound, PortalError
from portal.routes import _feeds, wording
from portal.routes._access import callback, db, get_writes, public
from portal.routes._authorisation_new import away
from portal.routes._htmx import go_to, page
from portal.routes._limits import GUESSES, limiter
from portal.routes.authorisations import scope_of_state
from portal.templating import formats

blueprint = Blueprint("renewals", __name__)
log = structlog.get_logger()
MOST = 64 * 1024  # bytes of a callback
CALLS = "600 per minute"


@blueprint.get("/renew")
@limiter.limit(GUESSES)
@public
def show() -> Response:
    """A link scanner opens links: only the button does something."""
    try:
        opened = renewals.open_link(runtime.get(), db(), request.args.get("t", ""))
    except renewals.LinkRefused as refused:
        return _no_link(refused)
    return page("renewals/show.html", opened=opened, words=_feeds, token=request.args.get("t", ""))


def _no_link(refused: PortalError) -> Response:
    text = wording.of_error(refused.code, refused.values)
    return page("renewals/refused.html", text=text, status=refused.status)


@blueprint.post("/renew")
@limiter.limit(GUESSES)
@public
def go() -> Response:
    made = runtime.get()
    try:
        opened = renewals.open_link(made, db(), request.args.get("t", ""))
        scope = _as_reader(opened.tenant_id, opened.email)
        url = renewals.begin(made, scope, opened.feed, _feeds.browser(), link_id=opened.link_id)
    except renewals.LinkRefused as refused:
        return _no_link(refused)
    except Conflict as error:
        db().rollback()
        text = _feeds.told(error.code, dict(error.values))
        where = url_for("feeds.show", client=opened.tenant_id, feed_id=opened.feed.id)
        return page("renewals/refused.html", text=text, sign_in=where if error.code == "renewal.sign_in" else "",
                    status=409)  # fmt: skip
    db().commit()
    return _out(url, _feeds.label(opened.feed.provider))


def _as_reader(tenant_id: uuid.UUID, email: str) -> Scope:
    """Whoever holds the address that the link went to; not signed in as anybody."""
    return Scope.system(db(), tenant_id, actor=Actor(None, email))


def _out(url: str, label: str) -> Response:
    """To the provider by a page of ours: the policy on forms forbids a form to end elsewhere."""
    if g.get("entered"):
        return away(url, label)
    response = make_response(render_template("renewals/away.html", url=url, label=label))
    response.headers["Refresh"] = f"0; url={url}"
    return response


# ------------------------------------------------------------------ the way back


@blueprint.get("/feeds/return/<provider>")
@get_writes
@public
def back(provider: str) -> Response:
    """From linking or renewing at a provider. The state says for which client account, and is used up here."""
    if provider not in registry.FEEDS:
        raise NotFound()
    hint = _returned(provider)
    tenant_id = login.tenant_of(hint.state)
    if tenant_id is None:
        raise visits.VisitRefused("feed.visit_unknown")
    visit = visits.claim_visit(runtime.get(), tenant_id, hint.state, _feeds.browser())
    if visit.renewal_link_id is not None:
        return _renewed_by_link(visit, hint)
    if not g.get("entered"):
        raise visits.VisitRefused("feed.visit_other_browser")
    scope = scope_of_state(tenant_id)
    feed = scope.get(Feed, visit.feed_id, lock=True)
    return _renewed(scope, feed, hint) if visit.purpose == "renew" else _linked(scope, feed, hint)


def _returned(provider: str) -> Notice:
    """What the address says, in the provider's way; a hint that is signed by nobody."""
    query = {name: value[:400] for name, value in request.args.items()}
    read = getattr(registry.load_feed(provider), "returned", None)
    if read is not None:
        found: Notice = read(query)
        return found
    return Notice("return", query.get("connection_id", ""), "", query.get("state", ""), "error" in query)


def _linked(scope: Scope, feed: Feed, hint: Notice) -> Response:
    made = runtime.get()

    def to(endpoint: str) -> Response:
        return go_to(url_for(endpoint, client=scope.tenant_id, feed_id=feed.id))

    try:
        if hint.failed:
            linking.give_up(scope, feed, hint.code or "feed.broken_off")
        elif hint.link:
            linking.attach(made, scope, feed, hint.link)
        elif not opening.secret(made, feed, "offered") and feed.state == State.CONNECTING:
            return to("feeds.waiting")
    except PortalError as error:
        db().rollback()
        flash(_feeds.told(error.code, dict(error.values)), "warn")
        return to("feeds.show")
    db().commit()
    return to("feeds.show" if hint.failed else "feeds.accounts")


def _renewed(scope: Scope, feed: Feed, hint: Notice) -> Response:
    where = url_for("feeds.show", client=scope.tenant_id, feed_id=feed.id)
    tone, said = _outcome(scope, feed, hint)
    flash(said, tone)
    return go_to(where)


def _outcome(scope: Scope, feed: Feed, hint: Notice) -> tuple[str, str]:
    """Tone and words; what the provider said is committed either way."""
    if hint.failed:
        why = _feeds.code_words(feed, hint.code)
        return "warn", _("The consent was not renewed. %(why)s", why=why)
    try:
        renewed = renewals.finish(runtime.get(), scope, feed)
    except Conflict as error:
        db().rollback()
        return "warn", _feeds.told(error.code, dict(error.values))
    db().commit()
    if not renewed:
        return "warn", _("The provider does not know of a new consent yet. Nothing was changed.")
    until = feed.consent_ends_at
    if until is None:
        return "ok", _("The consent is renewed.")
    return "ok", _("The consent is renewed until %(day)s.", day=formats().date(until))


def _renewed_by_link(visit: Returned, hint: Notice) -> Response:
    """No sign-in, so nothing is shown but the outcome."""
    scope = _as_reader(visit.tenant_id, "")
    feed = scope.get(Feed, visit.feed_id, lock=True)
    tone, said = _outcome(scope, feed, hint)
    return page("renewals/done.html", tone=tone, said=said, bank=feed.institution_name)


# ------------------------------------------------------------------ callbacks


@blueprint.post("/callbacks/<provider>")
@blueprint.post("/callbacks/<provider>/<event>")
@limiter.limit(CALLS)
@callback
@public
def heed(provider: str, event: str = "") -> Response:
    """Believed only with the provider's signature. The body is never logged: it names people's accounts."""
    if provider not in registry.FEEDS:
        raise NotFound()
    if (request.content_length or 0) > MOST:
        return _plain("too large", 413)
    body = request.stream.read(MOST + 1)
    if len(body) > MOST:
        return _plain("too large", 413)
    try:
        heeded = notices.heed(runtime.get(), provider, _judged(provider, body))
    except Rejected as refused:
        log.warning("callback.refused", provider=provider, code=refused.code)
        return _plain("refused", 400)
    except (OSError, PortalError) as failure:
        log.warning("callback.unjudged", provider=provider, error=type(failure).__name__)
        return _plain("try again", 503)
    log.info("callback.heeded", provider=provider, feeds=heeded)
    return _plain("ok", 200)


def _judged(provider: str, body: bytes) -> list[Notice]:
    settings = runtime.get().settings
    url = f"{settings.base_url}{request.path}"
    environment = opening.environment_of(settings, provider)
    found = registry.load_feed(provider).callbacks(
        url, dict(request.headers), body, clock.now(), host=applications.host_of(settings, provider, environment),
        application=applications.called_by(settings, provider),
        fetch_keys=lambda path: connecting.fetch_key(settings, provider, environment, path),
    )  # fmt: skip
    return list(found)


def _plain(words: str, status: int) -> Response:
    return Response(f"{words}\n", status, mimetype="text/plain")


# ------------------------------------------------------------------ the calendar feed


@blueprint.get("/calendar/<token>.ics")
@limiter.limit("60 per minute")
@get_writes
@public
def ical(token: str) -> Response:
    """At a secret address that each person of the firm may make, and revoke."""
    found, user_id = calendar.read_by_link(db(), token)
    user = db().get_one(User, user_id)
    with force_locale(user.locale.replace("-", "_")):
        g.pop("formats", None)
        words = {one.id: _event_words(one) for one in found.consents}
        text = calendar.as_ical(found, words, _("Bank consents"), runtime.get().settings.public_host)
    g.pop("formats", None)
    db().commit()
    return Response(text, mimetype="text/calendar", headers={"Content-Disposition": 'inline; filename="consents.ics"'})


def _event_words(one: calendar.Consent) -> tuple[str, str]:
    title = _("Consent of %(client)s at %(bank)s ends", client=one.client, bank=one.bank)
    where = url_for("feeds.show", client=one.tenant_id, feed_id=one.id, _external=False)
    return title, f"{_feeds.label(one.provider)}\n{runtime.get().settings.base_url}{where}"
