"""What is said to Minox, and what its stand-in says, is as public clients of Minox show it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.contract.entries import bank_entry, look_up, refusal_of, send
from tests.connectors.described import Description, Exchange, listen, provider
from tests.connectors.minox.test_contract import MinoxWorld, control, world
from tests.connectors.package_world import Control

__all__ = ["control", "world"]

OURS = json.loads(Path(__file__).with_name("description.json").read_text(encoding="utf-8"))
BASE = "/api/1"


@pytest.fixture
def said(world: MinoxWorld, control: Control, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
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
    look_up(world, bank_entry(world))
    list(connection.entries(dossier, entry.kind, entry.journal, entry.date - timedelta(1), entry.date))
    refusal_of(lambda: send(world, bank_entry(world, on=world.closed_day)))
    control.post("settings", tenant="99")
    refusal_of(connection.identity)
    control.post("settings", tenant="12345")
    world.expire()
    refusal_of(connection.identity)
    return heard


def test_every_call_is_as_we_understand_it(said: list[Exchange]) -> None:
    ours = Description(OURS)
    assert [fault for exchange in said for fault in ours.faults(exchange)] == []
    assert {exchange.status for exchange in said} == {200, 400, 401, 403, 404}


def test_every_call_is_as_others_have_met_it(said: list[Exchange]) -> None:
    """Vat and the page of a list are in other notes than this one."""
    theirs = Description(provider("minox.derived.yaml"), BASE)
    told = [exchange for exchange in said if exchange.status in (200, 400) and "currentpage" not in exchange.query]
    known = [exchange for exchange in told if theirs.knows(exchange)]
    assert [fault for exchange in known for fault in theirs.faults(exchange)] == []
    assert {exchange.path.rpartition("/")[2] for exchange in told if exchange not in known} == {"vat"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"document_date": "31-03-2026"}, "not a day"), ({"period": {"id": 14, "fiscal_year": 2026}}, "out of bounds"),
        ({"debit": "12"}, "debit is str"), ({"account": {"id": "A"}}, "not like"), ({"reference": ""}, "not described"),
    ],
)  # fmt: skip
def test_a_wrong_line_would_be_seen(said: list[Exchange], change: dict[str, Any], fault: str) -> None:
    body = next(exchange.sent for exchange in said if exchange.method == "PUT")
    schema = OURS["components"]["schemas"]["line_in"]
    assert any(fault in told for told in Description(OURS).violations(schema, body[0] | change, "sent"))
