"""Believable bank movements for the demo: the same every time for the same client and month."""

from __future__ import annotations

import calendar
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

CENT = Decimal("0.01")
# Who pays and is paid: name, IBAN, what it says, from, to (euros; negative goes out).
_PARTNERS: Sequence[tuple[str, str, str, int, int]] = (
    ("Colruyt Group NV", "BE60434115221170", "Aankoop handelsgoederen", -420, -60),
    ("Proximus NV", "BE82210000088968", "Factuur telefonie en internet", -95, -55),
    ("Luminus NV", "BE06335055459222", "Voorschot elektriciteit en gas", -480, -140),
    ("FOD Financiën Ontvangsten btw", "BE22679200300047", "Btw", -3200, -450),
    ("RSZ", "BE63679026181108", "Voorschot sociale bijdragen", -1900, -600),
    ("AG Insurance NV", "BE18096010000065", "Premie brandverzekering", -310, -120),
    ("Total Energies", "BE47437751001180", "Tankkaart", -240, -50),
    ("Gemeente, dienst belastingen", "BE43091000600201", "Retributie terras", -180, -80),
    ("De Backer Immo BV", "BE71096123456769", "Huur handelspand", -1850, -1200),
    ("Vandenbossche & Co", "BE54737000012997", "Betaling factuur", 300, 4200),
    ("Restaurant Het Anker", "BE29001444555564", "Betaling factuur", 120, 1600),
    ("Janssens Karel", "BE62510007547061", "Betaling factuur", 40, 900),
    ("Peeters-Maes", "BE39103123456719", "Voorschot bestelling", 50, 700),
    ("Stad, OCMW", "BE16091000001574", "Betaling factuur", 200, 2600),
    ("Worldline NV", "BE05310182900275", "Afrekening Bancontact", 350, 2900),
)


@dataclass(frozen=True, slots=True)
class Movement:
    date: date
    amount: Decimal
    partner: str
    iban: str
    text: str
    structured: str  # twelve digits, or ""


def month_of(client: int, first: date, count: int) -> list[Movement]:
    """Movements of one month on working days, by date; two equal honest ones among them now and then."""
    rng = random.Random(f"{client}/{first.isoformat()}")  # noqa: S311  (a repeatable demo, nothing secret)
    days = [first + timedelta(n) for n in range(calendar.monthrange(first.year, first.month)[1])]
    working = [day for day in days if day.weekday() < 5]
    found = [_one(rng, rng.choice(working)) for _ in range(count)]
    if count > 6:
        found.append(found[3])  # the same sum, twice, on one day: it happens
    return sorted(found, key=lambda move: move.date)


def _one(rng: random.Random, day: date) -> Movement:
    name, iban, text, low, high = rng.choice(_PARTNERS)
    amount = Decimal(rng.randint(low * 100, high * 100)) * CENT
    structured = ""
    if text == "Betaling factuur" and rng.random() < 0.6:
        base = rng.randint(1_000_000, 999_999_999)
        structured = f"{base:010d}{base % 97 or 97:02d}"
    return Movement(day, amount, name, iban, text, structured)
