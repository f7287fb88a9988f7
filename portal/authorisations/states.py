"""The states of an authorisation: the moves there are, and how it feels today."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.authorisations import applications
from portal.authorisations.models import Authorisation, Credential, State
from portal.connectors.login import AuthMode
from portal.kernel import clock
from portal.kernel.errors import Conflict

EXPIRING = timedelta(days=10)

# The only moves there are. A revoked authorisation stays revoked: log in anew for another one.
MOVES: dict[State, frozenset[State]] = {
    State.INACTIVE: frozenset({State.ACTIVE, State.NEEDS_CONSENT, State.REFUSED, State.REVOKED}),
    State.ACTIVE: frozenset({State.INACTIVE, State.NEEDS_CONSENT, State.REFUSED, State.REVOKED}),
    State.NEEDS_CONSENT: frozenset({State.ACTIVE, State.INACTIVE, State.REVOKED}),
    State.REFUSED: frozenset({State.ACTIVE, State.INACTIVE, State.NEEDS_CONSENT, State.REVOKED}),
    State.REVOKED: frozenset(),
}


def move(authorisation: Authorisation, state: State, code: str = "") -> bool:
    """Bring it into `state`, with the reason; False when it was there already. Raises Conflict."""
    if authorisation.state == state:
        authorisation.state_code = code
        return False
    if state not in MOVES[State(authorisation.state)]:
        raise Conflict("authorisation.state", state=authorisation.state, wanted=state.value)
    authorisation.state, authorisation.state_code = state, code
    authorisation.state_since = clock.now()
    if state is State.ACTIVE and authorisation.activated_at is None:
        authorisation.activated_at = authorisation.state_since
    return True


def health(authorisation: Authorisation, credential: Credential | None, now: datetime) -> str:
    """The state to show: one of `State`, or "expiring" when the log-in or the key lapses within ten days."""
    if authorisation.state != State.ACTIVE:
        return authorisation.state
    if applications.manifest_of(authorisation.app).auth is AuthMode.FILE:
        return State.ACTIVE
    if credential is None:
        return State.NEEDS_CONSENT
    return "expiring" if credential.refresh_expires_at - now < EXPIRING else State.ACTIVE
