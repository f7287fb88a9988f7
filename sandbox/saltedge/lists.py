"""Lists as the API gives them: rows by id, pages that name the id of the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.saltedge import attempts
from sandbox.saltedge.banks import BANKS, BY_CODE
from sandbox.saltedge.core import Sandbox, iso
from sandbox.saltedge.errors import ApiError
from sandbox.store import Row

USUAL_PAGE, MOST_A_PAGE = 100, 1000
Arguments = Mapping[str, str]


def amount(cents: int) -> float:
    """As the JSON number that a provider writes: 12.5, never 12.50."""
    return cents / 100


def _page(rows: Sequence[dict[str, Any]], arguments: Arguments) -> dict[str, Any]:
    """`rows` begin at `from_id`, one more than fits says that there is a next page."""
    size = _size(arguments)
    following = rows[size]["id"] if len(rows) > size else None
    return {"data": list(rows[:size]), "meta": {"next_id": following, "next_page": None}}


def _size(arguments: Arguments) -> int:
    given = arguments.get("per_page", str(USUAL_PAGE))
    if not given.isdigit() or not 1 <= int(given) <= MOST_A_PAGE:
        raise ApiError("WrongRequestFormat", f"per_page must be from 1 to {MOST_A_PAGE}.")
    return int(given)


def _start(arguments: Arguments) -> int:
    return number(arguments.get("from_id") or 0)


def number(given: object) -> int:
    """An id. One that is none matches nothing."""
    text = str(given or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


# --------------------------------------------------------------------------- look-ups that refuse


def customer(sandbox: Sandbox, app: str, given: object) -> Row:
    row = sandbox.store.one("SELECT * FROM customers WHERE app = ? AND id = ?", (app, number(given)))
    if row is None:
        raise ApiError("CustomerNotFound", f"Customer with id: '{given}' was not found.")
    return row


def connection(sandbox: Sandbox, app: str, given: object) -> Row:
    row = sandbox.store.one(
        "SELECT k.* FROM connections k JOIN customers c ON c.id = k.customer WHERE c.app = ? AND k.id = ?",
        (app, number(given)),
    )
    if row is None:
        raise ApiError("ConnectionNotFound", f"Connection with id: '{given}' was not found.")
    return row


def in_force(sandbox: Sandbox, row: Row) -> None:
    """Refuse what needs a consent when there is none any more."""
    consent = sandbox.store.one("SELECT * FROM consents WHERE id = ?", (row["last_consent"],))
    if consent is None:
        raise ApiError("ConnectionDisabled", "There is no consent for this connection.")
    if consent["revoked"] is not None:
        expired = consent["revoke_reason"] == "expired"
        kind, what = ("ConsentExpired", "has expired") if expired else ("ConsentRevoked", "was revoked")
        raise ApiError(kind, f"Consent with id: '{consent['id']}' {what}.")


# --------------------------------------------------------------------------- lists


def customers(sandbox: Sandbox, app: str, arguments: Arguments) -> dict[str, Any]:
    rows = sandbox.store.all(
        "SELECT * FROM customers WHERE app = ? AND id >= ? ORDER BY id LIMIT ?",
        (app, _start(arguments), _size(arguments) + 1),
    )
    return _page([customer_body(row) for row in rows], arguments)


def customer_body(row: Row) -> dict[str, Any]:
    name = str(row["id"])
    return {"id": name, "customer_id": name, "identifier": row["identifier"], "created_at": iso(row["created"])}


def providers(arguments: Arguments) -> dict[str, Any]:
    country, start = arguments.get("country_code", "").upper(), _start(arguments)
    found = [
        bank.body() for bank in BANKS
        if country in ("", bank.country)
        and (not bank.sandbox or arguments.get("include_sandboxes") == "true")
        and (bank.status == "active" or arguments.get("exclude_inactive") != "true")
    ]  # fmt: skip
    return _page([row for row in found if int(row["id"]) >= start], arguments)


def connections(sandbox: Sandbox, app: str, arguments: Arguments) -> dict[str, Any]:
    owner = customer(sandbox, app, arguments.get("customer_id"))
    rows = sandbox.store.all(
        "SELECT * FROM connections WHERE customer = ? AND id >= ? ORDER BY id LIMIT ?",
        (owner["id"], _start(arguments), _size(arguments) + 1),
    )
    return _page([connection_body(sandbox, row) for row in rows], arguments)


def connection_body(sandbox: Sandbox, row: Row) -> dict[str, Any]:
    bank = BY_CODE[row["provider"]]
    last = sandbox.store.one("SELECT * FROM attempts WHERE id = ?", (row["last_attempt"],))
    owner = sandbox.store.all("SELECT * FROM customers WHERE id = ?", (row["customer"],))[0]
    return {
        "id": str(row["id"]), "customer_id": str(row["customer"]), "customer_identifier": owner["identifier"],
        "provider_code": bank.code, "provider_name": bank.name, "country_code": bank.country, "status": row["status"],
        "categorization": "none", "automatic_refresh": row["next_automatic"] is not None,
        "last_consent_id": None if row["last_consent"] is None else str(row["last_consent"]),
        "last_success_at": iso(row["last_success"]), "next_refresh_possible_at": iso(row["next_refresh"]),
        "created_at": iso(row["created"]), "updated_at": iso(row["updated"]),
        "last_attempt": None if last is None else attempts.body(last, sandbox.clock.ms()),
    }  # fmt: skip


def consents(sandbox: Sandbox, app: str, arguments: Arguments) -> dict[str, Any]:
    owner = connection(sandbox, app, arguments.get("connection_id"))
    rows = sandbox.store.all(
        "SELECT * FROM consents WHERE connection = ? AND id >= ? ORDER BY id LIMIT ?",
        (owner["id"], _start(arguments), _size(arguments) + 1),
    )
    return _page([consent_body(row, owner) for row in rows], arguments)


def consent_body(row: Row, owner: Row) -> dict[str, Any]:
    bank = BY_CODE[owner["provider"]]
    endless = bank.max_consent_days is None and row["period_days"] > 100_000
    return {
        "id": str(row["id"]), "connection_id": str(row["connection"]), "customer_id": str(owner["customer"]),
        "scopes": ["accounts", "holder_info", "transactions"], "collected_by": "client",
        "period_days": None if endless else row["period_days"], "from_date": row["from_date"] or None, "to_date": None,
        "created_at": iso(row["created"]), "expires_at": None if endless else iso(row["expires"]),
        "revoked_at": iso(row["revoked"]), "revoke_reason": row["revoke_reason"] or None,
    }  # fmt: skip


def accounts(sandbox: Sandbox, app: str, arguments: Arguments) -> dict[str, Any]:
    owner = connection(sandbox, app, arguments.get("connection_id"))
    in_force(sandbox, owner)
    rows = sandbox.store.all(
        "SELECT a.*, b.name, b.nature, b.currency, b.holder, ? AS created FROM accounts a"
        " JOIN bank_accounts b ON b.iban = a.iban WHERE a.connection = ? AND a.id >= ? ORDER BY a.id LIMIT ?",
        (owner["created"], owner["id"], _start(arguments), _size(arguments) + 1),
    )
    return _page([_account_body(row) for row in rows], arguments)


def _account_body(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]), "connection_id": str(row["connection"]), "name": row["iban"], "nature": row["nature"],
        "balance": amount(row["balance"]), "currency_code": row["currency"], "created_at": iso(row["created"]),
        "updated_at": iso(row["updated"]),
        "extra": {"iban": row["iban"], "account_name": row["name"], "client_name": row["holder"]},
    }  # fmt: skip


def transactions(sandbox: Sandbox, app: str, arguments: Arguments) -> dict[str, Any]:
    owner = connection(sandbox, app, arguments.get("connection_id"))
    in_force(sandbox, owner)
    pending, duplicated = arguments.get("pending") == "true", arguments.get("duplicated") == "true"
    account = _account(sandbox, owner, arguments.get("account_id"))
    # By account the index gives the order; over a whole connection everything would be sorted for each page.
    whose, key = ("t.account = ?", account) if account else ("a.connection = ?", owner["id"])
    rows = sandbox.store.all(
        "SELECT t.*, r.made_on, r.posting_date, r.amount, r.description, r.extra, b.currency"  # noqa: S608 - own words
        " FROM transactions t JOIN accounts a ON a.id = t.account JOIN bank_rows r ON r.id = t.bank_row"
        f" JOIN bank_accounts b ON b.iban = a.iban WHERE {whose} AND t.status = ? AND t.duplicated = ? AND t.id >= ?"
        " ORDER BY t.id LIMIT ?",
        (key, "pending" if pending else "posted", int(duplicated), _start(arguments), _size(arguments) + 1),
    )
    return _page([_transaction_body(row) for row in rows], arguments)


def _account(sandbox: Sandbox, owner: Row, given: str | None) -> int:
    """0 for all of the connection."""
    if given is None:
        return 0
    row = sandbox.store.one("SELECT id FROM accounts WHERE connection = ? AND id = ?", (owner["id"], number(given)))
    if row is None:
        raise ApiError("AccountNotFound", f"Account with id: '{given}' was not found.")
    return int(row["id"])


def _transaction_body(row: Row) -> dict[str, Any]:
    extra = json.loads(row["extra"]) | {"id": f"B{row['bank_row']}"}
    if row["status"] == "posted":
        extra["posting_date"] = row["posting_date"]
    return {
        "id": str(row["id"]), "account_id": str(row["account"]), "status": row["status"], "mode": "normal",
        "made_on": row["made_on"], "amount": amount(row["amount"]), "currency_code": row["currency"],
        "description": row["description"], "category": "uncategorized", "duplicated": bool(row["duplicated"]),
        "extra": extra, "created_at": iso(row["created"]), "updated_at": iso(row["created"]),
    }  # fmt: skip
