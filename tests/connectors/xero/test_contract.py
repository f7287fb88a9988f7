"""The shared rules for bookkeeping connectors, kept by Xero against its stand-in server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from portal.connectors.base import EntryKind
from portal.connectors.errors import Rejected, Temporary
from portal.connectors.xero import MANIFEST, connect
from tests.connectors.contract import BookkeepingContract
from tests.connectors.contract.entries import accounts_of, bank_entry, invoice_entry, look_up, refusal_of, send
from tests.connectors.package_world import Control, PackageWorld, fresh, serving


class XeroWorld(PackageWorld):
    key, connect, capabilities = "xero", staticmethod(connect), MANIFEST.capabilities
    bank_journal, general_journal, bank_account = "", "MJ", "580000"
    invoice_journals: Mapping[EntryKind, str] = {EntryKind.SALES: "ACCREC", EntryKind.PURCHASE: "ACCPAY"}
    party_lines = False


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    yield from serving(XeroWorld, tmp_path_factory.mktemp("xero"))


@pytest.fixture
def world(control: Control) -> XeroWorld:
    return fresh(XeroWorld, control)


class TestContract(BookkeepingContract):
    pass


def test_a_repetition_within_minutes_is_booked_once(world: XeroWorld) -> None:
    entry = bank_entry(world)
    assert send(world, entry).id == send(world, entry).id
    assert world.booked(entry.reference) == 1


def test_a_key_that_xero_has_forgotten_does_not_hide_the_second_booking(world: XeroWorld) -> None:
    entry = bank_entry(world)
    send(world, entry)
    world.control.post("clock", advance=700)
    send(world, entry)
    assert len(look_up(world, entry)) == world.booked(entry.reference) == 2


@pytest.mark.parametrize("account", ["550000", "400000", "440000"])
def test_an_account_that_xero_keeps_to_itself_is_refused_before_it_is_sent(world: XeroWorld, account: str) -> None:
    entry = bank_entry(world)
    lines = (entry.lines[0], replace(entry.lines[1], ledger_account=account))
    accounts = accounts_of(world)
    error = refusal_of(lambda: world.connection.render(replace(entry, lines=lines), accounts))
    assert isinstance(error, Rejected)
    assert (error.code, error.values) == ("xero.account_system", {"account": account})


def test_the_number_of_a_sales_invoice_is_booked_once(world: XeroWorld) -> None:
    entry = invoice_entry(world, EntryKind.SALES)
    send(world, entry)
    again = replace(entry, reference=entry.reference + "2")
    assert refusal_of(lambda: send(world, again)).code == "xero.duplicate"


def test_lines_of_other_days_keep_theirs(world: XeroWorld) -> None:
    entry = bank_entry(world, "10.00", "20.00")
    early = tuple(replace(line, date=line.date - timedelta(2)) for line in entry.lines[:2])
    mixed = replace(entry, lines=early + entry.lines[2:])
    send(world, mixed)
    assert look_up(world, mixed)[0].lines == mixed.lines


def test_more_documents_than_a_page_are_all_looked_through(world: XeroWorld) -> None:
    day = date(2026, 5, 6)
    sent = [bank_entry(world, on=day) for _ in range(205)]
    for entry in sent:
        send(world, entry)
    listed = world.connection.entries(world.dossier, EntryKind.GENERAL, "MJ", day, day)
    assert {entry.reference for entry in listed} == {entry.reference for entry in sent}


def test_periods_end_at_the_lock_date(world: XeroWorld) -> None:
    shut = [period for period in world.connection.periods(world.dossier) if not period.is_open("MJ")]
    assert max(period.ends_on for period in shut) == date(2026, 1, 31)


@pytest.mark.parametrize(("limit", "longest"), [("per_window", 60), ("per_day", 86_400)])
def test_a_real_limit_tells_when_it_ends(world: XeroWorld, limit: str, longest: int) -> None:
    world.control.post("settings", **{limit: 1})
    error = refusal_of(lambda: [world.connection.journals(world.dossier) for _ in range(2)])
    assert isinstance(error, Temporary)
    assert error.retry_after is not None
    assert 1 <= error.retry_after <= longest
