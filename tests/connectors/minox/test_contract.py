"""The shared rules for bookkeeping connectors, kept by Minox against its stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import ANY

import pytest

from portal.connectors.base import EntryKind
from portal.connectors.errors import Rejected, Temporary
from portal.connectors.login import Form
from portal.connectors.minox import MANIFEST, connect, mapping
from tests.connectors.contract import BookkeepingContract
from tests.connectors.contract.entries import accounts_of, bank_entry, look_up, refusal_of, send
from tests.connectors.contract.world import Fault
from tests.connectors.package_world import FAULTS, OPEN_CODE, Control, PackageWorld, fresh, serving


class MinoxWorld(PackageWorld):
    key, connect, country = "minox", staticmethod(connect), "NL"
    capabilities = MANIFEST.capabilities
    bank_account, suspense_account = "1100", "2000"
    tells_closed = False

    def fill_in(self) -> Form:
        return Form(tenant="12345")

    def name_of(self, row: Mapping[str, Any]) -> str:
        return str(row["seq"])


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    yield from serving(MinoxWorld, tmp_path_factory.mktemp("minox"))


@pytest.fixture
def world(control: Control) -> MinoxWorld:
    control.post("settings", page=50, empty_echo=False)
    return fresh(MinoxWorld, control)


class TestContract(BookkeepingContract):
    pass


def test_the_same_reference_again_is_the_same_entry(world: MinoxWorld) -> None:
    entry = bank_entry(world, "12.00")
    before = world.balance(world.bank_account)
    send(world, entry)
    send(world, entry)
    assert world.balance(world.bank_account) == before + 12
    assert len(look_up(world, entry)) == world.booked(entry.reference) == 1


def test_an_answer_without_a_body_is_enough(world: MinoxWorld) -> None:
    world.control.post("settings", empty_echo=True)
    entry = bank_entry(world)
    assert send(world, entry).id == look_up(world, entry)[0].id


def test_lines_keep_their_own_days(world: MinoxWorld) -> None:
    entry = bank_entry(world, "1.00", "2.00")
    earlier = [replace(line, date=entry.date - timedelta(2)) for line in entry.lines[:2]]
    send(world, replace(entry, lines=(*earlier, *entry.lines[2:])))
    (found,) = look_up(world, entry)
    assert [line.date for line in found.lines] == [entry.date - timedelta(2)] * 2 + [entry.date] * 2


def test_a_crooked_entry_never_leaves(world: MinoxWorld) -> None:
    entry = bank_entry(world)
    crooked = replace(entry, lines=entry.lines[:1])
    accounts = accounts_of(world)
    world.gate.calls.clear()
    assert refusal_of(lambda: world.connection.render(crooked, accounts)).code == "minox.unbalanced"
    assert world.gate.calls == []


def test_a_day_in_no_fiscal_year_is_told_before_sending(world: MinoxWorld) -> None:
    entry = bank_entry(world, on=date(2031, 1, 1))
    world.gate.calls.clear()
    assert refusal_of(lambda: send(world, entry)).code == "minox.fiscal_year_unknown"
    assert world.gate.writes == 0


def test_an_entry_by_hand_is_listed_and_is_not_ours(world: MinoxWorld) -> None:
    lines = [{"account": "1100", "amount": "5.00", "text": "Hand"}, {"account": "2000", "amount": "-5.00"}]
    world.control.post("entries", dossier=OPEN_CODE, journal="20", date="2026-02-10", lines=lines)
    day = date(2026, 2, 10)
    (found,) = world.connection.entries(world.dossier, EntryKind.GENERAL, "20", day, day)
    assert (found.reference, found.total_debit, found.line_count) == ("", Decimal(5), 2)


def test_the_list_of_administrations_is_read_once_for_all_who_need_it_at_once(world: MinoxWorld) -> None:
    world.control.post("settings", page=500)
    dossiers = [own.code for own in world.connection.dossiers()]
    world.connection = world.connection_to(world.control.host)  # that has asked nothing yet
    world.gate.calls.clear()
    with ThreadPoolExecutor(8) as pool:
        periods = list(pool.map(world.connection.periods, dossiers * 2))
    assert len(dossiers) > 1
    assert all(periods)
    assert [call for call in world.gate.calls if call[0] == "before"] == [("before", ANY, "administration", False)]


def test_a_client_number_of_somebody_else_is_refused(world: MinoxWorld) -> None:
    world.form = Form(tenant="777")
    assert isinstance(refusal_of(world.connection_to(world.control.host).identity), Rejected)


def test_the_address_of_an_entry_is_a_uuid_of_version_4() -> None:
    first, second = mapping.batch("KP-AAAA"), mapping.batch("KP-AAAB")
    assert first != second
    assert first == mapping.batch("KP-AAAA")
    assert first[14] == "4"


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.SLOW, Fault.LOST_AFTER])
def test_what_fails_before_the_entry_is_sent_leaves_no_doubt(world: MinoxWorld, fault: Fault) -> None:
    entry = bank_entry(world)
    payload = world.connection.render(entry, accounts_of(world))
    world.connection = world.connection_to(world.control.host)  # that has asked nothing yet
    world.control.post("faults", endpoint="administration", times=3, **FAULTS[fault])
    error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
    assert isinstance(error, Temporary)
    assert not error.sent
    assert world.booked(entry.reference) == 0
