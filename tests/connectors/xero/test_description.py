"""What is said to Xero, and what its stand-in says, is as Xero describes it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.connectors.base import EntryKind
from tests.connectors.contract.entries import bank_entry, invoice_entry, look_up, refusal_of, send
from tests.connectors.described import Description, Exchange, listen, provider
from tests.connectors.package_world import Control
from tests.connectors.xero.test_contract import XeroWorld, control, world

__all__ = ["control", "world"]

OURS = json.loads(Path(__file__).with_name("description.json").read_text(encoding="utf-8"))
BOOKS = "/api.xro/2.0"


@pytest.fixture
def said(world: XeroWorld, control: Control, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Every call that the connector can make, with its answer; refusals too."""
    heard = listen(monkeypatch, world.control.host)
    connection, dossier = world.connection, world.dossier
    connection.identity()
    connection.dossiers()
    connection.periods(dossier)
    connection.vat_codes(dossier)
    connection.relations(dossier)
    sent = [
        bank_entry(world, "100.00", "-30.25"),
        *(
            invoice_entry(world, kind, amount)
            for kind in (EntryKind.SALES, EntryKind.PURCHASE)
            for amount in ("7", "-7")
        ),
    ]
    for entry in sent:
        send(world, entry)
        assert look_up(world, entry)
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


def test_every_call_is_as_xero_describes_it(said: list[Exchange]) -> None:
    books, identity = Description(provider("xero.yaml"), BOOKS), Description(provider("xero.identity.yaml"))
    told = [exchange for exchange in said if exchange.status in (200, 400)]
    known = [(exchange, of) for exchange in told for of in (books, identity) if of.knows(exchange)]
    assert [fault for exchange, of in known for fault in of.faults(exchange)] == []
    unknown = {exchange.path for exchange in told} - {exchange.path for exchange, _ in known}
    assert unknown == {f"{BOOKS}/CreditNotes"}


def test_every_call_names_the_organisation_and_every_write_a_key(said: list[Exchange], world: XeroWorld) -> None:
    books = [exchange for exchange in said if exchange.path.startswith(BOOKS)]
    assert all(len(exchange.headers["xero-tenant-id"]) == 36 for exchange in books)
    keys = [exchange.headers["Idempotency-Key"] for exchange in books if exchange.method == "PUT"]
    assert len(set(keys)) == len(keys) == 6
    assert all(0 < len(key) <= 20 for key in keys)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"Narration": 17}, "Narration is int"),
        ({"Date": "31/03/2026"}, "not a day"),
        ({"JournalLines": []}, "minItems"),
        ({"Colour": "red"}, "Colour is not described"),
    ],
)
def test_the_check_sees_what_is_wrong(said: list[Exchange], change: dict[str, Any], fault: str) -> None:
    booked = next(one for one in said if one.method == "PUT" and one.path.endswith("ManualJournals"))
    (journal,) = booked.sent["ManualJournals"]
    wrong = Exchange(booked.method, booked.path, {}, {}, {"ManualJournals": [journal | change]}, 200, None)
    assert any(fault in told for told in Description(OURS).faults(wrong))
