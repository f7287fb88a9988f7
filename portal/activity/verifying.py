"""All chains of an installation, held against themselves and against what is kept outside the database."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.activity import chain
from portal.activity.anchors import Anchors
from portal.activity.chain import Break
from portal.kernel.db import Database, Setting, set_scope

# Not only the tenants there are: links may have been moved to where nobody looks.
_CHAINS = text("SELECT all_chains()")
_ERASED = text("SELECT tenant_id, seq, hash, seal FROM erased_chains()")


def tenants_with_chains(database: Database) -> list[uuid.UUID]:
    with database.scoped() as session:
        return sorted(session.scalars(_CHAINS))


def verify_all(database: Database, anchors: Anchors) -> Iterator[Break]:
    """The first break of every chain that does not hold; also of one that is gone as a whole."""
    with database.session() as session, session.begin():
        # One snapshot, so that what is written meanwhile is no break.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield from verify_here(session, anchors)


def verify_here(session: Session, anchors: Anchors) -> Iterator[Break]:
    """As `verify_all`, in a session that is moved from tenant to tenant."""
    there = sorted(session.scalars(_CHAINS))
    for tenant_id in there:
        set_scope(session, Setting(tenant=tenant_id))
        yield from chain.verify(session, tenant_id, anchors.get(tenant_id))
    for tenant_id in sorted(set(anchors) - set(there) - _deleted(session)):
        yield Break(tenant_id, 1, "gone")


def _deleted(session: Session) -> set[uuid.UUID]:
    """Accounts that were deleted, as a sealed note of the end of their log says."""
    return {
        row.tenant_id
        for row in session.execute(_ERASED)
        if row.seal and hmac.compare_digest(row.seal, chain.end_seal(row.tenant_id, row.seq, row.hash))
    }


def seal_all(database: Database, anchors: Anchors) -> int:
    """After an upgrade: seal the heads that never were, of chains that hold; how many."""
    done = 0
    for tenant_id in tenants_with_chains(database):
        with database.scoped(Setting(tenant=tenant_id)) as session:
            done += chain.seal(session, tenant_id, anchors.get(tenant_id))
    return done
