"""Three months of one bank account, as files to upload: of our own making, or real ones where they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import FilePayload

from portal.demo import files, movements

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "bank" / "camt053"
REAL = (
    "Subite-eu-camt-to-coda__account_statement-3.xml", "Subite-eu-camt-to-coda__BE68793230773034-202411.xml",
    "Subite-eu-camt-to-coda__BE68793230773034-202412.xml",
)  # fmt: skip


@dataclass(frozen=True)
class Months:
    """CAMT.053 files in order. `balances`: before the first, then after each."""

    iban: str
    starts: date
    payloads: list[FilePayload]
    lines: list[int]
    balances: list[Decimal]

    @property
    def moved(self) -> Decimal:
        return self.balances[-1] - self.balances[0]


def payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/xml", "buffer": content}


def made() -> Months:
    """Spring 2026: hundreds of lines a month, equal honest ones among them, one balance after the other."""
    iban, balances, sent, counts = "BE83735009876515", [Decimal("18250.75")], [], []
    for number, first in enumerate((date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)), 1):
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        moves = movements.month_of(7_000, first, 180 + 45 * number)
        content = files.camt(iban, "Atelier Zonnewende BV", number, balances[-1], first, last, moves)
        sent.append(payload(f"{first:%Y-%m}.xml", content))
        counts.append(len(moves))
        balances.append(balances[-1] + sum((move.amount for move in moves), Decimal(0)))
    return Months(iban, date(2026, 3, 1), sent, counts, balances)


def real() -> Months:
    """Three anonymised months of a real account; they lie beside the checkout, not in it."""
    sent = [payload(name, (SAMPLES / name).read_bytes()) for name in REAL]
    balances = [Decimal(text) for text in ("33443.03", "59370.37", "87539.12", "41965.11")]
    return Months("BE68793230773034", date(2024, 10, 1), sent, [314, 268, 264], balances)


def real_ones_are_here() -> bool:
    return all((SAMPLES / name).exists() for name in REAL)
