"""Linking a bank: leave for the provider, come back, and say which of the accounts found are fetched.

A bank that is linked anew keeps its row, its accounts and where each of them was read to.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from portal.access import Scope
from portal.authorisations import service as authorisations
from portal.authorisations.custody import Means
from portal.authorisations.models import Authorisation
from portal.authorisations.service import Finished
from portal.connectors.errors import ConnectorError, Rejected, Temporary
from portal.feeds import accounts, consents, opening, states, visits
from portal.feeds.models import Feed, State
from portal.feeds.opening import Opener, open_feed
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.store import service as store

UNFINISHED = (State.NOT_CONNECTED, State.CONNECTING, State.CONSENT_ENDED, State.REVOKED)
MAX_NAME, MAX_PHONE = 120, 30


@dataclass(frozen=True, slots=True)
class Choice:
    """A bank, and the provider by which it is reached. `sandbox`: no real bank is behind it."""

    provider: str
    environment: str
    institution: str  # the provider's id
    name: str
    country: str
    sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """Who is told when a consent ends, and may renew it by a mailed link."""

    email: str = ""
    phone: str = ""
    locale: str = ""


def begin(
    means: Means, scope: Scope, session_id: uuid.UUID, browser: str, choice: Choice, contact: Contact
) -> tuple[Feed, str]:
    """The feed, and the address at the provider to send the browser to. `browser` is a secret of that browser.

    Raises Invalid for a contact that cannot be reached, Conflict when the provider does not begin.
    """
    scope.require_every_account()
    feed = _unfinished(scope, choice) or _create(scope, choice)
    _take_contact(feed, contact)
    _let_in(scope, feed)
    feed.linked_by = scope.actor.user_id
    if feed.state != State.CONNECTING:
        states.move(scope, feed, State.CONNECTING)
    scope.session.flush()
    if opening.logs_in(choice.provider):
        return feed, _begin_login(means, scope, session_id, feed)
    state = visits.new_visit(scope, feed, browser, "connect")
    try:
        directory = opening.open_directory(means, feed.provider, feed.environment)
        begun = directory.begin(
            feed.institution, visits.return_address(means, feed), state, person=uuid.uuid4().hex,
            customer=_customer(means, scope, feed), locale=(contact.locale or "en")[:2],
        )  # fmt: skip
    except ConnectorError as error:
        raise Conflict("feed.not_begun", reason=error.code, text=error.provider_text) from None
    if begun.customer:
        feed.customer = means.vault.seal(scope.session, opening.place(feed, "customer"), begun.customer)
    return feed, begun.address


def _unfinished(scope: Scope, choice: Choice) -> Feed | None:
    """The same bank by the same provider, let go or never finished: its row and history go on."""
    query = select(Feed).where(
        Feed.tenant_id == scope.tenant_id,
        Feed.provider == choice.provider,
        Feed.environment == choice.environment,
        Feed.institution == choice.institution,
        Feed.state.in_(UNFINISHED),
    )
    return scope.session.scalars(query.order_by(Feed.connected_at.desc().nulls_last()).limit(1)).one_or_none()


def _create(scope: Scope, choice: Choice) -> Feed:
    now = clock.now()
    feed = Feed(
        tenant_id=scope.tenant_id, id=uuid7(), provider=choice.provider, environment=choice.environment,
        sandbox=choice.sandbox, institution=choice.institution, institution_name=choice.name[:MAX_NAME],
        country=choice.country, state=State.NOT_CONNECTED, state_since=now, created_at=now,
    )  # fmt: skip
    scope.session.add(feed)
    return feed


def _take_contact(feed: Feed, contact: Contact) -> None:
    email, phone = contact.email.strip(), contact.phone.strip()
    if email and ("@" not in email or len(email) > 254):
        raise Invalid("feed.contact_email", field="email")
    if phone and (len(phone) > MAX_PHONE or not set(phone) <= set("+0123456789 ./-()")):
        raise Invalid("feed.contact_phone", field="phone")
    if not (email or phone or feed.contact_email or feed.contact_phone):
        raise Invalid("feed.contact_missing", field="email")
    feed.contact_email, feed.contact_phone = email or feed.contact_email, phone or feed.contact_phone
    feed.contact_locale = contact.locale or feed.contact_locale


def _begin_login(means: Means, scope: Scope, session_id: uuid.UUID, feed: Feed) -> str:
    """By the log-in of an authorisation of the client's own."""
    row = _living_authorisation(scope, feed)
    name = row.name if row else _free_name(scope, feed)
    at = (means, scope, session_id, feed.provider, feed.environment, name)
    url = authorisations.begin_login(*at, row.id if row else None)
    if row is None:
        scope.session.flush()
        query = select(Authorisation.id).where(*_named(scope, name))
        feed.authorisation_id = scope.session.scalars(query).one()
    return url


def _living_authorisation(scope: Scope, feed: Feed) -> Authorisation | None:
    if feed.authorisation_id is None:
        return None
    row = scope.get(Authorisation, feed.authorisation_id)
    return None if row.removed_at is not None else row


def _free_name(scope: Scope, feed: Feed) -> str:
    label = opening.manifest_of(feed.provider).label
    wanted = f"{label}, {feed.institution_name}"[:70]
    for number in range(2, 100):
        if scope.session.scalars(select(Authorisation.id).where(*_named(scope, wanted))).first() is None:
            break
        wanted = f"{label}, {feed.institution_name}"[:70] + f" {number}"
    return wanted


