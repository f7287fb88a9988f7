"""Journal entries: made as drafts, then booked, on another day where the asked one is locked."""

from __future__ import annotations

import calendar
import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sandbox.odoo import documents
from sandbox.odoo.answers import Failed, hidden, invalid, missing, no_access, user_error
from sandbox.packages.books import Entry, Line, Refusal, cents
from sandbox.packages.core import Stand
from sandbox.store import Row

ACCOUNT = {
    17: "The operation cannot be completed: another model requires the record being deleted.\n\nModel: Journal Item "
        "(account.move.line)\nConstraint: account_move_line_account_id_fkey\n",
    19: "The operation cannot be completed: Another model is using the record you are trying to delete.\n\nThe "
        "troublemaker is: 'Journal Item' (account.move.line)\nThanks to the following constraint: 'Account' "
        "(account_id)\nHow about archiving the record instead?",
}  # fmt: skip
UNBALANCED = {
    17: "An error has occurred.\n\nThe move (Draft Entry) is not balanced.\nYou might want to specify a default "
        'account on journal "Miscellaneous Operations" to automatically balance each move.',
    19: "The entry is not balanced.",
}  # fmt: skip


def create(stand: Stand, company: int, vals_list: list[Mapping[str, Any]]) -> list[int]:
    """All or none."""
    if not stand.settings["may_book"]:
        raise no_access("You are not allowed to create 'Journal Entry' (account.move) records.")
    with stand.books.together():
        return [_create(stand, company, values) for values in vals_list]


def _create(stand: Stand, company: int, values: Mapping[str, Any]) -> int:
    owner = int(values.get("company_id") or company)
    journal = stand.store.one("SELECT * FROM journals WHERE seq = ?", (int(values["journal_id"]),))
    if journal is None:
        raise missing("account.journal", int(values["journal_id"]))
    if journal["dossier"] != owner:
        raise hidden("account.journal", "Journal")
    known = {row["seq"]: row for row in stand.books.accounts(owner)}
    kind, asked = str(values.get("move_type", "entry")), date.fromisoformat(values["date"])
    extra = {"asked": asked.isoformat(), "move_type": kind, "ref": str(values.get("ref") or "")}
    if kind in documents.SIGNS:
        entry = documents.entry(stand, owner, journal, known, values, _open_day(stand, owner, asked), extra)
    else:
        lines = [line for _, _, told in values.get("line_ids", []) for line in _lines(stand, known, told)]
        if sum(line.amount for line in lines):
            raise user_error(UNBALANCED[_era(stand)])
        on = _open_day(stand, owner, asked)
        entry = Entry(journal["code"], on, lines, extra["ref"], state="draft", extra=extra)
    try:
        return int(stand.books.book(owner, entry)["seq"])
    except Refusal as refused:
        raise _worded(refused) from None


def _lines(stand: Stand, known: Mapping[int, Row], told: Mapping[str, Any]) -> list[Line]:
    row = account_of(stand, known, told)
    partner = int(told.get("partner_id") or 0) or None
    amount = cents(told.get("debit", 0)) - cents(told.get("credit", 0))
    lines = [Line(row["code"], amount, str(told.get("name") or ""), relation=partner)]
    if stand.settings["account_taxes"] and row["kind"] == "revenue" and "tax_ids" not in told and _era(stand) == 17:
        vat = round(amount * 0.21)
        lines += [Line("451000", vat, "21%", part="vat"), Line("499000", -vat, "", part="vat")]
    return lines


def account_of(stand: Stand, known: Mapping[int, Row], told: Mapping[str, Any]) -> Row:
    row = known.get(int(told["account_id"]))
    if row is None:
        elsewhere = stand.store.one("SELECT 1 FROM accounts WHERE seq = ?", (int(told["account_id"]),))
        raise hidden("account.account", "Account") if elsewhere else invalid(ACCOUNT[_era(stand)])
    return row


def post(stand: Stand, companies: list[int], ids: list[int]) -> object:
    """All or none. A day that is locked meanwhile is moved without a word."""
    if stand.settings["approval"]:
        return {"type": "ir.actions.act_window", "res_model": "validate.account.move", "target": "new"}
    with stand.books.together():
        for number in ids:
            row = _move(stand, companies, number)
            if row["state"] != "draft":
                raise user_error(f"The entry (id {number}) must be in draft.")
            day = _open_day(stand, row["dossier"], date.fromisoformat(json.loads(row["extra"])["asked"])).isoformat()
            stand.store.run("UPDATE entries SET date = ? WHERE seq = ?", (day, number))
            stand.store.run("UPDATE lines SET date = ? WHERE entry = ?", (day, number))
            try:
                stand.books.post(row["dossier"], number)
            except Refusal as refused:
                raise _worded(refused) from None
    return None if stand.settings["returns_none"] else False


def unlink(stand: Stand, companies: list[int], ids: list[int]) -> bool:
    for number in ids:
        row = _move(stand, companies, number)
        if row["state"] != "draft":
            raise user_error("You can't delete a posted journal item.")
        stand.books.remove(row["dossier"], number)
    return True


def _move(stand: Stand, companies: list[int], number: int) -> Row:
    row = stand.store.one("SELECT * FROM entries WHERE seq = ?", (number,))
    if row is None or row["dossier"] not in companies:
        raise missing("account.move", number)
    return row


def _open_day(stand: Stand, company: int, asked: date) -> date:
    """The day itself, or the last one of the month after the lock date."""
    row = stand.books.dossier(company)
    if row is None or not row["locked_until"] or asked.isoformat() > row["locked_until"]:
        return asked
    first = date.fromisoformat(row["locked_until"]) + timedelta(days=1)
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _worded(refused: Refusal) -> Failed:
    if refused.code == "account_blocked":
        return user_error(f"The account ({refused.values['account']}) is archived.")
    if refused.code == "relation_unknown":
        return missing("res.partner", int(refused.values["relation"]))
    return user_error(f"The entry cannot be booked: {refused.code}.")


def _era(stand: Stand) -> int:
    return 17 if stand.settings["version"] < 18 else 19
