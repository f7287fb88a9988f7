"""Statements by hand: one form, quick by keyboard, its balance checked while it is typed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.kernel.errors import PortalError
from portal.kernel.i18n import Unreadable, parse_amount, parse_date
from portal.ledger.balances import last_balances
from portal.ledger.by_hand import MOST_LINES, TypedLine, add_statement
from portal.ledger.models import BankAccount
from portal.routes import wording
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page

blueprint = Blueprint("typed", __name__)
TYPED = "/c/<uuid:client>/bank/<uuid:account_id>/typed"
ROWS = 8
COLUMNS = ("date", "amount", "counterparty", "description", "counterparty_account", "reference")


@dataclass
class Draft:
    """What was typed, as typed, and what of it can be read."""

    number: str = ""
    opening: str = ""
    closing: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)  # by name of the input
    lines: list[TypedLine] = field(default_factory=list)
    opening_amount: Decimal | None = None
    closing_amount: Decimal | None = None

    @property
    def sum(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def difference(self) -> Decimal | None:
        """What is missing between the lines and the closing balance; None while a balance is."""
        if self.opening_amount is None or self.closing_amount is None:
            return None
        return self.closing_amount - self.opening_amount - self.sum


@blueprint.get(TYPED)
@here_is("bank")
@require(Permission.STATEMENTS, Right.CREATE)
def new(client: uuid.UUID, account_id: uuid.UUID) -> Response:
    """The opening balance is where the newest statement ended."""
    account = scope().get(BankAccount, account_id)
    last = last_balances(scope()).get(account.id)
    draft = Draft(opening=f"{last.amount:f}" if last else "")
    return _form(account, draft)


@blueprint.post(TYPED)
@here_is("bank")
@require(Permission.STATEMENTS, Right.CREATE)
def create(client: uuid.UUID, account_id: uuid.UUID) -> Response:
    account, draft = scope().get(BankAccount, account_id), _read()
    if "more" in request.form:
        return _form(account, draft, more=ROWS)
    if draft.wrong:
        return _form(account, draft, status=422)
    try:
        row = add_statement(
            scope(), account.id, opening=draft.opening_amount or Decimal(0), closing=draft.closing_amount or Decimal(0),
            lines=draft.lines, number=draft.number,
        )  # fmt: skip
    except PortalError as error:
        db().rollback()
        draft.wrong["closing"] = wording.of_error(error.code, error.values)
        return _form(account, draft, status=422)
    db().commit()
    stored = ngettext("%(num)s line stored.", "%(num)s lines stored.", row.stored)
    known = ngettext("%(num)s was known already.", "%(num)s were known already.", row.known) if row.known else ""
    flash(f"{stored} {known}".strip(), "ok" if row.stored else "warn")
    return go_to(url_for("statements.account", client=client, account_id=account.id))


@blueprint.post(TYPED + "/sum")
@require(Permission.STATEMENTS, Right.CREATE)
def check(client: uuid.UUID, account_id: uuid.UUID) -> str:
    """How far the lines are from the closing balance; nothing is stored."""
    account = scope().get(BankAccount, account_id)
    return render_template("statements/_typed_sum.html", draft=_read(), account=account)


def _form(account: BankAccount, draft: Draft, *, more: int = 0, status: int = 200) -> Response:
    wanted = min(max(ROWS, len(draft.rows) + more), MOST_LINES)
    draft.rows += [dict.fromkeys(COLUMNS, "") for _row in range(wanted - len(draft.rows))]
    return page("statements/typed.html", account=account, draft=draft, labels=_labels(), status=status)


def _labels() -> Mapping[str, str]:
    return {
        "date": _("Date"), "amount": _("Amount"), "counterparty": _("Counterparty"), "description": _("Description"),
        "counterparty_account": _("Account of counterparty"), "reference": _("Reference"),
    }  # fmt: skip


def _read() -> Draft:
    form = request.form
    columns = {name: form.getlist(name)[:MOST_LINES] for name in COLUMNS}
    count = max(map(len, columns.values()), default=0)
    rows = [
        {name: (values + [""] * count)[place].strip() for name, values in columns.items()} for place in range(count)
    ]
    draft = Draft(form.get("number", ""), form.get("opening", "").strip(), form.get("closing", "").strip())
    draft.rows = [row for row in rows if any(row.values())]
    draft.opening_amount = _amount(draft, "opening", draft.opening)
    draft.closing_amount = _amount(draft, "closing", draft.closing)
    before = ""
    for place, row in enumerate(draft.rows):
        row["date"] = row["date"] or before  # a day is typed once
        before = row["date"]
        day, amount = _day(draft, f"date-{place}", row["date"]), _amount(draft, f"amount-{place}", row["amount"])
        if day and amount is not None:
            texts = {name: row[name] for name in COLUMNS[2:]}
            draft.lines.append(TypedLine(day, amount, **texts))
    return draft


def _amount(draft: Draft, name: str, typed: str) -> Decimal | None:
    try:
        return parse_amount(typed)
    except Unreadable:
        draft.wrong[name] = _("Type an amount, such as 12.50.") if typed else _("Fill this in.")
        return None


def _day(draft: Draft, name: str, typed: str) -> date | None:
    try:
        return parse_date(typed)
    except Unreadable:
        draft.wrong[name] = _("Type a date, such as 31/12/2026.") if typed else _("Fill this in.")
        return None
