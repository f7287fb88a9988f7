"""Providers as somebody: signed in by an authorisation, or as our own application."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from config import Settings
from portal.authorisations import applications, tokens, typed, watching
from portal.authorisations.custody import Custody
from portal.authorisations.limits import BudgetGate
from portal.authorisations.models import Authorisation, Credential
from portal.connectors import registry
from portal.connectors.base import Bookkeeping, Gate
from portal.connectors.errors import AuthorisationExpired
from portal.connectors.feed import BankFeed
from portal.connectors.login import AuthMode, FieldKind, Form
from portal.exchange.register import Register
from portal.kernel import http
from portal.kernel.db import Database
from portal.kernel.vault import Vault

MAX_KEYS = 64 * 1024


class Unlimited:
    """A gate that stops nothing: for the one call that asks who somebody is."""

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        return None

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        return None


def connect(
    database: Database,
    vault: Vault,
    settings: Settings,
    tenant_id: uuid.UUID,
    authorisation_id: uuid.UUID,
    *,
    person: bool = False,
    trial: bool = False,
    ready: bool = False,
) -> Bookkeeping:
    """The provider, signed in. `person`: somebody waits, so the reserve of calls may be used.

    Makes no call yet, but to renew a token that is due where `ready` asks for a valid one at hand.
    `tenant_id` is that of the authorisation. Raises AuthorisationExpired when it is gone or switched
    off; `trial` allows one that is about to be activated.
    """
    custody = Custody(database, vault, settings, tenant_id, authorisation_id, trial)
    row, credential, form = _allowed(custody)
    manifest = applications.manifest_of(row.app)
    if manifest.auth is AuthMode.FILE:
        return Register(database, tenant_id, authorisation_id, row.app, trial)
    gate = BudgetGate(database, tenant_id, authorisation_id, manifest.limits, person=person)
    if manifest.auth is AuthMode.OAUTH2:
        if ready:
            tokens.access_token(custody)
        return registry.load(row.app).connect(*_signed(custody, row), gate, form)
    connection = keyed(settings, row.app, row.environment, form, gate)
    return connection if trial or credential is None else watching.watched(connection, custody, credential.generation)


def keyed(settings: Settings, app: str, environment: str, form: Form, gate: Gate) -> Bookkeeping:
    """The provider, signed in by what was typed, or was kept of a log-in on its own page."""
    host = applications.host_of(settings, app, environment)
    session = session_of(settings, app, host, form)
    return registry.load(app).connect(session, host, gate, form)


def session_of(settings: Settings, app: str, host: str, form: Form) -> http.Session:
    """A session that signs its calls to `host` with the form. Raises Conflict where we are not registered."""
    manifest, ours = applications.manifest_of(app), applications.application(settings, app)
    plain = {field.key for field in manifest.form if field.kind is not FieldKind.SECRET}
    outward = bool(manifest.host_field) and not applications.is_ours(settings, app, host)
    made = http.session(certificate=applications.certificate(settings, app), outward_only=outward)
    made.masked = [value for key, value in form.items() if key not in plain]
    made.auth = registry.signing(app)(form, ours, host)
    return made


def connect_feed(
    database: Database,
    vault: Vault,
    settings: Settings,
    tenant_id: uuid.UUID,
    authorisation_id: uuid.UUID,
    *,
    person: bool = False,
    trial: bool = False,
) -> BankFeed:
    """As `connect`, for a feed whose consent is the log-in of an authorisation (OAuth 2)."""
    custody = Custody(database, vault, settings, tenant_id, authorisation_id, trial)
    row, _credential, _form = _allowed(custody)
    connector = registry.load_feed(row.app)
    gate = BudgetGate(database, tenant_id, authorisation_id, connector.MANIFEST.limits, person=person)
    return connector.connect(*_signed(custody, row), gate)


def fetch_key(settings: Settings, app: str, environment: str, path: str) -> bytes:
    """Public keys of a provider, from an absolute path on its server. Raises OSError when they are not to be had.

    A provider that has no address for its key is not asked: the key comes from our settings.
    """
    if (known := applications.callback_key(settings, app)) is not None:
        if not known:
            raise OSError(f"the public key of {app} is not in the settings")
        return known
    parts = urlsplit(applications.host_of(settings, app, environment))
    with http.session(max_bytes=MAX_KEYS, pool=1, certificate=applications.certificate(settings, app)) as session:
        try:
            reply = http.exchange(session, "GET", f"{parts.scheme}://{parts.netloc}{path}")
        except http.TransportError as failure:
            raise OSError(str(failure)) from None
    if reply.status != 200:
        raise OSError(f"no keys: {reply.status}")
    return reply.body


def _allowed(custody: Custody) -> tuple[Authorisation, Credential | None, Form]:
    """As committed now, with what was typed. Raises AuthorisationExpired."""
    with custody.reading() as session:
        key = (custody.tenant_id, custody.authorisation_id)
        row, credential = session.get(Authorisation, key), session.get(Credential, key)
        if row is None:
            raise AuthorisationExpired("authorisation.no_login")
        auth = applications.manifest_of(row.app).auth
        if credential is None and auth is not AuthMode.FILE:
            raise AuthorisationExpired("authorisation.no_login")
        custody.check(row)
        typed_in = typed.read(custody, session, row, None if auth is AuthMode.OAUTH2 else credential)
    return row, credential, typed_in


def _signed(custody: Custody, row: Authorisation) -> tuple[requests.Session, str]:
    host = applications.host_of(custody.settings, row.app, row.environment)
    return tokens.session_for(custody, host, applications.certificate(custody.settings, row.app)), host
