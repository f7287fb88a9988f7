"""Webhooks: what happened is written down, then posted, signed, to the address of the app."""

from __future__ import annotations

import json
import uuid
from typing import Any

import requests

from sandbox.ponto.core import Sandbox, iso
from sandbox.store import Row

ATTEMPTS = 3
SECONDS = 5


def tell(
    sandbox: Sandbox, event: str, account: str, at: int, synchronization: str = "", subtype: str = "", count: int = 0
) -> None:
    """Write down what every app that has this account is told."""
    owner = sandbox.store.one(
        "SELECT b.organisation FROM accounts a JOIN bank_accounts b ON b.iban = a.iban WHERE a.id = ?", (account,)
    )
    apps = sandbox.store.all(
        "SELECT a.client_id FROM apps a JOIN shared s ON s.app = a.client_id WHERE s.account = ? AND a.webhook <> ''",
        (account,),
    )
    related = {
        "account": account,
        "organization": owner["organisation"] if owner else "",
    }
    if synchronization:
        related["synchronization"] = synchronization
    attributes: dict[str, Any] = {"createdAt": iso(at)}
    if subtype:
        attributes["synchronizationSubtype"] = subtype
    if count:
        attributes["count"] = count
    for app in apps:
        write(sandbox, app["client_id"], event, at, attributes, related)


def write(sandbox: Sandbox, app: str, event: str, at: int, attributes: dict[str, Any], related: dict[str, str]) -> None:
    """Write down one event for one app; `related` are ids by the kind of what they are of."""
    identifier = str(uuid.uuid4())
    told = {
        "data": {
            "type": f"pontoConnect.{event}",
            "id": identifier,
            "attributes": attributes,
            "relationships": {name: {"data": {"type": name, "id": value}} for name, value in related.items()},
        }
    }
    sandbox.store.insert(
        "webhooks", id=identifier, app=app, event=f"pontoConnect.{event}", created=at,
        body=json.dumps(told, separators=(",", ":")),
    )  # fmt: skip


def deliver(sandbox: Sandbox) -> int:
    """Post what is waiting; how many were answered well."""
    done = 0
    with sandbox.working:
        waiting = sandbox.store.all(
            "SELECT w.*, a.webhook, a.application_id FROM webhooks w JOIN apps a ON a.client_id = w.app"
            " WHERE (w.answer IS NULL OR w.answer NOT BETWEEN 200 AND 299) AND w.attempts < ? ORDER BY w.rowid",
            (ATTEMPTS,),
        )
        for row in waiting:
            answers = [_post(sandbox, row) for _ in range(max(sandbox.settings.webhook_copies, 1))]
            sandbox.store.run(
                "UPDATE webhooks SET attempts = attempts + 1, answer = ? WHERE id = ?", (min(answers), row["id"])
            )
            done += 200 <= min(answers) < 300
    return done


def _post(sandbox: Sandbox, row: Row) -> int:
    """The status of the answer; 999 when none came."""
    body = str(row["body"]).encode()
    token = sandbox.key.token(body, sandbox.origin, row["application_id"], sandbox.signing_time())
    headers = {"Content-Type": "application/vnd.api+json", "Signature": token, "User-Agent": "ponto-sandbox"}
    try:
        with requests.Session() as http:
            http.trust_env = False
            return http.post(
                row["webhook"], data=body, headers=headers, timeout=SECONDS, allow_redirects=False
            ).status_code
    except requests.RequestException:
        return 999
