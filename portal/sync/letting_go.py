"""What happens to an entry once another one that undoes it is booked: its lines may be drafted again."""

from __future__ import annotations

import uuid

from sqlalchemy import func, update

from portal.access import Scope
from portal.activity.service import record
from portal.documents.models import Document
from portal.kernel import clock, crash
from portal.ledger.models import Entry, EntryLine, StatementLine


def let_go(scope: Scope, entry_id: uuid.UUID, by: str) -> bool:
    """In the transaction that holds the undoing, with reference `by`, for booked.

    The entry keeps its lines; what they were made of is free. False when it was undone before.
    Locks the entry, then what it was made of.
    """
    session, tenant_id, now = scope.session, scope.tenant_id, clock.now()
    undone = session.execute(
        update(Entry)
        .where(Entry.tenant_id == tenant_id, Entry.id == entry_id, Entry.reversed_at.is_(None))
        .values(reversed_at=now, version=Entry.version + 1)
        .returning(Entry.reference, Entry.configuration_id)
        .execution_options(synchronize_session=False)
    ).first()
    if undone is None:
        return False
    crash.point("reversal.marked")
    line = EntryLine
    session.execute(
        update(line)
        .where(line.tenant_id == tenant_id, line.entry_id == entry_id)
        .values(
            undone_source_id=func.coalesce(line.statement_line_id, line.document_id),
            statement_line_id=None, document_id=None, match_id=None,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    for made_of in (StatementLine, Document):
        session.execute(
            update(made_of)
            .where(made_of.tenant_id == tenant_id, made_of.entry_id == entry_id)
            .values(entry_id=None)
            .execution_options(synchronize_session=False)
        )
    told = {"reference": undone.reference, "other": by}
    record(scope, "entry.undone", ("entry", entry_id), context=undone.configuration_id, **told)
    crash.point("reversal.let_go")
    return True
