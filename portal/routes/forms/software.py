"""Forms about accounting software: made by an administrator, and its own first sign-in."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import PasswordField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput

from portal.permissions.models import AccountGroup
from portal.routes.forms import Form, _l, choices
from portal.software.service import MAX_NAME

_needed = InputRequired(_l("Fill this in."))


class GroupsForm(Form):
    groups = SelectMultipleField(_l("Account groups it may read"), option_widget=CheckboxInput())

    def offer(self, groups: Sequence[AccountGroup], chosen: Sequence[AccountGroup] = ()) -> None:
        self.groups.choices = choices(*((str(group.id), group.name) for group in groups))
        if not self.is_submitted():
            self.groups.data = [str(group.id) for group in chosen]


class NetworksForm(Form):
    networks = TextAreaField(
        _l("Addresses it may come from"), [Length(max=2_000)], render_kw={"rows": "3", "spellcheck": "false"}
    )


class SoftwareForm(GroupsForm, NetworksForm):
    name = StringField(_l("Name of the software"), [_needed, Length(max=MAX_NAME)])


class AddAccountForm(Form):
    group = SelectField(_l("Group"))


class SignInForm(Form):
    code = StringField(
        _l("User code"), [_needed, Length(max=60)], render_kw={"autocomplete": "username", "spellcheck": "false"}
    )
    password = PasswordField(_l("Password"), [_needed], render_kw={"autocomplete": "current-password"})


class OwnPasswordForm(Form):
    password = PasswordField(_l("New password"), [_needed], render_kw={"autocomplete": "new-password"})


class ChangePasswordForm(OwnPasswordForm):
    current = PasswordField(_l("Present password"), [_needed], render_kw={"autocomplete": "current-password"})
