"""The moves of one posting, each a transaction of its own that only the holder of the lease can make."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, Uuid, bindparam, case, func, select, text, update
from sqlalchemy.orm import Session

from portal.access import SYSTEM, Scope
from portal.activity.service import Happening, record_all
from portal.connectors.base import EntryKind, RemoteEntry
from portal.connectors.errors import Temporary
from portal.couplings.models import Coupling
from portal.kernel import clock, crash
from portal.kernel.db import Database, Executes
from portal.ledger.models import EntryLine
from portal.sync import standing
from portal.sync.lease import LEASE, MAX_TRIES, Attempt, write, write_all
from portal.sync.letting_go import let_go
from portal.sync.models import PostingState, Restore

CONSENT_PAUSE = timedelta(minutes=5)
TEXT_LENGTH = 500
ENDED = "posting.coupling_ended"
UNFINDABLE = "posting.unfindable"  # may stand there, and no look-up can tell
WAITS_FOR = "posting.authorisation_"  # and its state

_CONDITIONS = text(
    "SELECT may_use_authorisation(c.tenant_id, c.authorisation_tenant_id) AS granted, c.state AS coupling,"
    " may_use_app(c.tenant_id, c.authorisation_tenant_id, c.app) AS ticked,"
    " a.state AS authorisation, a.removed_at IS NOT NULL OR a.id IS NULL AS removed"
    " FROM couplings c LEFT JOIN authorisations a"
    " ON a.tenant_id = c.authorisation_tenant_id AND a.id = c.authorisation_id"
    " WHERE c.tenant_id = :tenant AND c.id = :coupling"
)
_AMOUNT, _NOUGHT = EntryLine.amount, Decimal(0)
_BOOKED = (
    select(
        EntryLine.entry_id,
        func.coalesce(func.sum(case((_AMOUNT > _NOUGHT, _AMOUNT))), _NOUGHT).label("debit"),
        func.coalesce(func.sum(case((_AMOUNT < _NOUGHT, _AMOUNT))), _NOUGHT).label("credit"),
        func.coalesce(func.sum(_AMOUNT + EntryLine.vat_amount, type_=_AMOUNT.type), _NOUGHT).label("owed"),
        func.count().label("lines"),
    )
    .where(
        EntryLine.tenant_id == bindparam("tenant", type_=Uuid()),
        EntryLine.entry_id == func.any(bindparam("entries", type_=ARRAY(Uuid()))),
    )
    .group_by(EntryLine.entry_id)
)


def still_may_send(attempt: Attempt) -> bool:
    """After a look-up that took its time: asked anew, and the lease renewed. False when it is no longer ours.

    Raises Temporary(sent=False) when the client, or whoever holds the log-in, has stopped it meanwhile.
    """
    with attempt.database.direct(attempt.setting) as connection:
        hindered = obstacle(connection, attempt)
        if hindered:
            raise Temporary(hindered, sent=False, retry_after=1)
        return write(connection, attempt, lease_until=clock.now() + LEASE)


def obstacle(session: Executes, attempt: Attempt) -> str:
    """Why nothing may be called for this client now, as a code; "" when it may.

    Read in the transaction that writes `sending`: a withdrawal that is committed before it is
    seen, one committed after it comes while the call is on its way.
    """
    parameters = {"tenant": attempt.tenant_id, "coupling": attempt.coupling_id}
    now = session.execute(_CONDITIONS, parameters).one()
    if not now.granted:
        return "posting.grant_withdrawn"
    if not now.ticked:
        return "posting.access_off"
    if now.removed:
        return "posting.removed_authorisation"
    # What may stand there already is settled through the coupling that sent it, also after its end.
    if now.coupling != "active" and attempt.state is not PostingState.UNCERTAIN:
        return ENDED
    return "" if now.authorisation == "active" else f"{WAITS_FOR}{now.authorisation}"


def begin_sending(attempt: Attempt) -> Attempt | None:
    """Write `sending`, committed before any socket opens. None: it may not be sent now, and the row says why."""
    begun = begin_sending_together([attempt])
    return begun[0] if begun else None


def begin_sending_together(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The same for several of one dossier, in one transaction; those that are still ours."""
    first, now = attempts[0], clock.now()
    with first.database.direct(first.setting) as connection:
        hindered = obstacle(connection, first)
        begun = []
        if not hindered:
            begun = write_all(
                connection,
                attempts,
                sends_by=1,
                state=PostingState.SENDING,
                sending_at=now,
                changed_at=now,
                lease_until=now + LEASE,
                code="",
                provider_text="",
            )
            crash.point("posting.sending_written")
    if hindered:
        with first.database.scoped(first.setting) as session:
            for attempt in attempts:
                _hindered(session, attempt, hindered)
    if hindered.startswith(WAITS_FOR):
        _hold_back(first, now + CONSENT_PAUSE)
    return [replace(attempt, state=PostingState.SENDING, sends=attempt.sends + 1) for attempt in begun]


