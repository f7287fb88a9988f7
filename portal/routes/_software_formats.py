"""Accounts, statements and lines as JSON, CSV, CAMT.053 and CODA, for programs.

CSV here is for programs: what a bank said stands there as it is. Lists for spreadsheets, in which a
text must not become a formula, are on the pages.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from flask import Response

from portal.ledger.models import BankAccount, Statement, StatementLine
from portal.software.reading import ReadAccount

JSON, CSV, CAMT, CODA = "json", "csv", "camt053", "coda"
MIMETYPES = {JSON: "application/json", CSV: "text/csv", CAMT: "application/xml", CODA: "text/plain"}

ACCOUNT = ("id", "number", "currency", "name", "bic", "holder", "enterprise number", "balance", "balance date")
STATEMENT = ("id", "number", "opening", "opening date", "closing", "closing date", "lines")
LINE = (
    "transaction id", "account number", "date", "value date", "amount", "currency", "balance", "counterparty name",
    "counterparty account number", "structured reference", "description", "end-to-end id", "bank reference",
    "transaction code", "statement id",
)  # fmt: skip


def figure(amount: Decimal) -> str:
    """Digits with a point; a string in JSON, as a binary number would not be exact."""
    return f"{amount:f}"


def _figure(amount: Decimal | None) -> str | None:
    return None if amount is None else figure(amount)


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def of_account(read: ReadAccount) -> dict[str, Any]:
    row, balance = read.row, read.balance
    return {
        "id": str(row.id), "number": row.number, "currency": row.currency, "name": row.name, "bic": row.bic,
        "holder": {
            "name": read.holder.name, "scheme": read.holder.scheme,
            "enterprise_number": read.holder.enterprise_number,
        },
        "groups": [{"id": str(group.id), "name": group.name} for group in read.groups],
        "balance": {"date": _day(balance.date), "amount": figure(balance.amount)} if balance else None,
    }  # fmt: skip


def account_row(read: ReadAccount) -> Sequence[object]:
    row, holder, balance = read.row, read.holder, read.balance
    return (
        row.id, row.number, row.currency, row.name, row.bic, holder.name, holder.enterprise_number,
        figure(balance.amount) if balance else "", balance.date if balance else "",
    )  # fmt: skip


def of_statement(row: Statement) -> dict[str, Any]:
    return {
        "id": str(row.id), "number": row.number, "opening": _figure(row.opening),
        "opening_date": _day(row.opening_date), "closing": _figure(row.closing),
        "closing_date": _day(row.closing_date), "first_date": _day(row.first_date), "last_date": _day(row.last_date),
        "lines": row.line_count,
    }  # fmt: skip


def statement_row(row: Statement) -> Sequence[object]:
    return (
        row.id, row.number, _figure(row.opening) or "", row.opening_date or "", _figure(row.closing) or "",
        row.closing_date or "", row.line_count,
    )  # fmt: skip


def of_line(account: BankAccount, line: StatementLine) -> dict[str, Any]:
    return {
        "id": str(line.id), "statement_id": str(line.statement_id), "date": line.date.isoformat(),
        "value_date": _day(line.value_date), "amount": figure(line.amount), "currency": account.currency,
        "balance": _figure(line.balance), "description": line.description, "counterparty": line.counterparty,
        "counterparty_account": line.counterparty_account, "reference": line.reference,
        "end_to_end_id": line.end_to_end_id, "bank_reference": line.bank_reference,
        "transaction_code": line.transaction_code, "details": line.details or [],
    }  # fmt: skip


def line_row(account: BankAccount, line: StatementLine) -> Sequence[object]:
    return (
        line.id, account.number, line.date, line.value_date or "", figure(line.amount), account.currency,
        _figure(line.balance) or "", line.counterparty, line.counterparty_account, line.reference, line.description,
        line.end_to_end_id, line.bank_reference, line.transaction_code, line.statement_id,
    )  # fmt: skip


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """With commas, points before the cents and days as 2026-03-31 (RFC 4180), UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return Response(buffer.getvalue(), mimetype=MIMETYPES[CSV])


def address(base: str, query: Mapping[str, str]) -> str:
    return f"{base}?{urlencode(query)}"
