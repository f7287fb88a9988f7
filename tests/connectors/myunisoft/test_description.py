"""What is said to MyUnisoft, and what its stand-in says, is as MyUnisoft describes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.connectors.calls import decode
from portal.connectors.myunisoft import mapping
from tests.connectors.contract.entries import bank_entry, look_up, refusal_of, send
from tests.connectors.described import Description, Exchange, listen, provider
from tests.connectors.myunisoft.test_contract import MyUnisoftWorld, control, world

__all__ = ["control", "world"]

OURS = json.loads(Path(__file__).with_name("description.json").read_text(encoding="utf-8"))
WRITES = ("/api/v1/entry", "/api/v1/entry/temp")


@pytest.fixture
def said(world: MyUnisoftWorld, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Every call that the connector can make, with its answer; refusals too."""
    heard = listen(monkeypatch, world.control.host)
    for booking in ("booked", "draft"):
        world.form["booking"] = booking
        connection, dossier = world.connection_to(world.control.host), world.dossier
        world.connection = connection
        connection.identity()
        connection.dossiers()
        connection.periods(dossier)
        connection.vat_codes(dossier)
        entry = bank_entry(world, "100.00", "-30.25", text="x" * 80)
        send(world, entry)
        assert look_up(world, entry)
        look_up(world, bank_entry(world))
        list(connection.entries(dossier, entry.kind, entry.journal, entry.date - timedelta(1), entry.date))
    refusal_of(lambda: send(world, bank_entry(world, on=world.closed_day)))
    refusal_of(lambda: connection.journals(world.foreign_dossier))
    world.expire()
    refusal_of(lambda: connection.journals(dossier))
    return heard


def test_every_call_is_as_we_understand_it(said: list[Exchange]) -> None:
    ours = Description(OURS)
    assert [fault for exchange in said for fault in ours.faults(exchange)] == []
    assert {exchange.status for exchange in said} == {200, 400, 401, 403}
    assert {exchange.path for exchange in said} == set(OURS["paths"])


def test_every_entry_is_as_myunisoft_describes_it(said: list[Exchange]) -> None:
    schema = provider("myunisoft.entry.schema.json")
    theirs = Description({"paths": {}, **schema})
    sent = [exchange.sent for exchange in said if exchange.path in WRITES]
    assert len(sent) == 3
    assert [fault for body in sent for fault in theirs.violations(schema, body, "sent")] == []


READERS: dict[str, Callable[[Any], Any]] = {
    "key/info": mapping.identity,
    "society (all accounting folders)": mapping.societies,
    "Exercices": lambda rows: mapping.periods(rows, ["15"]),
    "VAT (TVA)": lambda rows: [mapping.vat_code(row) for row in rows],
    "Entries (JSON)": mapping.entries,
    "JSON Format (Waiting / To be validated)": lambda document: mapping.posted(document, "KP-A"),
}


@pytest.mark.parametrize("name", READERS)
def test_the_samples_of_myunisoft_are_read(name: str) -> None:
    (found,) = [one for one in provider("myunisoft.postman-trimmed.json")["requests"] if one["name"] == name]
    body = found["responses"][0]["body"]
    if name == "Exercices" and isinstance(body, dict):
        body = body["body"]
    assert READERS[name](decode(json.dumps(body).encode()))


def test_the_samples_of_journals_are_read() -> None:
    samples = [one for one in provider("myunisoft.postman-trimmed.json")["requests"] if one["name"].startswith("Diary")]
    rows = [row for one in samples if one["method"] == "GET" for row in one["responses"][0]["body"]]
    assert {mapping.journal(row).type.value for row in rows} == {"purchase", "sales"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"label": "x" * 51}, "maxLength"), ({"debit": "12"}, "debit is str"), ({"debit": -1}, "out of bounds"),
        ({"deadline": "31/03/2026"}, "not a day"), ({"piece": "KP-A"}, "not like"), ({"extra": 1}, "not described"),
    ],
)  # fmt: skip
def test_a_wrong_line_would_be_seen(said: list[Exchange], change: dict[str, Any], fault: str) -> None:
    body = next(exchange.sent for exchange in said if exchange.path == WRITES[0])
    wrong = body | {"entry_list": [body["entry_list"][0] | change]}
    schema = OURS["components"]["schemas"]["entry_in"]
    assert any(fault in told for told in Description(OURS).violations(schema, wrong, "sent"))
