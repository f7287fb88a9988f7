"""Forms about an entry: a corrected line, the sending of what was shown, a number found in the package."""

from __future__ import annotations

from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from portal.reconciliation.sides import DESCRIPTION_LENGTH
from portal.routes.forms import Form, _l
from portal.sync.reversal import REASON_LENGTH

_needed = InputRequired(_l("Fill this in."))


class LineForm(Form):
    ledger_account = StringField(_l("Ledger account"), [_needed, Length(max=30)])
    description = StringField(_l("Description"), [Length(max=DESCRIPTION_LENGTH)])
    version = IntegerField(validators=[InputRequired()], widget=HiddenInput())


class SendForm(Form):
    """The hash and version of the preview that was on the screen."""

    sha256 = HiddenField(validators=[Optional(), Length(max=64)])
    version = IntegerField(validators=[InputRequired()], widget=HiddenInput())


class UndoForm(Form):
    """Why, and the hash of the preview that was on the screen."""

    reason = TextAreaField(_l("Why it is undone"), [_needed, Length(max=REASON_LENGTH)], render_kw={"rows": 3})
    sha256 = HiddenField(validators=[InputRequired(), Length(max=64)])


class BookedForm(Form):
    remote_id = StringField(_l("Number in the package"), [_needed, Length(max=100)], render_kw={"autocomplete": "off"})
