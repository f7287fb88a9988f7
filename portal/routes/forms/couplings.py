"""The form of a configuration; the wizard sends it as a query, so that its answers stay in the address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, ValidationError

from portal.connectors.base import EntryKind
from portal.couplings.books import DossierBooks
from portal.couplings.configurations import Choices, InvalidChoices, usable_journals
from portal.kernel.errors import PortalError
from portal.kernel.i18n import Unreadable, parse_date
from portal.ledger.models import BankAccount
from portal.routes.forms import Form, choices
from portal.templating import formats

_needed = InputRequired(_l("Fill this in."))


class DayField(StringField):  # type: ignore[misc]  # wtforms publishes no types
    """A day as people type it; `data` is a date, or None when empty or wrong."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        self.data = None
        typed = valuelist[0].strip() if valuelist else ""
        if not typed:
            return
        try:
            self.data = parse_date(typed)
        except Unreadable:
            raise ValueError(self.gettext(_l("Type a day as 31/12/2026."))) from None

    def _value(self) -> str:
        if isinstance(self.data, date):
            return formats().date(self.data)
        return str(self.raw_data[0]) if self.raw_data else ""


class ConfigurationForm(Form):
    account = SelectField(_l("Bank account"), validate_choice=False)
    frequency = RadioField(
        _l("How often to book"), choices=choices(("daily", _l("Daily")), ("monthly", _l("Monthly"))), default="monthly"
    )
    delay_days = IntegerField(_l("Delay in days"), [InputRequired(_l("Type a number from 0 to 14."))], default=3)
    journal = SelectField(_l("Journal"), [_needed], validate_choice=False)
    bank_ledger_account = StringField(_l("Ledger account of the bank"), [_needed])
    suspense_account = StringField(_l("Suspense account"), [_needed])
    starts_on = DayField(_l("From"))
    ends_on = DayField(_l("Until"))
    automatic = RadioField(
        _l("After the delay"),
        choices=choices(("1", _l("Send by itself")), ("0", _l("Prepare; we look at it first"))),
        default="0",
    )

    def validate_starts_on(self, field: DayField) -> None:
        if field.data is None and not field.errors:
            raise ValidationError(_l("Fill this in."))

    def offer(self, books: DossierBooks, accounts: Sequence[BankAccount]) -> None:
        """What there is to choose from: the dossier's journals, the client's bank accounts."""
        fmt = formats()
        bank = usable_journals(books, EntryKind.BANK) if books.bank_entries else []
        general = usable_journals(books, EntryKind.GENERAL)
        usable = [(j.code, _journal_word(j)) for j in (*bank, *general)]
        # Else a browser would show the first as if it were proposed.
        unchosen = self.journal.data not in [code for code, _word in usable]
        self.journal.choices = choices(*([("", _l("Choose from the list."))] if unchosen else []), *usable)
        self.account.choices = choices(
            *((str(a.id), f"{a.name}, {fmt.iban(a.number)} ({a.currency})") for a in accounts)
        )

    def chosen(self, books: DossierBooks) -> Choices:
        """After validate(). The kind of entry follows from the kind of journal."""
        return Choices(
            entry_kind=books.kind_in(books.journals.get(self.journal.data)),
            journal=self.journal.data or "",
            bank_ledger_account=(self.bank_ledger_account.data or "").strip(),
            suspense_account=(self.suspense_account.data or "").strip(),
            frequency=self.frequency.data or "",
            starts_on=self.starts_on.data or date.min,
            ends_on=self.ends_on.data,
            delay_days=self.delay_days.data,
            automatic=self.automatic.data == "1",
        )

    def take(self, error: PortalError) -> None:
        """Each wrong field with its own sentence, days as the reader writes them."""
        found = error.all if isinstance(error, InvalidChoices) else (error,)
        for one in found:
            one.values = {key: shown(value) for key, value in one.values.items()}
            super().take(one)


def fields_of(chosen: Choices, account_id: Any) -> dict[str, Any]:
    """The form's values for choices that were made before or are proposed."""
    return {
        "account": str(account_id), "frequency": chosen.frequency, "delay_days": chosen.delay_days,
        "journal": chosen.journal, "bank_ledger_account": chosen.bank_ledger_account,
        "suspense_account": chosen.suspense_account, "starts_on": chosen.starts_on, "ends_on": chosen.ends_on,
        "automatic": "1" if chosen.automatic else "0",
    }  # fmt: skip


def shown(value: object) -> object:
    return formats().date(value) if isinstance(value, date) else value


def _journal_word(journal: Any) -> str:
    books_on = f", {journal.ledger_account}" if journal.ledger_account else ""
    return f"{journal.code} {journal.name}{books_on}"
