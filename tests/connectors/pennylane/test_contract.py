"""The shared rules for bookkeeping connectors, kept by Pennylane against its stand-in server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from requests.auth import AuthBase

from portal.connectors.base import LedgerAccount
from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary
from portal.connectors.login import Application, Form
from portal.connectors.pennylane import MANIFEST, connect, sign
from tests.connectors.contract import BookkeepingContract
from tests.connectors.contract.entries import accounts_of, bank_entry, look_up, refusal_of, send
from tests.connectors.contract.world import Fault
from tests.connectors.package_world import LOGIN, OPEN_CODE, Control, PackageWorld, fresh, serving

PAGE = 100
NO_APPLICATION = Application("", "")


class PennylaneWorld(PackageWorld):
    """A firm's token. Journals tell no ledger account: 580000 takes the place of the bank's."""

    key, connect = "pennylane", staticmethod(connect)
    capabilities = MANIFEST.capabilities
    others = PAGE + 4
    country = "FR"
    interface = "firm"
    tells_who = False
    most_lines = 1000
    bank_journal, general_journal = "", "90"
    bank_account, suspense_account = "580000", "471000"
    foreign_account = LedgerAccount("999999", "Nowhere", "99999999", "general")
    closed_day = date(2025, 11, 20)

    @classmethod
    def prepare(cls, control: Control) -> None:
        """Only whole years are open or closed."""
        control.post("lock", dossier=OPEN_CODE, until="2025-12-31")

    def log_in(self) -> str:
        key: str = self.control.post("keys", login=LOGIN)["key"]
        return key

    def fill_in(self) -> Form:
        return Form(interface=self.interface, token=self.secret)

    def signature(self, host: str) -> AuthBase:
        return sign(self.form, NO_APPLICATION, host)

    def name_of(self, row: Mapping[str, Any]) -> str:
        return str(row["seq"])


class CompanyWorld(PennylaneWorld):
    """A token of one company."""

    interface = "company"
    tells_who = True

    def log_in(self) -> str:
        (own,) = (row["id"] for row in self.control.get("dossiers")["dossiers"] if row["code"] == OPEN_CODE)
        key: str = self.control.post("keys", login=LOGIN, dossiers=[own])["key"]
        return key

    def fault(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        raise NotImplementedError("the address of a company's interface names no company")


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    yield from serving(PennylaneWorld, tmp_path_factory.mktemp("pennylane"))


@pytest.fixture
def world(control: Control) -> PennylaneWorld:
    return fresh(PennylaneWorld, control)


@pytest.fixture
def company(control: Control) -> CompanyWorld:
    return fresh(CompanyWorld, control)


class TestContract(BookkeepingContract):
    pass


# ------------------------------------------------------------------------------ a company's token


def test_a_company_sees_itself_and_books(company: CompanyWorld) -> None:
    (own,) = company.connection.dossiers()
    assert own.code == company.dossier == company.connection.identity().default_dossier
    entry = bank_entry(company, "100.00", "-30.25")
    posted = send(company, entry)
    (found,) = look_up(company, entry)
    assert (found.id, found.number, found.reference) == (posted.id, entry.reference, entry.reference)
    assert found.lines == entry.lines
    listed = company.connection.entries(company.dossier, entry.kind, entry.journal, entry.date, entry.date)
    assert found in list(listed)
    assert company.booked(entry.reference) == 1


def test_a_token_of_another_company_books_nothing(company: CompanyWorld) -> None:
    """It would book in its own, whatever was asked."""
    entry = bank_entry(company)
    error = refusal_of(lambda: send(company, entry, company.foreign_dossier))
    assert (error.code, company.gate.writes) == ("pennylane.other_company", 0)
    assert company.booked(entry.reference) == 0


def test_a_token_opens_its_own_interface_only(world: PennylaneWorld, company: CompanyWorld) -> None:
    company.form["interface"] = "firm"
    crossed = company.connection_to(company.control.host)
    assert refusal_of(crossed.dossiers).code == "pennylane.scope_missing"


def test_a_company_token_that_ended_is_told(company: CompanyWorld) -> None:
    company.expire()
    assert isinstance(refusal_of(company.connection.identity), AuthorisationExpired)


# ------------------------------------------------------------------------------ finding again


@pytest.mark.parametrize("days", [-20, 20])
def test_an_entry_that_people_moved_is_found(world: PennylaneWorld, days: int) -> None:
    entry = bank_entry(world)
    send(world, entry)
    moved = replace(entry, date=entry.date + timedelta(days))
    assert [found.reference for found in look_up(world, moved)] == [entry.reference]


def test_each_copy_is_found(world: PennylaneWorld) -> None:
    entry = bank_entry(world)
    first, second = send(world, entry), send(world, entry)
    assert {found.id for found in look_up(world, entry)} == {first.id, second.id}


def test_a_day_of_more_than_a_page_is_searched_whole(world: PennylaneWorld) -> None:
    on = world.open_day - timedelta(5)
    ours = bank_entry(world, on=on)
    send(world, ours)
    for _ in range(PAGE):
        line = {"account": world.suspense_account, "amount": "0"}
        world.control.post(
            "entries", dossier=world.dossier, journal="90", date=on.isoformat(), text="Other", lines=[line]
        )
    assert len(look_up(world, ours)) == 1


# ------------------------------------------------------------------------------ before sending


def test_more_lines_than_it_takes_are_refused_before_sending(world: PennylaneWorld) -> None:
    entry = bank_entry(world, *["1.00"] * 501)
    error = refusal_of(lambda: world.connection.render(entry, accounts_of(world)))
    assert (error.code, error.values["lines"]) == ("pennylane.too_many_lines", "1002")


def test_a_journal_that_is_gone_is_told_before_sending(world: PennylaneWorld) -> None:
    error = refusal_of(lambda: send(world, replace(bank_entry(world), journal="ZZ")))
    assert isinstance(error, Rejected)
    assert (error.code, world.gate.writes) == ("pennylane.journal_unknown", 0)


def test_what_fails_before_the_call_itself_was_not_sent(world: PennylaneWorld) -> None:
    payload = world.connection.render(entry := bank_entry(world), accounts_of(world))
    connection = world.connection_to(world.control.host)
    world.fault(Fault.SLOW, write=False, times=3)
    error = refusal_of(lambda: connection.post(world.dossier, entry.kind, payload))
    assert isinstance(error, Temporary)
    assert (error.code, error.sent, world.gate.writes) == ("pennylane.timeout", False, 0)


def test_the_limit_tells_how_long_to_wait(world: PennylaneWorld) -> None:
    world.control.post("settings", per_window=2, window=5)
    error = refusal_of(lambda: [world.connection.identity() for _ in range(3)])
    assert isinstance(error, Temporary)
    assert error.retry_after is not None
    assert 1 <= error.retry_after <= 5


def test_what_is_left_of_the_limit_is_told(world: PennylaneWorld) -> None:
    told = MANIFEST.limits.window_told
    assert told is not None
    session = requests.Session()
    session.auth = world.signature(world.control.host)
    world.control.post("settings", per_window=25, window=5)
    answer = session.get(f"{world.control.host}/api/external/firm/v1/companies")
    assert (answer.headers[told.remaining], answer.headers[told.reset]) == ("24", "5")


def test_the_token_goes_to_pennylane_only(world: PennylaneWorld) -> None:
    session = requests.Session()
    session.auth = sign(world.form, NO_APPLICATION, "https://app.pennylane.com")
    with pytest.raises(ValueError, match="own provider"):
        session.get(world.control.host)


def test_the_bytes_name_the_journal_by_its_code(world: PennylaneWorld) -> None:
    entry = bank_entry(world, "12.5")
    told = json.loads(world.connection.render(entry, accounts_of(world)))
    assert told["journal"] == entry.journal
    assert [(line["debit"], line["credit"]) for line in told["ledger_entry_lines"]] == [
        ("12.50", "0.00"),
        ("0.00", "12.50"),
    ]
    assert Decimal(told["ledger_entry_lines"][0]["debit"]) == entry.lines[0].amount
