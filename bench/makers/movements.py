"""Made-up movements that the CODA and CAMT makers both write."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_FIRST = ("Atelier", "Bakkerij", "Garage", "Drukkerij", "Brasserie", "Studio", "Transport", "Maison")
_SECOND = ("Noord", "Lumière", "Van Loon", "Peeters", "Dubois", "Zee", "Sint-Jan", "Horizon")
_WORDS = ("factuur", "facture", "invoice", "levering", "loyer", "abonnement", "onderhoud", "voorschot")


@dataclass(frozen=True, slots=True)
class Movement:
    cents: int  # > 0: money came in
    on: date
    name: str
    iban: str
    bic: str
    text: str
    reference: str  # 12 digits, or ""
    end_to_end_id: str
    bank_reference: str


def iban(number: int) -> str:
    """A Belgian IBAN with valid checks from up to ten digits."""
    bban = f"{number:010d}{number % 97 or 97:02d}"
    return f"BE{98 - int(bban + '111400') % 97:02d}{bban}"


def communication(number: int) -> str:
    return f"{number:010d}{number % 97 or 97:02d}"


def movements(count: int, seed: int, *, accents: bool = True) -> Iterator[Movement]:
    chance = random.Random(seed)
    first = date(2024, 1, 2)
    for index in range(count):
        name = f"{chance.choice(_FIRST)} {chance.choice(_SECOND)}"
        structured = chance.random() < 0.4
        cents = chance.randrange(100, 500_000)
        yield Movement(
            cents=cents if chance.random() < 0.55 else -cents,
            on=first + timedelta(days=index * 28 // max(count, 1)),
            name=name if accents else name.replace("è", "e"),
            iban=iban(chance.randrange(10**9, 10**10)),
            bic=chance.choice(("KREDBEBB", "GKCCBEBB", "BBRUBEBB", "GEBABEBB")),
            text="" if structured else f"{chance.choice(_WORDS)} {chance.randrange(10**6)} {chance.choice(_WORDS)}",
            reference=communication(chance.randrange(10**10)) if structured else "",
            end_to_end_id="" if chance.random() < 0.3 else f"E2E-{seed}-{index}",
            bank_reference=f"B{seed:04d}{index:010d}",
        )
