"""Forms about bank accounts and their statements."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import StringField
from wtforms.validators import InputRequired, Length

from portal.kernel.i18n import parse_amount, parse_date
from portal.ledger.models import StatementLine
from portal.routes.forms import Form, _l
from portal.templating import formats


class RenameForm(Form):
    name = StringField(_l("Name of the account"), [InputRequired(_l("Fill this in.")), Length(max=80)])


class LineForm(Form):
    """Date, amount and account are asked only for a line that a person typed."""

    counterparty = StringField(_l("Counterparty"), [Length(max=500)])
    description = StringField(_l("Description"), [Length(max=500)])
    reference = StringField(_l("Reference"), [Length(max=140)])
    counterparty_account = StringField(_l("Account of counterparty"), [Length(max=40)])
    date = StringField(_l("Date"))
    amount = StringField(_l("Amount"))

    @classmethod
    def of(cls, line: StatementLine, allowed: Sequence[str]) -> LineForm:
        """Filled from the request on a POST, else from the line; with the fields that may be changed only."""
        fmt = formats()
        form = cls(
            counterparty=line.counterparty, description=line.description, reference=line.reference,
            counterparty_account=line.counterparty_account, date=fmt.date(line.date), amount=fmt.money(line.amount),
        )  # fmt: skip
        for name in ("counterparty_account", "date", "amount"):
            if name not in allowed:
                del form[name]
        return form

    def wanted(self) -> dict[str, object]:
        """What to change. Raises Unreadable."""
        found: dict[str, object] = {}
        for name in ("counterparty", "description", "reference", "counterparty_account", "date", "amount"):
            if name in self:
                typed = (self[name].data or "").strip()
                found[name] = (
                    parse_date(typed) if name == "date" else parse_amount(typed) if name == "amount" else typed
                )
        return found


class ReasonForm(Form):
    reason = StringField(_l("Why"), [InputRequired(_l("Fill this in.")), Length(max=300)])
