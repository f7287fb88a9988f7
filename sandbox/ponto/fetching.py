"""Fetches at the bank ("synchronizations"): the provider's own, and those that a person asks for.

What the bank has booked by the time of a fetch becomes transactions then, not before: so the
newest created may be an old movement. Long stretches of virtual time are worked out at once:
of the provider's own fetches in between only the last is made.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from sandbox.ponto import flow, webhooks
from sandbox.ponto.core import Sandbox, iso, named_id
from sandbox.store import Row

HOURS = (2, 8, 14, 20)
_SIX_HOURS = 6 * 3_600_000
_FIRST = 2 * 3_600_000
ENDED = (
    "authorizationExpired",
    "The authorization has expired, you should ask the customer to reauthorize the account",
)
WITHDRAWN = (
    "authorizationInvalid",
    "The authorization is invalid, you should ask the customer to reauthorize the account",
)


class TooSoon(Exception):
    """The account was fetched a moment ago."""


def settle(sandbox: Sandbox) -> None:
    """Work out what time has brought: fetches that are done by now, and the provider's own."""
    with sandbox.working:
        due = sandbox.clock.ms() - sandbox.settings.sync_seconds * 1000
        for row in sandbox.store.all(
            "SELECT * FROM synchronizations WHERE ended IS NULL AND created <= ? ORDER BY seq", (due,)
        ):
            _finish(sandbox, row, int(row["created"]) + sandbox.settings.sync_seconds * 1000)
        if sandbox.settings.own_fetches:
            _own_fetches(sandbox)


def begin(sandbox: Sandbox, account: Row, subtype: str, asked_by: str) -> str:
    """Raises TooSoon."""
    now = sandbox.clock.ms()
    latest = sandbox.store.one(
        "SELECT max(created) AS at FROM synchronizations WHERE account = ? AND subtype = ? AND asked_by <> ''",
        (account["id"], subtype),
    )
    if latest and latest["at"] is not None and now - latest["at"] < sandbox.settings.sync_gap * 1000:
        raise TooSoon
    return _insert(sandbox, account["id"], subtype, now, asked_by)


def fetch_now(sandbox: Sandbox, account: str, at: int | None = None) -> str:
    """One that begins and ends at once."""
    with sandbox.working:
        moment = sandbox.clock.ms() if at is None else at
        identifier = _insert(sandbox, account, "accountTransactions", moment, "")
        row = sandbox.store.one("SELECT * FROM synchronizations WHERE id = ?", (identifier,))
        if row is not None:
            _finish(sandbox, row, moment)
        return identifier


def state(sandbox: Sandbox, row: Row) -> str:
    """pending, running, success or error."""
    if row["ended"] is not None:
        return str(row["status"])
    age = sandbox.clock.ms() - row["created"]
    return "pending" if age < sandbox.settings.sync_pending * 1000 else "running"


def last_slot(moment: int) -> int:
    """The last of 2, 8, 14 and 20 h (UTC) up to this moment."""
    return (moment - _FIRST) // _SIX_HOURS * _SIX_HOURS + _FIRST


def _own_fetches(sandbox: Sandbox) -> None:
    slot = last_slot(sandbox.clock.ms())
    for account in sandbox.store.all("SELECT * FROM accounts WHERE last_own < ?", (slot,)):
        before_end = last_slot(account["expires"])
        if account["last_own"] < before_end < slot:
            fetch_now(sandbox, account["id"], before_end)
        if slot <= account["expires"] or _last_error(sandbox, account["id"]) != ENDED[0]:
            fetch_now(sandbox, account["id"], slot)
        sandbox.store.run("UPDATE accounts SET last_own = ? WHERE id = ?", (slot, account["id"]))


def _last_error(sandbox: Sandbox, account: str) -> str:
    row = sandbox.store.one(
        "SELECT errors FROM synchronizations WHERE account = ? ORDER BY seq DESC LIMIT 1", (account,)
    )
    errors = json.loads(row["errors"]) if row else []
    return str(errors[0]["code"]) if errors else ""


def _insert(sandbox: Sandbox, account: str, subtype: str, created: int, asked_by: str) -> str:
    identifier = str(uuid.uuid4())
    sandbox.store.insert(
        "synchronizations", id=identifier, account=account, subtype=subtype, created=created, asked_by=asked_by
    )
    return identifier


