"""The form with which people say what a statement file leaves open."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import RadioField, SelectField, StringField
from wtforms.validators import Length, Optional

from portal.connectors.files.csv_mapping import CsvMapping
from portal.ledger.models import BankAccount
from portal.ledger.questions import Reply
from portal.routes.forms import Form, _l, choices
from portal.templating import formats


class ReplyForm(Form):
    account = SelectField(_l("Bank account"), validate_choice=False)
    number = StringField(_l("Number of an account that is not in the list"), [Optional(), Length(max=50)])
    currency = StringField(_l("Its currency"), [Optional(), Length(max=3)], default="EUR")
    day_first = RadioField(
        _l("Order of day and month"),
        choices=choices(("", _l("As the file shows")), ("1", _l("Day first")), ("0", _l("Month first"))),
        default="",
    )
    decimal = RadioField(
        _l("Sign before the cents"),
        choices=choices(("", _l("As the file shows")), (",", _l("A comma: 1.234,56")), (".", _l("A point: 1,234.56"))),
        default="",
    )

    def offer(self, accounts: Sequence[BankAccount]) -> None:
        fmt = formats()
        self.account.choices = choices(
            ("", _l("Choose an account")),
            *((str(a.id), f"{a.name}, {fmt.iban(a.number)} ({a.currency})") for a in accounts),
        )

    def reply(self, mapping: CsvMapping | None) -> Reply:
        return Reply(
            account_id=self.account.data or "",
            number=self.number.data or "",
            currency=self.currency.data or "",
            day_first=None if self.day_first.data not in ("0", "1") else self.day_first.data == "1",
            decimal=self.decimal.data if self.decimal.data in (",", ".") else "",
            mapping=mapping,
        )
