"""From a bank line to a file: the posting machine with our own register behind it, also when it dies on the way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.connectors import layouts
from portal.connectors.base import EntryKind, OutgoingEntry, OutgoingLine
from portal.connectors.errors import AlreadyPosted, AuthorisationExpired, Rejected, Temporary
from portal.exchange.models import FileDossier
from portal.exchange.register import Register
from portal.kernel import crash
from portal.kernel.db import NOBODY, Database, Setting
from portal.tenants.models import Tenant
from tests import factories as make
from tests.conftest import Urls
from tests.connectors.contract.entries import a_reference
from tests.exchange.shelf import Package, make_file_authorisation, make_file_dossier

DAY = date(2026, 3, 18)


@dataclass
class Shelf:
    firm: Tenant
    dossier: FileDossier
    register: Register
    package: Package

    def entry(self, amount: str = "25.00", reference: str = "") -> OutgoingEntry:
        value = Decimal(amount)
        lines = (OutgoingLine(DAY, "471000", -value, "x"), OutgoingLine(DAY, "512100", value, "x"))
        return OutgoingEntry(
            EntryKind.BANK, reference or a_reference(), "BQ", DAY, "EUR", "512100", Decimal(0), value, lines
        )

    def payload(self, entry: OutgoingEntry) -> bytes:
        accounts = {account.code: account for account in self.register.ledger_accounts(str(self.dossier.id))}
        return self.register.render(entry, accounts)

    def post(self, entry: OutgoingEntry) -> Any:
        return self.register.post(str(self.dossier.id), entry.kind, self.payload(entry))

    def found(self, entry: OutgoingEntry) -> list[str]:
        seen = self.register.find(str(self.dossier.id), entry.kind, entry.reference, entry.journal, entry.date)
        return [one.number for one in seen]


@pytest.fixture
def shelf(database: Database) -> Shelf:
    firm = make.make_tenant(database, "portal", "Cabinet Évrard")
    authorisation = make_file_authorisation(database, firm, "csv")
    dossier = make_file_dossier(database, firm, authorisation)
    register = Register(database, firm.id, authorisation.id, "csv")
    return Shelf(firm, dossier, register, Package(database, firm, dossier, "csv"))


def test_the_same_entry_is_kept_once(shelf: Shelf) -> None:
    entry = shelf.entry()
    posted = shelf.post(entry)
    with pytest.raises(AlreadyPosted) as caught:
        shelf.post(entry)
    assert caught.value.external_id == posted.id
    assert shelf.found(entry) == ["1"]
    assert shelf.package.balance("512100") == Decimal("25.00")


def test_many_at_once_are_numbered_without_a_gap_and_kept_once(shelf: Shelf) -> None:
    entries = [shelf.entry(str(n)) for n in range(1, 9)]
    payloads = [(entry, shelf.payload(entry)) for entry in entries for _twice in range(2)]
    outcomes: list[str] = []

    def send(entry: OutgoingEntry, payload: bytes) -> None:
        try:
            shelf.register.post(str(shelf.dossier.id), entry.kind, payload)
            outcomes.append("kept")
        except AlreadyPosted:
            outcomes.append("known")

    threads = [threading.Thread(target=send, args=one) for one in payloads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept"] * 8 + ["known"] * 8
    assert sorted(int(number) for entry in entries for number in shelf.found(entry)) == list(range(1, 9))
    assert shelf.package.balance("512100") == Decimal(36)


def _die(url: str, firm: Any, authorisation: Any, dossier: str, point: str, payload: bytes) -> None:
    crash.arm(point)
    database = Database(url, pool_size=1)
    Register(database, firm, authorisation, "csv").post(dossier, EntryKind.BANK, payload)
    os._exit(0)


@pytest.mark.parametrize(("point", "kept"), [("exchange.kept", 0), ("exchange.committed", 1)])
def test_killed_on_the_way_it_is_kept_or_not_and_a_look_tells(
    shelf: Shelf, database_urls: Urls, point: str, kept: int
) -> None:
    entry = shelf.entry()
    process = multiprocessing.get_context("spawn").Process(
        target=_die,
        args=(database_urls.app, shelf.firm.id, shelf.register.authorisation_id, str(shelf.dossier.id), point,
              shelf.payload(entry)),
    )  # fmt: skip
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert len(shelf.found(entry)) == kept
    if not kept:
        shelf.post(entry)
    assert shelf.found(entry) == ["1"]
    assert shelf.package.booked(entry.reference) == 1


class _Deaf(Database):
    """Loses the connection at the moment of the commit, before or after it counts."""

    after = False

    def session(self, setting: Setting = NOBODY) -> Session:
        made = super().session(setting)
        commit = made.commit

        def lost() -> None:
            if self.after:
                commit()
            raise OperationalError("COMMIT", {}, ConnectionError("the server closed the connection"))

        made.commit = lost  # type: ignore[method-assign]  # the fault that is tried
        return made


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_commit_without_an_answer_is_uncertain_and_found(shelf: Shelf, database_urls: Urls, after: bool) -> None:
    deaf = _Deaf(database_urls.app, pool_size=1)
    deaf.after = after
    entry = shelf.entry()
    payload = shelf.payload(entry)
    register = Register(deaf, shelf.firm.id, shelf.register.authorisation_id, "csv")
    with pytest.raises(Temporary) as caught:
        register.post(str(shelf.dossier.id), entry.kind, payload)
    assert caught.value.sent
    assert shelf.found(entry) == (["1"] if after else [])
    deaf.engine.dispose()


def test_where_no_database_listens_nothing_was_sent(shelf: Shelf) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
    register = Register(nowhere, shelf.firm.id, shelf.register.authorisation_id, "csv")
    with pytest.raises(Temporary) as caught:
        register.post(str(shelf.dossier.id), EntryKind.BANK, shelf.payload(shelf.entry()))
    assert not caught.value.sent
    assert caught.value.code == "csv.storage"
    nowhere.engine.dispose()


def test_switched_off_nothing_is_kept(shelf: Shelf, database: Database) -> None:
    payload = shelf.payload(shelf.entry())
    with database.scoped(Setting(tenant=shelf.firm.id)) as session:
        session.execute(
            text("UPDATE authorisations SET state = 'inactive' WHERE id = :id"), {"id": shelf.register.authorisation_id}
        )
    with pytest.raises(AuthorisationExpired):
        shelf.register.post(str(shelf.dossier.id), EntryKind.BANK, payload)
    about_to_be = Register(database, shelf.firm.id, shelf.register.authorisation_id, "csv", trial=True)
    assert [dossier.code for dossier in about_to_be.dossiers()] == [str(shelf.dossier.id)]


def test_another_firm_sees_nothing(shelf: Shelf, database: Database) -> None:
    other = make.make_tenant(database, "portal", "Ander kantoor")
    with pytest.raises(AuthorisationExpired):
        Register(database, other.id, shelf.register.authorisation_id, "csv").dossiers()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"currency": "CHF"}, "csv.currency"),
        ({"journal": "XX"}, "csv.journal_unknown"),
        ({"date": date(2027, 1, 5)}, "csv.fiscal_year_unknown"),
        ({"closing": Decimal("1.00")}, "csv.unbalanced"),
    ],
)
def test_what_a_package_would_refuse_is_refused(shelf: Shelf, change: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as caught:
        shelf.post(replace(shelf.entry(), **change))
    assert caught.value.code == code
    assert caught.value.provider_text


def test_bytes_that_nobody_rendered_are_refused(shelf: Shelf) -> None:
    with pytest.raises(Rejected) as caught:
        shelf.register.post(str(shelf.dossier.id), EntryKind.BANK, b"{}")
    assert caught.value.code == "csv.unreadable"


def test_what_is_approved_is_what_is_kept(shelf: Shelf, database: Database) -> None:
    entry = shelf.entry()
    payload = shelf.payload(entry)
    shelf.post(entry)
    with database.scoped(Setting(tenant=shelf.firm.id)) as session:
        kept = session.execute(
            text(
                "SELECT payload, sha256 = sha256(payload) AS whole FROM exchange_entries WHERE reference = :reference"
            ),
            {"reference": entry.reference},
        ).one()
    assert (bytes(kept.payload), kept.whole) == (payload, True)
    assert layouts.read_back(payload) == entry
