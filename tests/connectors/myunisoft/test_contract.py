"""The shared rules for bookkeeping connectors, kept by MyUnisoft against its stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from requests.auth import AuthBase

from portal.connectors.base import EntryKind, LedgerAccount
from portal.connectors.errors import AlreadyPosted, AuthorisationExpired, Rejected, Temporary
from portal.connectors.login import Application, Form
from portal.connectors.myunisoft import MANIFEST, connect, sign
from portal.kernel import http
from tests.connectors.contract import BookkeepingContract
from tests.connectors.contract.entries import a_reference, accounts_of, bank_entry, look_up, refusal_of, send
from tests.connectors.contract.world import Fault
from tests.connectors.package_world import LOGIN, OPEN_CODE, Control, PackageWorld, fresh, serving

SECRET = "koppelpoort-partner-secret"


class MyUnisoftWorld(PackageWorld):
    key, connect, country = "myunisoft", staticmethod(connect), "FR"
    capabilities = MANIFEST.capabilities_for({"booking": "booked"})
    bank_account, suspense_account = "512000", "471000"
    foreign_account = LedgerAccount("999999", "Nulle part", "999999999", "general")
    closed_day = date(2024, 6, 15)  # a whole fiscal year is closed

    @classmethod
    def prepare(cls, control: Control) -> None:
        control.post("apps", client_id="koppelpoort", secret=SECRET, redirect_uris=[])
        control.post("lock", dossier=OPEN_CODE, until="2024-12-31")

    def log_in(self) -> str:
        key: str = self.control.post("keys", login=LOGIN)["key"]
        return key

    def fill_in(self) -> Form:
        return Form(key=self.secret, booking="booked")

    def signature(self, host: str) -> AuthBase:
        return sign(self.form, Application("koppelpoort", SECRET), host)

    def name_of(self, row: Mapping[str, Any]) -> str:
        return str(row["seq"])


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    yield from serving(MyUnisoftWorld, tmp_path_factory.mktemp("myunisoft"))


@pytest.fixture
def world(control: Control) -> MyUnisoftWorld:
    control.post("settings", unknown_is_404=False, missing_route="", lists_nothing=False)
    return fresh(MyUnisoftWorld, control)


class TestContract(BookkeepingContract):
    pass


@pytest.mark.parametrize("as_404", [False, True])
def test_an_unknown_reference_is_no_error_however_it_is_told(world: MyUnisoftWorld, as_404: bool) -> None:
    world.control.post("settings", unknown_is_404=as_404)
    assert list(look_up(world, bank_entry(world))) == []


def test_what_stands_there_by_its_reference_is_never_called_absent(world: MyUnisoftWorld) -> None:
    entry = bank_entry(world)
    posted = send(world, entry)
    world.control.post("settings", lists_nothing=True)
    (found,) = look_up(world, entry)
    assert (found.id, found.reference) == (posted.id, entry.reference)


def test_a_draft_waits_and_is_found(world: MyUnisoftWorld) -> None:
    world.form["booking"] = "draft"
    world.connection = world.connection_to(world.control.host)
    entry = bank_entry(world, "12.00")
    before = world.balance(world.bank_account)
    posted = send(world, entry)
    assert world.balance(world.bank_account) == before
    (found,) = look_up(world, entry)
    assert (found.id, found.reference) == (posted.id, entry.reference)
    assert (posted.number, found.number) == ("", "")  # until it is approved, under another number
    assert not MANIFEST.capabilities_for(world.form).reversal
    listed = world.connection.entries(world.dossier, entry.kind, entry.journal, entry.date, entry.date)
    assert found in list(listed)
    with pytest.raises(AlreadyPosted):
        send(world, entry)


def test_a_key_of_one_dossier_sees_that_one(world: MyUnisoftWorld) -> None:
    named = {row["code"]: row for row in world.control.get("dossiers")["dossiers"]}
    world.form["key"] = world.control.post("keys", login=LOGIN, dossiers=[named[OPEN_CODE]["id"]])["key"]
    connection = world.connection_to(world.control.host)
    assert [dossier.code for dossier in connection.dossiers()] == [world.dossier]
    assert connection.identity().default_dossier == world.dossier
    assert connection.journals(world.dossier)


def test_a_key_that_may_not_book_is_refused_at_once(world: MyUnisoftWorld) -> None:
    world.control.post("settings", missing_route="entry")
    error = refusal_of(world.connection.identity)
    assert isinstance(error, Rejected)
    assert (error.code, error.provider_text) == ("myunisoft.routes_missing", "POST entry")


def test_our_own_secret_is_not_a_matter_of_the_firm(world: MyUnisoftWorld) -> None:
    connection = world.connection
    vars(connection)["_calls"]._session.auth = sign(world.form, Application("", "wrong"), world.control.host)
    error = refusal_of(connection.identity)
    assert not isinstance(error, AuthorisationExpired)
    assert error.code == "myunisoft.application_refused"


def test_the_key_goes_to_its_provider_only(world: MyUnisoftWorld) -> None:
    signature = sign(world.form, Application("", SECRET), "https://api.myunisoft.fr")
    session = vars(world.connection)["_calls"]._session
    session.auth = signature
    with pytest.raises(ValueError, match="own provider"):
        world.connection.identity()


def test_neither_secret_is_echoed(world: MyUnisoftWorld) -> None:
    assert set(http.SECRET_HEADERS) >= set(vars(sign(world.form, Application("", SECRET), "https://x"))["_headers"])


def test_a_journal_that_is_gone_is_told_before_anything_is_booked(world: MyUnisoftWorld) -> None:
    entry = replace(bank_entry(world), journal="ZZ")
    world.gate.calls.clear()
    assert refusal_of(lambda: send(world, entry)).code == "myunisoft.journal_unknown"
    assert world.gate.writes == 0


def test_an_entry_by_hand_is_listed_and_is_not_ours(world: MyUnisoftWorld) -> None:
    lines = [{"account": "512000", "amount": "5.00", "text": "Main"}, {"account": "471000", "amount": "-5.00"}]
    world.control.post("entries", dossier=OPEN_CODE, journal="20", date="2026-02-10", lines=lines)
    day = date(2026, 2, 10)
    (found,) = world.connection.entries(world.dossier, EntryKind.GENERAL, "20", day, day)
    assert (found.reference, found.total_debit) == ("", Decimal(5))


def test_another_currency_is_refused_before_anything_is_sent(world: MyUnisoftWorld) -> None:
    entry = replace(bank_entry(world), currency="USD", reference=a_reference())
    assert refusal_of(lambda: world.connection.render(entry, {})).code == "myunisoft.currency"


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.SLOW, Fault.LOST_AFTER])
def test_what_fails_before_the_entry_is_sent_leaves_no_doubt(world: MyUnisoftWorld, fault: Fault) -> None:
    entry = bank_entry(world)
    payload = world.connection.render(entry, accounts_of(world))
    world.connection = world.connection_to(world.control.host)  # that has asked nothing yet
    world.fault(fault, write=False, times=3)
    error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
    assert isinstance(error, Temporary)
    assert not error.sent
    assert world.booked(entry.reference) == 0
