"""Rows as the resources that the API gives."""

from __future__ import annotations

import json
from typing import Any

from sandbox.ponto import fetching
from sandbox.ponto.banks import BY_NAME, Bank
from sandbox.ponto.core import Sandbox, iso, named_id
from sandbox.store import Row

ACCOUNT = (
    "SELECT a.*, b.holder, b.name, b.kind, b.currency, b.bank, b.opening, b.organisation,"
    " b.opening + (SELECT coalesce(sum(r.cents), 0) FROM bank_rows r WHERE r.iban = a.iban AND r.booked <="
    " coalesce(a.synchronised, 0)) AS balance FROM accounts a JOIN bank_accounts b ON b.iban = a.iban"
)
TRANSACTION = (
    "SELECT t.*, r.executed, r.value_date, r.cents, r.told FROM transactions t JOIN bank_rows r ON r.id = t.bank_row"
)


def institution(bank: Bank) -> dict[str, Any]:
    return {
        "type": "financialInstitution",
        "id": bank.id,
        "attributes": {
            "name": bank.name, "country": bank.country, "bic": bank.bic or None, "status": "stable",
            "deprecated": bank.deprecated, "sharedBrandName": None, "maintenanceType": None,
        },
    }  # fmt: skip


def account(sandbox: Sandbox, row: Row) -> dict[str, Any]:
    amount = row["balance"] / 100
    told: dict[str, Any] = {
        "subtype": row["kind"], "reference": row["iban"], "referenceType": "IBAN", "currency": row["currency"],
        "holderName": row["holder"], "description": row["name"], "product": "Current account",
        "deprecated": bool(row["deprecated"]), "currentBalance": amount, "availableBalance": amount,
        "currentBalanceReferenceDate": iso(row["synchronised"]), "authorizedAt": iso(row["authorised"]),
        "internalReference": named_id("internal", row["iban"]),
    }  # fmt: skip
    if sandbox.settings.tell_consent_end:
        told["authorizationExpirationExpectedAt"] = iso(row["expires"])
    bank = BY_NAME[row["bank"]].id
    return {
        "type": "account",
        "id": row["id"],
        "attributes": told,
        "meta": {
            "synchronizedAt": iso(row["synchronised"]),
            "latestSynchronization": latest(sandbox, row["id"]),
            "availability": "available",
        },
        "relationships": {"financialInstitution": {"data": {"type": "financialInstitution", "id": bank}}},
    }


def latest(sandbox: Sandbox, account: str) -> dict[str, Any] | None:
    row = sandbox.store.one("SELECT * FROM synchronizations WHERE account = ? ORDER BY seq DESC LIMIT 1", (account,))
    return None if row is None else synchronization(sandbox, row)


def synchronization(sandbox: Sandbox, row: Row) -> dict[str, Any]:
    return {
        "type": "synchronization",
        "id": row["id"],
        "attributes": {
            "resourceType": "account", "resourceId": row["account"], "subtype": row["subtype"],
            "status": fetching.state(sandbox, row), "errors": json.loads(row["errors"]),
            "createdAt": iso(row["created"]), "updatedAt": iso(row["ended"] or row["created"]),
        },
    }  # fmt: skip


def transaction(row: Row) -> dict[str, Any]:
    told = json.loads(row["told"])
    if not row["named"]:
        told["counterpartName"] = None
    return _movement("transaction", row, row["id"], row["account"], told)


def pending(account: str, row: Row) -> dict[str, Any]:
    return _movement(
        "pendingTransaction", row, named_id("pending", account, row["id"]), account, json.loads(row["told"])
    )


def _movement(kind: str, row: Row, identifier: str, account: str, told: dict[str, Any]) -> dict[str, Any]:
    attributes = {
        "amount": row["cents"] / 100, "currency": "EUR", "executionDate": f"{row['executed']}T00:00:00.000Z",
        "valueDate": f"{row['value_date']}T00:00:00.000Z", "internalReference": None, "endToEndId": None,
        "mandateId": None, "creditorId": None, "purposeCode": None, "proprietaryBankTransactionCode": None,
        "fee": None, "digest": named_id("digest", identifier).replace("-", ""),
    }  # fmt: skip
    return {
        "type": kind,
        "id": identifier,
        "attributes": attributes | told,
        "relationships": {"account": {"data": {"type": "account", "id": account}}},
    }
