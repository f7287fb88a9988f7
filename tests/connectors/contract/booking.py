"""From an entry to the bytes, from the bytes to the books, and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from portal.connectors.base import EntryKind
from portal.connectors.errors import Rejected
from tests.connectors.contract.entries import (
    a_reference,
    accounts_of,
    bank_entry,
    debit_of,
    look_up,
    own_lines,
    send,
    turned,
)
from tests.connectors.contract.world import World


class BookingContract:
    def test_rendering_is_pure_and_stable(self, world: World) -> None:
        entry, accounts = bank_entry(world, "1.10", "-2.25"), accounts_of(world)
        world.gate.calls.clear()
        first = world.connection.render(entry, accounts)
        shuffled = dict(reversed(accounts.items()))
        assert first == world.connection.render(replace(entry), shuffled)
        assert world.gate.calls == []

    def test_equal_amounts_render_alike(self, world: World) -> None:
        entry, accounts = bank_entry(world, "1.1"), accounts_of(world)
        same = tuple(replace(line, amount=line.amount.quantize(Decimal("0.0001"))) for line in entry.lines)
        assert world.connection.render(entry, accounts) == world.connection.render(replace(entry, lines=same), accounts)

    def test_every_difference_that_is_booked_changes_the_bytes(self, world: World) -> None:
        entry, accounts = bank_entry(world, "1.10"), accounts_of(world)
        first = world.connection.render(entry, accounts)
        for other in (
            replace(entry, reference=a_reference()),
            *([replace(entry, journal=world.general_journal)] if world.bank_journal else []),
            replace(entry, lines=tuple(replace(line, description="Other") for line in entry.lines)),
            replace(entry, lines=tuple(replace(line, date=line.date - timedelta(1)) for line in entry.lines)),
            replace(entry, lines=tuple(replace(line, amount=-line.amount) for line in entry.lines)),
        ):
            assert world.connection.render(other, accounts) != first

    @pytest.mark.parametrize("amount", ["0.01", "-0.01", "19.99", "999999999.99", "-999999999.99"])
    def test_amounts_are_booked_to_the_cent(self, world: World, amount: str) -> None:
        before = world.balance(world.bank_account), world.balance(world.suspense_account)
        entry = bank_entry(world, amount)
        send(world, entry)
        after = world.balance(world.bank_account), world.balance(world.suspense_account)
        assert after == (before[0] + Decimal(amount), before[1] - Decimal(amount))
        (found,) = look_up(world, entry)
        assert [line.amount for line in found.lines] == [line.amount for line in own_lines(entry)]

    def test_what_was_posted_is_found_again(self, world: World) -> None:
        entry = bank_entry(world, "100.00", "-30.25", "0.50")
        posted = send(world, entry)
        (found,) = look_up(world, entry)
        assert found.id == posted.id
        assert found.number
        assert (found.reference, found.journal, found.currency) == (entry.reference, entry.journal, "EUR")
        assert (found.total_debit, found.line_count) == (debit_of(entry), len(own_lines(entry)))
        assert list(found.lines) == own_lines(entry)

    def test_text_survives_or_is_refused_by_name(self, world: World) -> None:
        entry = bank_entry(world, text='Café «Ωmega» & <fils> "17" \\ O\'Neil €')
        refused: Rejected | None = None
        try:
            send(world, entry)
        except Rejected as error:
            refused = error
        if refused is not None:
            assert refused.values["character"] == "Ω"
            assert world.booked(entry.reference) == 0
            entry = bank_entry(world, text='Café «mega» & <fils> "17" \\ O\'Neil')
            send(world, entry)
        assert look_up(world, entry)[0].lines[0].description == entry.lines[0].description

    def test_a_long_entry_is_read_back_whole(self, world: World) -> None:
        lines = world.most_lines if world.capabilities.bank_entries else world.most_lines // 2
        entry = bank_entry(world, *(f"{number}.01" for number in range(1, lines + 1)))
        send(world, entry)
        (found,) = look_up(world, entry)
        assert found.line_count == len(own_lines(entry)) > lines - 1
        assert list(found.lines) == own_lines(entry)

    def test_a_general_entry_is_booked_line_by_line(self, world: World) -> None:
        entry = replace(bank_entry(world, "12.34"), kind=EntryKind.GENERAL, journal=world.general_journal)
        before = world.balance(world.suspense_account)
        posted = send(world, entry)
        (found,) = look_up(world, entry)
        assert (found.id, found.line_count, found.total_debit) == (posted.id, 2, Decimal("12.34"))
        assert world.balance(world.suspense_account) == before - Decimal("12.34")

    def test_an_entry_is_undone_by_itself_turned_round(self, world: World) -> None:
        if not world.capabilities.reversal:
            return
        entry = bank_entry(world, "100.00", "-30.25")
        before = world.balance(entry.bank_account)
        send(world, entry)
        undoing = turned(entry)
        send(world, undoing)
        (first,), (second,) = look_up(world, entry), look_up(world, undoing)
        assert (second.total_debit, second.line_count) == (first.total_debit, first.line_count)
        assert [(line.ledger_account, -line.amount) for line in second.lines] == [
            (line.ledger_account, line.amount) for line in first.lines
        ]
        assert world.balance(entry.bank_account) == before
        assert (world.booked(entry.reference), world.booked(undoing.reference)) == (1, 1)

    def test_what_cannot_be_proved_or_is_not_booked_for_good_is_not_undone(self, world: World) -> None:
        can = world.capabilities
        assert not can.reversal or (can.finds and not can.drafts)
