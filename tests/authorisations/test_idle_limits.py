"""Each log-in and key is used well within what its provider allows without use, with time for a second try."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.authorisations.applications import manifest_of
from portal.authorisations.heartbeat import AGAIN, next_use
from portal.authorisations.models import Authorisation, Credential, State
from portal.connectors import registry
from portal.connectors.login import OAuth2
from portal.connectors.manifest import Manifest
from portal.kernel import clock

MANIFESTS = {app: manifest_of(app) for app in (*registry.CONNECTORS, *registry.FEEDS)}


def limit_of(manifest: Manifest) -> timedelta | None:
    """How long it may go unused; None where it may for ever."""
    if isinstance(manifest.oauth, OAuth2):
        return timedelta(seconds=manifest.oauth.refresh_lifetime)
    return timedelta(days=manifest.idle_days) if manifest.idle_days else None


LIMITED = {app: limit for app, manifest in MANIFESTS.items() if (limit := limit_of(manifest)) is not None}


def test_some_providers_end_what_is_not_used() -> None:
    assert len(LIMITED) >= 3


@pytest.mark.parametrize("app", LIMITED)
def test_it_is_kept_alive_with_time_for_a_second_try(app: str) -> None:
    now, limit = clock.now(), LIMITED[app]
    row = Authorisation(app=app, state=State.ACTIVE)
    credential = Credential(received_at=now, refresh_expires_at=now + limit)
    at = next_use(row, credential)
    assert at is not None
    assert at + AGAIN < now + limit
    assert at > now


def test_nothing_is_kept_alive_that_is_off_or_removed() -> None:
    now, app = clock.now(), next(iter(LIMITED))
    credential = Credential(received_at=now, refresh_expires_at=now + timedelta(days=30))
    for state in (State.INACTIVE, State.NEEDS_CONSENT, State.REFUSED, State.REVOKED):
        assert next_use(Authorisation(app=app, state=state), credential) is None
    assert next_use(Authorisation(app=app, state=State.ACTIVE, removed_at=now), credential) is None
    assert next_use(Authorisation(app=app, state=State.ACTIVE), None) is None