def _named(scope: Scope, name: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Authorisation.tenant_id == scope.tenant_id,
        func.lower(Authorisation.name) == name.lower(),
        Authorisation.removed_at.is_(None),
    )


def _customer(means: Means, scope: Scope, feed: Feed) -> str:
    """The provider's id of this client, from whichever of its feeds has one."""
    same = (Feed.tenant_id == scope.tenant_id, Feed.provider == feed.provider, Feed.environment == feed.environment)
    for row in scope.session.scalars(select(Feed).where(*same, Feed.customer.is_not(None)).order_by(Feed.created_at)):
        return means.vault.open(scope.session, opening.place(row, "customer"), row.customer or b"")
    return ""


# ------------------------------------------------------------------ back again


def arrive_by_login(means: Means, scope: Scope, done: Finished, opener: Opener = open_feed) -> Feed | None:
    """After a log-in: the feed that it was for, with its accounts; None when it was for no feed.

    A login that was known already brings its own feed back; the row made for this try leaves.
    """
    mine = (Feed.tenant_id == scope.tenant_id, Feed.provider == done.authorisation.app)
    scope.session.flush()
    known = select(Feed).where(*mine, Feed.authorisation_id == done.authorisation.id)
    feed = scope.session.scalars(known.order_by(Feed.connected_at.desc().nulls_last()).limit(1)).one_or_none()
    orphans = select(Feed).where(*mine, Feed.authorisation_id.is_(None), Feed.state == State.CONNECTING)
    for orphan in scope.session.scalars(orphans.execution_options(populate_existing=True)).all():
        if feed is None:
            feed, orphan.authorisation_id = orphan, done.authorisation.id
        elif not consents.accounts_of(scope, orphan):
            scope.session.delete(orphan)
    if feed is None:
        return None
    feed.link_hash = opening.link_hash(feed.provider, done.authorisation.remote_user_id)
    _connected(scope, feed)
    _look_safely(means, scope, feed, opener)
    return feed


def attach(means: Means, scope: Scope, feed: Feed, link: str, opener: Opener = open_feed) -> None:
    """Take the link that a return or a callback names, once the provider says that it is this client's.

    Raises VisitRefused for somebody else's link, Conflict when the provider does not say.
    """
    expected = opening.secret(means, feed, "customer")
    try:
        provider = opener(means, feed, person=True, link=link)
        whose = provider.identity().user_id
    except ConnectorError as error:
        raise Conflict("feed.not_begun", reason=error.code, text=error.provider_text) from None
    if not expected or whose != expected:
        raise visits.VisitRefused("feed.other_customer")
    feed.link = means.vault.seal(scope.session, opening.place(feed, "link"), link)
    feed.link_hash, feed.offered = opening.link_hash(feed.provider, link), None
    scope.session.flush()
    _connected(scope, feed)
    _look_safely(means, scope, feed, lambda *_, **__: provider)


def _connected(scope: Scope, feed: Feed) -> None:
    if feed.state != State.CONNECTED:
        if feed.state == State.NOT_CONNECTED:  # they came back after all
            states.move(scope, feed, State.CONNECTING)
        if feed.state == State.REVOKED:
            states.move(scope, feed, State.CONNECTING)
        states.move(scope, feed, State.CONNECTED)


def _look_safely(means: Means, scope: Scope, feed: Feed, opener: Opener) -> None:
    """The accounts can be asked for once more; a link is a link without them."""
    try:
        accounts.find_accounts(means, scope, feed, opener)
    except Conflict as refused:
        consents.note(feed, str(refused.values.get("reason", "")), str(refused.values.get("text", "")), "")


def give_up(scope: Scope, feed: Feed, code: str, words: str = "") -> None:
    """They came back without a consent."""
    consents.note(feed, code, words, "")
    if feed.state == State.CONNECTING:
        states.move(scope, feed, State.NOT_CONNECTED, code, words)


# ------------------------------------------------------------------ letting go


def resume(scope: Scope, feed: Feed) -> None:
    """After the firm that linked it was shown out: whoever asks now is the one for whom it goes on."""
    _let_in(scope, feed)
    consents.revive(scope, feed)


def _let_in(scope: Scope, feed: Feed) -> None:
    """Through the firm that acts, if one does. Raises Conflict "app.access_off"."""
    if scope.actor.via_id is not None:
        store.let_in(scope, scope.actor.via_id, feed.provider)
    feed.via_id = scope.actor.via_id


def disconnect(means: Means, scope: Scope, feed: Feed, opener: Opener = open_feed) -> None:
    """End the consent at the provider and here; what was fetched stays. Raises Conflict when it does not answer."""
    scope.require_every_account()
    try:
        if feed.state not in (State.NOT_CONNECTED, State.CONNECTING):
            opener(means, feed, person=True).revoke()
    except (Temporary, Rejected) as error:
        raise Conflict("feed.no_answer", reason=error.code, text=error.provider_text) from None
    except ConnectorError as error:
        consents.note(feed, error.code, error.provider_text, "")  # over already, as far as the provider is concerned
    if feed.state != State.REVOKED:
        states.move(scope, feed, State.REVOKED)
    for row in consents.accounts_of(scope, feed):
        row.next_due_at = None
