"""What happens on a bank account, day by day: the same account and day always give the same rows."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sandbox.saltedge.banks import BY_CODE, iban
from sandbox.store import Row, Store

DAY = timedelta(days=1)
CUSTOMERS = ("Bakkerij De Smet", "Jansen Bouw B.V.", "Garage Lambert", "Peeters & Zonen",
             "Van Dijk Interieur", "Boulangerie Moreau", "Studio Claes", "De Vries Techniek",
             "Hotel Ter Duinen", "Maison Laurent")  # fmt: skip
SUPPLIERS = ("Proximus", "Engie", "Telenet", "Eneco", "KPN", "Orange", "Fluvius", "Securex", "Acerta", "Vandenborre")
SHOPS = ("Colruyt", "Albert Heijn", "Carrefour", "Q8 Tankstation", "Shell", "Bol.com", "NS Reizigers", "SNCB NMBS")


def make_until(store: Store, account: Row, until: date) -> None:
    """Make the days that are not there yet, `until` included. Rows may become visible or booked later than that."""
    day = date.fromisoformat(account["made_until"]) + DAY
    if day > until:
        return
    rows: list[dict[str, Any]] = []
    while day <= until:
        rows += _day(account, day)
        day += DAY
    with store.transaction():
        first = store.next_number("bank_row", len(rows)) if rows else 0
        store.insert_many("bank_rows", [{"id": first + index} | row for index, row in enumerate(rows)])
        store.run("UPDATE bank_accounts SET made_until = ? WHERE iban = ?", (until.isoformat(), account["iban"]))


def _day(account: Row, day: date) -> list[dict[str, Any]]:
    chance = random.Random(f"{account['iban']}/{day.isoformat()}")
    pace = account["pace"] * (0.4 if day.weekday() >= 5 else 1.2)
    count = int(pace) + (chance.random() < pace % 1)
    rows = [row for _ in range(count) for row in _rows(account["iban"], day, chance)]
    return sorted(rows, key=lambda row: row["visible"])


def _rows(number: str, day: date, chance: random.Random) -> list[dict[str, Any]]:
    """One thing that happens: as a rule one row, now and then two that are honestly equal."""
    at = datetime(day.year, day.month, day.day, 6 + chance.randrange(14), chance.randrange(60), tzinfo=UTC)
    kind = chance.random()
    if kind < 0.4:
        return [_received(number, day, at, chance)]
    if kind < 0.7:
        return [_card(number, day, at, chance)] * (2 if chance.random() < 0.05 else 1)
    return [_paid(number, day, at, chance)]


def _received(number: str, day: date, at: datetime, chance: random.Random) -> dict[str, Any]:
    who, cents = chance.choice(CUSTOMERS), chance.randrange(2_000, 450_000)
    ten = chance.randrange(10**9, 10**10)
    printed = f"{ten}{ten % 97 or 97:02d}"
    text = f"+++{printed[:3]}/{printed[3:7]}/{printed[7:]}+++" if chance.random() < 0.6 else f"Factuur {ten % 10_000}"
    extra = {"payer": who, "account_number": _other(chance), "end_to_end_id": f"E2E{ten}"}
    # Some banks book with an earlier date than the day on which they show it.
    dated = day - 3 * DAY if chance.random() < 0.02 else day
    return row(number, dated, at, cents, f"{text} {who}", extra)


def _paid(number: str, day: date, at: datetime, chance: random.Random) -> dict[str, Any]:
    who, cents = chance.choice(SUPPLIERS), chance.randrange(1_500, 180_000)
    extra = {"payee": who, "account_number": _other(chance), "end_to_end_id": "NOTPROVIDED"}
    return row(number, day, at, -cents, f"Domiciliëring {who} {chance.randrange(10**6)}", extra)


def _card(number: str, day: date, at: datetime, chance: random.Random) -> dict[str, Any]:
    """Announced when made, booked one or two nights later."""
    who, cents = chance.choice(SHOPS), chance.randrange(250, 12_000)
    nights = 1 + chance.randrange(2)
    booked = datetime(day.year, day.month, day.day, 5, 30, tzinfo=UTC) + nights * DAY
    return row(number, day, at, -cents, f"Betaling {who} {at:%H:%M}", {"payee": who}, booked)


def _other(chance: random.Random) -> str:
    bank = BY_CODE[chance.choice(("kbc_be", "belfius_be", "ing_nl", "rabobank_nl"))]
    return iban(bank, chance.randrange(10**7))


def row(
    number: str, made_on: date, visible: datetime, cents: int, text: str, extra: dict[str, str],
    booked: datetime | None = None,
) -> dict[str, Any]:  # fmt: skip
    posted = made_on if booked is None else booked.date()
    return {
        "iban": number, "made_on": made_on.isoformat(), "posting_date": posted.isoformat(), "amount": cents,
        "visible": ms(visible), "booked": ms(booked or visible), "description": text, "extra": json.dumps(extra),
    }  # fmt: skip


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
