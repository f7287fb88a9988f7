"""What stands in the books, for people and for checks from outside."""

from __future__ import annotations

from typing import Any

from sandbox.exact import wire
from sandbox.money import money
from sandbox.store import Store


def entries(
    store: Store, division: int | None = None, journal: str | None = None, limit: int = 1_000_000, newest: bool = False
) -> list[dict[str, Any]]:
    """Entries with their ledger lines, oldest first. Amounts are strings, positive = debit."""
    found = store.all(
        "SELECT * FROM entries WHERE (? IS NULL OR Division = ?) AND (? IS NULL OR JournalCode = ?)"
        " ORDER BY rowid * ? LIMIT ?",
        (division, division, journal, journal, -1 if newest else 1, limit),
    )
    lines: dict[str, list[dict[str, Any]]] = {row["EntryID"]: [] for row in found}
    rows = store.all(
        "SELECT t.*, g.Code AS GLAccountCode FROM lines t LEFT JOIN gl_accounts g ON g.ID = t.GLAccount"
        " WHERE (? IS NULL OR t.Division = ?) ORDER BY t.EntryID, t.LineNumber",
        (division, division),
    )
    for row in rows:
        if row["EntryID"] in lines:
            lines[row["EntryID"]].append(
                {
                    "id": row["ID"], "number": row["LineNumber"], "own": row["part"] != 0,
                    "date": wire.iso(row["Date"])[:10],
                    "gl_account": row["GLAccountCode"], "amount": money(row["AmountDC"]),
                    "description": row["Description"],
                    "notes": row["Notes"], "vat_code": row["VATCode"],
                }
            )  # fmt: skip
    return [
        {
            "id": row["EntryID"], "division": row["Division"], "kind": row["kind"], "number": row["EntryNumber"],
            "journal": row["JournalCode"], "year": row["FinancialYear"], "period": row["FinancialPeriod"],
            "date": wire.iso(row["Date"])[:10], "currency": row["Currency"],
            "opening": _balance(row["OpeningBalanceFC"]), "closing": _balance(row["ClosingBalanceFC"]),
            "your_ref": row["YourRef"], "description": row["Description"],
            "created": wire.iso(row["Created"], "milliseconds") + "Z", "lines": lines[row["EntryID"]],
        }
        for row in found
    ]  # fmt: skip


def balances(store: Store, division: int) -> list[dict[str, Any]]:
    """Per GL account with lines: debit, credit and balance as strings. Lines that lost their account have code null."""
    rows = store.all(
        "SELECT g.Code, g.Description, sum(max(t.AmountDC, 0)) AS debit, sum(min(t.AmountDC, 0)) AS credit,"
        " sum(t.AmountDC) AS balance, count(*) AS n FROM lines t LEFT JOIN gl_accounts g ON g.ID = t.GLAccount"
        " WHERE t.Division = ? GROUP BY t.GLAccount ORDER BY g.Code",
        (division,),
    )
    return [
        {
            "gl_account": row["Code"], "name": row["Description"], "debit": money(row["debit"]),
            "credit": money(-row["credit"]), "balance": money(row["balance"]), "lines": row["n"],
        }
        for row in rows
    ]  # fmt: skip


def totals(store: Store) -> dict[str, int]:
    """Entries, ledger lines, and writes that are still to be done."""
    row = store.one(
        "SELECT (SELECT count(*) FROM entries) AS entries, (SELECT count(*) FROM lines) AS lines,"
        " (SELECT count(*) FROM late_writes WHERE outcome IS NULL) AS late"
    )
    return {"entries": row["entries"], "lines": row["lines"], "late_writes": row["late"]} if row else {}


def _balance(amount: int | None) -> str | None:
    """Of a journal that keeps one."""
    return None if amount is None else money(amount)
