"""Bank feeds of a client account: link a bank, see how it stands, fetch, renew, let go."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, request
from flask_babel import gettext as _
from flask_babel import ngettext

from portal import runtime
from portal.access import Permission, Right
from portal.activity.service import record, timeline
from portal.authorisations import service as authorisations
from portal.authorisations.models import Authorisation
from portal.feeds import accounts as feed_accounts
from portal.feeds import choosing, consents, linking, reading, refreshing, renewals, states
from portal.feeds.linking import Contact
from portal.feeds.models import Feed, State
from portal.kernel.errors import Conflict, Invalid, NotFound, PortalError
from portal.routes import _feeds
from portal.routes._access import as_id, db, entered, require, scope
from portal.routes._active import here_is
from portal.routes._authorisation_new import away
from portal.routes._htmx import go_to, page, stop_polling
from portal.routes._timeline import events
from portal.routes.forms.feeds import IntervalForm, LinkForm
from portal.tenants.models import Tenant

blueprint = Blueprint("feeds", __name__)
FEEDS = "/c/<uuid:client>/feeds"
ONE = FEEDS + "/<uuid:feed_id>"
COUNTRIES = ("BE", "NL", "FR")
BANKS_SHOWN = 12

blueprint.add_app_template_filter(_feeds.way, "feed_way")
blueprint.add_app_template_filter(_feeds.iban_end, "iban_end")
blueprint.app_context_processor(lambda: {"sandbox_here": _feeds.sandbox_here})
blueprint.add_app_template_filter(date.fromisoformat, "day")


@blueprint.get(FEEDS)
@here_is("bank")
@require(Permission.FEEDS, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    return page("feeds/index.html", views=reading.feeds(scope()), words=_feeds, may_link=_may(Right.CREATE))


def _may(right: Right) -> bool:
    return scope().may(Permission.FEEDS, right)


# ------------------------------------------------------------------ linking


@blueprint.get(FEEDS + "/new")
@here_is("bank")
@require(Permission.FEEDS, Right.CREATE)
def new(client: uuid.UUID) -> Response:
    return _choose(LinkForm())


def _choose(form: LinkForm, status: int = 200) -> Response:
    country = request.values.get("country", "") or db().get_one(Tenant, scope().tenant_id).country
    country = country if country in COUNTRIES else COUNTRIES[0]
    offer = choosing.offer(runtime.get(), country)
    words, chosen = request.values.get("q", "")[:80], request.values.get("bank", "")[:80]
    bank = next((one for one in offer.banks if one.key == chosen), None)
    found = offer.find(words) if words else list(offer.banks)
    if bank is not None:
        found = [bank, *(one for one in found if one is not bank)]
    return page(
        "feeds/new.html", form=form, country=country, countries=COUNTRIES, find=words, bank=bank,
        banks=found[:BANKS_SHOWN], more=max(len(found) - BANKS_SHOWN, 0), away=offer.away, words=_feeds,
        provider=request.values.get("provider", ""), status=status, blocks=("banks",),
    )  # fmt: skip


@blueprint.post(FEEDS + "/new")
@here_is("bank")
@require(Permission.FEEDS, Right.CREATE)
def begin(client: uuid.UUID) -> Response:
    """On to the provider."""
    form, made = LinkForm(), runtime.get()
    if not form.validate():
        return _choose(form, 422)
    asked = {name: request.form.get(name, "")[:80] for name in ("country", "bank", "provider")}
    contact = Contact(form.email.data or "", form.phone.data or "", entered().locale)
    try:
        choice = choosing.choice(made, asked["country"], asked["bank"], asked["provider"])
        _feed, url = linking.begin(made, scope(), entered().session_id, _feeds.browser(), choice, contact)
    except PortalError as error:
        db().rollback()
        return _refused(form, error)
    db().commit()
    return away(url, _feeds.label(choice.provider))


def _refused(form: LinkForm, error: PortalError) -> Response:
    field = getattr(error, "field", None)
    if field in ("email", "phone"):
        form.take(error)
    else:
        form.form_errors.append(_feeds.told(error.code, dict(error.values)))
    return _choose(form, 422)


@blueprint.post(ONE + "/link")
@here_is("bank")
@require(Permission.FEEDS, Right.CREATE)
def again(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    return _again(feed_id)


def _again(feed_id: uuid.UUID) -> Response:
    """The same bank anew: it keeps its accounts and what they brought."""
    feed, made = scope().get(Feed, feed_id), runtime.get()
    choice = linking.Choice(
        feed.provider, feed.environment, feed.institution, feed.institution_name, feed.country, feed.sandbox
    )
    contact = Contact(feed.contact_email, feed.contact_phone, feed.contact_locale)
    try:
        _feed, url = linking.begin(made, scope(), entered().session_id, _feeds.browser(), choice, contact)
    except PortalError as error:
        return _back_with(feed_id, error)
    db().commit()
    return away(url, _feeds.label(feed.provider))


def _back_with(feed_id: uuid.UUID, error: PortalError) -> Response:
    """To the page of the feed, with why nothing was done."""
    if isinstance(error, NotFound):
        raise error
    db().rollback()
    flash(_feeds.told(error.code, dict(error.values)), "warn")
    return go_to(_feeds.feed_url(feed_id))


@blueprint.get(ONE + "/accounts")
@here_is("bank")
@require(Permission.FEEDS, Right.VIEW)
def accounts(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    return _accounts_page(feed_id)


def _accounts_page(feed_id: uuid.UUID, error: str = "", status: int = 200) -> Response:
    view = _view(feed_id)
    return page(
        "feeds/accounts.html", view=view, words=_feeds, elsewhere=reading.joined_elsewhere(scope(), view.feed),
        known=reading.known_numbers(scope()), error=error, may_edit=_may(Right.EDIT), status=status,
        first=not any(one.row.bank_account_id for one in view.accounts),
    )  # fmt: skip


def _view(feed_id: uuid.UUID) -> reading.FeedView:
    found = reading.feeds(scope(), feed_id)
    if not found:
        raise NotFound()
    return found[0]


@blueprint.post(ONE + "/accounts")
@here_is("bank")
@require(Permission.FEEDS, Right.EDIT)
def choose(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    feed = scope().get(Feed, feed_id, lock=True)
    try:
        count = feed_accounts.choose(scope(), feed, {as_id(value) for value in request.form.getlist("account")})
    except (Invalid, Conflict) as error:
        db().rollback()
        return _accounts_page(feed_id, _feeds.told(error.code, dict(error.values)), 422)
    db().commit()
    flash(ngettext("%(num)s account is fetched from now on.", "%(num)s accounts are fetched from now on.", count), "ok")
    return go_to(_feeds.feed_url(feed_id))


@blueprint.post(ONE + "/find")
@here_is("bank")
@require(Permission.FEEDS, Right.EDIT)
def find(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    """*Fetch accounts*: ask once more which accounts the link shows."""
    feed = scope().get(Feed, feed_id, lock=True)
    try:
        feed_accounts.find_accounts(runtime.get(), scope(), feed)
    except Conflict as error:
        db().commit()  # that the consent has ended is worth keeping
        flash(_feeds.told(error.code, dict(error.values)), "warn")
        return go_to(_feeds.feed_url(feed_id))
    db().commit()
    return go_to(_feeds.feed_url(feed_id, "accounts"))


# ------------------------------------------------------------------ one feed


@blueprint.get(ONE)
@here_is("bank")
@require(Permission.FEEDS, Right.VIEW)
def show(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    return _show(feed_id)


def _show(feed_id: uuid.UUID, form: IntervalForm | None = None, status: int = 200) -> Response:
    view = _view(feed_id)
    feed = view.feed
    response = page(
        "feeds/show.html", view=view, feed=feed, words=_feeds, state_shown=_feeds.shown(feed), form=form,
        trouble=_feeds.problem(view), fetched=reading.fetches(scope(), feed),
        links=renewals.links_of(scope(), feed)[:3], events=events(timeline(scope(), feed.id)),
        may_edit=_may(Right.EDIT), may_link=_may(Right.CREATE),
        is_living=reading.is_connected(feed), renewable=feed.state in renewals.RENEWABLE,
        people=renewals.renewers(db(), feed), status=status, blocks=("fetching",),
    )  # fmt: skip
    return response if view.is_fetching or not request.args.get("poll") else stop_polling(response)


@blueprint.post(ONE + "/sync")
@here_is("bank")
@require(Permission.FEEDS, Right.EDIT)
def synchronise(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    """The bank wants to know that a person is there, so the address goes along."""
    feed = scope().get(Feed, feed_id, lock=True)
    try:
        count = refreshing.synchronise_now(runtime.get(), scope(), feed, request.remote_addr or "")
    except Conflict as error:
        until = feed.next_refresh_at
        db().rollback()
        if until is not None and error.code == "feed.too_soon":
            scope().get(Feed, feed_id, lock=True).next_refresh_at = until
            db().commit()
        flash(_feeds.told(error.code, dict(error.values)), "warn")
        return go_to(_feeds.feed_url(feed_id))
    db().commit()
    if count:
        flash(_("The bank is being asked. What is new appears here by itself."), "wait")
    return go_to(_feeds.feed_url(feed_id))


@blueprint.post(ONE + "/renew")
@here_is("bank")
@require(Permission.FEEDS, Right.EDIT)
def renew(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    """*Update credentials*: on to the provider, or through the log-in when that has lapsed."""
    feed, made = scope().get(Feed, feed_id), runtime.get()
    try:
        url = renewals.begin(made, scope(), feed, _feeds.browser())
    except Conflict as error:
        if error.code != "renewal.sign_in":
            return _back_with(feed_id, error)
        db().rollback()
        if feed.authorisation_id is None:
            consents.end(scope(), scope().get(Feed, feed_id, lock=True), str(error.values.get("reason", "")))
            return _again(feed_id)
        row = scope().get(Authorisation, feed.authorisation_id)
        at = (made, scope(), entered().session_id, row.app, row.environment, row.name, row.id)
        url = authorisations.begin_login(*at)
    db().commit()
    return away(url, _feeds.label(feed.provider))


@blueprint.post(ONE + "/mail")
@here_is("bank")
@require(Permission.FEEDS, Right.EDIT)
def mail_link(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    feed, made = scope().get(Feed, feed_id), runtime.get()
    try:
        count = renewals.send_links(scope(), made.vault, made.settings, feed)
    except Conflict as error:
        return _back_with(feed_id, error)
    if not count:
        return _back_with(feed_id, Conflict("renewal.nobody"))
    record(scope(), "feed.links_sent", states.subject(feed), bank=feed.institution_name, mails=count)
    db().commit()
    flash(ngettext("%(num)s renewal link is on its way.", "%(num)s renewal links are on their way.", count), "ok")
    return go_to(_feeds.feed_url(feed_id))


@blueprint.post(ONE + "/accounts/<uuid:feed_account_id>/interval")
@here_is("bank")
@require(Permission.FEEDS, Right.EDIT)
def interval(client: uuid.UUID, feed_id: uuid.UUID, feed_account_id: uuid.UUID) -> Response:
    scope().get(Feed, feed_id)
    form = IntervalForm()
    if not form.validate():
        return _show(feed_id, form, 422)
    try:
        row = feed_accounts.set_interval(scope(), feed_account_id, form.hours.data)
    except Invalid as error:
        form.take(error)
        return _show(feed_id, form, 422)
    if row.feed_id != feed_id:
        raise NotFound()
    db().commit()
    flash(_("Saved."), "ok")
    return go_to(_feeds.feed_url(feed_id))


@blueprint.post(ONE + "/resume")
@here_is("bank")
@require(Permission.FEEDS, Right.EDIT)
def resume(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    return _do(feed_id, lambda feed: linking.resume(scope(), feed), _("Fetching goes on."))


@blueprint.post(ONE + "/disconnect")
@here_is("bank")
@require(Permission.FEEDS, Right.EDIT)
def disconnect(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    said = _("Disconnected. What was fetched stays.")
    return _do(feed_id, lambda feed: linking.disconnect(runtime.get(), scope(), feed), said)


def _do(feed_id: uuid.UUID, what: Any, said: str) -> Response:
    feed = scope().get(Feed, feed_id, lock=True)
    try:
        what(feed)
    except PortalError as error:
        return _back_with(feed_id, error)
    db().commit()
    flash(said, "ok")
    return go_to(_feeds.feed_url(feed_id))


@blueprint.get(ONE + "/waiting")
@here_is("bank")
@require(Permission.FEEDS, Right.VIEW)
def waiting(client: uuid.UUID, feed_id: uuid.UUID) -> Response:
    """Back from the provider before it told which link was made: the page looks again by itself."""
    view = _view(feed_id)
    if view.feed.state != State.CONNECTING:
        return go_to(_feeds.feed_url(feed_id, "accounts" if view.accounts else "show"))
    return page("feeds/waiting.html", view=view, words=_feeds)
