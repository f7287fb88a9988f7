"""Forms about bank accounts and their statements."""

from __future__ import annotations

from wtforms import StringField
from wtforms.validators import InputRequired, Length

from portal.routes.forms import Form, _l


class RenameForm(Form):
    name = StringField(_l("Name of the account"), [InputRequired(_l("Fill this in.")), Length(max=80)])
