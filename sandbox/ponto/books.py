"""The banks' own books: accounts, movements made by hand, and the truth that readers are measured by."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sandbox.money import cents, money
from sandbox.ponto import flow
from sandbox.ponto.banks import BY_NAME, iban
from sandbox.ponto.core import Sandbox, iso, named_id
from sandbox.store import Row

DAY = timedelta(days=1)


def numbers_of(sandbox: Sandbox, organisation: str) -> list[str]:
    """IBANs of an organisation's accounts, in the order they were made."""
    rows = sandbox.store.all("SELECT iban FROM bank_accounts WHERE organisation = ? ORDER BY rowid", (organisation,))
    return [str(row["iban"]) for row in rows]


def add_organisation(sandbox: Sandbox, login: str, name: str) -> str:
    identifier = named_id("organisation", login)
    sandbox.store.insert("organisations", id=identifier, login=login, name=name)
    return identifier


def add_account(sandbox: Sandbox, spec: dict[str, Any]) -> str:
    """Its number. Keys: organisation (login), bank; iban or number, holder, name, kind, currency, opening, pace, seed,
    history_days.

    `pace` is movements a day; 0 is an account where only what is added happens. Raises ValueError.
    """
    organisation = sandbox.organisation(str(spec["organisation"]))
    if organisation is None or spec["bank"] not in BY_NAME:
        raise ValueError("no such organisation or bank")
    counted = sandbox.store.one("SELECT 5000000 + count(*) AS next FROM bank_accounts")
    own = int(spec.get("number") or (counted["next"] if counted else 0))
    number = spec.get("iban") or iban(BY_NAME[spec["bank"]], own)
    begins = sandbox.clock.now().date() - timedelta(days=int(spec.get("history_days", 30)))
    sandbox.store.insert(
        "bank_accounts", iban=number, organisation=organisation["id"], bank=spec["bank"],
        holder=spec.get("holder", organisation["name"]), name=spec.get("name", "Zichtrekening"),
        kind=spec.get("kind", "checking"), currency=spec.get("currency", "EUR"),
        opening=cents(spec.get("opening", "0")), pace=float(spec.get("pace", 1)),
        seed=str(spec.get("seed", number)), made_until=(begins - DAY).isoformat(),
    )  # fmt: skip
    return str(number)


def add_row(sandbox: Sandbox, number: str, spec: dict[str, Any]) -> int:
    """One movement at the bank; its number there. Keys: amount; date, value_date, counterpart, counterpart_account,
    remittance, structured, and the instants announced, booked (default: now), named, renumbered. Raises ValueError."""
    if sandbox.store.one("SELECT 1 FROM bank_accounts WHERE iban = ?", (number,)) is None:
        raise ValueError(f"no account {number}")
    now = sandbox.clock.now()
    day = date.fromisoformat(str(spec.get("date") or now.date()))
    booked = _moment(spec.get("booked")) or flow.ms(now)
    told = {
        "counterpartName": spec.get("counterpart") or None,
        "counterpartReference": spec.get("counterpart_account") or None,
        "remittanceInformation": spec.get("remittance") or None,
        "remittanceInformationType": "structured" if spec.get("structured") else "unstructured",
        "description": "Transfer", "bankTransactionCode": "PMNT-RCDT-ESCT", "additionalInformation": None,
    }  # fmt: skip
    values = flow.row(number, day, now, cents(spec["amount"]), told) | {
        "value_date": str(spec.get("value_date") or day), "announced": _moment(spec.get("announced")), "booked": booked,
        "named": _moment(spec.get("named")) or booked, "renumbered": _moment(spec.get("renumbered")),
    }  # fmt: skip
    with sandbox.store.transaction():
        sandbox.store.insert("bank_rows", **values)
        found = sandbox.store.one("SELECT max(id) AS id FROM bank_rows")
        return int(found["id"]) if found else 0


def bank_rows(sandbox: Sandbox, number: str | None = None) -> list[dict[str, Any]]:
    """What the bank's books say now, booked and announced: the truth that whoever reads is measured by."""
    now = sandbox.clock.now()
    for row in sandbox.store.all("SELECT * FROM bank_accounts WHERE ? IS NULL OR iban = ?", (number, number)):
        flow.make_until(sandbox.store, row, now.date())
    rows = sandbox.store.all(
        "SELECT r.*, t.id AS transaction_id FROM bank_rows r LEFT JOIN transactions t ON t.bank_row = r.id"
        " WHERE (? IS NULL OR r.iban = ?) AND (r.booked <= ? OR r.announced <= ?) ORDER BY r.iban, r.booked, r.id",
        (number, number, flow.ms(now), flow.ms(now)),
    )
    return [_bank_row(row, flow.ms(now)) for row in rows]


def _bank_row(row: Row, now: int) -> dict[str, Any]:
    told = json.loads(row["told"])
    return {
        "id": row["id"], "account": row["iban"], "status": "booked" if row["booked"] <= now else "pending",
        "date": row["executed"], "value_date": row["value_date"], "amount": money(row["cents"]),
        "counterparty": told["counterpartName"] or "", "counterparty_account": told["counterpartReference"] or "",
        "remittance": told["remittanceInformation"] or "", "booked_at": iso(row["booked"]),
        "transaction": row["transaction_id"] or "",
    }  # fmt: skip


def _moment(value: object) -> int | None:
    if not value:
        return None
    found = datetime.fromisoformat(str(value))
    return flow.ms(found if found.tzinfo else found.replace(tzinfo=UTC))
