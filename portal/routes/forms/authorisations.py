"""Forms about authorisations."""

from __future__ import annotations

from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from portal.routes.forms import Form, _l, choices

_needed = InputRequired(_l("Fill this in."))


class ConnectForm(Form):
    environment = SelectField(
        _l("Country of the package"),
        choices=choices(("be", _l("Belgium")), ("nl", _l("Netherlands")), ("fr", _l("France"))),
    )
    name = StringField(_l("Name for this authorisation"), [_needed, Length(max=80)])
    login = StringField(_l("Login you will use at the provider"), [Length(max=254)], render_kw={"autocomplete": "off"})
    anyway = BooleanField(_l("I will log in as somebody else"))


class OwnerForm(Form):
    name = StringField(_l("Name"), [_needed, Length(max=80)])
    owner = SelectField(_l("Owner"), validate_choice=False)
    deputy = SelectField(_l("Deputy"), validate_choice=False)
