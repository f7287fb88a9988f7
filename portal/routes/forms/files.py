"""Forms about dossiers kept here and the files made for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, DateField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from portal.connectors.login import FormField
from portal.connectors.tables import COLUMNS, MOST_COLUMNS
from portal.exchange.charts import JOURNAL_TYPES, LEDGER_KINDS
from portal.routes.forms import Form, _l, choices

_needed = InputRequired(_l("Fill this in."))
LEDGER_KIND_WORDS = {
    "bank": _l("Bank"), "cash": _l("Cash"), "receivable": _l("Customers"), "payable": _l("Suppliers"),
    "vat": _l("VAT"), "general": _l("General"), "revenue": _l("Revenue"), "costs": _l("Costs"), "other": _l("Other"),
}  # fmt: skip
JOURNAL_TYPE_WORDS = {
    "bank": _l("Bank"), "cash": _l("Cash"), "sales": _l("Sales"), "purchase": _l("Purchases"),
    "general": _l("General"), "other": _l("Other"),
}  # fmt: skip


class NewDossierForm(Form):
    number = StringField(_l("Number"), [_needed, Length(max=30)])
    name = StringField(_l("Name of the company"), [_needed, Length(max=120)])
    country = SelectField(
        _l("Country"), choices=choices(("FR", _l("France")), ("BE", _l("Belgium")), ("NL", _l("Netherlands")))
    )
    enterprise_number = StringField(_l("SIREN or enterprise number"), [Length(max=30)])
    starts_on = DateField(_l("First day of the fiscal year"), [_needed])
    ends_on = DateField(_l("Last day of the fiscal year"), [_needed])


class DossierForm(Form):
    name = StringField(_l("Name of the company"), [_needed, Length(max=120)])
    enterprise_number = StringField(_l("SIREN or enterprise number"), [Length(max=30)])


class BooksFileForm(Form):
    file = FileField(_l("File"), [FileRequired(_l("Choose a file."))])


class AccountForm(Form):
    code = StringField(_l("Code"), [_needed, Length(max=20)])
    name = StringField(_l("Name"), [Length(max=120)])
    kind = SelectField(_l("Kind"), choices=choices(*((key, LEDGER_KIND_WORDS[key]) for key in LEDGER_KINDS)),
                       default="general")  # fmt: skip
    blocked = BooleanField(_l("Blocked"))


class JournalForm(Form):
    code = StringField(_l("Code"), [_needed, Length(max=20)])
    name = StringField(_l("Name"), [Length(max=120)])
    type = SelectField(_l("Type"), choices=choices(*((key, JOURNAL_TYPE_WORDS[key]) for key in JOURNAL_TYPES)))
    ledger_account = StringField(_l("Its ledger account"), [Length(max=20)])
    blocked = BooleanField(_l("Blocked"))


class YearForm(Form):
    starts_on = DateField(_l("First day"), [_needed])
    ends_on = DateField(_l("Last day"), [_needed])


class WithdrawForm(Form):
    reason = StringField(_l("Why"), [_needed, Length(max=300)])


def file_form(questions: Sequence[FormField], settings: Mapping[str, str]) -> Any:
    """A form of a layout's own questions; for columns one choice for each place."""

    class FileForm(Form):
        def given(self) -> dict[str, str]:
            """By key of the question."""
            answers = {q.key: str(self[q.key].data) for q in questions if q.key != "columns"}
            if any(q.key == "columns" for q in questions):
                answers["columns"] = ",".join(str(self[name].data) for name in self.places if self[name].data)
            return answers

        @property
        def places(self) -> list[str]:
            return [name for name in self._fields if name.startswith("column_")]

    values: dict[str, str] = {}
    for question in questions:
        kept = settings.get(question.key, question.default)
        if question.key != "columns":
            words = [(key, _(word)) for key, word in question.choices]
            setattr(FileForm, question.key, SelectField(_(question.label), choices=choices(*words)))
            values[question.key] = kept
            continue
        offered = choices(("", _("none")), *((key, _(word)) for key, (word, _value) in COLUMNS.items()))
        columns = kept.split(",")
        for place in range(1, MOST_COLUMNS + 1):
            name = f"column_{place:02d}"
            setattr(FileForm, name, SelectField(_("Column %(number)s", number=place), choices=offered))
            values[name] = columns[place - 1] if place <= len(columns) else ""
    return FileForm(**values)
