"""Statements that a person types in: where a bank gives no file, or for a cash box."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors.statement import Statement as ReadStatement
from portal.connectors.statement import StatementLine as ReadLine
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Invalid
from portal.ledger.imports import store_statements
from portal.ledger.models import BankAccount, Import

MOST_LINES = 200
MAX_TEXT = 500
FORMAT = "hand"


@dataclass(frozen=True, slots=True)
class TypedLine:
    date: date
    amount: Decimal  # > 0 came in
    description: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    reference: str = ""


def add_statement(
    scope: Scope,
    account_id: uuid.UUID | str,
    *,
    opening: Decimal,
    closing: Decimal,
    lines: Sequence[TypedLine],
    number: str = "",
) -> Import:
    """Store a statement as typed; `known` of the row tells how many of its lines were there already.

    Raises Invalid("hand.balance", difference=…) when the lines do not lead from one balance to the
    other, "hand.empty", "hand.most" or "hand.nothing" for a line without an amount.
    """
    account = scope.get(BankAccount, account_id)
    _check(opening, closing, lines)
    ordered = sorted(lines, key=lambda line: line.date)
    statement = ReadStatement(
        format=FORMAT, account=account.number, currency=account.currency, number=number.strip()[:MAX_TEXT],
        opening=opening, opening_date=ordered[0].date, closing=closing, closing_date=ordered[-1].date,
        bic=account.bic, lines=iter([_read(line) for line in ordered]),
    )  # fmt: skip
    row = Import(
        tenant_id=scope.tenant_id, id=uuid7(), filename="", size=0, sha256=b"", origin="hand", format=FORMAT, code="",
        values={}, line=None, warnings=[], stored=0, known=0, created_at=clock.now(), created_by=scope.actor.user_id,
    )  # fmt: skip
    store_statements(scope, row, [statement])
    subject = ("bank_account", account.id)
    activity.record(scope, "statement.typed", subject, stored=row.stored, known=row.known, closing=str(closing))
    return row


def _check(opening: Decimal, closing: Decimal, lines: Sequence[TypedLine]) -> None:
    if not lines:
        raise Invalid("hand.empty")
    if len(lines) > MOST_LINES:
        raise Invalid("hand.most", limit=MOST_LINES)
    if any(not line.amount for line in lines):
        raise Invalid("hand.nothing")
    difference = opening + sum((line.amount for line in lines), Decimal(0)) - closing
    if difference:
        raise Invalid("hand.balance", field="closing", difference=difference)


def _read(line: TypedLine) -> ReadLine:
    texts = (line.description, line.counterparty, line.counterparty_account.replace(" ", "").upper())
    description, counterparty, account = (" ".join(text.split())[:MAX_TEXT] for text in texts)
    return ReadLine(
        line.date, line.date, line.amount, description, counterparty, account, reference=line.reference.strip()[:140]
    )
