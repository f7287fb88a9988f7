"""Authorisations by a form instead of a log-in: made, and given another key later."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from portal.access import Scope
from portal.activity import service as activity
from portal.authorisations import applications, connecting, rows, states, typed
from portal.authorisations.custody import Custody, Means
from portal.authorisations.models import Authorisation, Credential, State
from portal.authorisations.service import Seen, asking, same_key
from portal.connectors.login import AuthMode, Form
from portal.connectors.manifest import Manifest
from portal.kernel.errors import Conflict


def create(
    means: Means, scope: Scope, app: str, environment: str, name: str, given: Mapping[str, str]
) -> Authorisation:
    """A new one, inactive: nothing was called yet. `given` answers the form of the manifest.

    Raises FormRefused for what was typed, Invalid for the name and Conflict where we are not registered.
    """
    manifest = _manifest(app)
    form = typed.checked(means.settings, manifest, given)
    applications.application(means.settings, app)
    place = typed.environment_of(manifest, form, environment)
    if manifest.auth is AuthMode.KEY:
        applications.host_of(means.settings, app, place)
    row = rows.create(scope, app, place, name)
    _keep(means, scope, row, form)
    activity.record(scope, "authorisation.made", rows.subject(row), name=row.name)
    return row


def change(means: Means, scope: Scope, authorisation_id: uuid.UUID, given: Mapping[str, str]) -> Authorisation:
    """Put what is typed now in the place of what was; secrets left empty stay, at the same server only.

    Where it is known whose key it was, the new one is tried first: it must be of the same login at
    the same server. One that waited for a new key is active then. Raises FormRefused and Conflict,
    with the old key in place.
    """
    row = rows.present(scope, authorisation_id)
    manifest = _manifest(row.app)
    form = typed.checked(means.settings, manifest, given, _current(means, scope, row))
    place = typed.environment_of(manifest, form, row.environment)
    tried = manifest.auth is AuthMode.KEY and bool(row.remote_user_id)
    if tried:
        _try(means, scope, row, place, form)
    elif place != row.environment:
        typed.checked(means.settings, manifest, given)  # a key goes to no server but the one it was typed with
    credential = rows.locked_credential(scope, row.id) if manifest.auth is AuthMode.KEY else None
    row = rows.living(scope, authorisation_id)
    row.environment = place
    typed.keep(_custody(means, scope, row), scope.session, row, credential, form)
    if tried and row.state in (State.NEEDS_CONSENT, State.REFUSED):
        states.move(row, State.ACTIVE)
        rows.wake(scope, row)
    activity.record(scope, "authorisation.key_changed", rows.subject(row), name=row.name)
    return row


def _manifest(app: str) -> Manifest:
    manifest = applications.manifest_of(app)
    if manifest.auth not in (AuthMode.KEY, AuthMode.FILE):
        raise Conflict("authorisation.app_unknown", app=app)
    return manifest


def _try(means: Means, scope: Scope, row: Authorisation, place: str, form: Form) -> None:
    """One call with the new key. A number of a user means nothing at another server."""
    if place != row.environment:
        raise Conflict("authorisation.other_server", expected=row.environment)
    with asking(AuthMode.KEY):
        provider = connecting.keyed(means.settings, row.app, place, form, connecting.Unlimited())
        identity = provider.identity()
        seen = Seen(identity, () if identity.user_id else provider.dossiers())
    same_key(scope, row, seen)


def _keep(means: Means, scope: Scope, row: Authorisation, form: Form) -> None:
    credential = None
    if applications.manifest_of(row.app).auth is AuthMode.KEY:
        credential = Credential(tenant_id=scope.tenant_id, authorisation_id=row.id, generation=0)
    typed.keep(_custody(means, scope, row), scope.session, row, credential, form)


def _current(means: Means, scope: Scope, row: Authorisation) -> Form:
    credential = scope.session.get(Credential, (scope.tenant_id, row.id))
    return typed.read(_custody(means, scope, row), scope.session, row, credential)


def _custody(means: Means, scope: Scope, row: Authorisation) -> Custody:
    return Custody(means.database, means.vault, means.settings, scope.tenant_id, row.id)
