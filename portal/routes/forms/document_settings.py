"""The form of a configuration that books documents."""

from __future__ import annotations

from datetime import date
from typing import Any

from wtforms import IntegerField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Optional, ValidationError

from portal.connectors.base import EntryKind
from portal.couplings.books import DossierBooks
from portal.couplings.configurations import InvalidChoices
from portal.couplings.documents import JOURNALS, DocumentChoices
from portal.kernel.errors import PortalError
from portal.routes.forms import Form, _l, choices
from portal.routes.forms.couplings import DayField, shown


class DocumentSettingsForm(Form):
    journal = SelectField(_l("Journal"), validate_choice=False)
    ledger_account = StringField(_l("Ledger account of the lines"), [InputRequired(_l("Fill this in."))])
    frequency = RadioField(
        _l("How often to book"), choices=choices(("daily", _l("Daily")), ("monthly", _l("Monthly"))), default="daily"
    )
    delay_days = IntegerField(_l("Delay in days"), [InputRequired(_l("Type a number from 0 to 14."))], default=0)
    starts_on = DayField(_l("From"))
    ends_on = DayField(_l("Until"))
    relation = StringField(_l("Customer for takings"), [Optional()])
    automatic = RadioField(
        _l("After the delay"),
        choices=choices(("1", _l("Send by itself")), ("0", _l("Prepare; we look at it first"))),
        default="0",
    )

    def validate_starts_on(self, field: DayField) -> None:
        if field.data is None and not field.errors:
            raise ValidationError(_l("Fill this in."))

    def offer(self, books: DossierBooks, kind: EntryKind) -> None:
        """The dossier's journals of this kind."""
        fitting = (j for j in books.journals.values() if j.type is JOURNALS[kind] and not j.blocked)
        self.journal.choices = choices(*((j.code, f"{j.code} {j.name}") for j in sorted(fitting, key=lambda j: j.code)))

    def chosen(self, kind: EntryKind) -> DocumentChoices:
        """After validate()."""
        return DocumentChoices(
            entry_kind=kind,
            journal=self.journal.data or "",
            ledger_account=(self.ledger_account.data or "").strip(),
            frequency=self.frequency.data or "",
            starts_on=self.starts_on.data or date.min,
            ends_on=self.ends_on.data,
            delay_days=self.delay_days.data,
            automatic=self.automatic.data == "1",
            relation=(self.relation.data or "").strip(),
        )

    def take(self, error: PortalError) -> None:
        """Each wrong field with its own sentence, days as the reader writes them."""
        for one in error.all if isinstance(error, InvalidChoices) else (error,):
            one.values = {key: shown(value) for key, value in one.values.items()}
            super().take(one)


def fields_of(chosen: DocumentChoices) -> dict[str, Any]:
    return {
        "journal": chosen.journal, "ledger_account": chosen.ledger_account, "frequency": chosen.frequency,
        "delay_days": chosen.delay_days, "starts_on": chosen.starts_on, "ends_on": chosen.ends_on,
        "relation": chosen.relation, "automatic": "1" if chosen.automatic else "0",
    }  # fmt: skip
