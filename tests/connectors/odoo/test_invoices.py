"""Documents of Odoo: its own count of the taxes, drafts that were left behind, and each once whatever is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors.base import Batching, EntryKind, OutgoingEntry, RemoteEntry
from portal.connectors.calls import decode
from portal.connectors.errors import AlreadyPosted, ConnectorError, Rejected, Temporary
from tests.connectors.contract.entries import (
    INVOICES,
    accounts_of,
    bank_entry,
    invoice_entry,
    look_up,
    refusal_of,
    send,
)
from tests.connectors.contract.world import Fault
from tests.connectors.odoo.test_contract import OdooWorld, control, drafts, left_behind, world

__all__ = ["control", "world"]  # fixtures

FAULTS = ("drop_before_commit", "drop_after_commit", "garbage", "500", "503")


def values(world: OdooWorld, entry: OutgoingEntry) -> dict[str, Any]:
    told: dict[str, Any] = decode(world.connection.render(entry, accounts_of(world)))["values"]
    return told


@pytest.mark.parametrize(
    ("kind", "amount", "move_type"),
    [
        (EntryKind.SALES, "100.00", "out_invoice"), (EntryKind.SALES, "-100.00", "out_refund"),
        (EntryKind.PURCHASE, "100.00", "in_invoice"), (EntryKind.PURCHASE, "-100.00", "in_refund"),
    ],
)  # fmt: skip
def test_a_document_is_written_as_odoo_has_it(world: OdooWorld, kind: EntryKind, amount: str, move_type: str) -> None:
    entry = invoice_entry(world, kind, amount)
    assert entry.invoice
    told = values(world, entry)
    ((_, _, line),) = told["invoice_line_ids"]
    assert (told["move_type"], line["price_unit"], line["tax_ids"]) == (move_type, Decimal(100), [[6, 0, [4]]])
    assert (told["ref"], told["invoice_origin"]) == (entry.invoice.number, entry.reference)
    assert told["partner_id"] == int(world.relation)


@pytest.mark.parametrize("kind", INVOICES)
@pytest.mark.parametrize("endpoint", ["create", "action_post"])
@pytest.mark.parametrize("lost", FAULTS)
def test_whatever_is_lost_it_is_booked_once(world: OdooWorld, kind: EntryKind, endpoint: str, lost: str) -> None:
    """As the product goes on: what is surely not sent goes again; what is in doubt after a look-up found nothing."""
    entry = invoice_entry(world, kind, "10.00", "-3.25")
    world.control.post("faults", kind=lost, dossier=world.dossier, endpoint=f"account.move/{endpoint}")
    error = refusal_of(lambda: send(world, entry))
    if endpoint == "create":
        assert isinstance(error, Temporary)
        assert not error.sent
    if not look_up(world, entry):
        send(world, entry)
    assert drafts(world, entry) == ["posted"]
    (found,) = look_up(world, entry)
    assert found.lines == entry.lines


def test_a_document_is_not_booked_again(world: OdooWorld) -> None:
    entry = invoice_entry(world, EntryKind.PURCHASE)
    posted = send(world, entry)
    error = refusal_of(lambda: send(world, entry))
    assert isinstance(error, AlreadyPosted)
    assert error.external_id == posted.id
    assert drafts(world, entry) == ["posted"]


@pytest.mark.parametrize("change", ["amount", "number", "kind"])
def test_a_draft_that_says_something_else_is_left_to_people(world: OdooWorld, change: str) -> None:
    entry = invoice_entry(world, EntryKind.SALES)
    left_behind(world, entry)
    assert entry.invoice
    other = {
        "amount": replace(invoice_entry(world, EntryKind.SALES, "99.00"), invoice=entry.invoice),
        "number": replace(entry, invoice=replace(entry.invoice, number="another")),
        "kind": replace(entry, lines=tuple(replace(line, amount=-line.amount, vat=-line.vat) for line in entry.lines)),
    }[change]
    error = refusal_of(lambda: send(world, replace(other, reference=entry.reference)))
    assert (error.code, drafts(world, entry)) == ("odoo.other_draft", ["draft"])


@pytest.mark.parametrize("kind", INVOICES)
def test_other_vat_than_odoo_counts_is_refused_and_leaves_no_draft(world: OdooWorld, kind: EntryKind) -> None:
    entry = invoice_entry(world, kind, "100.00", vat="21.01")
    error = refusal_of(lambda: send(world, entry))
    assert (error.code, dict(error.values)) == ("odoo.vat_differs", {"tax": "21.01", "counted": "21.0"})
    assert drafts(world, entry) == []


def test_where_the_totals_cannot_be_read_nothing_is_booked(world: OdooWorld) -> None:
    entry = invoice_entry(world, EntryKind.SALES)
    payload = world.connection.render(entry, accounts_of(world))
    world.control.post("faults", kind="garbage", dossier=world.dossier, endpoint="account.move/search_read", times=9)
    error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
    assert isinstance(error, Temporary)
    assert not error.sent
    assert world.booked(entry.reference) == 0


@pytest.mark.parametrize(
    ("journal", "code"), [("90", "journal_type"), ("60", "journal_type"), ("ZZ", "journal_unknown")]
)
def test_a_document_goes_in_a_journal_of_its_own_side(world: OdooWorld, journal: str, code: str) -> None:
    entry = replace(invoice_entry(world, EntryKind.SALES), journal=journal)
    assert refusal_of(lambda: send(world, entry)).code == f"odoo.{code}"
    assert drafts(world, entry) == []


@pytest.mark.parametrize("code", ["999999", "21 %"])
def test_a_tax_that_is_not_there_is_told(world: OdooWorld, code: str) -> None:
    entry = invoice_entry(world, EntryKind.SALES)
    lines = tuple(replace(line, vat_code=code) for line in entry.lines)
    error = refusal_of(lambda: send(world, replace(entry, lines=lines)))
    assert isinstance(error, Rejected)
    assert error.code == "odoo.vat_code"
    assert drafts(world, entry) == []


def test_a_locked_day_is_told_before(world: OdooWorld) -> None:
    entry = replace(invoice_entry(world, EntryKind.SALES), date=world.closed_day)
    assert refusal_of(lambda: send(world, entry)).code == "odoo.period_closed"
    assert drafts(world, entry) == []


def test_in_a_batch_each_document_has_its_own_answer(world: OdooWorld) -> None:
    good, there, wrong = (invoice_entry(world, EntryKind.SALES, f"{n}.00") for n in (10, 20, 30))
    send(world, there)
    wrong = replace(wrong, lines=tuple(replace(line, vat=line.vat + 1) for line in wrong.lines))
    accounts = accounts_of(world)
    assert isinstance(world.connection, Batching)
    world.gate.calls.clear()
    answers: Sequence[RemoteEntry | ConnectorError] = world.connection.post_many(
        world.dossier, EntryKind.SALES, [world.connection.render(entry, accounts) for entry in (good, there, wrong)]
    )
    told = [answer.code if isinstance(answer, ConnectorError) else "booked" for answer in answers]
    assert told == ["booked", "already_posted", "odoo.vat_differs"]
    assert world.gate.writes == 1
    assert answers[0] == look_up(world, good)[0]


def test_documents_and_entries_are_looked_up_apart(world: OdooWorld) -> None:
    """A number that is printed on a document may look like a reference of ours."""
    entry = bank_entry(world)
    document = invoice_entry(world, EntryKind.PURCHASE)
    assert document.invoice
    send(world, replace(document, invoice=replace(document.invoice, number="2026-77")))
    assert list(look_up(world, replace(entry, reference="2026-77", kind=EntryKind.PURCHASE))) == []
    span = (entry.date - timedelta(1), entry.date + timedelta(1))
    sold = list(world.connection.entries(world.dossier, EntryKind.SALES, document.journal, *span))
    assert document.reference not in [found.reference for found in sold]


def test_a_write_in_doubt_is_looked_up(world: OdooWorld) -> None:
    entry = invoice_entry(world, EntryKind.SALES)
    world.fault(Fault.LATE, write=True)
    refusal_of(lambda: send(world, entry))
    assert list(look_up(world, entry)) == []
    world.settle()
    assert len(look_up(world, entry)) == world.booked(entry.reference) == 1
