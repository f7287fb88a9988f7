"""What people type to make an authorisation: checked, and split into what may be read and what is sealed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.orm import Session

from config import Settings
from portal.authorisations import applications
from portal.authorisations.custody import Custody
from portal.authorisations.models import Authorisation, Credential
from portal.connectors.login import FieldKind, Form, FormField
from portal.connectors.manifest import Manifest
from portal.kernel import clock, outward
from portal.kernel.errors import Invalid

LENGTH = 8192  # a key may be a signed document
ENDS_ON = "expires_on"  # key of the field that says on which day a key ends
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class FormRefused(Invalid):
    """What was typed cannot be used. `problems` has a code with its values for each field in question."""

    def __init__(self, problems: Mapping[str, tuple[str, Mapping[str, str]]]) -> None:
        field, (code, values) = next(iter(problems.items()))
        super().__init__(code, field=field, **values)
        self.problems = problems


def checked(settings: Settings, manifest: Manifest, given: Mapping[str, str], kept: Form | None = None) -> Form:
    """The form as it is stored. A secret that is left empty stays what it is in `kept`. Raises FormRefused."""
    form, problems = Form(), dict[str, tuple[str, Mapping[str, str]]]()
    for field in manifest.form:
        typed = given.get(field.key, "").strip()
        if not typed and field.kind is FieldKind.SECRET and kept:
            typed = kept.get(field.key, "")
        problem = _problem(field, typed)
        if problem is None and field.kind is FieldKind.URL and typed:
            address = server(settings, manifest.key, typed)
            problem, typed = ("authorisation.address", {}) if address is None else None, address or ""
        if problem is not None:
            problems[field.key] = problem
        elif typed:
            form[field.key] = typed
    if problems:
        raise FormRefused(problems)
    return form


def server(settings: Settings, app: str, typed: str) -> str | None:
    """The address of a server that people named, as `kernel.outward` has it; None for one that is not called.

    Those that the settings name are called wherever they stand, such as a demo's own sandbox.
    """
    if applications.is_ours(settings, app, typed.rstrip("/")):
        return typed.rstrip("/")
    try:
        return outward.address(typed if "://" in typed else f"https://{typed}")
    except outward.Unsuitable:
        return None


def environment_of(manifest: Manifest, form: Form, chosen: str) -> str:
    """Where the provider is: a key of the manifest's hosts, or the address that was typed."""
    return form[manifest.host_field] if manifest.host_field else chosen


def keep(
    custody: Custody, session: Session, authorisation: Authorisation, credential: Credential | None, form: Form
) -> None:
    """Store the form, its secrets sealed; the caller locks. Without `credential` there must be no secrets."""
    manifest = applications.manifest_of(authorisation.app)
    plain = {field.key for field in manifest.form if field.kind is not FieldKind.SECRET}
    authorisation.form = {key: value for key, value in form.items() if key in plain}
    if credential is None:
        return
    now, before = clock.now(), _secrets(custody, session, credential)
    secrets = {key: value for key, value in form.items() if key not in plain}
    if secrets != before or not credential.generation:
        credential.access_token = custody.seal(session, "access_token", json.dumps(secrets))
        credential.refresh_token = b""
        credential.generation = (credential.generation or 0) + 1
        credential.expires_at = _end(manifest, now)
    if form.get(ENDS_ON):
        credential.expires_at = datetime.combine(date.fromisoformat(form[ENDS_ON]) + timedelta(days=1), time(), UTC)
    used(manifest, credential, now)
    session.add(credential)


def read(custody: Custody, session: Session, authorisation: Authorisation, credential: Credential | None) -> Form:
    """What `keep` stored, whole."""
    return Form(authorisation.form | _secrets(custody, session, credential))


def used(manifest: Manifest, credential: Credential, now: datetime) -> None:
    """The provider took the key just now: it lives on, unless it ends by itself."""
    idle = now + timedelta(days=manifest.idle_days) if manifest.idle_days else NEVER
    credential.received_at, credential.received_on, credential.received_tick = now, "", None
    credential.refresh_expires_at = min(credential.expires_at, idle)
    credential.failures, credential.not_before = 0, None


def _secrets(custody: Custody, session: Session, credential: Credential | None) -> dict[str, str]:
    if credential is None or not credential.access_token:
        return {}
    found: dict[str, str] = json.loads(custody.open(session, "access_token", credential.access_token))
    return found


def _end(manifest: Manifest, now: datetime) -> datetime:
    return now + timedelta(days=manifest.key_days) if manifest.key_days else NEVER


def _problem(field: FormField, typed: str) -> tuple[str, Mapping[str, str]] | None:
    if not typed:
        return ("authorisation.field_needed", {}) if field.required else None
    if len(typed) > LENGTH or _CONTROL.search(typed):
        return "authorisation.field_unreadable", {}
    if field.kind is FieldKind.DATE:
        return None if _is_coming(typed) else ("authorisation.field_date", {})
    wrong_choice = field.kind is FieldKind.CHOICE and typed not in [value for value, _label in field.choices]
    if wrong_choice or (field.pattern and not re.fullmatch(field.pattern, typed)):
        return ("authorisation.field_example" if field.example else "authorisation.field_pattern"), {
            "example": field.example
        }
    return None


def _is_coming(typed: str) -> bool:
    try:
        return clock.today() <= date.fromisoformat(typed) < NEVER.date() - timedelta(days=1)
    except ValueError:
        return False
