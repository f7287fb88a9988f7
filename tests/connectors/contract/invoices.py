"""Sales and purchases, where the package takes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from portal.connectors.base import EntryKind
from portal.connectors.errors import Rejected
from tests.connectors.contract.entries import (
    INVOICES,
    a_reference,
    accounts_of,
    bank_entry,
    invoice_entry,
    look_up,
    refusal_of,
    send,
)
from tests.connectors.contract.world import World


class InvoicesContract:
    @pytest.mark.parametrize("kind", INVOICES)
    @pytest.mark.parametrize("amount", ["100.00", "-100.00", "0.05", "999999.99"])
    def test_an_invoice_is_booked_with_vat_to_the_cent(self, world: World, kind: EntryKind, amount: str) -> None:
        """A negative one is a credit note. The party's account moves by the whole, the other way."""
        if not world.capabilities.invoices:
            return
        entry = invoice_entry(world, kind, amount)
        places = (world.result_account, world.party_accounts[kind])
        before = [world.balance(place) for place in places]
        posted = send(world, entry)
        (line,) = entry.lines
        moved = [world.balance(place) - old for place, old in zip(places, before, strict=True)]
        assert moved == [line.amount, -(line.amount + line.vat)]
        (found,) = look_up(world, entry)
        assert (found.id, found.reference, found.journal) == (posted.id, entry.reference, entry.journal)
        assert (found.total_debit, found.line_count) == (abs(line.amount + line.vat), 1)
        assert found.lines == entry.lines

    @pytest.mark.parametrize("kind", INVOICES)
    def test_vat_is_what_the_invoice_says_and_not_what_the_package_counts(self, world: World, kind: EntryKind) -> None:
        if not world.capabilities.invoices:
            return
        entry = invoice_entry(world, kind, "100.00", vat="21.03")
        if world.capabilities.counts_vat:  # then nothing is booked that says otherwise
            error = refusal_of(lambda: send(world, entry))
            assert isinstance(error, Rejected)
            assert error.code.endswith(".vat_differs")
            assert (list(look_up(world, entry)), world.booked(entry.reference)) == ([], 0)
            return
        send(world, entry)
        (found,) = look_up(world, entry)
        assert (found.total_debit, abs(found.lines[0].vat)) == (Decimal("121.03"), Decimal("21.03"))

    @pytest.mark.parametrize("kind", INVOICES)
    def test_an_invoice_of_several_lines_is_listed_on_its_date(self, world: World, kind: EntryKind) -> None:
        if not world.capabilities.invoices:
            return
        entry = invoice_entry(world, kind, "10.00", "20.00", "-5.00")
        posted = send(world, entry)
        listed = list(world.connection.entries(
            world.dossier, kind, entry.journal, entry.date - timedelta(1), entry.date + timedelta(1)
        ))  # fmt: skip
        (found,) = [one for one in listed if one.id == posted.id]
        assert (found.reference, found.total_debit, found.line_count) == (entry.reference, Decimal("30.25"), 3)

    @pytest.mark.parametrize("kind", INVOICES)
    def test_an_invoice_without_a_relation_is_refused_before_it_is_sent(self, world: World, kind: EntryKind) -> None:
        if not world.capabilities.invoices:
            return
        entry = invoice_entry(world, kind)
        assert entry.invoice
        world.gate.calls.clear()
        nobody = replace(entry, invoice=replace(entry.invoice, relation=""))
        assert isinstance(refusal_of(lambda: world.connection.render(nobody, {})), Rejected)
        assert world.gate.calls == []

    @pytest.mark.parametrize("kind", INVOICES)
    def test_every_difference_of_an_invoice_changes_the_bytes(self, world: World, kind: EntryKind) -> None:
        if not world.capabilities.invoices:
            return
        entry, accounts = invoice_entry(world, kind), accounts_of(world)
        assert entry.invoice
        first = world.connection.render(entry, accounts)
        assert first == world.connection.render(replace(entry), dict(reversed(accounts.items())))
        for other in (
            replace(entry, reference=a_reference()),
            replace(entry, date=entry.date - timedelta(1)),
            replace(entry, invoice=replace(entry.invoice, number="2026-0043")),
            replace(entry, invoice=replace(entry.invoice, due_date=None)),
            replace(entry, invoice=replace(entry.invoice, payment_reference="RF18539007547034")),
            replace(entry, lines=tuple(replace(line, vat_code="0") for line in entry.lines)),
            replace(entry, lines=tuple(replace(line, vat=-line.vat) for line in entry.lines)),
            replace(entry, lines=tuple(replace(line, amount=-line.amount) for line in entry.lines)),
        ):
            assert world.connection.render(other, accounts) != first

    def test_a_bank_line_may_stand_on_the_account_of_a_relation(self, world: World) -> None:
        if not (world.capabilities.invoices and world.party_lines):
            return
        entry = bank_entry(world, "121.00")
        place = world.party_accounts[EntryKind.SALES]
        lines = tuple(
            line if line.ledger_account == entry.bank_account
            else replace(line, ledger_account=place, relation=world.relation)
            for line in entry.lines
        )  # fmt: skip
        before = world.balance(place)
        send(world, replace(entry, lines=lines))
        assert world.balance(place) == before - Decimal("121.00")
