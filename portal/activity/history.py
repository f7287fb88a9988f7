"""As it was: the rows of an account on a day, from the history that the database keeps."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal.access import Scope
from portal.activity.models import History
from portal.kernel import clock

Row = Mapping[str, Any]  # column → value as JSON says it: ids, dates and moments are text


@dataclass(frozen=True, slots=True)
class AsItWas:
    """Rows by table, as they stood at `moment`; `told` when some are from before history was kept."""

    moment: datetime
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    told: bool = False

    def of(self, kind: str, **equal: object) -> list[Row]:
        """The rows of a table with these values."""
        return [row for row in self.rows.get(kind, ()) if all(row.get(name) == value for name, value in equal.items())]


def end_of(day: date, zone: ZoneInfo = clock.BUSINESS_ZONE) -> datetime:
    """The last moment of a day where the bookkeeper is; of today, now."""
    midnight = datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(microseconds=1)
    return min(midnight, clock.now())


def as_it_was(scope: Scope, moment: datetime) -> AsItWas:
    query = (
        select(History)
        .where(
            History.tenant_id == scope.tenant_id,
            History.from_at <= moment,
            (History.until_at.is_(None)) | (History.until_at > moment),
        )
        .order_by(History.kind, History.from_at, History.key)
    )
    found: dict[str, list[Row]] = {}
    told = False
    for version in scope.session.scalars(query):
        found.setdefault(version.kind, []).append(version.row)
        told |= version.told
    return AsItWas(moment, found, told)


def ids(rows: Sequence[Row], name: str) -> set[uuid.UUID]:
    return {uuid.UUID(row[name]) for row in rows if row.get(name)}
