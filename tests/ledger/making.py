"""Statements made by hand, as a parser would give them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import select

from portal.access import Scope
from portal.connectors.statement import Statement, StatementLine
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.ledger.imports import store_statements
from portal.ledger.models import BankAccount, Import
from portal.ledger.models import StatementLine as StoredLine

START = date(2026, 3, 2)


def line(day: int, amount: int | str, who: str = "", text: str = "", **more: object) -> StatementLine:
    """`day` counts from Monday 2 March 2026; `who` becomes the counterparty's account."""
    on = START + timedelta(days=day)
    return StatementLine(on, on, Decimal(amount), text or "payment", who, who, **more)  # type: ignore[arg-type]


@dataclass
class Cut:
    """A piece of an account's history, as one statement of a file."""

    lines: Sequence[StatementLine]
    opening: Decimal | None

    @property
    def closing(self) -> Decimal | None:
        return None if self.opening is None else self.opening + sum((x.amount for x in self.lines), Decimal(0))


def cut(history: Sequence[StatementLine], start: int, end: int, opening: Decimal = Decimal(0)) -> Cut:
    before = sum((x.amount for x in history[:start]), opening)
    return Cut(history[start:end], before)


def statement(account: str, piece: Cut, *, format: str = "camt053", newest_first: bool = False) -> Statement:
    lines = list(piece.lines)
    made = Statement(
        format=format,
        account=account,
        currency="EUR",
        number="",
        opening=piece.opening,
        opening_date=lines[0].date if lines else START,
        closing_date=lines[-1].date if lines else START,
    )

    def read() -> Iterable[StatementLine]:
        yield from reversed(lines) if newest_first else lines
        made.closing = piece.closing

    made.lines = iter(read())
    return made


def import_row(scope: Scope, format: str = "camt053") -> Import:
    return Import(
        tenant_id=scope.tenant_id, id=uuid7(), filename="made by hand", size=0, sha256=b"", format=format,
        code="", values={}, line=None, warnings=[], stored=0, known=0, created_at=clock.now(), created_by=None,
    )  # fmt: skip


def bring_in(scope: Scope, *statements: Statement) -> Import:
    row = import_row(scope, statements[0].format)
    store_statements(scope, row, statements)
    scope.session.flush()
    return row


def stored(scope: Scope, account: str) -> list[StoredLine]:
    query = (
        select(StoredLine)
        .join(
            BankAccount,
            (BankAccount.tenant_id == StoredLine.tenant_id) & (BankAccount.id == StoredLine.bank_account_id),
        )
        .where(BankAccount.number == account, StoredLine.tenant_id == scope.tenant_id)
        .order_by(StoredLine.date, StoredLine.id)
    )
    return list(scope.session.scalars(query))
