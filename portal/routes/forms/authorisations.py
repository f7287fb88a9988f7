"""Forms about authorisations. What an app asks for comes from its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from wtforms import BooleanField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from portal.authorisations.typed import LENGTH, FormRefused
from portal.connectors.login import AuthMode, FieldKind, FormField
from portal.connectors.manifest import Manifest
from portal.kernel.errors import PortalError
from portal.routes import wording
from portal.routes.forms import Form, _l, choices

_needed = InputRequired(_l("Fill this in."))
ANSWER = "answer_"  # before the key of a field of the manifest, so that it is no other field of ours
PLACES = {
    "be": _l("Belgium"), "nl": _l("Netherlands"), "fr": _l("France"), "live": _l("The real books"),
    "sandbox": _l("A test environment"),
}  # fmt: skip
_CLOSED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class AnswersForm(Form):
    """With the questions of a manifest, made by `answers_form`."""

    questions: Sequence[FormField] = ()
    kept: frozenset[str] = frozenset()  # keys of the secrets that are stored
    known: Sequence[str] = ()  # servers that the settings name, wherever they stand

    def answers(self) -> dict[str, str]:
        """What was typed, by the key of the manifest's field."""
        found = {question.key: self[ANSWER + question.key].data for question in self.questions}
        return {key: value if isinstance(value, str) else str(value or "") for key, value in found.items()}

    def hint(self, question: FormField) -> str:
        """Where to find it; of a secret also what is kept of it."""
        told = [_(question.help)] if question.help else []
        if question.example:
            told.append(_("For example: %(example)s", example=question.example))
        if question.kind is FieldKind.URL and self.known:
            told.append(_("Here also: %(addresses)s", addresses=", ".join(self.known)))
        if question.kind is FieldKind.SECRET:
            if question.key in self.kept:
                told.append(_("Stored, and never shown. Leave empty to keep it."))
            elif self.is_submitted():
                told.append(_("Type it again: a secret is not shown a second time."))
        return " ".join(told)

    def take(self, error: PortalError) -> None:
        if not isinstance(error, FormRefused):
            super().take(error)
            return
        for key, (code, values) in error.problems.items():
            field = self[ANSWER + key]
            field.errors = [*field.errors, wording.of_error(code, values)]


class ConnectForm(AnswersForm):
    """A new authorisation. `environment`, `login` and `anyway` are there where the app has use for them."""

    name = StringField(_l("Name for this authorisation"), [_needed, Length(max=80)])


def connect_form(manifest: Manifest, known: Sequence[str] = ()) -> type[ConnectForm]:
    """The form that makes an authorisation of this app. `known`: servers that the settings name for it."""
    fields: dict[str, Any] = {}
    if len(manifest.hosts) > 1:
        countries = set(manifest.hosts) <= {"be", "nl", "fr"}
        label = _l("Country of the package") if countries else _l("Environment")
        fields["environment"] = SelectField(
            label, choices=choices(*((key, PLACES.get(key, key)) for key in manifest.hosts))
        )
    if manifest.auth is AuthMode.OAUTH2:
        fields["login"] = StringField(
            _l("Login you will use at the provider"), [Length(max=254)], render_kw={"autocomplete": "off"}
        )
        fields["anyway"] = BooleanField(_l("I will log in as somebody else"))
    return type(
        "ConnectFormOf", (ConnectForm,), {**fields, **_questions(manifest), "questions": manifest.form, "known": known}
    )


def answers_form(manifest: Manifest, kept: frozenset[str]) -> type[AnswersForm]:
    """The form that changes what was typed before. `kept`: keys of the secrets that are stored."""
    made = {**_questions(manifest), "questions": manifest.form, "kept": kept}
    return type("AnswersFormOf", (AnswersForm,), made)


def typed_before(form: Mapping[str, str]) -> dict[str, str]:
    """As the data of an answers form."""
    return {ANSWER + key: value for key, value in form.items()}


def _questions(manifest: Manifest) -> dict[str, Any]:
    return {ANSWER + question.key: _field(question) for question in manifest.form}


def _field(question: FormField) -> Any:
    """Only as wide as it may be; what is right is checked, with the same words, by the service."""
    label, checks = _l(question.label), [Length(max=LENGTH)]
    if question.kind is FieldKind.SECRET:
        return PasswordField(label, checks, render_kw={"autocomplete": "new-password"})
    if question.kind is FieldKind.CHOICE:
        words = choices(*((value, _l(word)) for value, word in question.choices))
        return SelectField(label, choices=words, default=question.default, validate_choice=False)
    shown = {**_CLOSED, "inputmode": "url"} if question.kind is FieldKind.URL else dict(_CLOSED)
    if question.kind is FieldKind.DATE:
        shown["type"] = "date"
    return StringField(label, checks, default=question.default, render_kw=shown)


class OwnerForm(Form):
    name = StringField(_l("Name"), [_needed, Length(max=80)])
    owner = SelectField(_l("Owner"), validate_choice=False)
    deputy = SelectField(_l("Deputy"), validate_choice=False)
