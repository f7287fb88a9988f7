"""The page of one line: what it says, who told it, what was changed, and whether it may go."""

from __future__ import annotations

import uuid
from decimal import Decimal

from flask import Response
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.ledger.correcting import changes, may_change
from portal.ledger.deleting import hindrance
from portal.ledger.models import BankAccount, LineChange, Statement
from portal.ledger.reading import sources_of
from portal.routes import _imports, wording
from portal.routes._access import scope
from portal.routes._htmx import page
from portal.routes.forms.statements import LineForm, ReasonForm
from portal.sync.lines import view_line


def line_state(key: str) -> tuple[str, str]:
    """State key of the components, and the word beside it when it is another."""
    return {
        "waiting": ("queued", _("Waiting")),
        "drafted": ("draft", _("In a draft")),
        "sent": ("running", _("Handed over")),
        "booked": ("booked", _("Booked")),
    }[key]


def line_page(
    line_id: uuid.UUID, form: LineForm | None = None, reason: ReasonForm | None = None, status: int = 200
) -> Response:
    view = view_line(scope(), line_id)
    line = view.line
    kept = hindrance(scope(), [line])
    return page(
        "statements/line.html",
        view=view,
        account=scope().get(BankAccount, line.bank_account_id),
        statement=scope().get(Statement, line.statement_id),
        line_state=line_state,
        amount_of=lambda detail: Decimal(detail["amount"]),
        form=form or LineForm.of(line, may_change(scope(), line)),
        reason=reason or ReasonForm(),
        may_edit=scope().may(Permission.STATEMENTS, Right.EDIT),
        kept=wording.of_error(kept.code, kept.values) if kept else "",
        kept_by=kept.entry_id if kept else None,
        sources=[(_imports.origin_word(origin, told), ids) for origin, told, ids in sources_of(scope(), line)],
        history=[(change.changed_at, _title(change), _pairs(change)) for change in changes(scope(), line.id)],
        status=status,
    )


def _title(change: LineChange) -> str:
    who = change.changed_name or _imports.format_word(change.source)
    return who if change.applied else _("%(who)s, noted only", who=who)


def field_word(name: str) -> str:
    words: dict[str, str] = {
        "description": _("Description"), "counterparty": _("Counterparty"), "reference": _("Reference"),
        "counterparty_account": _("Account of counterparty"), "end_to_end_id": _("End-to-end reference"),
        "date": _("Date"), "amount": _("Amount"), "bank_reference": _("Reference of the bank"),
        "transaction_code": _("Code of the bank"),
    }  # fmt: skip
    return words.get(name, name)


def _pairs(change: LineChange) -> list[tuple[str, str, str]]:
    return [(field_word(name), str(change.before.get(name, "")), str(said)) for name, said in change.after.items()]
