"""Providers as somebody: signed in by the tokens of an authorisation, or as our own application."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

import requests

from config import Settings
from portal.authorisations import applications, tokens
from portal.authorisations.custody import Custody
from portal.authorisations.limits import BudgetGate
from portal.authorisations.models import Authorisation
from portal.connectors import registry
from portal.connectors.base import Bookkeeping, Form
from portal.connectors.errors import AuthorisationExpired
from portal.connectors.feed import BankFeed
from portal.kernel import http
from portal.kernel.db import Database
from portal.kernel.vault import Vault

MAX_KEYS = 64 * 1024


def connect(
    database: Database,
    vault: Vault,
    settings: Settings,
    tenant_id: uuid.UUID,
    authorisation_id: uuid.UUID,
    *,
    person: bool = False,
    trial: bool = False,
) -> Bookkeeping:
    """The provider, signed in. `person`: somebody waits, so the reserve of calls may be used.

    Makes no call yet. `tenant_id` is that of the authorisation. Raises AuthorisationExpired
    when it is gone or switched off; `trial` allows one that is about to be activated.
    """
    custody = Custody(database, vault, settings, tenant_id, authorisation_id, trial)
    row = _allowed(custody)
    connector = registry.load(row.app)
    gate = BudgetGate(database, tenant_id, authorisation_id, connector.MANIFEST.limits, person=person)
    return connector.connect(*_signed(custody, row), gate, Form())


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
    row = _allowed(custody)
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


def _allowed(custody: Custody) -> Authorisation:
    with custody.session() as session:
        rows = custody.rows(session)
    if rows is None:
        raise AuthorisationExpired("authorisation.no_login")
    custody.check(rows[0])
    return rows[0]


def _signed(custody: Custody, row: Authorisation) -> tuple[requests.Session, str]:
    host = applications.host_of(custody.settings, row.app, row.environment)
    return tokens.session_for(custody, host, applications.certificate(custody.settings, row.app)), host
