"""What is said on the command line, and the connection that it means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from portal.conformance import files
from portal.conformance.pace import Paced
from portal.connectors import registry
from portal.connectors.base import Bookkeeping
from portal.connectors.login import Application, AuthMode, FieldKind, Form, FormField
from portal.connectors.manifest import Manifest
from portal.kernel import http

HOST = "environment of the connector (be, nl, …) or the address of a server; needed"
TOKEN = "access token, or @FILE that holds it; needed"  # noqa: S105 (a description)
ROWS = {
    "dossier": "code of the dossier to use; default: the login's own, else the first",
    "journal": "code of the journal to book in; default: the first bank journal, else the first general one",
    "account": "code of the ledger account booked against; default: the first general one",
    "foreign": "code of a dossier this login may not see; default: 999",
    "write": "yes or no: whether to try the rows that book something; default: yes where the server is named, else no",
}
APPLICATION = {
    "app_id": "our id at the provider; @FILE too",
    "app_secret": "our secret at the provider, or @FILE that holds it; needed",
}
KEPT = "what a log-in on the provider's page left us, as JSON or @FILE; needed"


class BadOption(ValueError):
    """An option is missing, unknown or cannot be read. The text says which."""


class Open:
    """A gate that stops nothing: this command makes a few dozen calls, one after the other."""

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        return None

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        return None


class Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def known_options(manifest: Manifest) -> dict[str, str]:
    """What may be said for this app, with what it means."""
    found = {} if manifest.host_field or manifest.auth is AuthMode.FILE else {"host": HOST}
    if manifest.auth is AuthMode.OAUTH2:
        found["token"] = TOKEN
    if manifest.registered or manifest.auth is AuthMode.HOSTED:
        found |= APPLICATION
    if manifest.auth is AuthMode.HOSTED:
        found["kept"] = KEPT
    if manifest.auth is not AuthMode.FILE:
        found |= {question.key: _told(question) for question in manifest.form}
    return found | ROWS


@contextmanager
def connected(key: str, options: Mapping[str, str]) -> Iterator[tuple[Manifest, Bookkeeping]]:
    """The connector's client for the server in the options. Raises BadOption.

    An app without a server books in a database that lives only as long.
    """
    if key not in registry.CONNECTORS:
        known = sorted([*registry.CONNECTORS, *registry.FEEDS])
        raise BadOption(f"there is no connector {key!r}; there are: {', '.join(known)}")
    manifest = registry.load(key).MANIFEST
    known_here = known_options(manifest)
    _check(options, known_here)
    if manifest.auth is AuthMode.FILE:
        with files.register(key) as connection:
            yield manifest, connection
        return
    form = _form(manifest, options, known_here)
    if manifest.auth is AuthMode.OAUTH2:
        session, host = signed(manifest, options, known_here)
    else:
        host = form[manifest.host_field].rstrip("/") if manifest.host_field else _host(manifest, options, known_here)
        ours = Application(_value(options, "app_id"), _value(options, "app_secret"))
        session = http.session()
        session.auth = registry.signing(key)(form, ours, host)
    yield manifest, registry.load(key).connect(session, host, Paced(manifest.limits), form)


def signed(manifest: Manifest, options: Mapping[str, str], known: Mapping[str, str]) -> tuple[requests.Session, str]:
    """A session with the token of the options, and the host that they mean. Raises BadOption."""
    _check(options, known)
    host, token = _host(manifest, options, known), _needed(options, "token", known)
    session = http.session(certificate=_certificate(options))
    session.auth = Bearer(token)
    return session, host


def _check(options: Mapping[str, str], known: Mapping[str, str]) -> None:
    for name in options:
        if name not in known:
            raise BadOption(f"there is no option {name!r}; there are: {', '.join(known)}")


def _host(manifest: Manifest, options: Mapping[str, str], known: Mapping[str, str]) -> str:
    given = _needed(options, "host", known)
    host = manifest.hosts.get(given, given)
    if not host.startswith(("https://", "http://")):
        raise BadOption(f"option 'host' is neither an address nor one of: {', '.join(manifest.hosts)}")
    return host


def _form(manifest: Manifest, options: Mapping[str, str], known: Mapping[str, str]) -> Form:
    if manifest.auth is AuthMode.HOSTED:
        try:
            return Form(json.loads(_needed(options, "kept", known)))
        except (ValueError, TypeError):
            raise BadOption("option 'kept' is not JSON of names and texts") from None
    form = Form()
    for question in manifest.form:
        value = _value(options, question.key) or question.default
        if not value and question.required:
            raise BadOption(f"option {question.key!r} is needed: {known[question.key]}")
        if value:
            form[question.key] = value
    return form


def _told(question: FormField) -> str:
    needed = "; needed" if question.required and not question.default else ""
    choices = f" ({', '.join(value for value, _label in question.choices)})" if question.choices else ""
    return question.label + choices + (", or @FILE that holds it" if question.kind is FieldKind.SECRET else "") + needed


def _needed(options: Mapping[str, str], name: str, known: Mapping[str, str]) -> str:
    if not options.get(name):
        raise BadOption(f"option {name!r} is needed: {known[name]}")
    return _value(options, name)


def _value(options: Mapping[str, str], name: str) -> str:
    """As given, or out of the file that it names. Raises BadOption."""
    given = options.get(name, "")
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as unreadable:
        raise BadOption(f"cannot read the {name}: {unreadable}") from None


def _certificate(options: Mapping[str, str]) -> http.Certificate | None:
    if not options.get("certificate"):
        return None
    return http.Certificate(Path(options["certificate"]), Path(options.get("key") or options["certificate"]))
