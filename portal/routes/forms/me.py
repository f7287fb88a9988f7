"""Forms of a person's own pages."""

from __future__ import annotations

from wtforms import BooleanField, PasswordField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from portal.routes.forms import Form, _l, choices

_needed = InputRequired(_l("Fill this in."))


class ProfileForm(Form):
    name = StringField(_l("Your name"), [_needed, Length(max=120)], render_kw={"autocomplete": "name"})
    locale = SelectField(
        _l("Language and formats"),
        choices=choices(
            ("nl-BE", "Nederlands (België)"),
            ("nl-NL", "Nederlands (Nederland)"),
            ("fr-BE", "Français (Belgique)"),
            ("fr-FR", "Français (France)"),
            ("en-GB", "English"),
        ),
    )
    theme = RadioField(
        _l("Light or dark"),
        choices=choices(("system", _l("As the device")), ("light", _l("Light")), ("dark", _l("Dark"))),
    )
    single_keys = BooleanField(_l("Single keys work: / j k x"))


class PasswordForm(Form):
    current = PasswordField(_l("Present password"), [_needed], render_kw={"autocomplete": "current-password"})
    password = PasswordField(_l("New password"), [_needed], render_kw={"autocomplete": "new-password"})


class ConfirmForm(Form):
    current = PasswordField(_l("Your password"), [_needed], render_kw={"autocomplete": "current-password"})


class CodeForm(Form):
    code = StringField(
        _l("Code from the app"), [_needed], render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"}
    )
