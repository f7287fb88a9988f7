"""What happens at the bank: attempts that begin, take their time and end, and what they bring."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

from sandbox.saltedge import callbacks, flow
from sandbox.saltedge.core import ATTEMPT, Sandbox, iso
from sandbox.store import Row

STAGES = ("start", "connect", "fetch_accounts", "fetch_recent", "fetch_full", "disconnect", "finish")
SAID = {
    "InvalidCredentials": "The bank does not accept these credentials.",
    "InteractiveTimeout": "Interactive step has timed out.",
    "ProviderUnavailable": "The bank is not available.",
    "ProviderError": "The bank answered with an error.",
    "FetchingTimeout": "Fetching took too long.",
}
HOUR = 3_600_000


def catch_up(sandbox: Sandbox) -> None:
    """Bring about all that has become due: consents that end, attempts that finish, fetches of the provider itself."""
    store, now = sandbox.store, sandbox.clock.ms()
    with store.transaction():
        _end_consents(sandbox, now)
        for row in store.all("SELECT * FROM attempts WHERE finished = 0 AND ends <= ? ORDER BY ends", (now,)):
            finish(sandbox, row)
        due = store.all(
            "SELECT * FROM connections WHERE status = 'active' AND next_automatic <= ? ORDER BY next_automatic", (now,)
        )
        for connection in due:
            _fetch_unasked(sandbox, connection, now)


def _end_consents(sandbox: Sandbox, now: int) -> None:
    store = sandbox.store
    for row in store.all("SELECT * FROM consents WHERE revoked IS NULL AND expires <= ?", (now,)):
        end_consent(sandbox, row, "expired", row["expires"])


def end_consent(sandbox: Sandbox, consent: Row, reason: str, at: int) -> None:
    """`reason`: expired or client. A connection that has no newer one stops with it."""
    store = sandbox.store
    store.run("UPDATE consents SET revoked = ?, revoke_reason = ? WHERE id = ?", (at, reason, consent["id"]))
    status = "inactive" if reason == "expired" else "disabled"
    store.run(
        "UPDATE connections SET status = ?, updated = ? WHERE id = ? AND last_consent = ?",
        (status, at, consent["connection"], consent["id"]),
    )


def _fetch_unasked(sandbox: Sandbox, connection: Row, now: int) -> None:
    """Only the last of the fetches that were due while nobody looked: it brings what all of them would have."""
    period = int(sandbox.settings.automatic_hours * HOUR)
    if not period:
        return
    at = connection["next_automatic"] + (now - connection["next_automatic"]) // period * period
    sandbox.store.run("UPDATE connections SET next_automatic = ? WHERE id = ?", (at + period, connection["id"]))
    running = sandbox.store.one("SELECT 1 FROM attempts WHERE connection = ? AND finished = 0", (connection["id"],))
    if running is None:
        attempt = begin(sandbox, connection, at, background=True)
        if attempt["ends"] <= now:
            finish(sandbox, attempt)


def begin(
    sandbox: Sandbox, connection: Row, at: int, *, background: bool, remote_ip: str = "",
    custom_fields: str = "{}", at_once: bool = False,
) -> Row:  # fmt: skip
    """An attempt; whether it will fail is decided now. `at_once`: a person is waiting on the page."""
    struck = sandbox.faults.strike(ATTEMPT, f"{connection['provider']}/{connection['id']}")
    failing = next((fault.kind for fault in struck), "")
    attempt = sandbox.new_id()
    seconds = 0.0 if at_once else sandbox.settings.fetch_seconds
    sandbox.store.insert(
        "attempts", id=attempt, connection=connection["id"], begun=at, ends=at + int(seconds * 1000),
        error_class=failing, error_message=SAID.get(failing, ""), background=int(background), remote_ip=remote_ip,
        custom_fields=custom_fields,
    )  # fmt: skip
    sandbox.store.run(
        "UPDATE connections SET last_attempt = ?, updated = ? WHERE id = ?", (attempt, at, connection["id"])
    )
    row = sandbox.store.one("SELECT * FROM attempts WHERE id = ?", (attempt,))
    assert row is not None  # noqa: S101 - it was put there a line ago
    return row


def finish(sandbox: Sandbox, attempt: Row) -> None:
    """Copy what the bank booked, unless it fails, and tell the app."""
    store, at = sandbox.store, attempt["ends"]
    store.run("UPDATE attempts SET finished = 1 WHERE id = ?", (attempt["id"],))
    store.run(
        "UPDATE connections SET next_refresh = ?, updated = ? WHERE id = ?",
        (at + sandbox.settings.refresh_gap * 1000, at, attempt["connection"]),
    )
    if not attempt["error_class"]:
        for account in store.all("SELECT * FROM accounts WHERE connection = ?", (attempt["connection"],)):
            _copy(sandbox, account, at)
        store.run("UPDATE connections SET last_success = ? WHERE id = ?", (at, attempt["connection"]))
    callbacks.tell(sandbox, attempt)


def _copy(sandbox: Sandbox, account: Row, at: int) -> None:
    """Take over what the bank booked since the last time. Announced rows are thrown away and taken anew."""
    store = sandbox.store
    bank = store.one("SELECT * FROM bank_accounts WHERE iban = ?", (account["iban"],))
    if bank is None:
        return
    flow.make_until(store, bank, datetime.fromtimestamp(at / 1000, UTC).date())
    store.run("DELETE FROM transactions WHERE account = ? AND status = 'pending'", (account["id"],))
    booked = store.all(
        "SELECT id FROM bank_rows r WHERE iban = ? AND booked >= ? AND booked <= ? AND NOT EXISTS"
        " (SELECT 1 FROM transactions t WHERE t.account = ? AND t.bank_row = r.id) ORDER BY booked, id",
        (account["iban"], account["copied"], at, account["id"]),
    )
    made: list[dict[str, Any]] = []
    for row in booked:
        made.append(_transaction(account, row["id"], at))
        if sandbox.settings.duplicates and random.Random(f"twice/{row['id']}").random() < 0.02:
            made.append(_transaction(account, row["id"], at) | {"duplicated": 1})
    announced = store.all(
        "SELECT id FROM bank_rows WHERE iban = ? AND visible <= ? AND booked > ? ORDER BY visible, id",
        (account["iban"], at, at),
    )
    made += [_transaction(account, row["id"], at) | {"status": "pending"} for row in announced]
    first = sandbox.new_id(len(made)) if made else 0
    store.insert_many("transactions", [{"id": first + index} | row for index, row in enumerate(made)])
    store.run(
        "UPDATE accounts SET copied = ?, balance = ?, updated = ? WHERE id = ?",
        (at, balance(sandbox, bank, at), at, account["id"]),
    )


def _transaction(account: Row, bank_row: int, at: int) -> dict[str, Any]:
    return {"account": account["id"], "bank_row": bank_row, "status": "posted", "duplicated": 0, "created": at}


def balance(sandbox: Sandbox, bank: Row, at: int) -> int:
    """Cents that are booked at the bank."""
    row = sandbox.store.one(
        "SELECT coalesce(sum(amount), 0) AS cents FROM bank_rows WHERE iban = ? AND booked <= ?", (bank["iban"], at)
    )
    return int(bank["opening"]) + int(row["cents"] if row else 0)


def body(attempt: Row, now: int) -> dict[str, Any]:
    """The attempt as the API tells it; a running one has reached the stage that its time gives."""
    done, failed = bool(attempt["finished"]), bool(attempt["finished"] and attempt["error_class"])
    spent = 1.0 if done else (now - attempt["begun"]) / max(1, attempt["ends"] - attempt["begun"])
    reached = STAGES if done and not failed else STAGES[: max(1, min(int(spent * 6) + 1, 6))]
    ended = iso(attempt["ends"])
    return {
        "id": str(attempt["id"]), "finished": done, "automatic_fetch": bool(attempt["background"]),
        "user_present": not attempt["background"], "remote_ip": attempt["remote_ip"],
        "custom_fields": json.loads(attempt["custom_fields"]), "created_at": iso(attempt["begun"]),
        "updated_at": ended if done else iso(attempt["begun"]), "success_at": ended if done and not failed else None,
        "fail_at": ended if failed else None, "fail_error_class": attempt["error_class"] if failed else None,
        "fail_message": attempt["error_message"] if failed else None,
        "stages": [{"name": name, "created_at": iso(attempt["begun"])} for name in reached],
    }  # fmt: skip
