"""Many client accounts at once: a list is kept first, then a job makes its rows a few at a time.

A portion is one transaction that makes the accounts and marks their rows, so a job that dies
leaves whole rows behind, and one that runs twice finds nothing left to make.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, case, func, insert, select, text, update

from portal.access import Actor, Permission, Right, Scope
from portal.activity.service import record
from portal.approvals.people import Person, acting, people
from portal.kernel import clock, crash, queue
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.errors import Invalid, NotFound
from portal.team.models import NewcomerList, NewcomerRow
from portal.team.newcomers import Newcomer, Problem, checked, is_limited, make, require_address
from portal.tenants.service import Details

MOST = 2000  # rows of a list
PORTION = 20  # in one transaction
PATIENCE = timedelta(minutes=2)  # before the sweeper rings again
ATTEMPTS = 5  # without one row more
_DUE = text("SELECT tenant_id, id FROM ring_due_newcomers(:now, :room)")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a list is. `rows`: those refused first, then those made, then those that wait, `shown` at most."""

    listed: NewcomerList
    counts: Mapping[str, int]  # by state
    rows: Sequence[NewcomerRow]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def made(self) -> int:
        return self.counts.get("made", 0)

    @property
    def refused(self) -> int:
        return self.counts.get("refused", 0)


def submit(scope: Scope, found: Sequence[Newcomer], authorisation_id: uuid.UUID | None = None) -> NewcomerList | None:
    """Keep those that are new, to be made by the job; None when none is. `scope` is the firm's.

    Raises Invalid("newcomers.wrong") when one has a problem, Invalid("newcomers.too_many") and Conflict.
    """
    require_address(scope)
    wrong = sum(bool(one.problems) for one in found)
    if wrong:
        raise Invalid("newcomers.wrong", count=wrong)
    new = [one for one in found if one.is_new]
    if len(new) > MOST:
        raise Invalid("newcomers.too_many", most=MOST)
    if not new:
        return None
    now = clock.now()
    listed = NewcomerList(
        tenant_id=scope.tenant_id, id=uuid7(), authorisation_id=authorisation_id, asked_at=now,
        asked_by=scope.actor.user_id, asked_name=scope.actor.name, next_try_at=now + PATIENCE,
    )  # fmt: skip
    scope.session.add(listed)
    scope.session.flush()
    scope.session.execute(insert(NewcomerRow), [_row(listed, one) for one in new])
    queue.ring(scope.session, "newcomers.make", scope.tenant_id, listed.id)
    return listed


def _row(listed: NewcomerList, one: Newcomer) -> dict[str, object]:
    details = one.details
    return {
        "tenant_id": listed.tenant_id, "id": uuid7(), "list_id": listed.id, "row": one.row, "name": details.name,
        "scheme": details.scheme, "enterprise_number": one.key.partition(":")[2], "street": details.street,
        "postcode": details.postcode, "city": details.city, "billing_email": details.billing_email,
        "state": "waits", "code": "", "values": {},
    }  # fmt: skip


def progress(scope: Scope, list_id: uuid.UUID | str, shown: int) -> Progress:
    """Raises NotFound, also for somebody who sees assigned clients alone and did not ask for it."""
    listed = scope.get(NewcomerList, list_id)
    if listed.asked_by != scope.actor.user_id and is_limited(scope):
        raise NotFound()
    order = case({"refused": 0, "made": 1}, value=NewcomerRow.state, else_=2)
    rows = select(NewcomerRow).where(*_of(scope, listed.id)).order_by(order, NewcomerRow.row).limit(shown)
    return Progress(listed, _counts(scope, listed.id), scope.session.scalars(rows).all())


def under_way(scope: Scope) -> Sequence[NewcomerList]:
    """Lists that have not ended, newest first: those that the person may look at."""
    query = select(NewcomerList).where(NewcomerList.tenant_id == scope.tenant_id, NewcomerList.ended_at.is_(None))
    found = scope.session.scalars(query.order_by(NewcomerList.asked_at.desc())).all()
    if found and is_limited(scope):
        return [listed for listed in found if listed.asked_by == scope.actor.user_id]
    return found


