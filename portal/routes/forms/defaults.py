"""The form of what new configurations start from; the same for a firm and for one client account."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import RadioField, StringField

from portal.couplings.preferences import FIELDS
from portal.routes.forms import Form, choices


class DefaultsForm(Form):
    frequency = RadioField(
        _l("How often to book"),
        choices=choices(("", _l("No choice")), ("daily", _l("Daily")), ("monthly", _l("Monthly"))), default="",
    )  # fmt: skip
    delay_days = StringField(_l("Delay in days"))
    automatic = RadioField(
        _l("After the delay"),
        choices=choices(("", _l("No choice")), ("1", _l("Send by itself")), ("0", _l("Prepare; we look at it first"))),
        default="",
    )
    journal = StringField(_l("Journal of bank statements"))
    suspense_account = StringField(_l("Suspense account"))
    sales_journal = StringField(_l("Journal of sales"))
    sales_account = StringField(_l("Ledger account of sales"))
    purchase_journal = StringField(_l("Journal of purchases"))
    purchase_account = StringField(_l("Ledger account of purchases"))

    def values(self) -> dict[str, str]:
        return {name: str(self[name].data or "") for name in FIELDS}
