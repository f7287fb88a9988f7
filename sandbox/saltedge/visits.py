"""A person's way through the provider's pages: choose a bank, log in, choose accounts, come back."""

from __future__ import annotations

import json
import random
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sandbox.saltedge import attempts, flow
from sandbox.saltedge.banks import BY_CODE, Bank, iban
from sandbox.saltedge.core import Sandbox
from sandbox.saltedge.errors import ApiError
from sandbox.store import Row

DAY = 86_400_000
VISIT = 3_600_000  # ms that a connect_url can be used
MOST_DAYS = 365_000  # what a consent without an end is kept as
WRONG = "wrong"  # the password that no bank accepts


def open_visit(sandbox: Sandbox, customer: int, connection: Row | None, data: dict[str, Any]) -> Row:
    """Write down what an app asked for. Raises ApiError."""
    attempt, consent = data.get("attempt") or {}, data.get("consent") or {}
    provider = data.get("provider") or {}
    code = connection["provider"] if connection else str(provider.get("code") or "")
    if code and code not in BY_CODE:
        raise ApiError("ProviderNotFound", f"Provider with code: '{code}' was not found.")
    if code and BY_CODE[code].status != "active":
        raise ApiError("ProviderDisabled", f"Provider with code: '{code}' is disabled.")
    if not consent.get("scopes"):
        raise ApiError("WrongRequestFormat", "consent.scopes is missing.")
    if urlsplit(str(attempt.get("return_to", ""))).scheme not in ("http", "https"):
        raise ApiError("WrongRequestFormat", "attempt.return_to must be an address.")
    token = secrets.token_urlsafe(18)
    sandbox.store.insert(
        "visits", token=token, customer=customer, connection=connection["id"] if connection else None, provider=code,
        return_to=attempt["return_to"], custom_fields=json.dumps(attempt.get("custom_fields") or {}),
        from_date=str(consent.get("from_date") or ""), period_days=consent.get("period_days"),
        include_sandboxes=int(bool(provider.get("include_sandboxes"))), expires=sandbox.clock.ms() + VISIT,
    )  # fmt: skip
    return visit(sandbox, token)


def visit(sandbox: Sandbox, token: str) -> Row:
    """Raises ApiError when it was used or is too old."""
    row = sandbox.store.one(
        "SELECT * FROM visits WHERE token = ? AND used = 0 AND expires > ?", (token, sandbox.clock.ms())
    )
    if row is None:
        raise ApiError("ActionNotAllowed", "This page was used, or nobody came for an hour.")
    return row


def accounts_of(sandbox: Sandbox, bank: Bank, login: str) -> list[Row]:
    """What a log-in sees at a bank: always the same accounts, made when it comes for the first time."""
    store = sandbox.store
    query = "SELECT * FROM bank_accounts WHERE provider = ? AND login = ? ORDER BY rowid"
    if found := store.all(query, (bank.code, login)):
        return found
    chance = random.Random(f"{bank.code}/{login}")
    for name, nature in (("Zichtrekening", "account"), ("Spaarrekening", "savings"))[: 1 + chance.randrange(2)]:
        add_bank_account(
            sandbox, bank, login, iban(bank, chance.randrange(10**7)), name=name, nature=nature,
            holder=login.replace(".", " ").title(), opening=chance.randrange(50_000, 3_000_000),
            pace=3.0 if nature == "account" else 0.2,
        )  # fmt: skip
    return store.all(query, (bank.code, login))


def add_bank_account(
    sandbox: Sandbox, bank: Bank, login: str, number: str, *, name: str, nature: str, holder: str, opening: int,
    pace: float, since: date | None = None, currency: str = "EUR",
) -> None:  # fmt: skip
    """`pace`: rows a day on average; nothing happens on it before `since`."""
    began = since or sandbox.clock.now().date() - timedelta(days=sandbox.settings.history_days + 30)
    sandbox.store.insert(
        "bank_accounts", iban=number, provider=bank.code, login=login, name=name, holder=holder, nature=nature,
        currency=currency, opening=opening, pace=pace, made_until=(began - timedelta(days=1)).isoformat(),
    )  # fmt: skip


