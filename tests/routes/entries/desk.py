"""An office with people at their desks: a firm, its client coupled to the package in memory, and statements."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import event

from portal.connectors.errors import ConnectorError
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.ledger.models import Entry
from portal.sync.drafting import correct_line, lines_of
from portal.sync.models import Posting
from portal.sync.posting import posting_of
from portal.tenants.models import Membership
from tests import factories as make
from tests.sync.office import Clock, Office, open_office

MARCH = ((date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25"), (date(2024, 3, 28), "100.00"))
LATE = date(2024, 12, 31)


@dataclass
class Desk:
    office: Office
    staff: User
    reader: User

    @property
    def client(self) -> uuid.UUID:
        return self.office.client.id

    @property
    def portal(self) -> uuid.UUID:
        return self.office.firm.id

    def url(self, entry: Entry, what: str = "") -> str:
        return f"/c/{self.client}/entries/{entry.id}{what}"

    def draft(self, *movements: tuple[date, str]) -> Entry:
        """March 2024, three lines, nothing in the way; or an entry of these movements."""
        self.office.bank_says(*(movements or MARCH))
        return self.office.draft(LATE)[-1]

    def sent(self, *script: str | ConnectorError) -> tuple[Entry, Posting]:
        """March 2024, handed over and taken one step; `script` is what the package does with it."""
        self.office.package.script.extend(script)
        entry = self.draft()
        return entry, self.office.step(self.office.offer(entry))

    def parked(self, moving: Clock) -> tuple[Entry, Posting]:
        """Sent twice without an answer, looked up in vain: a person has to decide."""
        entry, row = self.sent("lost_before", "lost_before")
        for _ in range(12):
            moving.pass_(200)
            row = self.office.step(row)
        assert row.state == "parked"
        return entry, row

    def correct(self, entry: Entry, position: int, account: str) -> None:
        """What a colleague does in another window."""
        with self.office.scope() as scope:
            now = scope.get(Entry, entry.id)
            line = lines_of(scope, now)[position - 1]
            correct_line(
                scope, entry.id, line.id, ledger_account=account, description=line.description, version=now.version
            )

    def entry(self, entry: Entry) -> Entry:
        with self.office.scope() as scope:
            return scope.get(Entry, entry.id)

    def posting(self, entry: Entry) -> Posting | None:
        with self.office.scope() as scope:
            return posting_of(scope, entry.id)

    def line_ids(self, entry: Entry) -> list[uuid.UUID]:
        with self.office.scope() as scope:
            return [line.id for line in lines_of(scope, scope.get(Entry, entry.id))]


def open_desk(database: Database, vault: Vault, **configuration: Any) -> Desk:
    office = open_office(database, vault, **configuration)
    return Desk(office, join(database, office, "Karin Wouters"), join(database, office, "Jan De Smet", "reader"))


def join(database: Database, office: Office, name: str, role: str = "staff") -> User:
    """One of the firm's people, who reads English."""
    user = make.make_user(database, name, locale="en-GB")
    with database.scoped(Setting(tenant=office.firm.id)) as session:
        session.add(Membership(tenant_id=office.firm.id, user_id=user.id, role=role, created_at=clock.now()))
    return user


def shown(html: str) -> dict[str, str]:
    """The hash and version that the sending form of a page would post; nothing when there is none."""
    found = re.search(r'name="sha256" value="([0-9a-f]{64})"><input type="hidden" name="version" value="(\d+)"', html)
    return {"sha256": found[1], "version": found[2]} if found else {}


def words(html: str) -> str:
    """What a reader sees of the page's main part, on one line."""
    main = html[html.find("<main") :] if "<main" in html else html
    return " ".join(re.sub(r"<[^>]+>", " ", main).replace("&nbsp;", " ").split())


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The SQL that runs within, but for transactions beginning and ending."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