def _finish(sandbox: Sandbox, row: Row, at: int) -> None:
    account = sandbox.store.one("SELECT * FROM accounts WHERE id = ?", (row["account"],))
    if account is None:
        return
    error = _trouble(sandbox, account, at)
    with sandbox.store.transaction():
        if error is not None:
            _end(sandbox, row["id"], at, "error", errors=[error])
            webhooks.tell(sandbox, "synchronization.failed", account["id"], at, row["id"], row["subtype"])
            return
        created, updated = (0, []) if row["subtype"] == "accountDetails" else _copy(sandbox, account, at)
        sandbox.store.run("UPDATE accounts SET synchronised = ? WHERE id = ?", (at, account["id"]))
        _end(sandbox, row["id"], at, "success", updated=updated)
        if created:
            webhooks.tell(sandbox, "account.transactionsCreated", account["id"], at, row["id"], row["subtype"], created)
        if updated:
            webhooks.tell(
                sandbox, "account.transactionsUpdated", account["id"], at, row["id"], row["subtype"], len(updated)
            )
        if not created and not updated:
            webhooks.tell(
                sandbox, "synchronization.succeededWithoutChange", account["id"], at, row["id"], row["subtype"]
            )


def _end(sandbox: Sandbox, identifier: str, at: int, status: str, *, errors: Any = (), updated: Any = ()) -> None:
    sandbox.store.run(
        "UPDATE synchronizations SET ended = ?, status = ?, errors = ?, updated = ? WHERE id = ?",
        (at, status, json.dumps(list(errors)), json.dumps(list(updated)), identifier),
    )


def _trouble(sandbox: Sandbox, account: Row, at: int) -> dict[str, Any] | None:
    """The error of a fetch, as it stands in the attributes of the synchronization."""
    told: tuple[str, str] | None = None
    if account["withdrawn"]:
        told = WITHDRAWN
    elif account["expires"] < at:
        told = ENDED
    for fault in sandbox.faults.strike("POST", f"fetch/{account['id']}"):
        if fault.kind == "failing_fetch":
            details = fault.details
            told = (str(details.get("code", "authorizationInvalid")), str(details.get("detail", WITHDRAWN[1])))
    if told is None:
        return None
    response = {
        "statusCode": 401 if told[0].startswith("authorization") else 500,
        "body": {"tppMessages": [{"category": "ERROR", "code": "CONSENT_INVALID", "text": "refused by the bank"}]},
        "requestId": named_id("bank", account["id"], at)[:8], "timestamp": iso(at),
    }  # fmt: skip
    return {"code": told[0], "detail": told[1], "meta": {"financialInstitutionResponse": response}}


def _copy(sandbox: Sandbox, account: Row, at: int) -> tuple[int, list[str]]:
    """Bring the bank's rows over; how many are new, and the ids of those that changed."""
    store = sandbox.store
    bank = store.one("SELECT * FROM bank_accounts WHERE iban = ?", (account["iban"],))
    if bank is not None:
        flow.make_until(store, bank, datetime.fromtimestamp(at / 1000, UTC).date())
    updated = _rename(sandbox, account, at)
    renumbered = store.all(
        "SELECT t.* FROM transactions t JOIN bank_rows b ON b.id = t.bank_row"
        " WHERE t.account = ? AND t.renumbered = 0 AND b.renumbered <= ? ORDER BY t.seq",
        (account["id"], at),
    )
    for row in renumbered:
        store.run("DELETE FROM transactions WHERE seq = ?", (row["seq"],))
        _insert_transaction(sandbox, account["id"], row["bank_row"], at, named=True, renumbered=1)
    fresh = store.all(
        "SELECT b.id, b.named, b.renumbered FROM bank_rows b WHERE b.iban = ? AND b.booked <= ? AND NOT EXISTS"
        " (SELECT 1 FROM transactions t WHERE t.account = ? AND t.bank_row = b.id) ORDER BY b.booked, b.id",
        (account["iban"], at, account["id"]),
    )
    for row in fresh:
        changed = int(row["renumbered"] is not None and row["renumbered"] <= at)
        _insert_transaction(sandbox, account["id"], row["id"], at, named=row["named"] <= at, renumbered=changed)
    return len(fresh) + len(renumbered), updated


def _rename(sandbox: Sandbox, account: Row, at: int) -> list[str]:
    rows = sandbox.store.all(
        "SELECT t.seq, t.id FROM transactions t JOIN bank_rows b ON b.id = t.bank_row"
        " WHERE t.account = ? AND t.named = 0 AND b.named <= ? ORDER BY t.seq",
        (account["id"], at),
    )
    for row in rows:
        sandbox.store.run("UPDATE transactions SET named = 1 WHERE seq = ?", (row["seq"],))
    return [str(row["id"]) for row in rows]


def _insert_transaction(
    sandbox: Sandbox, account: str, bank_row: int, at: int, *, named: bool, renumbered: int = 0
) -> None:
    sandbox.store.insert(
        "transactions", id=named_id(account, bank_row, renumbered), account=account, bank_row=bank_row, created=at,
        named=int(named), renumbered=renumbered,
    )  # fmt: skip