def cancel(sandbox: Sandbox, row: Row) -> str:
    """The address to go back to."""
    sandbox.store.run("UPDATE visits SET used = 1 WHERE token = ?", (row["token"],))
    return _back(row["return_to"], error_class="Cancelled")


def complete(sandbox: Sandbox, row: Row, bank: Bank, login: str, password: str, chosen: list[str]) -> str:
    """Make or renew the connection, fetch for the first time, and give the address to go back to."""
    store, now = sandbox.store, sandbox.clock.ms()
    with store.transaction():
        store.run("UPDATE visits SET used = 1 WHERE token = ?", (row["token"],))
        connection = _connection(sandbox, row, bank, login, now)
        attempt = attempts.begin(
            sandbox, connection, now, background=False, custom_fields=row["custom_fields"], at_once=True
        )
        if password == WRONG and not attempt["error_class"]:
            store.run(
                "UPDATE attempts SET error_class = 'InvalidCredentials', error_message = ? WHERE id = ?",
                (attempts.SAID["InvalidCredentials"], attempt["id"]),
            )
        attempt = store.all("SELECT * FROM attempts WHERE id = ?", (attempt["id"],))[0]
        if not attempt["error_class"]:
            _consent(sandbox, row, bank, connection, now)
            _share(sandbox, connection, chosen, now, row["from_date"])
        attempts.finish(sandbox, attempt)
    told = {"error_class": attempt["error_class"]} if attempt["error_class"] else {}
    return _back(row["return_to"], connection_id=str(connection["id"]), **told)


def _connection(sandbox: Sandbox, row: Row, bank: Bank, login: str, now: int) -> Row:
    store, number = sandbox.store, row["connection"]
    if number is None:
        number = sandbox.new_id()
        store.insert(
            "connections", id=number, customer=row["customer"], provider=bank.code, login=login, status="inactive",
            created=now, updated=now,
        )  # fmt: skip
    return store.all("SELECT * FROM connections WHERE id = ?", (number,))[0]


def _consent(sandbox: Sandbox, row: Row, bank: Bank, connection: Row, now: int) -> None:
    store, consent = sandbox.store, sandbox.new_id()
    days = min(row["period_days"] or MOST_DAYS, bank.max_consent_days or MOST_DAYS)
    store.run(
        "UPDATE consents SET revoked = ?, revoke_reason = 'client' WHERE connection = ? AND revoked IS NULL",
        (now, connection["id"]),
    )
    store.insert(
        "consents", id=consent, connection=connection["id"], from_date=row["from_date"], period_days=days, created=now,
        expires=now + days * DAY,
    )  # fmt: skip
    period = int(sandbox.settings.automatic_hours * attempts.HOUR)
    store.run(
        "UPDATE connections SET status = 'active', last_consent = ?, next_automatic = ? WHERE id = ?",
        (consent, now + period if period else None, connection["id"]),
    )


def _share(sandbox: Sandbox, connection: Row, chosen: list[str], now: int, from_date: str) -> None:
    """The accounts that were ticked. One that was shared before keeps its id and what was copied of it."""
    store = sandbox.store
    reach = timedelta(days=sandbox.settings.history_days)
    first = date.fromisoformat(from_date) if from_date else sandbox.clock.now().date() - reach
    copied = flow.ms(datetime(first.year, first.month, first.day, tzinfo=UTC))
    known = {
        row["iban"]: row["id"] for row in store.all("SELECT * FROM accounts WHERE connection = ?", (connection["id"],))
    }
    for number in known.keys() - set(chosen):
        store.run("DELETE FROM transactions WHERE account = ?", (known[number],))
        store.run("DELETE FROM accounts WHERE id = ?", (known[number],))
    for number in chosen:
        if number not in known:
            store.insert(
                "accounts", id=sandbox.new_id(), connection=connection["id"], iban=number, balance=0, copied=copied,
                updated=now,
            )  # fmt: skip


def _back(return_to: str, **values: str) -> str:
    parts = urlsplit(return_to)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *values.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))
