"""What is said to Business Central, and what its stand-in says, is as Microsoft describes it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.business_central.test_contract import BusinessCentralWorld, control, world
from tests.connectors.business_central.test_posting import Killed, KillsAt, connected, payload_of
from tests.connectors.contract.entries import bank_entry, look_up, refusal_of, send
from tests.connectors.described import Description, Exchange, listen, provider

__all__ = ["control", "world"]

OURS = json.loads(Path(__file__).with_name("description.json").read_text(encoding="utf-8"))
# The official file is of v1.0: the ledger's `id` was a number then, and became a GUID beside `entryNumber`.
OF_V1 = ".id is str, not integer"
ROOT = "/v2.0/Production/api/v2.0"


@pytest.fixture
def said(world: BusinessCentralWorld, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Every call that the connector can make, with its answer; refusals and what clears up after a death too."""
    heard = listen(monkeypatch, world.control.host)
    connection, dossier = world.connection, world.dossier
    connection.identity()
    connection.dossiers()
    connection.periods(dossier)
    connection.vat_codes(dossier)
    entry = bank_entry(world, "100.00", "-30.25")
    with pytest.raises(Killed):
        connected(world, KillsAt("post")).post(dossier, entry.kind, payload_of(world, entry))
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
    assert {exchange.status for exchange in said} == {200, 201, 204, 400, 401}
    assert {exchange.method for exchange in said} == {"GET", "POST", "DELETE"}


def test_a_batch_is_all_or_nothing(said: list[Exchange]) -> None:
    lines = [one for one in said if one.path.endswith("$batch") and one.sent["requests"][0]["method"] == "POST"]
    assert lines
    assert all(one.headers.get("Isolation") == "snapshot" for one in lines)


def test_what_is_deleted_names_a_tag(said: list[Exchange]) -> None:
    assert all("If-Match" in one.headers for one in said if one.method == "DELETE")


def test_every_call_is_as_microsoft_describes_it(said: list[Exchange]) -> None:
    theirs = Description(provider("business_central.v1_official.yaml"), ROOT)
    known = [exchange for exchange in said if theirs.knows(exchange) and exchange.status < 400]
    faults = [fault for exchange in known for fault in theirs.faults(exchange)]
    assert [fault for fault in faults if not fault.endswith(OF_V1) and "$skiptoken" not in fault] == []
    unknown = {exchange.path.removeprefix(ROOT).rpartition("/")[2] for exchange in said if not theirs.knows(exchange)}
    assert unknown == {"v1.2", "$batch", "accountingPeriods", "vatProductPostingGroups"}


def test_lines_are_as_microsoft_describes_them(said: list[Exchange]) -> None:
    """They travel inside a $batch, which the official file does not have."""
    theirs = Description(provider("business_central.v1_official.yaml"))
    bodies = [
        request["body"]
        for one in said
        if one.path.endswith("$batch")
        for request in one.sent["requests"]
        if "body" in request
    ]
    schema = {"$ref": "#/components/schemas/journalLine"}
    assert bodies
    assert [fault for body in bodies for fault in theirs.violations(schema, body, "line")] == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"amount": "12.50"}, "fits none"),
        ({"documentNumber": "KP-" + "A" * 18}, "fits none"),
        ({"postingDate": "31-03-2026"}, "fits none"),
    ],
)
def test_the_check_sees_what_is_wrong(said: list[Exchange], change: Any, fault: str) -> None:
    sent = next(one for one in said if one.path.endswith("$batch") and "body" in one.sent["requests"][0])
    request = sent.sent["requests"][0]
    wrong = {"requests": [request | {"body": request["body"] | change}]}
    exchange = Exchange(sent.method, sent.path, {}, {}, wrong, 200, None)
    assert any(fault in told for told in Description(OURS).faults(exchange))