def may_look(attempt: Attempt) -> bool:
    with attempt.database.scoped(attempt.setting) as session:
        hindered = obstacle(session, attempt)
        if hindered:
            _hindered(session, attempt, hindered)
    return not hindered


def _hindered(session: Session, attempt: Attempt, code: str) -> None:
    """Wait where somebody can renew a consent; park where a person has to decide."""
    if code.startswith(WAITS_FOR):
        write(session, attempt, lease_until=None, tries=0, code=code, next_try_at=clock.now() + CONSENT_PAUSE)
    else:
        _park(session, attempt, code)


def last_restore(database: Database) -> datetime | None:
    """When a back-up was put back last: what was booked for periods before may be unknown to us."""
    with database.scoped() as session:
        latest: datetime | None = session.scalar(select(func.max(Restore.moment)))
    return latest


@dataclass(frozen=True, slots=True)
class Found:
    """A posting that is there: `remote` is the answer, `seen` what a look-up read back (empty when it could not)."""

    attempt: Attempt
    remote: RemoteEntry
    seen: Sequence[RemoteEntry]

    @property
    def there(self) -> RemoteEntry:
        return self.seen[0] if self.seen else self.remote


def confirm(attempt: Attempt, remote: RemoteEntry, seen: Sequence[RemoteEntry]) -> bool:
    """It is there; see `Found`. False when it is no longer ours to say.

    Read back different from what was sent, or more than once, it is confirmed all the same and
    flagged by its code, for a person to look at.
    """
    return bool(confirm_together([Found(attempt, remote, seen)]))


def confirm_together(found: Sequence[Found]) -> int:
    """The same for several of one dossier, in one transaction; how many were still ours."""
    crash.point("posting.before_confirm")
    first = found[0].attempt
    with first.database.scoped(first.setting) as session:
        # All rows before the first word in the log: who has a posting in hand may wait for the log.
        ours = expected(session, [one.attempt for one in found])
        written = [(one, code) for one in found if (code := _confirmed(session, one, ours)) is not None]
        for one, code in written:
            # What stands there otherwise than it was sent undoes nothing until a person has looked.
            if one.attempt.reverses_id is not None and not code:
                let_go(_system(session, one.attempt), one.attempt.reverses_id, one.attempt.reference)
        _tell_all(session, [
            (one.attempt, code or "posting.confirmed", {"number": one.there.number, "copies": max(len(one.seen), 1)})
            for one, code in written
        ])  # fmt: skip
    if written:
        crash.point("posting.confirmed")
    return len(written)


