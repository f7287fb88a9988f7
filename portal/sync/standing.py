"""How each client account stands, brought up to date in the very transaction that changes it.

Rooms below this one know nothing of standings: a change to a row that a standing depends on is
seen when the session writes it, and the standing is computed (in SQL, by `refresh_standing`)
just before the commit. So no call site can forget it, and a rolled-back change leaves no trace.
"""

from __future__ import annotations

import uuid

from sqlalchemy import event, text
from sqlalchemy.orm import Session, SessionTransaction, UOWTransaction

from portal.couplings.models import Configuration, Coupling
from portal.documents.models import DocumentFile
from portal.feeds.models import Feed, FeedReminder
from portal.kernel import clock
from portal.ledger.models import Entry, Import
from portal.sync.models import Comparison, Posting, Run

WATCHED = (Coupling, Configuration, DocumentFile, Entry, Feed, FeedReminder, Import, Posting, Run, Comparison)
_REFRESH = text("SELECT refresh_standing(:tenant, :now)")


def changed(session: Session, tenant_id: uuid.UUID) -> None:
    """Say that something a standing depends on changes in this transaction."""
    noted: set[uuid.UUID] = session.info.setdefault("standings", set())
    noted.add(tenant_id)


def refresh_standing(session: Session, tenant_id: uuid.UUID) -> None:
    """Compute it now; for whoever changed rows without a session's knowledge."""
    session.execute(_REFRESH, {"tenant": tenant_id, "now": clock.now()})


def _after_flush(session: Session, context: UOWTransaction) -> None:
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, WATCHED):
            changed(session, row.tenant_id)


def _before_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    noted: set[uuid.UUID] = session.info.pop("standings", set())
    for tenant_id in sorted(noted):  # always in one order, so that two transactions never wait for each other
        refresh_standing(session, tenant_id)


def _after_rollback(session: Session, ended: SessionTransaction) -> None:
    # After a savepoint's rollback the rest of the transaction still counts.
    if not ended.nested:
        session.info.pop("standings", None)


event.listen(Session, "after_flush", _after_flush)
event.listen(Session, "before_commit", _before_commit)
event.listen(Session, "after_soft_rollback", _after_rollback)
