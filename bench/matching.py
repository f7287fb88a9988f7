"""Matching bank lines with open documents: time, how it grows, and against looking at every document.

The reference is `tests/reconciliation/plain.py`, which finds the same proposals without a table;
the small set is what it can do in seconds.
"""

from __future__ import annotations

import gc
import random
import time
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from bench.table import Row
from portal.reconciliation.documents import OpenDocuments
from portal.reconciliation.evidence import OpenDocument, OpenLine
from portal.reconciliation.proposals import Suggestions, propose, share_out
from portal.tenants.names import name_key
from tests.reconciliation.plain import PlainDocuments

LINES, DOCUMENTS = 50_000, 20_000
PORTION = 5_000  # lines that share documents out among each other
ALLOWED_SECONDS = 20.0  # of CPU, for all of them
STEADY = 0.7  # at ten times as much, a line may cost at most four tenths more: tables outgrow the caches
FASTER = 20.0
TRADES = ("Garage", "Bakkerij", "Drukkerij", "Slagerij", "Bouwwerken", "Éts.", "Apotheek", "Studio")
FORMS = ("BV", "NV", "SRL", "")


def rows(quick: bool = False) -> Iterator[Row]:
    share = 10 if quick else 1
    lines, documents = LINES // share, DOCUMENTS // share
    once, many = min(_measure(lines, documents) for _ in range(2)), _measure(lines * 10, documents * 10)
    told = f"{lines:,} lines, {documents:,} documents"
    yield Row(f"match {told}", f"{once:.1f} s", f"{ALLOWED_SECONDS:.0f} s allowed", ALLOWED_SECONDS / once, 1.0)
    yield Row("match ten times as much, a line", f"{many / lines / 10 * 1e6:.0f} µs",
              f"{once / lines * 1e6:.0f} µs at a tenth", 10 * once / many, STEADY)  # fmt: skip
    few, some = (300, 2_000)
    bills, paid = world(some, few, seed=3)
    ours, found = _timed(paid, OpenDocuments, bills)
    theirs, expected = _timed(paid, PlainDocuments, bills)
    if found != expected:
        raise AssertionError("the index and the plain reference differ")
    yield Row(f"match {few} lines, {some:,} documents", f"{ours:.2f} s", f"look at every one: {theirs:.2f} s",
              theirs / ours, FASTER)  # fmt: skip


def _measure(lines: int, documents: int) -> float:
    """CPU seconds to build the tables, propose for every line and share the documents out."""
    bills, paid = world(documents, lines)
    gc.collect()
    gc.freeze()  # the world is not part of the work
    spent, found = _timed(paid, OpenDocuments, bills)
    hits = sum(bool(row.proposals) for row in found)
    if hits < lines * 0.3:
        raise AssertionError(f"only {hits} of {lines} lines found a document")
    return spent


def _timed(
    paid: list[OpenLine], table: type[OpenDocuments], bills: list[OpenDocument]
) -> tuple[float, list[Suggestions]]:
    """In portions, as a long list is worked through; CPU seconds, and what was found for each line."""
    start, documents, found = time.process_time(), table(bills), list[Suggestions]()
    gc.disable()  # what is kept here for counting is not part of the work either
    for at in range(0, len(paid), PORTION):
        found += share_out(list(propose(paid[at : at + PORTION], documents)))
    spent = time.process_time() - start
    gc.enable()
    return spent, found


def world(documents: int, lines: int, seed: int = 1) -> tuple[list[OpenDocument], list[OpenLine]]:
    """A year of bills and payments: a third by reference, some by number or by name, the rest noise."""
    dice = random.Random(seed)
    first = date(2026, 1, 1)
    bills = [_bill(dice, serial, documents // 10 + 1, first) for serial in range(documents)]
    return bills, [_payment(dice, serial, bills) for serial in range(lines)]


def _bill(dice: random.Random, serial: int, parties: int, first: date) -> OpenDocument:
    party = dice.randrange(parties)
    name = f"{TRADES[party % 8]} {_word(party)} {FORMS[party % 4]}".strip()
    number = f"V26-{serial:07d}"
    return OpenDocument(
        id=uuid.UUID(int=serial + 1), number=number, number_key=number.replace("-", ""),
        date=first + timedelta(days=dice.randrange(365)), amount=Decimal(dice.randrange(500, 500_000)).scaleb(-2),
        currency="EUR", party=f"kbo:{party}", party_name=name, party_words=name_key(name),
        reference=_reference(serial) if dice.random() < 0.5 else "",
    )  # fmt: skip


def _payment(dice: random.Random, serial: int, bills: list[OpenDocument]) -> OpenLine:
    bill, kind = dice.choice(bills), dice.random()
    line = OpenLine(
        id=uuid.UUID(int=serial + 1), date=bill.date + timedelta(days=dice.randrange(1, 60)), amount=bill.amount,
        currency="EUR",
    )  # fmt: skip
    if kind < 0.35:
        line.reference = bill.reference
        line.counterparty = bill.party_name.upper()
    elif kind < 0.5:
        line.text = f"factuur {bill.number} met dank"
    elif kind < 0.7:
        line.counterparty = " ".join(reversed(bill.party_name.split()))
        line.amount = bill.amount if dice.random() < 0.5 else bill.amount + Decimal("17.35")
    else:
        line.amount = -Decimal(dice.randrange(100, 900_000)).scaleb(-2)
        line.text = "Bancontact 12/03/2026 kaart 6703 04XX"
    return line


def _word(number: int) -> str:
    letters = ""
    while True:
        number, rest = divmod(number, 20)
        letters += "bcdfghjklmnprstvwxza"[rest] + "aeiou"[rest % 5]
        if not number:
            return letters.capitalize()


def _reference(serial: int) -> str:
    return f"{serial:010d}{serial % 97 or 97:02d}"
