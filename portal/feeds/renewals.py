"""Mailed links by which the person who may renew a consent does so: signed, expiring, for one consent only.

A link proves that its reader holds the address it went to. It opens a page that says what it is
for, and leads to the provider; it signs nobody in and shows nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config import Settings
from portal.access import SYSTEM, Scope
from portal.activity import service as activity
from portal.authorisations.custody import Means
from portal.connectors.errors import AuthorisationExpired, ConnectorError
from portal.feeds import consents, states, visits
from portal.feeds.models import Feed, FeedAccount, RenewalLink, State
from portal.feeds.opening import Opener, manifest_of, open_feed
from portal.kernel import clock, mail
from portal.kernel.db import Setting, set_scope, uuid7
from portal.kernel.errors import Conflict, PortalError
from portal.kernel.vault import Vault
from portal.tenants.models import Tenant

AFTER_THE_END = timedelta(days=7)  # how long a link still works when the consent is over
LIVES_AT_LEAST = timedelta(days=7)
SALT = "renewal of a bank consent"
RENEWABLE = (*states.FETCHING, State.CONSENT_ENDED)
DEFAULT_LOCALE = "nl-BE"
_RENEWERS = text("SELECT user_id, email, name, locale, rank FROM renewers_of(:client)")


class LinkRefused(PortalError):
    """The link is no link of ours, or has served, or its reader may not renew any more."""

    status = 400


@dataclass(frozen=True, slots=True)
class Person:
    """Who may renew. `user_id` None: an address that was given when the bank was linked."""

    user_id: uuid.UUID | None
    email: str
    name: str
    locale: str
    rank: int = 0  # the lower, the nearer to the account: 1 owner, 2 editor, 3 and more of the firm


@dataclass(frozen=True, slots=True)
class Opened:
    """What the page of a link shows."""

    tenant_id: uuid.UUID
    link_id: uuid.UUID
    feed: Feed
    client: str
    email: str
    numbers: Sequence[str]
    served: bool


# ------------------------------------------------------------------ who


def renewers(session: Session, feed: Feed) -> list[Person]:
    """Whom to write to: the contact of the feed, else the owners, else the nearest who may. Perhaps nobody.

    The session acts in the client account, or in the portal of a firm that it lets in.
    """
    everybody = all_renewers(session, feed.tenant_id)
    if feed.contact_email:
        known = [one for one in everybody if one.email.lower() == feed.contact_email.lower()]
        locale = feed.contact_locale or (everybody[0].locale if everybody else DEFAULT_LOCALE)
        return known[:1] or [Person(None, feed.contact_email, "", locale)]
    nearest = min((one.rank for one in everybody), default=0)
    return [one for one in everybody if one.rank == nearest]


def all_renewers(session: Session, client_id: uuid.UUID) -> list[Person]:
    """Everybody with the right, nearest to the account first; each once."""
    found: dict[uuid.UUID, Person] = {}
    for row in session.execute(_RENEWERS, {"client": client_id}):
        found.setdefault(row.user_id, Person(*row))
    return list(found.values())


# ------------------------------------------------------------------ sending


def send_links(scope: Scope, vault: Vault, settings: Settings, feed: Feed, *, template: str = "renewal") -> int:
    """Mail a link to everybody whom `renewers` names; how many. Raises Conflict where there is nothing to renew."""
    if feed.state not in RENEWABLE:
        raise Conflict("renewal.not_renewable", bank=feed.institution_name)
    people = renewers(scope.session, feed)
    for person in people:
        _send(scope, vault, settings, feed, person, template)
    return len(people)


def _send(scope: Scope, vault: Vault, settings: Settings, feed: Feed, person: Person, template: str) -> None:
    now = clock.now()
    ends_at = feed.consent_ends_at
    link = RenewalLink(
        tenant_id=feed.tenant_id, id=uuid7(), feed_id=feed.id, user_id=person.user_id, email=person.email,
        created_at=now, created_by=scope.actor.user_id,
        expires_at=max(now + LIVES_AT_LEAST, (ends_at or now) + AFTER_THE_END),
    )  # fmt: skip
    scope.session.add(link)
    client = scope.session.get_one(Tenant, feed.tenant_id)
    left = days_left(ends_at, now)
    told = {
        "person": person.name, "client": client.name, "bank": feed.institution_name, "until": link.expires_at,
        "provider": manifest_of(feed.provider).label, "ends": ends_at, "days": "" if left is None else str(left),
        "link": f"{settings.base_url}/renew?t={sign(settings, feed.tenant_id, link.id)}&lang={person.locale[:2]}",
    }  # fmt: skip
    values = {key: _plain(value) for key, value in told.items()}
    mail.write(scope.session, vault, to=person.email, template=template, locale=person.locale, values=values)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return clock.day(value).isoformat()
    return "" if value is None else str(value)


def days_left(ends_at: datetime | None, now: datetime) -> int | None:
    """Whole days of the calendar until the last one; negative when it is past."""
    return None if ends_at is None else (clock.day(ends_at) - clock.day(now)).days


# ------------------------------------------------------------------ the link


def sign(settings: Settings, tenant_id: uuid.UUID, link_id: uuid.UUID) -> str:
    """What stands in the address; nothing of it is kept."""
    return str(_serializer(settings).dumps([tenant_id.hex, link_id.hex]))


def read(settings: Settings, token: str) -> tuple[uuid.UUID, uuid.UUID]:
    """Tenant and link. Raises LinkRefused for what we did not sign."""
    try:
        tenant, link = _serializer(settings).loads(token[:500])
        return uuid.UUID(hex=tenant), uuid.UUID(hex=link)
    except (BadSignature, ValueError, TypeError, AttributeError):
        raise LinkRefused("renewal.unknown") from None


def _serializer(settings: Settings) -> URLSafeSerializer:
    # The newest key comes last and signs; the others still open.
    return URLSafeSerializer([*settings.secret_key_fallbacks, settings.secret_key], salt=SALT)


def open_link(means: Means, session: Session, token: str) -> Opened:
    """What a link is for. Moves the session into the client account. Raises LinkRefused."""
    tenant_id, link_id = read(means.settings, token)
    set_scope(session, Setting(tenant=tenant_id))
    link = session.get(RenewalLink, (tenant_id, link_id))
    feed = session.get(Feed, (tenant_id, link.feed_id)) if link else None
    if link is None or feed is None:
        raise LinkRefused("renewal.unknown")
    if link.expires_at <= clock.now():
        raise LinkRefused("renewal.expired")
    if not _may_still(session, feed, link):
        raise LinkRefused("renewal.not_allowed")
    tenant = session.get_one(Tenant, tenant_id)
    numbers = [row.number for row in _accounts(session, feed)]
    served = link.used_at is not None or feed.state not in RENEWABLE
    return Opened(tenant_id, link_id, feed, tenant.name, link.email, numbers, served)


def _accounts(session: Session, feed: Feed) -> Sequence[FeedAccount]:
    scope = Scope(session, feed.tenant_id, "client", "", SYSTEM)
    return [row for row in consents.accounts_of(scope, feed) if row.ticked]


def _may_still(session: Session, feed: Feed, link: RenewalLink) -> bool:
    """The right may have gone since the mail went: the colleague left, the grant was withdrawn, the contact changed."""
    if link.email.lower() == feed.contact_email.lower():
        return True
    return any(one.user_id == link.user_id for one in all_renewers(session, feed.tenant_id))


def note_opened(scope: Scope, link_id: uuid.UUID) -> None:
    """The first time that somebody looked at it and chose to go on."""
    link = scope.get(RenewalLink, link_id, lock=True)
    link.opened_at = link.opened_at or clock.now()


# ------------------------------------------------------------------ renewing


def begin(
    means: Means,
    scope: Scope,
    feed: Feed,
    browser: str,
    *,
    link_id: uuid.UUID | None = None,
    opener: Opener = open_feed,
) -> str:
    """The address at the provider where the consent is renewed. Raises Conflict.

    "renewal.sign_in": the log-in itself is gone, so a person has to sign in and link the bank anew.
    """
    if feed.state not in RENEWABLE:
        raise Conflict("renewal.not_renewable", bank=feed.institution_name)
    state = visits.new_visit(scope, feed, browser, "renew", link_id)
    if link_id is not None:
        note_opened(scope, link_id)
    try:
        return opener(means, feed, person=True).renewal(visits.return_address(means, feed), state)
    except AuthorisationExpired as over:
        raise Conflict("renewal.sign_in", reason=over.code) from None
    except ConnectorError as error:
        raise Conflict("feed.no_answer", reason=error.code, text=error.provider_text) from None


def finish(means: Means, scope: Scope, feed: Feed, opener: Opener = open_feed) -> bool:
    """Somebody came back from renewing: whether the provider knows of it. Raises Conflict when it does not say."""
    before = feed.consent_ends_at
    try:
        provider = opener(means, feed, person=True)
        status, found = provider.status(), provider.accounts()
    except AuthorisationExpired as over:
        consents.note(feed, over.code, over.provider_text, over.values.get("request_id", ""))
        consents.end(scope, feed, over.code, over.provider_text)
        return False
    except ConnectorError as error:
        raise Conflict("feed.no_answer", reason=error.code, text=error.provider_text) from None
    consents.learn(scope, feed, status, found)
    now, after = clock.now(), feed.consent_ends_at
    gone = bool(status.ended) or (after is not None and after <= now)
    renewed = not gone and (feed.state == State.CONSENT_ENDED or before is None or after is None or after > before)
    if renewed:
        consents.given(scope, feed)
        consents.revive(scope, feed)
        activity.record(scope, "feed.renewed", states.subject(feed), bank=feed.institution_name)
    return renewed


def links_of(scope: Scope, feed: Feed) -> Sequence[RenewalLink]:
    """Newest first."""
    mine = (RenewalLink.tenant_id == feed.tenant_id, RenewalLink.feed_id == feed.id)
    return scope.session.scalars(select(RenewalLink).where(*mine).order_by(RenewalLink.created_at.desc())).all()
