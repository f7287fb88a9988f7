"""Files: numbered without a gap, the same bytes always, each entry in one, and what the database itself refuses."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.access import Actor, Scope
from portal.authorisations import service
from portal.connectors.base import EntryKind, OutgoingEntry, OutgoingLine
from portal.exchange import dossiers, files, reading
from portal.exchange.models import FileDossier
from portal.exchange.register import Register
from portal.kernel import crash
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.tenants.models import Tenant
from tests import factories as make
from tests.conftest import Urls
from tests.connectors.contract.entries import a_reference
from tests.exchange.shelf import Package, make_file_authorisation, make_file_dossier, set_form


@dataclass
class Office:
    db: Database
    firm: Tenant
    app: str
    dossier: FileDossier
    register: Register

    def send(self, amount: str = "10.00", on: date = date(2026, 3, 18), description: str = "x") -> str:
        value, reference = Decimal(amount), a_reference()
        lines = (OutgoingLine(on, "471000", -value, description), OutgoingLine(on, "512100", value, description))
        entry = OutgoingEntry(EntryKind.BANK, reference, "BQ", on, "EUR", "512100", Decimal(0), value, lines)
        accounts = {account.code: account for account in self.register.ledger_accounts(str(self.dossier.id))}
        self.register.post(str(self.dossier.id), entry.kind, self.register.render(entry, accounts))
        return reference

    def scope(self, session: Any) -> Scope:
        scope = Scope.system(session, self.firm.id, "portal")
        scope.actor = Actor(None, "Karin Wouters")
        return scope

    def made(self) -> list[Any]:
        with self.db.scoped(Setting(tenant=self.firm.id)) as session:
            return list(files.make_files(self.scope(session), self.dossier.id))

    def act(self, what: Any, *args: Any) -> Any:
        with self.db.scoped(Setting(tenant=self.firm.id)) as session:
            return what(self.scope(session), *args)

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.db.scoped(Setting(tenant=self.firm.id)) as session:
            return list(session.execute(text(query), {"dossier": self.dossier.id, **values}).all())


def office_of(database: Database, app: str) -> Office:
    firm = make.make_tenant(database, "portal", "Cabinet Évrard")
    authorisation = make_file_authorisation(database, firm, app)
    dossier = make_file_dossier(database, firm, authorisation)
    return Office(database, firm, app, dossier, Register(database, firm.id, authorisation.id, app))


@pytest.fixture
def office(database: Database) -> Office:
    return office_of(database, "csv")


def test_a_file_holds_what_waited_and_nothing_waits_after(office: Office) -> None:
    office.send("10.00")
    office.send("20.00")
    (made,) = office.made()
    assert (made.number, made.entries, made.state, made.made_by) == (1, 2, "made", "Karin Wouters")
    with pytest.raises(Conflict, match="nothing_waits"):
        office.made()
    office.send("5.00")
    assert [row.number for row in office.made()] == [2]
    assert Package(office.db, office.firm, office.dossier, "csv").balance("512100") == Decimal("35.00")


def test_fetched_again_it_is_the_same_bytes_and_who_is_written_down(office: Office) -> None:
    office.send()
    (made,) = office.made()
    first = office.act(files.fetch_file, made.id)
    again = office.act(files.fetch_file, made.id)
    assert first == again
    (row,) = office.rows("SELECT * FROM exchange_files WHERE dossier_id = :dossier")
    assert (row.state, row.fetches, row.fetched_by) == ("fetched", 2, "Karin Wouters")
    assert bytes(row.sha256) == sha256(first[1]).digest()
    tags = office.rows("SELECT tag FROM activities WHERE subject_id = :id ORDER BY seq", id=made.id)
    assert [tag for (tag,) in tags] == ["exchange_file.made", "exchange_file.fetched", "exchange_file.fetched"]


def test_a_withdrawn_file_gives_its_entries_back_and_keeps_its_number(office: Office) -> None:
    reference = office.send()
    (made,) = office.made()
    with pytest.raises(Invalid, match="reason_missing"):
        office.act(files.withdraw_file, made.id, "  ")
    office.act(files.withdraw_file, made.id, "the package refused it")
    with pytest.raises(Conflict, match="file_withdrawn"):
        office.act(files.fetch_file, made.id)
    with pytest.raises(Conflict, match="file_state"):
        office.act(files.withdraw_file, made.id, "again")
    (second,) = office.made()
    assert second.number == 2
    kept = office.rows("SELECT file_id FROM exchange_entries WHERE reference = :reference", reference=reference)
    assert kept == [(second.id,)]
    assert Package(office.db, office.firm, office.dossier, "csv").booked(reference) == 1


def test_what_the_package_has_is_never_withdrawn(office: Office) -> None:
    office.send()
    (made,) = office.made()
    with pytest.raises(Conflict, match="file_state"):
        office.act(files.mark_imported, made.id)  # nobody fetched it yet
    office.act(files.fetch_file, made.id)
    office.act(files.mark_imported, made.id)
    with pytest.raises(Conflict, match="file_state"):
        office.act(files.withdraw_file, made.id, "too late")
    assert office.act(files.fetch_file, made.id)[0] == made.name


def test_each_fiscal_year_has_a_file_of_its_own(database: Database) -> None:
    office = office_of(database, "fec")
    office.act(dossiers.add_year, office.dossier.id, date(2027, 1, 1), date(2027, 12, 31))
    office.send(on=date(2027, 1, 4))
    office.send(on=date(2026, 12, 30))
    assert [(row.number, row.name) for row in office.made()] == [
        (1, "732829320FEC20261231.txt"), (2, "732829320FEC20271231.txt"),
    ]  # fmt: skip


def test_a_closed_year_still_gives_out_what_it_has(office: Office) -> None:
    office.send()
    (year,) = office.rows("SELECT id FROM file_years WHERE dossier_id = :dossier AND closed_at IS NULL")
    office.act(lambda scope: dossiers.close_year(scope, year.id, closed=True))
    assert len(office.made()) == 1


def test_a_form_that_can_no_longer_hold_an_entry_makes_no_file(office: Office) -> None:
    office.send(description="to Ωmega")
    authorisation = office.register.authorisation_id
    office.act(files.set_form, authorisation, {"charset": "windows-1252"})
    with pytest.raises(Conflict) as caught:
        office.made()
    assert caught.value.code == "exchange.not_written"
    assert "Ω" in str(caught.value.values["text"])
    assert office.rows("SELECT 1 FROM exchange_files WHERE dossier_id = :dossier") == []
    office.act(files.set_form, authorisation, {})
    assert [row.number for row in office.made()] == [1]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"charset": "klingon"}, "exchange.setting"),
        ({"columns": "journal,date"}, "exchange.columns_missing"),
        ({"columns": "journal,date,account,amount,side,colour"}, "exchange.column_unknown"),
    ],
)
def test_a_form_that_is_none_is_refused(office: Office, given: dict[str, str], code: str) -> None:
    with pytest.raises(Invalid, match=code):
        office.act(files.set_form, office.register.authorisation_id, given)


def test_two_who_make_files_at_once_share_the_work(office: Office) -> None:
    for _ in range(4):
        office.send()
    outcomes: list[int] = []

    def work() -> None:
        try:
            outcomes.extend(row.entries for row in office.made())
        except Conflict:
            outcomes.append(0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, 0, 0, 4]


def _die(url: str, firm: Any, dossier: Any) -> None:
    crash.arm("exchange.file_made")
    from portal.activity import service as activity

    activity.set_key(b"the audit key of the tests")
    with Database(url, pool_size=1).scoped(Setting(tenant=firm)) as session:
        files.make_files(Scope.system(session, firm, "portal"), dossier)
    os._exit(0)


def test_killed_while_a_file_is_made_nothing_is_lost_and_no_number_is(office: Office, database_urls: Urls) -> None:
    office.send()
    process = multiprocessing.get_context("spawn").Process(
        target=_die, args=(database_urls.app, office.firm.id, office.dossier.id)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert [(row.number, row.entries) for row in office.made()] == [(1, 1)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exchange_entries SET payload = 'x' WHERE dossier_id = :dossier",
        "UPDATE exchange_entries SET file_id = NULL WHERE dossier_id = :dossier",
        "UPDATE exchange_entries SET number = 9 WHERE dossier_id = :dossier",
        "DELETE FROM exchange_entries WHERE dossier_id = :dossier",
        "UPDATE exchange_files SET content = 'x' WHERE dossier_id = :dossier",
        "UPDATE exchange_files SET number = 7 WHERE dossier_id = :dossier",
        "UPDATE exchange_files SET state = 'imported', imported_at = now(), fetched_at = now()"
        " WHERE dossier_id = :dossier",
        "DELETE FROM exchange_files WHERE dossier_id = :dossier",
    ],
)
def test_the_database_keeps_what_was_kept(office: Office, statement: str) -> None:
    office.send()
    office.made()
    with pytest.raises(DBAPIError):
        office.rows(statement)


def test_an_authorisation_stays_while_files_wait(office: Office) -> None:
    office.send()
    authorisation = office.register.authorisation_id
    with pytest.raises(Conflict, match="files_wait"):
        office.act(service.remove, authorisation)
    (made,) = office.made()
    with pytest.raises(Conflict, match="files_wait"):
        office.act(service.remove, authorisation)
    office.act(files.fetch_file, made.id)
    office.act(service.remove, authorisation)


def test_another_firm_finds_none_of_it(office: Office, database: Database) -> None:
    office.send()
    (made,) = office.made()
    other = make.make_tenant(database, "portal", "Ander kantoor")
    with database.scoped(Setting(tenant=other.id)) as session:
        scope = Scope.system(session, other.id, "portal")
        for act in (
            lambda: files.make_files(scope, office.dossier.id),
            lambda: files.fetch_file(scope, made.id),
            lambda: reading.show(scope, office.dossier.id),
            lambda: dossiers.app_of(scope, office.register.authorisation_id),
        ):
            with pytest.raises(NotFound):
                act()
        assert reading.standings(scope).rows == []


def test_the_list_says_what_is_to_be_done(database: Database) -> None:
    office = office_of(database, "sage100")
    set_form(database, office.firm, make_file_authorisation(database, office.firm, "tra"))
    found = office.act(reading.standings)
    assert [(row.waiting, row.made, row.fetched) for row in found.rows] == [(0, 0, 0)]
    office.send()
    assert office.act(lambda scope: reading.standings(scope, only="waiting")).waiting == 1
    (made,) = office.made()
    assert office.act(lambda scope: reading.standings(scope, only="waiting")).rows == []
    assert office.act(lambda scope: reading.standings(scope, only="made", words="boul")).made == 1
    office.act(files.fetch_file, made.id)
    assert office.act(lambda scope: reading.standings(scope, only="fetched")).fetched == 1
