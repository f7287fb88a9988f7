"""Keeping log-ins and keys alive that would die of disuse, and noticing when a key has ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.authorisations import applications, connecting, tokens, typed
from portal.authorisations.custody import Custody, Lock
from portal.authorisations.models import Authorisation, Credential, State
from portal.authorisations.typed import NEVER
from portal.connectors.errors import ConnectorError
from portal.connectors.login import AuthMode
from portal.kernel import clock

AGAIN = timedelta(days=1)


def keep_alive(custody: Custody) -> None:
    """Renew the tokens, or use the key once. Safe to run twice; what fails is told to people where it happens."""
    with custody.reading() as session:
        rows = custody.rows(session)
    if rows is None:
        return
    if applications.manifest_of(rows[0].app).auth is AuthMode.OAUTH2:
        tokens.keep_alive(custody)
    else:
        _use(custody)


def _use(custody: Custody) -> None:
    book = (custody.database, custody.vault, custody.settings, custody.tenant_id, custody.authorisation_id)
    try:
        connecting.connect(*book).identity()
        works = True
    except ConnectorError:
        works = False
    with custody.session() as session, session.begin():
        rows = custody.rows(session, Lock.WAIT)
        if rows is None:
            return
        authorisation, credential = rows
        if works:
            typed.used(applications.manifest_of(authorisation.app), credential, clock.now())
        credential.not_before = clock.now() + AGAIN


def next_use(authorisation: Authorisation, credential: Credential | None) -> datetime | None:
    """When it is kept alive next, as `due_authorisations` judges; None where nothing is kept alive.

    At half of what the provider allows without use, so that a failure leaves as long again.
    """
    if credential is None or authorisation.state != State.ACTIVE or authorisation.removed_at is not None:
        return None
    if applications.manifest_of(authorisation.app).auth is AuthMode.FILE or credential.refresh_expires_at >= NEVER:
        return None
    half = credential.received_at + (credential.refresh_expires_at - credential.received_at) / 2
    return max(half, credential.not_before or half)
