"""What stands in the banks' books, for people and for checks from outside."""

from __future__ import annotations

import json
from typing import Any

from sandbox.money import money
from sandbox.saltedge import flow
from sandbox.saltedge.core import Sandbox, iso
from sandbox.store import Store


def booked(sandbox: Sandbox, account: str | None, since: str | None = None) -> list[dict[str, Any]]:
    """Rows booked up to now, in order of booking; `since` leaves out those with an earlier date. Amounts are texts."""
    store, now = sandbox.store, sandbox.clock.ms()
    for bank in store.all("SELECT * FROM bank_accounts WHERE ? IS NULL OR iban = ?", (account, account)):
        flow.make_until(store, bank, sandbox.clock.now().date())
    rows = store.all(
        "SELECT * FROM bank_rows WHERE (? IS NULL OR iban = ?) AND booked <= ? AND posting_date >= ?"
        " ORDER BY iban, booked, id",
        (account, account, now, since or ""),
    )
    return [
        {
            "id": f"B{row['id']}", "account": row["iban"], "date": row["posting_date"], "made_on": row["made_on"],
            "amount": money(row["amount"]), "description": row["description"], "booked_at": iso(row["booked"]),
            "extra": json.loads(row["extra"]),
        }
        for row in rows
    ]  # fmt: skip


def reissue(sandbox: Sandbox, account: str, days: int) -> int:
    """Give the copies of the last days other ids, as when a bank changes its own; the old ones are gone."""
    store = sandbox.store
    since = sandbox.clock.ms() - days * 86_400_000
    with store.transaction():
        rows = store.all(
            "SELECT t.* FROM transactions t JOIN accounts a ON a.id = t.account JOIN bank_rows r ON r.id = t.bank_row"
            " WHERE a.iban = ? AND t.status = 'posted' AND t.duplicated = 0 AND r.booked >= ? ORDER BY t.id",
            (account, since),
        )
        for row in rows:
            store.run("UPDATE transactions SET id = ? WHERE id = ?", (sandbox.new_id(), row["id"]))
    return len(rows)


def connections(store: Store) -> list[dict[str, Any]]:
    """All of them, with their consent, last error and accounts; balances are texts."""
    rows = store.all(
        "SELECT k.*, c.identifier, s.expires, s.revoked, s.revoke_reason, t.error_class FROM connections k"
        " JOIN customers c ON c.id = k.customer LEFT JOIN consents s ON s.id = k.last_consent"
        " LEFT JOIN attempts t ON t.id = k.last_attempt ORDER BY k.id"
    )
    return [
        {
            "id": str(row["id"]), "customer": str(row["customer"]), "identifier": row["identifier"],
            "provider": row["provider"], "login": row["login"], "status": row["status"],
            "expires_at": iso(row["expires"]), "revoked_at": iso(row["revoked"]), "why": row["revoke_reason"] or "",
            "last_success_at": iso(row["last_success"]), "next_refresh_possible_at": iso(row["next_refresh"]),
            "last_error": row["error_class"] or "",
            "accounts": [
                {"id": str(one["id"]), "iban": one["iban"], "balance": money(one["balance"])}
                for one in store.all("SELECT * FROM accounts WHERE connection = ? ORDER BY id", (row["id"],))
            ],
        }
        for row in rows
    ]  # fmt: skip


def totals(store: Store) -> dict[str, int]:
    row = store.one(
        "SELECT (SELECT count(*) FROM connections) AS connections, (SELECT count(*) FROM bank_accounts) AS accounts,"
        " (SELECT count(*) FROM transactions) AS transactions,"
        " (SELECT count(*) FROM callbacks WHERE answer IS NULL) AS callbacks_waiting"
    )
    return (
        {name: int(row[name]) for name in ("connections", "accounts", "transactions", "callbacks_waiting")}
        if row
        else {}
    )
