"""The consents of all clients of a firm: as a list and a calendar, for bulk sending, and as an iCalendar feed."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config import Settings
from portal.access import Actor, Scope
from portal.activity import service as activity
from portal.feeds import renewals, states
from portal.feeds.models import CalendarLink, Feed
from portal.feeds.renewals import Person
from portal.kernel import clock
from portal.kernel.db import Setting, set_scope, uuid7
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.vault import Vault
from portal.tenants.entering import inside, writable_clients
from portal.tenants.models import Membership

SOON = 10  # days within which a consent is called urgent
WEEKS = 26

_CONSENTS = text("""
SELECT f.tenant_id, f.id, t.name AS client, t.scheme, t.enterprise_number, f.institution_name AS bank, f.provider,
  f.sandbox, f.state, f.consent_ends_at, f.contact_email,
  (SELECT count(*) FROM feed_accounts a WHERE a.tenant_id = f.tenant_id AND a.feed_id = f.id AND a.ticked) AS accounts,
  l.created_at AS link_sent_at, l.opened_at AS link_opened_at, l.used_at AS link_used_at
FROM feeds f JOIN tenants t ON t.id = f.tenant_id AND t.closed_at IS NULL
LEFT JOIN LATERAL (SELECT created_at, opened_at, used_at FROM renewal_links r
  WHERE r.tenant_id = f.tenant_id AND r.feed_id = f.id ORDER BY r.created_at DESC LIMIT 1) l ON true
WHERE f.tenant_id = ANY(ARRAY(SELECT app_clients()))
  AND f.state IN ('connected', 'attention', 'consent_ended', 'paused') AND f.consent_ends_at IS NOT NULL
ORDER BY f.consent_ends_at, lower(t.name), f.id
""")
_WHO = text("""
SELECT c.id AS client, r.user_id, r.email, r.name, r.locale, r.rank
FROM unnest(CAST(:clients AS uuid[])) AS c(id), LATERAL renewers_of(c.id) AS r
""")


@dataclass(frozen=True, slots=True)
class Consent:
    """One row of the calendar."""

    tenant_id: uuid.UUID
    id: uuid.UUID
    client: str
    scheme: str
    enterprise_number: str
    bank: str
    provider: str
    sandbox: bool
    state: str
    consent_ends_at: datetime
    contact_email: str
    accounts: int
    link_sent_at: datetime | None
    link_opened_at: datetime | None
    link_used_at: datetime | None

    @property
    def ends_on(self) -> date:
        return clock.day(self.consent_ends_at)


@dataclass(frozen=True, slots=True)
class Calendar:
    consents: Sequence[Consent]  # the one that ends first comes first
    today: date

    @property
    def by_day(self) -> Mapping[date, int]:
        return Counter(one.ends_on for one in self.consents)

    @property
    def soon(self) -> int:
        """How many end within ten days, or have ended."""
        return sum(one.ends_on <= self.today + timedelta(days=SOON) for one in self.consents)

    @property
    def weeks(self) -> list[tuple[date, int]]:
        """The coming 26 weeks by their Monday, and how many end in each."""
        monday = self.today - timedelta(days=self.today.weekday())
        count = Counter(one.ends_on - timedelta(days=one.ends_on.weekday()) for one in self.consents)
        return [(day, count[day]) for day in (monday + timedelta(weeks=week) for week in range(WEEKS))]


def calendar(scope: Scope) -> Calendar:
    """One query, whatever the number of clients. `scope` is a portal's."""
    return Calendar([Consent(*row) for row in scope.session.execute(_CONSENTS)], clock.today())


def who_may(scope: Scope, consents: Collection[Consent]) -> Mapping[uuid.UUID, Sequence[Person]]:
    """By consent: whom a link would go to."""
    people: dict[uuid.UUID, list[Person]] = {}
    clients = list({one.tenant_id for one in consents})
    for client, *rest in scope.session.execute(_WHO, {"clients": clients}):
        people.setdefault(client, []).append(Person(*rest))
    return {one.id: _addressed(one, people.get(one.tenant_id, [])) for one in consents}


def _addressed(consent: Consent, people: Sequence[Person]) -> Sequence[Person]:
    if consent.contact_email:
        known = [one for one in people if one.email.lower() == consent.contact_email.lower()]
        locale = people[0].locale if people else renewals.DEFAULT_LOCALE
        return known[:1] or [Person(None, consent.contact_email, "", locale)]
    nearest = min((one.rank for one in people), default=0)
    return list({one.email: one for one in people if one.rank == nearest}.values())


# ------------------------------------------------------------------ bulk sending


