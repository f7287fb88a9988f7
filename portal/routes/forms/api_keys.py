"""Forms about keys for other software."""

from __future__ import annotations

from wtforms import StringField
from wtforms.validators import InputRequired, Length

from portal.apikeys.service import MAX_NAME
from portal.routes.forms import Form, _l


class KeyForm(Form):
    name = StringField(_l("Name of the program"), [InputRequired(_l("Fill this in.")), Length(max=MAX_NAME)])
