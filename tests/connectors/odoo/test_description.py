"""What is said to Odoo 19, and what its stand-in says, is as real servers had it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.connectors.calls import encode
from tests.connectors.contract.entries import INVOICES, bank_entry, invoice_entry, look_up, refusal_of, send
from tests.connectors.described import Description, Exchange, listen, provider
from tests.connectors.odoo.test_contract import OdooWorld, control
from tests.connectors.package_world import LOCKED_UNTIL, OPEN_CODE, Control, fresh

__all__ = ["control"]

TEXT = Path(__file__).with_name("description.json").read_text(encoding="utf-8")
OURS = Description(json.loads(TEXT))
# A move is a document, or an entry: never both in one call.
DOCUMENTS = Description(json.loads(TEXT.replace("#/components/schemas/move", "#/components/schemas/document")))


@pytest.fixture
def world(control: Control) -> OdooWorld:
    control.post("lock", dossier=OPEN_CODE, until=LOCKED_UNTIL)
    control.post("settings", version=19, returns_none=False, account_taxes=False, may_book=True, approval=False)
    return fresh(OdooWorld, control)


@pytest.fixture
def said(world: OdooWorld, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Every call that the connector can make, with its answer; refusals too."""
    heard = listen(monkeypatch, world.control.host)
    connection, dossier = world.connection, world.dossier
    connection.identity()
    connection.dossiers()
    connection.periods(dossier)
    connection.vat_codes(dossier)
    connection.relations(dossier)
    entry = bank_entry(world, "100.00", "-30.25")
    send(world, entry)
    assert look_up(world, entry)
    list(connection.entries(dossier, entry.kind, entry.journal, entry.date - timedelta(1), entry.date))
    for kind in INVOICES:
        document = invoice_entry(world, kind, "100.00", "-30.25")
        send(world, document)
        assert look_up(world, document)
    refusal_of(lambda: connection.journals(world.foreign_dossier))
    world.control.post("settings", approval=True)
    refusal_of(lambda: send(world, bank_entry(world)))
    world.expire()
    refusal_of(lambda: connection.journals(dossier))
    return heard


def test_every_call_is_as_we_understand_it(said: list[Exchange]) -> None:
    sold = [exchange for exchange in said if b"invoice_line_ids" in encode(exchange.sent)]
    assert len(sold) == len(INVOICES)
    assert [fault for exchange in sold for fault in DOCUMENTS.faults(exchange)] == []
    assert [fault for exchange in said if exchange not in sold for fault in OURS.faults(exchange)] == []
    assert {exchange.status for exchange in said} == {200, 401, 403}


def test_every_line_that_is_sent_is_as_we_understand_it(said: list[Exchange]) -> None:
    made = [exchange for exchange in said if exchange.path.endswith("/create")]
    sent = [values for exchange in made for values in exchange.sent["vals_list"]]
    for field, schema in (("line_ids", "line"), ("invoice_line_ids", "document_line")):
        lines = [line for values in sent for line in values.get(field, ())]
        described = {"$ref": f"#/components/schemas/{schema}"}
        assert [fault for _, _, told in lines for fault in OURS.violations(described, told, "line")] == []
        assert {(command, number) for command, number, _ in lines} == {(0, 0)}


def test_calls_and_refusals_are_those_that_were_seen_on_real_servers(said: list[Exchange]) -> None:
    """Held against the list of calls that real servers answered: the same methods with the same arguments."""
    seen = provider("odoo.calls.json")
    known = {f"{call['model']}/{call['method']}": set(call["body"]) for call in seen["calls"]}
    more = {"context", "ids", "limit", "order"}
    for exchange in said:
        endpoint = exchange.path.removeprefix("/json/2/")
        if endpoint in known:
            assert set(exchange.sent or {}) <= known[endpoint] | more, endpoint
        if exchange.status >= 400:
            assert set(exchange.received) == set(seen["error_shape"])
            assert str(exchange.status) in seen["http_codes_seen_on_real_19"]
    assert {f"account.move/{method}" for method in ("create", "action_post", "search_read")} <= set(known)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"date": "18/03/2026"}, "not a day"),
        ({"journal_id": "BNK1"}, "journal_id is str"),
        ({"state": "posted"}, "state is not described"),
        ({"move_type": "out_invoice"}, "none of"),
    ],
)
def test_the_check_sees_what_is_wrong(said: list[Exchange], change: dict[str, Any], fault: str) -> None:
    made = next(exchange for exchange in said if exchange.path.endswith("/create"))
    wrong = {**made.sent, "vals_list": [made.sent["vals_list"][0] | change]}
    again = Exchange(made.method, made.path, {}, {}, wrong, made.status, made.received)
    assert any(fault in told for told in OURS.faults(again))
