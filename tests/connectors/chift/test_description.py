"""What is said to Chift, and what its stand-in says, is as Chift describes it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.connectors.login import Form
from tests.connectors.chift.test_contract import ChiftWorld, control, world
from tests.connectors.contract.entries import bank_entry, look_up, refusal_of, send
from tests.connectors.described import Description, Exchange, listen, provider

__all__ = ["control", "world"]

OURS = json.loads(Path(__file__).with_name("description.json").read_text(encoding="utf-8"))
# In Chift's guides, and not in the copy of its description that may be here.
ELSEWHERE = {"transactions", "PATCH consumer"}


@pytest.fixture
def said(world: ChiftWorld, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Every call that the connector can make, with its answer; refusals too."""
    heard = listen(monkeypatch, world.control.host)
    world.form = world.visit(world.visit(Form()))
    connection, dossier = world.connection_to(world.control.host), world.dossier
    world.connection = connection
    connection.identity()
    connection.dossiers()
    connection.periods(dossier)
    connection.vat_codes(dossier)
    entry = bank_entry(world, "100.00", "-30.25")
    send(world, entry)
    assert look_up(world, entry)
    look_up(world, bank_entry(world))
    list(connection.entries(dossier, entry.kind, entry.journal, entry.date - timedelta(1), entry.date))
    refusal_of(lambda: send(world, entry))
    refusal_of(lambda: send(world, bank_entry(world, on=world.closed_day)))
    refusal_of(lambda: connection.journals(world.foreign_dossier))
    world.expire()
    refusal_of(lambda: connection.journals(dossier))
    return heard


def place(exchange: Exchange) -> str:
    last = exchange.path.rpartition("/")[2]
    return last if last == "transactions" else "PATCH consumer" if exchange.path.count("/") == 2 else exchange.path


def test_every_call_is_as_we_understand_it(said: list[Exchange]) -> None:
    ours = Description(OURS)
    assert [fault for exchange in said for fault in ours.faults(exchange)] == []
    assert {exchange.status for exchange in said} == {200, 400, 401, 404, 409}


def test_every_call_is_as_chift_describes_it(said: list[Exchange]) -> None:
    theirs = Description(provider("chift.json"))
    told = [exchange for exchange in said if exchange.status == 200]
    known = [exchange for exchange in told if theirs.knows(exchange)]
    assert [fault for exchange in known for fault in theirs.faults(exchange)] == []
    assert {place(exchange) for exchange in told if exchange not in known} == ELSEWHERE


def test_every_write_names_its_request(said: list[Exchange]) -> None:
    writes = [exchange for exchange in said if exchange.path.endswith("/journal-entries")]
    assert [exchange.headers["x-chift-client-requestid"] for exchange in writes] == [
        exchange.sent["reference"] for exchange in writes
    ]
    assert len(writes) == 3


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"number": "x" * 17}, "maxLength"), ({"date": "31/03/2026"}, "not a day"), ({"items": []}, "minItems"),
        ({"journal_code": "20"}, "not described"), ({"currency": "euro"}, "not like"),
    ],
)  # fmt: skip
def test_a_wrong_entry_would_be_seen(said: list[Exchange], change: dict[str, Any], fault: str) -> None:
    body = next(exchange.sent for exchange in said if exchange.path.endswith("/journal-entries"))
    schema = OURS["components"]["schemas"]["entry_in"]
    assert any(fault in told for told in Description(OURS).violations(schema, body | change, "sent"))
