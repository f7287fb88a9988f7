"""What the provider tells an app unasked: signed, and one to three times the same."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from sandbox.saltedge import signatures
from sandbox.saltedge.core import Sandbox, iso
from sandbox.store import Row

TOLD_STAGES = ("connect", "fetch_accounts", "fetch_recent")
SECONDS = 5.0  # an app that takes longer did not hear it


def tell(sandbox: Sandbox, attempt: Row) -> None:
    """Write the callbacks of an attempt that has ended; they are sent when the tick comes."""
    row = sandbox.store.one(
        "SELECT k.id AS connection, k.customer, a.* FROM connections k JOIN customers c ON c.id = k.customer"
        " JOIN apps a ON a.app_id = c.app WHERE k.id = ?",
        (attempt["connection"],),
    )
    if row is None:
        return
    if sandbox.settings.notify:
        for stage in TOLD_STAGES:
            _write(sandbox, row, attempt, "notify", {"stage": stage}, 1)
    if attempt["error_class"]:
        told = {"error_class": attempt["error_class"], "error_message": attempt["error_message"]}
        _write(sandbox, row, attempt, "fail", told, 1)
    else:
        copies = sandbox.settings.callback_copies or 1 + attempt["id"] % 3
        _write(sandbox, row, attempt, "success", {"stage": "finish"}, copies)


def _write(sandbox: Sandbox, row: Row, attempt: Row, event: str, told: dict[str, Any], copies: int) -> None:
    url = row[f"{event}_url"]
    if not url:
        return
    data = {
        "connection_id": str(row["connection"]), "customer_id": str(row["customer"]),
        "custom_fields": json.loads(attempt["custom_fields"]),
    }  # fmt: skip
    document = {"data": data | told, "meta": {"version": "6", "time": iso(attempt["ends"])}}
    body = json.dumps(document, separators=(",", ":")).encode()
    signature = signatures.sign(sandbox.key, url, body)
    for _ in range(copies):
        sandbox.store.insert(
            "callbacks", id=sandbox.new_id(), url=url, body=body, signature=signature, event=event,
            connection=row["connection"], due=attempt["ends"],
        )  # fmt: skip


def deliver(sandbox: Sandbox) -> int:
    """Send what waits, in order; the number that was sent. An app that is not there is not asked again."""
    with sandbox.delivering:
        waiting = sandbox.store.all("SELECT * FROM callbacks WHERE answer IS NULL ORDER BY id")
        for row in waiting:
            answer = _post(row)
            sandbox.store.run("UPDATE callbacks SET answer = ? WHERE id = ?", (answer, row["id"]))
        return len(waiting)


def _post(row: Row) -> int:
    """The status of the answer, 0 when none came."""
    request = urllib.request.Request(  # noqa: S310 - the address was registered for this
        row["url"], data=row["body"], method="POST",
        headers={"Content-Type": "application/json", "Signature": row["signature"]},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - as above
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0
