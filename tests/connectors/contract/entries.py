"""Entries to book in a world, and the calls that book them and look for them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.connectors.base import EntryKind, LedgerAccount, OutgoingEntry, OutgoingInvoice, OutgoingLine, RemoteEntry
from portal.connectors.errors import ConnectorError, Temporary, UnexpectedReply
from tests.connectors.contract.world import World

INVOICES = (EntryKind.SALES, EntryKind.PURCHASE)

_numbers = itertools.count(1)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def a_reference() -> str:
    number = next(_numbers)
    return "KP-T" + "".join(_LETTERS[number >> 5 * place & 31] for place in range(6))


def bank_entry(world: World, *amounts: str, on: date | None = None, text: str = "Invoice 17") -> OutgoingEntry:
    """A statement with these movements, each booked against the suspense account."""
    values = [Decimal(amount) for amount in amounts or ("100.00",)]
    day = on or world.open_day
    lines = [
        line
        for value in values
        for line in (
            OutgoingLine(day, world.bank_account, value, text),
            OutgoingLine(day, world.suspense_account, -value, text),
        )
    ]
    entry = OutgoingEntry(
        kind=EntryKind.GENERAL,
        reference=a_reference(),
        journal=world.bank_journal or world.general_journal,
        date=day,
        currency="EUR",
        bank_account=world.bank_account,
        opening=None,
        closing=None,
        lines=tuple(lines),
    )
    if not world.capabilities.bank_entries:
        return entry
    opening = Decimal("250.00")
    return replace(entry, kind=EntryKind.BANK, opening=opening, closing=opening + sum(values))


def turned(entry: OutgoingEntry) -> OutgoingEntry:
    """What undoes an entry: the same with debit and credit exchanged, under a reference of its own."""
    lines = tuple(replace(line, amount=-line.amount) for line in entry.lines)
    return replace(entry, reference=a_reference(), opening=None, closing=None, lines=lines)


def own_lines(entry: OutgoingEntry) -> list[OutgoingLine]:
    """The lines that are read back: of a bank entry those that the package does not book itself."""
    bank = entry.bank_account if entry.kind is EntryKind.BANK else None
    return [line for line in entry.lines if line.ledger_account != bank]


def debit_of(entry: OutgoingEntry) -> Decimal:
    """The sum of the positive lines, where a package with bank journals books the bank's side as one."""
    own = [line.amount for line in own_lines(entry)]
    return sum((amount for amount in [*own, -sum(own, Decimal(0))] if amount > 0), Decimal(0))


def invoice_entry(world: World, kind: EntryKind, *amounts: str, vat: str = "", text: str = "Flour") -> OutgoingEntry:
    """An invoice of these net amounts, positive as printed, each with 21 % or with `vat` of VAT."""
    sign = -1 if kind is EntryKind.SALES else 1
    nets = [Decimal(amount) for amount in amounts or ("100.00",)]
    lines = tuple(
        OutgoingLine(
            world.open_day, world.result_account, sign * net, text, world.vat_code,
            sign * (Decimal(vat) if vat else (net * Decimal("0.21")).quantize(Decimal("0.01"))),
        )
        for net in nets
    )  # fmt: skip
    invoice = OutgoingInvoice(
        f"2026-{next(_numbers):06d}", world.relation, world.open_day + timedelta(30), "", "Maalderij Callens"
    )
    return OutgoingEntry(
        kind=kind, reference=a_reference(), journal=world.invoice_journals[kind], date=world.open_day, currency="EUR",
        bank_account="", opening=None, closing=None, lines=lines, invoice=invoice,
    )  # fmt: skip


def accounts_of(world: World) -> dict[str, LedgerAccount]:
    return {account.code: account for account in world.connection.ledger_accounts(world.dossier)}


def send(world: World, entry: OutgoingEntry, dossier: str = "") -> RemoteEntry:
    payload = world.connection.render(entry, accounts_of(world))
    return world.connection.post(dossier or world.dossier, entry.kind, payload)


def look_up(world: World, entry: OutgoingEntry) -> Sequence[RemoteEntry]:
    return world.connection.find(world.dossier, entry.kind, entry.reference, entry.journal, entry.date)


def refusal_of(call: Callable[[], object]) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        call()
    return caught.value


def is_uncertain(error: ConnectorError) -> bool:
    return isinstance(error, UnexpectedReply) or (isinstance(error, Temporary) and error.sent)