def _confirmed(session: Session, one: Found, ours: Mapping[uuid.UUID, tuple[Decimal, int]]) -> str | None:
    """Write the row. What there is to say against what was found, as a code; None when it is no longer ours."""
    attempt, there, now = one.attempt, one.there, clock.now()
    known = there.line_count > 0
    code = "posting.doubled" if len(one.seen) > 1 else ""
    # Odoo moves an entry out of a period that was locked a moment ago, without a word.
    moved = there.date is not None and there.date > attempt.on
    altered = known and (there.total_debit, there.line_count) != ours[attempt.id]
    if not code and (moved or altered):
        code = "posting.altered"
    written = write(
        session, attempt, state=PostingState.CONFIRMED, lease_until=None, tries=0, changed_at=now,
        confirmed_at=now, code=code, provider_text="", settles_at=None,
        remote_id=one.remote.id or there.id, remote_number=there.number or one.remote.number,
        remote_debit=there.total_debit if known else None, remote_lines=there.line_count if known else None,
    )  # fmt: skip
    return code if written else None


def expected(session: Session, attempts: Sequence[Attempt]) -> Mapping[uuid.UUID, tuple[Decimal, int]]:
    """By posting: (total debit, number of lines) that the package should show for our entry; see `RemoteEntry`."""
    asked = {"tenant": attempts[0].tenant_id, "entries": [one.entry_id for one in attempts]}
    sums = {row.entry_id: row for row in session.connection().execute(_BOOKED, asked)}
    return {one.id: _booked(one.kind, sums.get(one.entry_id)) for one in attempts}


def _booked(kind: EntryKind, sums: Any) -> tuple[Decimal, int]:
    if sums is None:  # an entry without lines
        return Decimal(0), 0
    if kind.is_invoice:
        return abs(sums.owed), sums.lines
    bank_side = kind is EntryKind.GENERAL and sums.debit != -sums.credit
    return max(sums.debit, -sums.credit), sums.lines + bank_side


def reject(attempt: Attempt, code: str, provider_text: str) -> None:
    """The provider refused it; nothing was booked."""
    now = clock.now()
    with attempt.database.scoped(attempt.setting) as session:
        if write(
            session, attempt, state=PostingState.REJECTED, lease_until=None, tries=0, changed_at=now,
            code=code, provider_text=provider_text[:TEXT_LENGTH], settles_at=None,
        ):  # fmt: skip
            _tell(session, attempt, "posting.rejected", code=code, provider_text=provider_text[:TEXT_LENGTH])
    crash.point("posting.rejected")


def give_back(attempt: Attempt, code: str, provider_text: str, retry_after: float | None) -> None:
    """Surely not sent: it waits, and so do the others of its dossier, which would meet the same."""
    now = clock.now()
    at = now + pause(now - attempt.since, retry_after)
    with attempt.database.scoped(attempt.setting) as session:
        sent = {"sends_by": -1, "state": PostingState.INTENT, "sending_at": attempt.sent_at}
        changes: dict[str, Any] = sent if attempt.state is PostingState.SENDING else {}
        write(
            session, attempt, lease_until=None, tries=0, next_try_at=at,
            code=code, provider_text=provider_text[:TEXT_LENGTH], **changes,
        )  # fmt: skip
    _hold_back(attempt, at)
    crash.point("posting.returned")


def _hold_back(attempt: Attempt, until: datetime) -> None:
    """Send nothing more to the dossier before. After the posting's own transaction, and waiting for nobody:

    who has the coupling in hand may want the posting. What is not held back only tries in vain.
    """
    free = (
        select(Coupling.id)
        .where(Coupling.tenant_id == attempt.tenant_id, Coupling.id == attempt.coupling_id)
        .with_for_update(skip_locked=True, key_share=True)
    )
    with attempt.database.scoped(attempt.setting) as session:
        session.execute(
            update(Coupling)
            .where(Coupling.tenant_id == attempt.tenant_id, Coupling.id.in_(free))
            .values(held_until=func.greatest(Coupling.held_until, until))
            .execution_options(synchronize_session=False)
        )