def send_many(scope: Scope, vault: Vault, settings: Settings, feed_ids: Collection[uuid.UUID]) -> tuple[int, int]:
    """Mail renewal links for these consents: how many mails, for how many consents. `scope` is a portal's.

    Clients that let the firm only read, and consents with nobody who may renew, are left out.
    Raises Invalid "renewal.nobody" when none is left.
    """
    chosen = [one for one in calendar(scope).consents if one.id in feed_ids and one.state != "paused"]
    allowed = writable_clients(scope, {one.tenant_id for one in chosen})
    mails, sent = 0, 0
    for one in chosen:
        if one.tenant_id not in allowed:
            continue
        with inside(scope, one.tenant_id) as client:
            feed = client.get(Feed, one.id, lock=True)
            if feed.state not in renewals.RENEWABLE:
                continue
            number = renewals.send_links(client, vault, settings, feed)
            if number:
                bank = feed.institution_name
                activity.record(client, "feed.links_sent", states.subject(feed), bank=bank, mails=number)
                mails, sent = mails + number, sent + 1
    if not sent:
        raise Invalid("renewal.nobody")
    return mails, sent


# ------------------------------------------------------------------ the calendar feed


def link_of(scope: Scope) -> CalendarLink | None:
    """The living secret address of whoever asks."""
    mine = (CalendarLink.tenant_id == scope.tenant_id, CalendarLink.user_id == scope.actor.user_id)
    return scope.session.scalars(select(CalendarLink).where(*mine, CalendarLink.revoked_at.is_(None))).one_or_none()


def make_link(scope: Scope) -> str:
    """A new secret address in place of the old one: shown once, kept as a hash."""
    if scope.actor.user_id is None:
        raise NotFound()
    revoke_link(scope)
    secret = secrets.token_urlsafe(32)
    row = CalendarLink(
        tenant_id=scope.tenant_id, id=uuid7(), user_id=scope.actor.user_id, token_hash=_hash(secret),
        created_at=clock.now(),
    )  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    return f"{scope.tenant_id.hex}.{secret}"


def revoke_link(scope: Scope) -> None:
    link = link_of(scope)
    if link is not None:
        link.revoked_at = clock.now()
        scope.session.flush()


def read_by_link(session: Session, token: str) -> tuple[Calendar, uuid.UUID]:
    """The calendar at a secret address, and whose it is. Raises NotFound for any that is not living.

    The right is looked at each time: who left the firm reads nothing any more.
    """
    tenant, _, secret = token.partition(".")
    try:
        portal_id = uuid.UUID(hex=tenant)
    except ValueError:
        raise NotFound() from None
    set_scope(session, Setting(tenant=portal_id, portal=portal_id))
    mine = (CalendarLink.tenant_id == portal_id, CalendarLink.token_hash == _hash(secret))
    link = session.scalars(select(CalendarLink).where(*mine, CalendarLink.revoked_at.is_(None))).one_or_none()
    if link is None:
        raise NotFound()
    member = (Membership.tenant_id == portal_id, Membership.user_id == link.user_id, Membership.ended_at.is_(None))
    if session.scalars(select(Membership.id).where(*member)).first() is None:
        raise NotFound()
    link.read_at = clock.now()
    return calendar(Scope(session, portal_id, "portal", "", Actor(link.user_id, ""))), link.user_id


def as_ical(found: Calendar, words: Mapping[uuid.UUID, tuple[str, str]], name: str, host: str) -> str:
    """RFC 5545: a whole day for each consent. `words`: (title, text) of each, in the reader's language."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Koppelpoort//Consents//EN", f"X-WR-CALNAME:{_escaped(name)}"]
    stamp = clock.now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    for one in found.consents:
        title, told = words[one.id]
        lines += [
            "BEGIN:VEVENT", f"UID:{one.id}@{host}", f"DTSTAMP:{stamp}", f"DTSTART;VALUE=DATE:{one.ends_on:%Y%m%d}",
            f"DTEND;VALUE=DATE:{one.ends_on + timedelta(days=1):%Y%m%d}", f"SUMMARY:{_escaped(title)}",
            f"DESCRIPTION:{_escaped(told)}", "TRANSP:TRANSPARENT", "END:VEVENT",
        ]  # fmt: skip
    return "\r\n".join(part for line in [*lines, "END:VCALENDAR"] for part in _folded(line)) + "\r\n"


def _escaped(words: str) -> str:
    bare = words.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return bare.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> list[str]:
    """At most 75 bytes a line; what follows begins with a space."""
    parts, rest, room = [], line, 75
    while len(rest.encode()) > room:
        cut = room
        while len(rest[:cut].encode()) > room:
            cut -= 1
        parts.append(rest[:cut])
        rest, room = rest[cut:], 74
    parts.append(rest)
    return [parts[0], *(f" {part}" for part in parts[1:])]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
