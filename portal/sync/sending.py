"""One step of one posting: send it, look it up, or leave it; never twice, never on a guess."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

import structlog

from config import Settings
from portal.authorisations.service import connect as connect_authorisation
from portal.connectors import registry
from portal.connectors.base import Bookkeeping, RemoteEntry
from portal.connectors.errors import (
    AlreadyPosted,
    AuthorisationExpired,
    ConnectorError,
    Rejected,
    Temporary,
)
from portal.kernel import clock, crash
from portal.kernel.db import Database
from portal.kernel.errors import PortalError
from portal.kernel.vault import Vault
from portal.runtime import Runtime
from portal.sync import attempt as moves
from portal.sync import lease
from portal.sync.lease import MAX_TRIES, Attempt
from portal.sync.models import PostingState

log = structlog.get_logger()

NEVER = datetime.min.replace(tzinfo=UTC)
SEND_SECONDS = 5.0  # between writing `sending` and opening the socket; after that it is not sent


class Connect(Protocol):
    """How a connection is made; `portal.authorisations.service.connect` is one."""

    def __call__(
        self,
        database: Database,
        vault: Vault,
        settings: Settings,
        tenant_id: uuid.UUID,
        authorisation_id: uuid.UUID,
        *,
        person: bool = False,
    ) -> Bookkeeping: ...


def signed_in(
    database: Database,
    vault: Vault,
    settings: Settings,
    tenant_id: uuid.UUID,
    authorisation_id: uuid.UUID,
    *,
    person: bool = False,
) -> Bookkeeping:
    """Connected, with a valid token at hand: no renewal stands between `sending` and the socket."""
    return connect_authorisation(database, vault, settings, tenant_id, authorisation_id, person=person, ready=True)


class Verdict(StrEnum):
    """What a failed call says about the entry."""

    REFUSED = "refused"  # read and refused: nothing was booked
    NOT_SENT = "not_sent"  # surely never arrived, or was turned away at the door
    ALREADY = "already"  # the provider says it is there
    UNSURE = "unsure"


def judge(failure: BaseException) -> Verdict:
    """Only what is surely known counts; everything else is unsure."""
    match failure:
        case AlreadyPosted():
            return Verdict.ALREADY
        case Rejected():
            return Verdict.REFUSED
        case AuthorisationExpired() | Temporary(sent=False):
            return Verdict.NOT_SENT
    return Verdict.UNSURE


@dataclass(slots=True)
class Desk:
    """What steps work with. A connection is kept for all steps at one desk: threads share its pool."""

    runtime: Runtime
    connect: Connect = signed_in
    connections: dict[tuple[uuid.UUID, bool], Bookkeeping] = field(default_factory=dict)
    restored: datetime | None = None  # the last restore; None while it was not asked

    def step(self, attempt: Attempt) -> None:
        """Take a posting in our hands one step further, whatever became of it before."""
        if attempt.state is PostingState.SENDING:
            # Its holder died or hangs with the socket open: what it did is unknown.
            moves.doubt(attempt, "posting.interrupted", "", self.settle(attempt.app))
        elif attempt.tries > MAX_TRIES:
            moves.park(attempt, "posting.poison")
        elif attempt.state is PostingState.INTENT:
            _send(self, attempt)
        elif attempt.settles_at is not None and attempt.settles_at > clock.now():
            lease.release(attempt, attempt.settles_at)
        elif not self.finds(attempt.app):
            moves.park(attempt, moves.UNFINDABLE)
        else:
            _look(self, attempt)

    def connection(self, attempt: Attempt, *, person: bool = False) -> Bookkeeping:
        """`person`: with the calls that are kept for look-ups and people."""
        key = (attempt.authorisation_id, person)
        if key not in self.connections:
            runtime, holder = self.runtime, attempt.holder
            self.connections[key] = self.connect(
                runtime.database, runtime.vault, runtime.settings, holder, attempt.authorisation_id, person=person
            )
        return self.connections[key]

    def must_look_first(self, attempt: Attempt) -> bool:
        """Whether it may stand there already: from an earlier sending, or from before a restore."""
        return attempt.sends > 0 or self.may_be_booked_before(attempt)

    def may_be_booked_before(self, attempt: Attempt) -> bool:
        """Whether a back-up was put back after this period began."""
        if self.restored is None:
            self.restored = moves.last_restore(self.runtime.database) or NEVER
        return clock.day(self.restored) >= attempt.period_start

    def finds(self, app: str) -> bool:
        """Whether a look-up in this package is proof."""
        return registry.load(app).MANIFEST.capabilities.finds

    def settle(self, app: str) -> float:
        """Seconds within which a provider may still commit a write whose answer was lost."""
        override = self.runtime.settings.settle_seconds
        return registry.load(app).MANIFEST.limits.settle_seconds if override is None else override


def post(runtime: Runtime, tenant_id: uuid.UUID, posting_id: uuid.UUID, connect: Connect = signed_in) -> None:
    """One step of one posting, at a desk of its own. Safe to call at any time, any number of times, from anywhere."""
    attempt = lease.take(runtime.database, tenant_id, posting_id)
    if attempt is not None:
        Desk(runtime, connect).step(attempt)


def _send(desk: Desk, attempt: Attempt) -> None:
    try:
        connection = desk.connection(attempt)
    except Exception as failure:
        not_connected(attempt, failure)
        return
    crash.point("posting.connected")
    look_first = desk.must_look_first(attempt)
    if look_first and not desk.finds(attempt.app):
        if attempt.sends == 0:
            moves.park(attempt, moves.UNFINDABLE)
            return
        look_first = False  # a person did
    started = time.monotonic()
    sending = moves.begin_sending(attempt)
    if sending is None:
        return
    crash.point("posting.resend_committed" if look_first else "posting.sending_committed")
    with held([sending]):
        try:
            if look_first:
                if _found_before(connection, sending):
                    return
                started = time.monotonic()  # their time for the look-up is no delay of ours
                if not moves.still_may_send(sending):
                    return
            _call(desk, connection, sending, started)
        except Exception as failure:
            failed(desk, connection, sending, failure)


def check_in_time(started: float) -> None:
    """Raises Temporary(sent=False) when it took too long since `sending` was written."""
    if time.monotonic() - started > SEND_SECONDS:
        raise Temporary("posting.too_late", sent=False)


def _call(desk: Desk, connection: Bookkeeping, sending: Attempt, started: float) -> None:
    check_in_time(started)
    crash.point("posting.before_call")
    remote = connection.post(sending.dossier, sending.kind, sending.payload)
    crash.point("posting.after_call")
    seen = _read_back(connection, sending, remote) if desk.finds(sending.app) else (remote,)
    crash.point("posting.read_back")
    moves.confirm(sending, remote, seen)


def _found_before(connection: Bookkeeping, sending: Attempt) -> bool:
    """Before a second sending: it may have come late. A failure here is surely before the call."""
    try:
        found = _find(connection, sending)
    except ConnectorError as failure:
        raise Temporary(failure.code, sent=False, provider_text=failure.provider_text) from failure
    if found:
        moves.confirm(sending, found[0], found)
    return bool(found)


def _read_back(connection: Bookkeeping, sending: Attempt, remote: RemoteEntry) -> Sequence[RemoteEntry]:
    """What stands there now. The answer itself is proof enough when this fails."""
    try:
        return _find(connection, sending) or (remote,)
    except Exception as failure:
        log.info("posting.not_read_back", reference=sending.reference, error=type(failure).__name__)
        return (remote,)


def _find(connection: Bookkeeping, attempt: Attempt) -> Sequence[RemoteEntry]:
    return connection.find(attempt.dossier, attempt.kind, attempt.reference, attempt.journal, attempt.on)


def failed(desk: Desk, connection: Bookkeeping, sending: Attempt, failure: Exception) -> None:
    """Write down what a failed call says about an entry that was being sent."""
    code, words = told(failure)
    match judge(failure):
        case Verdict.REFUSED:
            moves.reject(sending, code, words)
        case Verdict.NOT_SENT:
            moves.give_back(sending, code, words, getattr(failure, "retry_after", None))
        case Verdict.ALREADY if isinstance(failure, AlreadyPosted):
            _already(desk, connection, sending, failure)
        case _:
            log.info("posting.unsure", reference=sending.reference, code=code)
            moves.doubt(sending, code, words, desk.settle(sending.app))


def _already(desk: Desk, connection: Bookkeeping, sending: Attempt, failure: AlreadyPosted) -> None:
    try:
        seen = _find(connection, sending) if desk.finds(sending.app) else ()
    except Exception as second:
        moves.doubt(sending, *told(second), desk.settle(sending.app))
        return
    if seen:
        moves.confirm(sending, seen[0], seen)
    else:
        moves.doubt(sending, failure.code, failure.provider_text, desk.settle(sending.app))


def not_connected(attempt: Attempt, failure: Exception) -> None:
    """No call was made. What nobody foresaw is tried a few times and then shown to a person."""
    code, words = told(failure)
    if isinstance(failure, (Temporary, AuthorisationExpired, PortalError)):
        moves.give_back(attempt, code, words, getattr(failure, "retry_after", None))
    else:
        log.exception("posting.not_connected", reference=attempt.reference)
        moves.postpone(attempt, code, words, None, keep_tries=True)


def _look(desk: Desk, attempt: Attempt) -> None:
    if not moves.may_look(attempt):
        return
    crash.point("posting.before_lookup")
    try:
        with held([attempt]):
            found = _find(desk.connection(attempt, person=True), attempt)
    except Exception as failure:
        code, words = told(failure)
        waits = isinstance(failure, (Temporary, AuthorisationExpired, PortalError))
        moves.postpone(attempt, code, words, getattr(failure, "retry_after", None), keep_tries=not waits)
        return
    crash.point("posting.lookup_done")
    if found:
        crash.point("posting.lookup_found")
        moves.confirm(attempt, found[0], found)
    else:
        moves.found_nothing(attempt, desk.settle(attempt.app))


def told(failure: Exception) -> tuple[str, str]:
    """(code, the provider's words) of a failure; nothing of ours that could hold a secret."""
    if isinstance(failure, ConnectorError):
        return failure.code, failure.provider_text
    if isinstance(failure, PortalError):
        return failure.code, ""
    return "posting.internal", type(failure).__name__


@contextmanager
def held(attempts: Sequence[Attempt]) -> Iterator[None]:
    """Renew the leases while a call lasts; a paused process renews nothing."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(lease.LEASE.total_seconds() / 3):
            for attempt in attempts:
                try:
                    lease.renew(attempt)
                except Exception as failure:
                    log.warning("posting.not_renewed", reference=attempt.reference, error=type(failure).__name__)

    keeper = threading.Thread(target=keep, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
