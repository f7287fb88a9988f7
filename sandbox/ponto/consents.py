"""Accounts that a person shares with an app, and the consent at the bank behind each."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.ponto import fetching, webhooks
from sandbox.ponto.core import Sandbox, named_id
from sandbox.store import Row

DAY_MS = 86_400_000


def share(sandbox: Sandbox, app: str, ibans: Iterable[str]) -> list[str]:
    """A consent at the bank for each, and the first fetch; the accounts' ids. What is shared already is renewed."""
    return [_share_one(sandbox, app, number) for number in ibans]


def _share_one(sandbox: Sandbox, app: str, number: str) -> str:
    now, identifier, store = sandbox.clock.ms(), named_id("account", number), sandbox.store
    with store.transaction():
        known = store.one("SELECT id FROM accounts WHERE id = ?", (identifier,))
        if known is None:
            store.insert(
                "accounts", id=identifier, iban=number, authorised=now, expires=0, last_own=fetching.last_slot(now)
            )
        store.run("INSERT OR IGNORE INTO shared (app, account) VALUES (?, ?)", (app, identifier))
        _authorise(sandbox, identifier)
    webhooks.tell(sandbox, "integration.accountAdded", identifier, now)
    fetching.fetch_now(sandbox, identifier)
    return identifier


def renew(sandbox: Sandbox, account: str) -> list[str]:
    """Signed again at the bank: every account there of this organisation goes on. Their ids."""
    rows = sandbox.store.all(
        "SELECT a.id FROM accounts a JOIN bank_accounts b ON b.iban = a.iban WHERE (b.bank, b.organisation) ="
        " (SELECT bank, organisation FROM bank_accounts JOIN accounts USING (iban) WHERE accounts.id = ?)",
        (account,),
    )
    for row in rows:
        _authorise(sandbox, row["id"])
        webhooks.tell(sandbox, "account.reauthorized", row["id"], sandbox.clock.ms())
        fetching.fetch_now(sandbox, row["id"])
    return [str(row["id"]) for row in rows]


def end(sandbox: Sandbox, account: str) -> None:
    """Its time is over as of now."""
    sandbox.store.run("UPDATE accounts SET expires = ? WHERE id = ?", (sandbox.clock.ms() - 1, account))


def withdraw(sandbox: Sandbox, account: str) -> None:
    """The person withdraws it at the bank."""
    sandbox.store.run("UPDATE accounts SET withdrawn = 1 WHERE id = ?", (account,))


def shared_accounts(sandbox: Sandbox) -> list[Row]:
    return sandbox.store.all(
        "SELECT a.*, b.holder, b.bank, b.organisation FROM accounts a JOIN bank_accounts b ON b.iban = a.iban"
        " ORDER BY a.rowid"
    )


def _authorise(sandbox: Sandbox, account: str) -> None:
    now = sandbox.clock.ms()
    sandbox.store.run(
        "UPDATE accounts SET authorised = ?, expires = ?, withdrawn = 0 WHERE id = ?",
        (now, now + sandbox.settings.consent_days * DAY_MS, account),
    )