def doubt(attempt: Attempt, code: str, provider_text: str, settle: float) -> None:
    """It may stand there or not. Looked up once it has settled."""
    now = clock.now()
    at = now + timedelta(seconds=settle)
    with attempt.database.scoped(attempt.setting) as session:
        if write(
            session, attempt, state=PostingState.UNCERTAIN, lease_until=None, tries=0, looks=0, changed_at=now,
            settles_at=at, next_try_at=at, code=code, provider_text=provider_text[:TEXT_LENGTH],
        ):  # fmt: skip
            _tell(session, attempt, "posting.uncertain", code=code)
        crash.point("posting.uncertain_written")
    crash.point("posting.uncertain_committed")


def found_nothing(attempt: Attempt, settle: float) -> None:
    """One more empty look-up: look again, send once more, or ask a person."""
    now = clock.now()
    looks = attempt.looks + 1
    again = now + timedelta(seconds=settle)
    common: dict[str, Any] = {"lease_until": None, "tries": 0, "looks": looks, "looked_at": now}
    with attempt.database.scoped(attempt.setting) as session:
        if looks < 2:
            write(session, attempt, settles_at=again, next_try_at=again, **common)
        elif attempt.sends < 2:
            write(session, attempt, state=PostingState.INTENT, changed_at=now, next_try_at=now, **common)
            _tell(session, attempt, "posting.resend")
        else:
            ended = obstacle(session, replace(attempt, state=PostingState.INTENT)) == ENDED
            _park(session, attempt, ENDED if ended else "posting.unclear", **common)
    crash.point("posting.lookup_empty")


def postpone(attempt: Attempt, code: str, provider_text: str, retry_after: float | None, *, keep_tries: bool) -> None:
    """The look-up did not work: later. With `keep_tries`, MAX_TRIES times at most."""
    if keep_tries and attempt.tries >= MAX_TRIES:
        park(attempt, code, provider_text)
        return
    now = clock.now()
    with attempt.database.scoped(attempt.setting) as session:
        write(
            session, attempt, lease_until=None, tries=attempt.tries if keep_tries else 0,
            next_try_at=now + pause(now - attempt.since, retry_after),
            code=code, provider_text=provider_text[:TEXT_LENGTH],
        )  # fmt: skip


def park(attempt: Attempt, code: str, provider_text: str = "") -> None:
    """A person has to decide."""
    with attempt.database.scoped(attempt.setting) as session:
        _park(session, attempt, code, provider_text=provider_text[:TEXT_LENGTH])


def pause(age: timedelta, retry_after: float | None) -> timedelta:
    """How long to wait: what the provider says, else longer the longer it lasts, 30 s to an hour."""
    if retry_after is not None:
        return timedelta(seconds=max(retry_after, 1))
    seconds = min(max(30.0, age.total_seconds() / 4), 3600.0)
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311  (spreads retries, nothing secret)


def _park(session: Session, attempt: Attempt, code: str, **more: Any) -> None:
    now = clock.now()
    if write(
        session, attempt,
        **{"lease_until": None, "tries": 0} | more | {"state": PostingState.PARKED, "changed_at": now, "code": code},
    ):  # fmt: skip
        _tell(session, attempt, "posting.parked", code=code)
        crash.point("posting.parked")


def _system(session: Session, attempt: Attempt) -> Scope:
    return Scope(session, attempt.tenant_id, "client", "", SYSTEM)


def _tell(session: Session, attempt: Attempt, tag: str, **data: Any) -> None:
    _tell_all(session, [(attempt, tag, data)])


def _tell_all(session: Session, told: Sequence[tuple[Attempt, str, Mapping[str, Any]]]) -> None:
    """Of several of one client, together."""
    happenings = [
        Happening(tag, ("entry", one.entry_id), one.configuration_id, {"reference": one.reference, **data})
        for one, tag, data in told
    ]
    if happenings:
        first = told[0][0]
        record_all(_system(session, first), happenings)
        standing.changed(session, first.tenant_id)
