"""A configuration copied to many clients by a job: a list is kept first, then its rows are done a few at a time.

A portion is one transaction that makes the configurations and marks their rows, so a job that
dies leaves whole rows behind, and one that runs twice finds nothing left to make.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, case, func, insert, select, text, update

from portal.access import Actor, Permission, Right, Scope
from portal.activity.service import record
from portal.approvals.people import Person, acting, people
from portal.couplings.configurations import Choices, choices_of
from portal.couplings.models import Configuration
from portal.kernel import clock, crash, queue
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.errors import Invalid, NotFound
from portal.sync.copying import MOST, Copy, copy_to, let_in
from portal.sync.models import CopyList, CopyRow

PORTION = 10  # clients in one transaction
PATIENCE = timedelta(minutes=2)  # before the sweeper rings again
ATTEMPTS = 5  # without one client more
Reason = tuple[str, Mapping[str, object]]  # code, values
_DUE = text("SELECT tenant_id, id FROM ring_due_copies(:now, :room)")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a list is. `rows`: clients that were refused first, then those done, then those that wait."""

    listed: CopyList
    rows: Sequence[CopyRow]

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def made(self) -> int:
        return sum(row.state == "made" for row in self.rows)

    @property
    def refused(self) -> int:
        return sum(row.state == "refused" for row in self.rows)


def submit(scope: Scope, source: Configuration, app: str, client_ids: Collection[uuid.UUID]) -> CopyList:
    """Keep those of the clients that let this portal in, to be done by the job.

    Raises Invalid "copy.too_many" and "copy.none".
    """
    if len(client_ids) > MOST:
        raise Invalid("copy.too_many", most=MOST)
    known = let_in(scope, client_ids)
    if not known:
        raise Invalid("copy.none")
    now = clock.now()
    listed = CopyList(
        tenant_id=scope.tenant_id, id=uuid7(), client_id=source.tenant_id, configuration_id=source.id, app=app,
        choices=_told(choices_of(source)), asked_at=now, asked_by=scope.actor.user_id, asked_name=scope.actor.name,
        next_try_at=now + PATIENCE,
    )  # fmt: skip
    scope.session.add(listed)
    scope.session.flush()
    common = {"tenant_id": listed.tenant_id, "list_id": listed.id, "state": "waits", "made": 0, "reasons": []}
    rows = [
        {**common, "id": uuid7(), "position": position, "client_id": client_id, "name": name}
        for position, (client_id, name, _role) in enumerate(known)
    ]
    scope.session.execute(insert(CopyRow), rows)
    queue.ring(scope.session, "sync.copy", scope.tenant_id, listed.id)
    return listed


def progress(scope: Scope, list_id: uuid.UUID | str) -> Progress:
    """Raises NotFound, also for somebody who sees some clients or accounts alone and did not ask for it."""
    listed = scope.get(CopyList, list_id)
    if listed.asked_by != scope.actor.user_id and (scope.accounts is not None or scope.clients is not None):
        raise NotFound()
    order = case({"refused": 0, "made": 1}, value=CopyRow.state, else_=2)
    query = select(CopyRow).where(*_of(scope, listed.id)).order_by(order, CopyRow.position)
    return Progress(listed, scope.session.scalars(query).all())


def ring_due(database: Database, room: int) -> None:
    """Ring for lists whose job was lost or died."""
    with database.scoped() as session:
        for tenant_id, list_id in session.execute(_DUE, {"now": clock.now(), "room": max(room, 0)}).all():
            queue.ring(session, "sync.copy", tenant_id, list_id)


def work(database: Database, tenant_id: uuid.UUID, list_id: uuid.UUID) -> None:
    """Do what waits of a list. Safe to repeat, to kill, and to run twice at once."""
    going = True
    while going:
        with database.scoped(Setting(tenant=tenant_id, portal=tenant_id)) as session:
            going = _portion(Scope.system(session, tenant_id, "portal"), list_id)
            crash.point("copies.before_commit")
        crash.point("copies.portion_done")


def _portion(scope: Scope, list_id: uuid.UUID) -> bool:
    """Do the next clients; whether any are left."""
    # Whoever works on the same list at the same moment waits here, and goes on with what is left.
    listed = scope.get(CopyList, list_id, lock=True)
    if listed.ended_at is not None:
        return False
    scope.actor = Actor(listed.asked_by, listed.asked_name)
    person = people(scope).get(listed.asked_by)
    if person is None or not person.may(Permission.COUPLINGS, Right.CREATE):
        _refuse_rest(scope, list_id, ("copy.no_right", {"name": listed.asked_name}))
    elif listed.attempts > ATTEMPTS:
        _refuse_rest(scope, list_id, ("copy.gave_up", {}))
    else:
        _make(scope, person, listed)
    listed.attempts, listed.next_try_at = 0, clock.now() + PATIENCE
    waits = select(func.count()).where(*_of(scope, list_id), CopyRow.state == "waits")
    if scope.session.scalar(waits):
        return True
    _end(scope, listed)
    return False


def _make(scope: Scope, person: Person, listed: CopyList) -> None:
    query = select(CopyRow.id, CopyRow.client_id).where(*_of(scope, listed.id), CopyRow.state == "waits")
    rows = scope.session.execute(query.order_by(CopyRow.position).limit(PORTION)).all()
    with acting(scope, person) as there:
        copies = copy_to(there, _choices(listed.choices), listed.app, [row.client_id for row in rows])
    by_client = {key: list(group) for key, group in groupby(copies, lambda copy: copy.client_id)}
    marks = [{"tenant_id": scope.tenant_id, "id": row.id, **_mark(by_client.get(row.client_id, []))} for row in rows]
    scope.session.execute(update(CopyRow), marks)


def _mark(copies: Sequence[Copy]) -> dict[str, object]:
    made = sum(copy.can for copy in copies)
    reasons: list[Reason] = [(copy.code, _shown(copy.values)) for copy in copies if not copy.can]
    if not copies:
        reasons = [("copy.not_let_in", {})]
    return {"state": "made" if made else "refused", "made": made, "reasons": reasons}


def _refuse_rest(scope: Scope, list_id: uuid.UUID, why: Reason) -> None:
    where = (*_of(scope, list_id), CopyRow.state == "waits")
    scope.session.execute(update(CopyRow).where(*where).values(state="refused", reasons=[why]))


def _end(scope: Scope, listed: CopyList) -> None:
    listed.ended_at = clock.now()
    made = scope.session.scalar(select(func.coalesce(func.sum(CopyRow.made), 0)).where(*_of(scope, listed.id)))
    if made:
        record(scope, "configuration.copied", ("configuration", listed.configuration_id), count=made)


def _of(scope: Scope, list_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return CopyRow.tenant_id == scope.tenant_id, CopyRow.list_id == list_id


def _told(choices: Choices) -> dict[str, object]:
    """As JSON keeps it."""
    return _shown(asdict(choices))


def _choices(told: Mapping[str, object]) -> Choices:
    days = {key: date.fromisoformat(str(told[key])) for key in ("starts_on", "ends_on") if told[key]}
    return Choices(**{**told, **days})  # type: ignore[arg-type]  # written from Choices by `_told`


def _shown(values: Mapping[str, object]) -> dict[str, object]:
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in values.items()}
