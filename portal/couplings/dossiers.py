"""The dossiers of an authorisation, as its provider lists them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from portal.access import Scope
from portal.activity import service as activity
from portal.authorisations.models import Authorisation
from portal.connectors import base
from portal.couplings.models import Dossier
from portal.kernel import clock
from portal.kernel.db import uuid7


@dataclass(frozen=True, slots=True)
class Fetch:
    count: int
    new: int
    gone: int  # were listed before, and no longer


def fetch_dossiers(scope: Scope, authorisation_id: uuid.UUID | str, bookkeeping: base.Bookkeeping) -> Fetch:
    """Ask the provider for its list and keep it. Raises the connector's errors."""
    return store_dossiers(scope, authorisation_id, bookkeeping.dossiers())


def store_dossiers(scope: Scope, authorisation_id: uuid.UUID | str, listed: Iterable[base.Dossier]) -> Fetch:
    """Keep what the provider listed. `scope` is that of the authorisation's tenant.

    A dossier that is missing is marked, not removed: couplings and the search for a missing
    dossier still speak of it.
    """
    authorisation = scope.get(Authorisation, authorisation_id, lock=True)
    now = clock.now()
    rows = {dossier.code: dossier for dossier in listed}
    before = {row.code: row for row in dossiers_of(scope, authorisation, also_gone=True)}
    if rows:
        values = [
            asdict(dossier)
            | {"tenant_id": scope.tenant_id, "id": uuid7(), "authorisation_id": authorisation.id, "seen_at": now}
            for dossier in rows.values()
        ]
        statement = insert(Dossier).values(values)
        kept = {"tenant_id", "id", "authorisation_id", "code"}
        changed = {column.name: column for column in statement.excluded if column.name not in kept}
        scope.session.execute(
            statement.on_conflict_do_update(constraint="uq_dossiers_code", set_=changed | {"gone_at": None})
        )
    gone = [row.id for code, row in before.items() if code not in rows and row.gone_at is None]
    mark = update(Dossier).where(Dossier.tenant_id == scope.tenant_id, Dossier.id.in_(gone))
    scope.session.execute(mark.values(gone_at=now))
    authorisation.dossiers_fetched_at = now
    result = Fetch(len(rows), len(rows.keys() - before.keys()), len(gone))
    if result.new or result.gone:
        subject = ("authorisation", authorisation.id)
        activity.record(scope, "dossiers.fetched", subject, count=result.count, new=result.new, gone=result.gone)
    return result


def dossiers_of(
    scope: Scope, authorisation: Authorisation, *, find: str = "", also_gone: bool = False, limit: int | None = None
) -> Sequence[Dossier]:
    """Stored dossiers by name; readable in the authorisation's tenant and, for a firm, inside its clients' accounts."""
    query = select(Dossier).where(
        Dossier.tenant_id == authorisation.tenant_id, Dossier.authorisation_id == authorisation.id
    )
    if not also_gone:
        query = query.where(Dossier.gone_at.is_(None))
    if find.strip():
        digits = "".join(filter(str.isdigit, find))
        found = Dossier.name.icontains(find.strip(), autoescape=True) | (Dossier.number == find.strip())
        if len(digits) >= 4:
            found |= func.regexp_replace(Dossier.enterprise_number, r"\D", "", "g").contains(digits)
        query = query.where(found)
    query = query.order_by(func.lower(Dossier.name), Dossier.code).limit(limit)
    # Rows are written past the session, so what it remembers of them may be old.
    return scope.session.scalars(query.execution_options(populate_existing=True)).all()


def taken(scope: Scope, authorisation: Authorisation) -> frozenset[str]:
    """Codes of its dossiers that another client account is coupled to."""
    query = text("SELECT taken_dossiers(:holder, :authorisation)")
    parameters = {"holder": authorisation.tenant_id, "authorisation": authorisation.id}
    return frozenset(scope.session.scalars(query, parameters))
