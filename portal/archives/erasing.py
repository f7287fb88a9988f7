"""Deleting an account: what would go, thirty days in which it can be taken back, and then for good.

The data keys go first: from then on no secret of the account can be opened in this database;
back-ups hold what they held until they are replaced. Then every row goes, table by table, each
in a transaction of its own, so that a process which is killed goes on where it was. The
database itself refuses all of it before the day.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import Uuid, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.activity import anchors, chain
from portal.activity.models import ChainHead
from portal.activity.service import record
from portal.archives import tables
from portal.archives.models import Erasure
from portal.authorisations import spool
from portal.authorisations.models import Authorisation
from portal.couplings import service as couplings
from portal.couplings.models import Configuration, Coupling
from portal.feeds.models import Feed
from portal.kernel import clock, queue
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.tenants.management import end_management
from portal.tenants.models import Grant, Management, Membership

log = structlog.get_logger()
HOLD = timedelta(days=30)
KEYS = "data_keys"
_LAST = ("memberships", "tenants")  # who belonged to it is asked when all else is gone
_ERASE = text("SELECT erase_rows(:table, :tenant)")
_PEOPLE = text("SELECT erase_people(:people, :tenant)").bindparams(bindparam("people", type_=ARRAY(Uuid())))


@dataclass(frozen=True, slots=True)
class Preview:
    """What deleting would do: rows by table (those that have any), and what stops working, by kind."""

    counts: Mapping[str, int]
    stops: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


def preview(scope: Scope) -> Preview:
    """A dry run: nothing is changed."""
    counts = {}
    for table in tables.tenant_tables():
        query = select(func.count()).select_from(table).where(table.c.tenant_id == scope.tenant_id)
        if table.name != Erasure.__tablename__ and (count := scope.session.scalar(query)):
            counts[table.name] = count
    return Preview(counts, _stops(scope))


def _stops(scope: Scope) -> dict[str, int]:
    here = scope.tenant_id
    asked = {
        "couplings": (Coupling, Coupling.tenant_id == here, Coupling.state == "active"),
        "configurations": (Configuration, Configuration.tenant_id == here, Configuration.state == "active"),
        "feeds": (Feed, Feed.tenant_id == here, Feed.state.not_in(("not_connected", "consent_ended", "revoked"))),
        "authorisations": (Authorisation, Authorisation.tenant_id == here, Authorisation.removed_at.is_(None)),
        "members": (Membership, Membership.tenant_id == here, Membership.ended_at.is_(None)),
        "grants": (Grant, Grant.tenant_id == here, Grant.state == "active"),
        "clients": (Grant, Grant.portal_id == here, Grant.state == "active"),
    }
    found = {
        name: scope.session.scalar(select(func.count()).select_from(model).where(*where)) or 0
        for name, (model, *where) in asked.items()
    }
    through = scope.session.execute(text("SELECT state FROM couplings_through(:t)"), {"t": here}).scalars()
    found["client_couplings"] = sum(state == "active" for state in through)
    return {name: count for name, count in found.items() if count}


def held(session: Session, tenant_id: uuid.UUID, *, lock: bool = False) -> Erasure | None:
    query = select(Erasure).where(Erasure.tenant_id == tenant_id, Erasure.state == "held")
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def ask(scope: Scope, name: str) -> Erasure:
    """Delete this account in thirty days. `name` is typed by hand: Invalid("erasure.name") when it is another."""
    scope.require_every_account()
    scope.require_every_client()
    if " ".join(name.split()).casefold() != " ".join(scope.tenant_name.split()).casefold():
        raise Invalid("erasure.name", field="name")
    if held(scope.session, scope.tenant_id):
        raise Conflict("erasure.asked_already")
    now = clock.now()
    row = Erasure(tenant_id=scope.tenant_id, id=uuid7(), kind=scope.kind, asked_at=now, due_at=now + HOLD)
    scope.session.add(row)
    record(scope, "erasure.asked", ("tenant", scope.tenant_id), due=clock.day(row.due_at).isoformat())
    return row


def cancel(scope: Scope) -> None:
    """Take it back. Raises Conflict("erasure.none") when nothing waits."""
    row = held(scope.session, scope.tenant_id, lock=True)
    if row is None:
        raise Conflict("erasure.none")
    row.state, row.ended_at = "cancelled", clock.now()
    record(scope, "erasure.cancelled", ("tenant", scope.tenant_id))


def erase(database: Database, home: Path, tenant_id: uuid.UUID, erasure_id: uuid.UUID) -> bool:
    """Delete an account whose day has come; whether it is gone now. Safe to repeat and to kill half-way."""
    here = Setting(tenant=tenant_id, portal=tenant_id)
    with database.scoped(here) as session:
        row = session.get(Erasure, (tenant_id, erasure_id))
        if row is None or row.state != "held" or row.due_at > clock.now():
            return False
    _seal_end(database, home, tenant_id, erasure_id)
    _remove(database, here, erasure_id, KEYS)
    _end_managements(database, here)
    _end_couplings_of_others(database, here)
    for name in [*_order(), *_LAST]:
        _remove(database, here, erasure_id, name)
    for label in list(spool.waiting(home)):
        if label.tenant_id == tenant_id:
            spool.drop(home, label)
    queue.forget(tenant_id)
    with database.scoped(here) as session:
        done = update(Erasure).where(Erasure.tenant_id == tenant_id, Erasure.id == erasure_id, Erasure.state == "held")
        session.execute(done.values(state="done", ended_at=clock.now()))
    log.info("erasure.done", tenant=str(tenant_id))
    return True


def _order() -> Sequence[str]:
    """Children before parents."""
    names = [table.name for table in tables.tenant_tables()]
    return [name for name in reversed(names) if name not in (*_LAST, KEYS, Erasure.__tablename__)]


def _seal_end(database: Database, home: Path, tenant_id: uuid.UUID, erasure_id: uuid.UUID) -> None:
    """How the log ended, so that its absence is explained later."""
    with database.scoped(Setting(tenant=tenant_id)) as session:
        row = session.get_one(Erasure, (tenant_id, erasure_id), with_for_update=True)
        if row.seal is not None:
            return
        broken = list(chain.verify(session, tenant_id, anchors.read(anchors.folder(home)).get(tenant_id)))
        head = session.get(ChainHead, tenant_id)
        row = session.get_one(Erasure, (tenant_id, erasure_id))
        row.head_seq, row.head_hash = (head.seq, head.hash) if head else (0, chain.GENESIS)
        row.seal = chain.BROKEN if broken else chain.end_seal(tenant_id, row.head_seq, row.head_hash)


def _end_managements(database: Database, here: Setting) -> None:
    """The client accounts of a firm that goes are managed by nobody but their owners from today."""
    with database.scoped(here) as session:
        theirs = (Management.portal_id == here.tenant, Management.stops_on.is_(None))
        managed = session.scalars(select(Management.tenant_id).where(*theirs)).all()
    for tenant_id in managed:
        with database.scoped(Setting(tenant=tenant_id)) as session:
            end_management(Scope.system(session, tenant_id))


def _end_couplings_of_others(database: Database, here: Setting) -> None:
    """Client accounts keep their history; nothing goes out through the log-ins of a firm that is gone."""
    with database.scoped(here) as session:
        found = session.execute(text("SELECT * FROM couplings_through(:t)"), {"t": here.tenant}).all()
    for tenant_id, coupling_id, state in found:
        if state == "active":
            with database.scoped(Setting(tenant=tenant_id)) as session:
                couplings.end_coupling(Scope.system(session, tenant_id), coupling_id)
    with database.scoped(here) as session:
        session.execute(text("SELECT let_go_of(:t, :now)"), {"t": here.tenant, "now": clock.now()})


def _remove(database: Database, here: Setting, erasure_id: uuid.UUID, table: str) -> None:
    with database.scoped(here) as session:
        people: Sequence[uuid.UUID] = []
        if table == "memberships":
            people = session.scalars(select(Membership.user_id).where(Membership.tenant_id == here.tenant)).all()
        gone = session.scalar(_ERASE, {"table": table, "tenant": here.tenant}) or 0
        if people:
            session.execute(_PEOPLE, {"people": list(people), "tenant": here.tenant})
        if gone:
            row = session.get_one(Erasure, (here.tenant, erasure_id), with_for_update=True)
            row.counts = {**row.counts, table: row.counts.get(table, 0) + gone}
