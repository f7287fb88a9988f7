"""What happens on a bank account, day by day: the same seed and day always give the same rows."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sandbox.ponto.banks import BANKS, iban
from sandbox.store import Row, Store

DAY = timedelta(days=1)
CUSTOMERS = (
    "Bakkerij Den Oven", "Bouwwerken Claes BV", "Garage Lenoir", "Houthandel Ypma", "Imprimerie Rousseau",
    "Kapsalon Krul", "Café De Zwaan", "Tuinen Verbist", "Atelier Fontaine", "Schilders Jansma B.V.",
)  # fmt: skip
SUPPLIERS = (
    "Energie Noord", "Telecom Plus", "Watergroep", "Sociaal Secretariaat Horizon", "Verzekeringen De Haven",
    "Kantoor & Co", "Leasing Drie Gewesten", "Fournitures Lambert",
)  # fmt: skip
SHOPS = ("Supermarkt De Markt", "Tankstation Ring", "Papeterie du Coin", "Station Zuid", "Doe-het-zelf Mertens")


def make_until(store: Store, account: Row, until: date) -> None:
    """Make the days that are not there yet, `until` included. A row may be booked some days after its day."""
    day = date.fromisoformat(account["made_until"]) + DAY
    if day > until:
        return
    rows: list[dict[str, Any]] = []
    while day <= until:
        rows += _day(account, day)
        day += DAY
    with store.transaction():
        store.insert_many("bank_rows", rows)
        store.run("UPDATE bank_accounts SET made_until = ? WHERE iban = ?", (until.isoformat(), account["iban"]))


def _day(account: Row, day: date) -> list[dict[str, Any]]:
    chance = random.Random(f"{account['seed']}/{day.isoformat()}")
    pace = account["pace"] * (0.4 if day.weekday() >= 5 else 1.24)
    count = int(pace) + (chance.random() < pace % 1)
    return [row for _ in range(count) for row in _happening(account["iban"], day, chance)]


def _happening(number: str, day: date, chance: random.Random) -> list[dict[str, Any]]:
    """As a rule one row, now and then two that are honestly equal."""
    at = datetime(day.year, day.month, day.day, 7 + chance.randrange(12), chance.randrange(60), tzinfo=UTC)
    kind = chance.random()
    made = (_received if kind < 0.45 else _card if kind < 0.75 else _paid)(number, day, at, chance)
    oddity = chance.random()
    if oddity < 0.04:
        return [made, made]
    if oddity < 0.09:
        made["named"] = made["booked"] + 30 * 3_600_000  # who paid becomes known the next day
    elif oddity < 0.11:
        made["renumbered"] = made["booked"] + 50 * 3_600_000  # the bank gives the same row another id
    elif oddity < 0.13:
        # Booked days after the day it counts for: whoever stops reading at a date never sees it.
        late = 4 * 86_400_000
        made["booked"], made["named"] = made["booked"] + late, made["named"] + late
    return [made]


def _received(number: str, day: date, at: datetime, chance: random.Random) -> dict[str, Any]:
    who, cents, ten = chance.choice(CUSTOMERS), chance.randrange(2_000, 450_000), chance.randrange(10**9, 10**10)
    told = _person(who, chance) | {"bankTransactionCode": "PMNT-RCDT-ESCT", "endToEndId": f"E2E{ten}"}
    if chance.random() < 0.6:
        told |= {
            "remittanceInformationType": "structured",
            "remittanceInformation": f"{ten}{ten % 97 or 97:02d}",
            "additionalInformation": "Overschrijving in euro",
        }
    else:
        told |= _unstructured(f"Factuur {ten % 10_000}")
    return row(number, day, at, cents, told)


def _paid(number: str, day: date, at: datetime, chance: random.Random) -> dict[str, Any]:
    who, cents = chance.choice(SUPPLIERS), chance.randrange(1_500, 180_000)
    told = _person(who, chance) | {"bankTransactionCode": "PMNT-RDDT-ESDD", "mandateId": f"M{chance.randrange(10**6)}"}
    return row(number, day, at, -cents, told | _unstructured(f"Domiciliëring {chance.randrange(10**6)}"))


def _card(number: str, day: date, at: datetime, chance: random.Random) -> dict[str, Any]:
    """Announced when made, booked in the next night."""
    who, cents = chance.choice(SHOPS), chance.randrange(250, 12_000)
    told = {
        "counterpartName": who, "counterpartReference": None, "description": "Card payment",
        "bankTransactionCode": "PMNT-CCRD-POSD", "cardReference": "1234", "cardReferenceType": "MASKEDPAN",
    }  # fmt: skip
    booked = datetime(day.year, day.month, day.day, 4, 30, tzinfo=UTC) + DAY
    return row(number, day, booked, -cents, told | _unstructured(f"Betaling {who} {at:%H:%M}"), announced=at)


def _person(who: str, chance: random.Random) -> dict[str, Any]:
    other = iban(BANKS[chance.randrange(15)], chance.randrange(10**7))
    return {"counterpartName": who, "counterpartReference": other, "description": "Transfer"}


def _unstructured(text: str) -> dict[str, Any]:
    return {"remittanceInformationType": "unstructured", "remittanceInformation": text, "additionalInformation": None}


def row(
    number: str, executed: date, booked: datetime, cents: int, told: dict[str, Any], announced: datetime | None = None
) -> dict[str, Any]:
    return {
        "iban": number, "executed": executed.isoformat(), "value_date": executed.isoformat(), "cents": cents,
        "announced": None if announced is None else ms(announced), "booked": ms(booked), "named": ms(booked),
        "renumbered": None, "told": json.dumps(told, ensure_ascii=False),
    }  # fmt: skip


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
