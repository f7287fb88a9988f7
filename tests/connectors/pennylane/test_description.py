"""What is said to Pennylane, and what its stand-in says, is as Pennylane describes it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.connectors.pennylane import client
from tests.connectors.contract.entries import bank_entry, look_up, refusal_of, send
from tests.connectors.described import Description, Exchange, listen, provider
from tests.connectors.package_world import Control, fresh
from tests.connectors.pennylane.test_contract import CompanyWorld, PennylaneWorld, control

__all__ = ["control"]

OURS = json.loads(Path(__file__).with_name("description.json").read_text(encoding="utf-8"))
FILES = {"firm": "pennylane.firm_v1.json", "company": "pennylane.company_v2.json"}


@pytest.fixture(params=[PennylaneWorld, CompanyWorld], ids=["firm", "company"])
def world(request: pytest.FixtureRequest, control: Control) -> PennylaneWorld:
    made: PennylaneWorld = fresh(request.param, control)
    return made


@pytest.fixture
def said(world: PennylaneWorld, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Every call that the connector can make, with its answer; refusals too."""
    heard = listen(monkeypatch, world.control.host)
    connection, dossier = world.connection, world.dossier
    connection.identity()
    connection.dossiers()
    connection.periods(dossier)
    connection.vat_codes(dossier)
    entry = bank_entry(world, "100.00", "-30.25")
    send(world, entry)
    assert look_up(world, entry)
    list(connection.entries(dossier, entry.kind, entry.journal, entry.date - timedelta(1), entry.date))
    refusal_of(lambda: send(world, bank_entry(world, on=world.closed_day)))
    world.expire()
    refusal_of(lambda: connection.journals(dossier))
    return heard


def test_every_call_is_as_we_understand_it(said: list[Exchange]) -> None:
    ours = Description(OURS)
    assert [fault for exchange in said for fault in ours.faults(exchange)] == []
    assert {exchange.status for exchange in said} == {200, 201, 401, 422}


def test_every_call_is_as_pennylane_describes_it(said: list[Exchange], world: PennylaneWorld) -> None:
    theirs = Description(provider(FILES[world.interface]))
    known = [exchange for exchange in said if theirs.knows(exchange)]
    assert [fault for exchange in known for fault in theirs.faults(exchange)] == []
    unknown = {exchange.path.rpartition("/")[2] for exchange in said if exchange not in known}
    assert unknown <= {"ledger_entry_lines"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"piece_number": 17}, "sent.piece_number is int"),
        ({"date": "31/03/2026"}, "not a day"),
        ({"journal_id": "BQ"}, "sent.journal_id is str"),
        ({"colour": "red"}, "sent.colour is not described"),
    ],
)
def test_the_check_sees_what_is_wrong(said: list[Exchange], world: PennylaneWorld, change: Any, fault: str) -> None:
    booked = next(exchange for exchange in said if exchange.status == 201)
    wrong = Exchange(
        booked.method, f"/{client.COMPANY}/ledger_entries", {}, {}, booked.sent | change, booked.status, None
    )
    assert any(fault in told for told in Description(OURS).faults(wrong))
