"""Forms about people and what they may do."""

from __future__ import annotations

from wtforms import BooleanField, EmailField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from portal.people.payload import Payload
from portal.routes.forms import Form, _l, choices
from portal.routes.forms.tenants import SCHEMES

_needed = InputRequired(_l("Fill this in."))
ROLES = {
    "portal": choices(
        ("staff", _l("Staff")), ("administrator", _l("Administrator")), ("reader", _l("Reader")),
        ("custom", _l("Job roles only")),
    ),
    "client": choices(
        ("editor", _l("Works in the account")), ("owner", _l("Owner")), ("reader", _l("Reader")),
        ("custom", _l("Job roles only")),
    ),
}  # fmt: skip


class EntityForm(Form):
    name = StringField(_l("Name of the business"), [_needed, Length(max=160)])
    scheme = SelectField(_l("Country and register"), choices=SCHEMES)
    enterprise_number = StringField(_l("Enterprise number"), [_needed, Length(max=40)])

    def payload(self) -> Payload:
        fields = ("name", "scheme", "enterprise_number")
        return {name: str(self.data[name] or "") for name in fields}


class InviteForm(Form):
    email = EmailField(_l("E-mail address"), [_needed, Length(max=254)])
    name = StringField(_l("Name"), [Length(max=120)])
    role = SelectField(_l("Role"))
    software = BooleanField(_l("This is accounting software, not a person"))


class RoleForm(Form):
    role = SelectField(_l("Role"))
