"""Forms of signing up, in, and back in."""

from __future__ import annotations

from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from portal.routes.forms import Form, _l

_needed = InputRequired(_l("Fill this in."))


class SignInForm(Form):
    email = EmailField(_l("E-mail address"), [_needed, Length(max=254)], render_kw={"autocomplete": "username"})
    password = PasswordField(_l("Password"), [_needed], render_kw={"autocomplete": "current-password"})


class SecondFactorForm(Form):
    code = StringField(
        _l("Code from your authenticator app, or a recovery code"),
        [_needed, Length(max=40)],
        render_kw={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True},
    )


class SignUpForm(Form):
    name = StringField(_l("Your name"), [_needed, Length(max=120)], render_kw={"autocomplete": "name"})
    email = EmailField(_l("E-mail address"), [_needed, Length(max=254)], render_kw={"autocomplete": "username"})
    password = PasswordField(_l("Password"), [_needed], render_kw={"autocomplete": "new-password"})
    agree = BooleanField(_l("I agree that Koppelpoort processes these data to run my account"), [_needed])


class ForgottenForm(Form):
    email = EmailField(_l("E-mail address"), [_needed, Length(max=254)], render_kw={"autocomplete": "username"})


class ResetForm(Form):
    password = PasswordField(_l("New password"), [_needed], render_kw={"autocomplete": "new-password"})


class VerifyForm(Form):
    password = PasswordField(
        _l("The password you chose when you made the account"), render_kw={"autocomplete": "current-password"}
    )
