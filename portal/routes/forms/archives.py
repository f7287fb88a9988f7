"""Forms of the page about an account's data."""

from __future__ import annotations

from wtforms import BooleanField, IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from portal.routes.forms import Form, _l

_needed = InputRequired(_l("Fill this in."))


class ArchiveForm(Form):
    with_clients = BooleanField(_l("With the client accounts that let the firm in"))


class RetentionForm(Form):
    original_months = IntegerField(_l("Files of documents, in months"), [_needed, NumberRange(max=1200)])
    trace_days = IntegerField(_l("Traces of fetching and of calls, in days"), [_needed, NumberRange(max=3650)])
    hold = BooleanField(_l("On hold: remove nothing, as during an inspection or a dispute"))


class ErasureForm(Form):
    name = StringField(_l("Name of this account"), [_needed, Length(max=200)], render_kw={"autocomplete": "off"})
