"""One turn of one dossier: step after step until the slice is spent, and entries together where the package takes them.

In a batch each entry keeps its own posting: all are written as `sending`, committed, before the
one call; each is answered, refused or uncertain by itself.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from portal.connectors import registry
from portal.connectors.base import Batching, Bookkeeping, RemoteEntry
from portal.connectors.errors import UnexpectedReply
from portal.kernel import clock, crash
from portal.sync import attempt as moves
from portal.sync import lease
from portal.sync.lease import MAX_TRIES, Attempt
from portal.sync.models import PostingState
from portal.sync.sending import Desk, check_in_time, failed, held, not_connected
from portal.sync.turns import SLICE

LONGEST = timedelta(seconds=10)  # a turn begins no call after that, however slow the package is


@dataclass(frozen=True, slots=True)
class Dossier:
    """Whose turn it is, by the coupling with it."""

    tenant_id: uuid.UUID
    coupling_id: uuid.UUID
    app: str


def work(desk: Desk, dossier: Dossier) -> int:
    """Take steps in the dossier for the length of one turn; how many. A limit ends the turn, nobody waits for it."""
    until, steps, calls = clock.now() + LONGEST, 0, 0
    most = registry.load(dossier.app).MANIFEST.capabilities.batch_size
    while calls < SLICE and clock.now() < until:
        first = lease.take_due(desk.runtime.database, dossier.tenant_id, dossier.coupling_id)
        if first is None:
            break
        together = [first]
        if most > 1 and _may_go_together(desk, first):
            together += lease.take_alike(first, most - 1)
        if len(together) > 1:
            _send_together(desk, together)
            calls += 1
        else:
            desk.step(first)
            calls += 2  # sent, and read back
        steps += len(together)
    return steps


def _may_go_together(desk: Desk, attempt: Attempt) -> bool:
    """What may stand there already goes alone: it is looked up first."""
    fresh = attempt.state is PostingState.INTENT and attempt.tries <= MAX_TRIES
    return fresh and not desk.must_look_first(attempt)


def _send_together(desk: Desk, attempts: Sequence[Attempt]) -> None:
    first = attempts[0]
    try:
        connection = desk.connection(first)
        if not isinstance(connection, Batching):
            raise TypeError(f"{first.app} has no batches")
    except Exception as failure:
        for attempt in attempts:
            not_connected(attempt, failure)
        return
    started = time.monotonic()
    apart = [attempt for attempt in attempts if desk.must_look_first(attempt)]
    for attempt in apart:  # its period began before a restore
        lease.release(attempt, clock.now())
    sending = moves.begin_sending_together([attempt for attempt in attempts if attempt not in apart])
    if not sending:
        return
    crash.point("posting.batch_committed")
    answers: Sequence[RemoteEntry | Exception]
    with held(sending):
        try:
            check_in_time(started)
            answers = connection.post_many(first.dossier, first.kind, [one.payload for one in sending])
            crash.point("posting.batch_answered")
            if len(answers) != len(sending):
                raise UnexpectedReply("posting.batch_answers")
        except Exception as failure:
            answers = [failure] * len(sending)
        _write_down(desk, connection, list(zip(sending, answers, strict=True)))


def _write_down(
    desk: Desk, connection: Bookkeeping, answered: Sequence[tuple[Attempt, RemoteEntry | Exception]]
) -> None:
    """What became of each of a batch: those that are there together, as they are most, and the others one by one."""
    booked = [moves.Found(one, answer, (answer,)) for one, answer in answered if not isinstance(answer, Exception)]
    if booked:
        moves.confirm_together(booked)
        crash.point("posting.batch_confirmed")
    for one, answer in answered:
        if isinstance(answer, Exception):
            failed(desk, connection, one, answer)