def ring_due(database: Database, room: int) -> None:
    """Ring for lists whose job was lost or died."""
    with database.scoped() as session:
        for tenant_id, list_id in session.execute(_DUE, {"now": clock.now(), "room": max(room, 0)}).all():
            queue.ring(session, "newcomers.make", tenant_id, list_id)


def work(database: Database, tenant_id: uuid.UUID, list_id: uuid.UUID) -> int:
    """Make what waits of a list; how many were made here. Safe to repeat, to kill, and to run twice at once."""
    made = 0
    while True:
        with database.scoped(Setting(tenant=tenant_id, portal=tenant_id)) as session:
            scope = Scope.system(session, tenant_id, "portal")
            done = _portion(scope, list_id)
            crash.point("newcomers.before_commit")
        if done is None:
            return made
        made += done
        crash.point("newcomers.portion_made")


def _portion(scope: Scope, list_id: uuid.UUID) -> int | None:
    """How many were made of the next rows; None when the list has ended."""
    # Whoever works on the same list at the same moment waits here, and goes on with what is left.
    listed = scope.get(NewcomerList, list_id, lock=True)
    if listed.ended_at is not None:
        return None
    scope.actor = Actor(listed.asked_by, listed.asked_name)
    person = people(scope).get(listed.asked_by)
    if person is None or not person.may(Permission.COUPLINGS, Right.CREATE):
        _refuse_rest(scope, list_id, Problem("newcomers.no_right", {"name": listed.asked_name}))
    elif listed.attempts > ATTEMPTS:
        _refuse_rest(scope, list_id, Problem("newcomers.gave_up"))
    made = _make(scope, person, list_id) if person else []
    listed.attempts, listed.next_try_at = 0, clock.now() + PATIENCE
    if not _counts(scope, list_id).get("waits"):
        _end(scope, listed)
    return len(made)


def _make(scope: Scope, person: Person, list_id: uuid.UUID) -> Sequence[uuid.UUID]:
    columns = (
        NewcomerRow.id, NewcomerRow.row, NewcomerRow.name, NewcomerRow.scheme, NewcomerRow.enterprise_number,
        NewcomerRow.street, NewcomerRow.postcode, NewcomerRow.city, NewcomerRow.billing_email,
    )  # fmt: skip
    query = select(*columns).where(*_of(scope, list_id), NewcomerRow.state == "waits").order_by(NewcomerRow.row)
    rows = scope.session.execute(query.limit(PORTION)).all()
    if not rows:
        return []
    with acting(scope, person) as there:
        outcome = make(there, checked(there, [(row, Details(*details)) for _id, row, *details in rows]))
    marks = [
        {"tenant_id": scope.tenant_id, "id": row.id, **_mark(found)} for row, found in zip(rows, outcome, strict=True)
    ]
    scope.session.execute(update(NewcomerRow), marks)
    return [found for found in outcome if isinstance(found, uuid.UUID)]


def _mark(found: uuid.UUID | Problem) -> dict[str, object]:
    if isinstance(found, uuid.UUID):
        return {"state": "made", "client_id": found, "code": "", "values": {}}
    return {"state": "refused", "client_id": None, "code": found.code, "values": dict(found.values)}


def _refuse_rest(scope: Scope, list_id: uuid.UUID, why: Problem) -> None:
    where = (*_of(scope, list_id), NewcomerRow.state == "waits")
    scope.session.execute(update(NewcomerRow).where(*where).values(_mark(why)))


def _end(scope: Scope, listed: NewcomerList) -> None:
    listed.ended_at = clock.now()
    names = select(NewcomerRow.name).where(*_of(scope, listed.id), NewcomerRow.state == "made")
    shown = scope.session.scalars(names.order_by(NewcomerRow.row).limit(5)).all()
    if shown:
        count = _counts(scope, listed.id)["made"]
        record(scope, "clients.made", ("tenant", scope.tenant_id), count=count, clients=", ".join(shown))


def _of(scope: Scope, list_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return NewcomerRow.tenant_id == scope.tenant_id, NewcomerRow.list_id == list_id


def _counts(scope: Scope, list_id: uuid.UUID) -> Mapping[str, int]:
    query = select(NewcomerRow.state, func.count()).where(*_of(scope, list_id)).group_by(NewcomerRow.state)
    return dict(scope.session.execute(query).all())
