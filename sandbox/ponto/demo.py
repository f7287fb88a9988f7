"""Organisations with accounts at many banks, the same every time; real names of banks, made-up holders."""

from __future__ import annotations

from datetime import timedelta

from sandbox.exact import demo_data
from sandbox.ponto import books
from sandbox.ponto.banks import BY_NAME, iban
from sandbox.ponto.core import Sandbox

APP_ID, APP_SECRET = "b7c1f5b2-3f0e-4a5e-9d5c-0c5a6f1e7a01", "demo-secret-ponto"
HISTORY = timedelta(days=90)
COUNT = 40
BANKS = {
    "BE": ("KBC", "Belfius", "BNP Paribas Fortis", "ING België", "Argenta"),
    "NL": ("Rabobank", "ING Nederland", "ABN AMRO"),
    "FR": ("Crédit Agricole", "Crédit Mutuel", "BNP Paribas"),
}


def seed(sandbox: Sandbox) -> None:
    """Once: a sandbox that has organisations stays as it is. Holders are those of the Exact stand-in's demo."""
    if sandbox.store.one("SELECT 1 FROM organisations") is not None:
        return
    sandbox.add_app(APP_ID, APP_SECRET, ["http://127.0.0.1:*", "http://localhost:*"])
    for position, division in enumerate(demo_data.divisions()):
        if position == COUNT:
            break
        _organisation(sandbox, position, str(division["name"]), str(division["country"]), str(division["iban"]))


def _organisation(sandbox: Sandbox, position: int, name: str, country: str, known: str) -> None:
    """The account that is in the books already, and one or two at other banks."""
    login = f"org{position + 1:02d}"
    books.add_organisation(sandbox, login, name)
    banks = BANKS[country]
    first = {"BE": "KBC", "NL": "Rabobank", "FR": "BNP Paribas"}[country]
    accounts = [(first, known, "checking", "Zichtrekening")]
    for extra in range(1 + position % 2):
        bank = banks[(position + extra) % len(banks)]
        kind, label = ("savings", "Spaarrekening") if extra else ("checking", "Tweede rekening")
        accounts.append((bank, iban(BY_NAME[bank], 4_100_000 + 10 * position + extra), kind, label))
    for bank, number, kind, label in accounts:
        books.add_account(
            sandbox,
            {
                "organisation": login, "bank": bank, "iban": number, "holder": name, "kind": kind, "name": label,
                "pace": 0.2 if kind == "savings" else 1.5, "history_days": HISTORY.days, "opening": "12500.00",
            },
        )  # fmt: skip
