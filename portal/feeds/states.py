"""The states of a feed: the moves there are."""

from __future__ import annotations

import uuid

from portal.access import Scope
from portal.activity import service as activity
from portal.feeds.models import Feed, State
from portal.kernel import clock
from portal.kernel.errors import Conflict

# The only moves there are. A bank that was let go may be linked again, under the same row.
MOVES: dict[State, frozenset[State]] = {
    State.NOT_CONNECTED: frozenset({State.CONNECTING, State.REVOKED}),
    State.CONNECTING: frozenset({State.NOT_CONNECTED, State.CONNECTED, State.REVOKED}),
    State.CONNECTED: frozenset({State.ATTENTION, State.CONSENT_ENDED, State.PAUSED, State.REVOKED}),
    State.ATTENTION: frozenset({State.CONNECTED, State.CONSENT_ENDED, State.PAUSED, State.REVOKED}),
    State.CONSENT_ENDED: frozenset({State.CONNECTING, State.CONNECTED, State.PAUSED, State.REVOKED}),
    State.PAUSED: frozenset({State.CONNECTED, State.CONSENT_ENDED, State.REVOKED}),
    State.REVOKED: frozenset({State.CONNECTING}),
}
FETCHING = frozenset({State.CONNECTED, State.ATTENTION})
_TAGS = {
    State.NOT_CONNECTED: "feed.given_up",
    State.CONNECTING: "feed.begun",
    State.CONNECTED: "feed.connected",
    State.ATTENTION: "feed.attention",
    State.CONSENT_ENDED: "feed.consent_ended",
    State.PAUSED: "feed.paused",
    State.REVOKED: "feed.revoked",
}


def move(scope: Scope, feed: Feed, state: State, code: str = "", text: str = "") -> bool:
    """Bring it into `state`, with the reason, and tell it; False when it was there already. Raises Conflict."""
    if feed.state == state:
        feed.state_code = code
        return False
    if state not in MOVES[State(feed.state)]:
        raise Conflict("feed.state", state=feed.state, wanted=state.value)
    before, feed.state, feed.state_code = feed.state, state, code
    feed.state_since = clock.now()
    if state is State.CONNECTED and feed.connected_at is None:
        feed.connected_at = feed.state_since
    activity.record(
        scope, _TAGS[state], subject(feed), bank=feed.institution_name, before=before, state=state.value, code=code,
        text=text,
    )  # fmt: skip
    return True


def subject(feed: Feed) -> tuple[str, uuid.UUID]:
    return "feed", feed.id
