"""What of a provider's limits is used up, by dossier, and when it is free again: for people to see."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from portal.access import Scope
from portal.authorisations.limits import HOUR, KEPT, SLOTS, free_slot
from portal.authorisations.models import CallBudget
from portal.authorisations.told import DAY, EPOCH, floor
from portal.connectors.manifest import Limits
from portal.kernel import clock


@dataclass(frozen=True, slots=True)
class Quota:
    """Of one dossier; "" is what counts for the whole log-in. A limit that is None is none."""

    dossier: str
    in_window: int
    per_window: int | None
    in_day: int
    per_day: int | None
    kept: int  # of the day, for look-ups and people
    free_at: datetime | None  # when something may be sent again; None: now
    refused: int  # calls that the provider refused in this hour, where they were most
    most_refused: int | None  # at which nothing more goes to that place in this hour

    @property
    def day_share(self) -> float:
        """How much of the day is used, 0 to 1."""
        return min(self.in_day / self.per_day, 1.0) if self.per_day else 0.0


def quotas(scope: Scope, authorisation_id: uuid.UUID, limits: Limits) -> Sequence[Quota]:
    """Dossiers that were called today, or have to wait, those with the most calls first."""
    now = clock.now()
    query = select(CallBudget).where(
        CallBudget.tenant_id == scope.tenant_id, CallBudget.authorisation_id == authorisation_id
    )
    rows = scope.session.scalars(query).all()
    refused: dict[str, int] = {}
    for row in rows:
        if row.endpoint and row.error_hour == floor(now, HOUR):
            refused[row.dossier] = max(refused.get(row.dossier, 0), row.errors)
    counted = (_quota(row, limits, refused.pop(row.dossier, 0), now) for row in _counting(rows, limits))
    found = [quota for quota in counted if quota.in_day or quota.in_window or quota.free_at or quota.refused]
    # Where all share one limit, a dossier shows here only for its refusals.
    found += [
        Quota(dossier, 0, None, 0, None, 0, _breaker(number, limits, now), number, limits.errors_per_hour)
        for dossier, number in refused.items()
    ]
    return sorted(found, key=lambda quota: (-quota.in_day, -quota.in_window, quota.dossier))


def _counting(rows: Iterable[CallBudget], limits: Limits) -> list[CallBudget]:
    return [row for row in rows if not row.endpoint and (not row.dossier or not limits.shared)]


def _quota(row: CallBudget, limits: Limits, refused: int, now: datetime) -> Quota:
    length = timedelta(seconds=limits.window_seconds) / SLOTS
    slot = int((now - EPOCH) / length)
    in_window = sum(row.slots[: max(KEPT - max(slot - row.slot, 0), 0)])
    today = row.day is not None and row.day <= now < row.day + DAY
    in_day = row.day_used if today else 0
    waits = [row.blocked_until, _breaker(refused, limits, now)]
    if row.day is not None and limits.per_day is not None and in_day >= limits.per_day - limits.reserve_per_day:
        waits.append(row.day + DAY)
    if limits.per_minute is not None:
        waits.append(EPOCH + free_slot(row.slot, row.slots, slot, limits.per_minute) * length)
    later = [moment for moment in waits if moment is not None and moment > now]
    return Quota(
        row.dossier, in_window, limits.per_minute, in_day, limits.per_day, limits.reserve_per_day,
        max(later, default=None), refused, limits.errors_per_hour,
    )  # fmt: skip


def _breaker(refused: int, limits: Limits, now: datetime) -> datetime | None:
    if limits.errors_per_hour is None or refused < limits.errors_per_hour:
        return None
    return floor(now, HOUR) + HOUR
