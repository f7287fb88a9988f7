"""Calls within what the provider allows, counted in PostgreSQL over all processes.

Per authorisation and dossier: a minute and a day (windows as the provider's own headers tell
them), a few calls below the published limit, and a share of the day kept for look-ups and
people. Per endpoint as well: a breaker that opens at so many refusals in an hour, well before
the provider blocks our key. One statement a call, committed at once.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from sqlalchemy import DateTime, Integer, String, TextClause, Uuid, bindparam, text
from sqlalchemy.types import TypeEngine

from portal.connectors.base import Limits
from portal.connectors.errors import Temporary
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SPARE_PER_MINUTE = 5  # calls under way while the provider's minute turns
SKEW = timedelta(seconds=2)  # a Date header has whole seconds only
UNTOLD = timedelta(minutes=1)  # how long a 429 without any header is waited for
NO_LIMIT = 10**9
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TYPES: dict[str, TypeEngine[Any]] = {
    **dict.fromkeys(("tenant", "id", "authorisation"), Uuid()),
    **dict.fromkeys(("dossier", "endpoint"), String()),
    **dict.fromkeys(("now", "minute", "hour", "day", "blocked_until"), DateTime(timezone=True)),
    **dict.fromkeys(("minute_used", "day_used", "max_errors", "per_minute", "per_day"), Integer()),
}


def _statement(sql: str) -> TextClause:
    """With the types of its parameters, so that the database need not guess them."""
    named = set(re.findall(r"(?<!:):(\w+)", sql))
    return text(sql).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in sorted(named)))


# The window that a moment falls in, in step with the window last told by the provider.
_WINDOW = "b.{0} + floor(extract(epoch FROM :now - b.{0}) / {1}) * interval '{1} seconds'"
_STEP = {name: _WINDOW.format(name, seconds) for name, seconds in (("minute", 60), ("day", 86400))}
_SAME = {name: f"b.{name} IS NOT NULL AND {step} = b.{name}" for name, step in _STEP.items()}
_COUNT = _statement(f"""
INSERT INTO call_budgets AS b
  (tenant_id, id, authorisation_id, dossier, endpoint, minute, minute_used, day, day_used, errors)
SELECT :tenant, :id, :authorisation, :dossier, '', :minute, 1, :day, 1, 0
WHERE NOT EXISTS (SELECT 1 FROM call_budgets e WHERE e.tenant_id = :tenant AND e.authorisation_id = :authorisation
  AND e.dossier = :dossier AND e.endpoint = :endpoint AND e.error_hour = :hour AND e.errors >= :max_errors)
ON CONFLICT (tenant_id, authorisation_id, dossier, endpoint) DO UPDATE SET
  minute_used = CASE WHEN {_SAME["minute"]} THEN b.minute_used ELSE 0 END + 1,
  minute = coalesce({_STEP["minute"]}, excluded.minute),
  day_used = CASE WHEN {_SAME["day"]} THEN b.day_used ELSE 0 END + 1,
  day = coalesce({_STEP["day"]}, excluded.day)
WHERE (b.blocked_until IS NULL OR b.blocked_until <= :now)
  AND NOT ({_SAME["minute"]} AND b.minute_used >= :per_minute)
  AND NOT ({_SAME["day"]} AND b.day_used >= :per_day)
RETURNING minute, minute_used, day, day_used
""")  # noqa: S608  (put together from constants above)
_STATE = _statement("""
SELECT endpoint, minute, minute_used, day, day_used, blocked_until, error_hour, errors FROM call_budgets
WHERE tenant_id = :tenant AND authorisation_id = :authorisation AND dossier = :dossier AND endpoint IN ('', :endpoint)
""")
# A window later than ours replaces it; in the same one the higher count holds; an older one is an old reply.
_NEWER = """
  {0}_used = CASE WHEN :{0} IS NULL OR :{0} < b.{0} - interval '{1} seconds' THEN b.{0}_used
    WHEN :{0} <= b.{0} + interval '{1} seconds' THEN greatest(b.{0}_used, :{0}_used) ELSE :{0}_used END,
  {0} = CASE WHEN :{0} IS NULL OR :{0} < b.{0} - interval '{1} seconds' THEN b.{0}
    ELSE :{0} END,"""
_LEARN = _statement(f"""
UPDATE call_budgets AS b SET {_NEWER.format("minute", 30)} {_NEWER.format("day", 43_200)}
  blocked_until = greatest(b.blocked_until, :blocked_until)
WHERE tenant_id = :tenant AND authorisation_id = :authorisation AND dossier = :dossier AND endpoint = ''
""")  # noqa: S608  (put together from constants above)
_REFUSED = _statement("""
INSERT INTO call_budgets AS b
  (tenant_id, id, authorisation_id, dossier, endpoint, minute_used, day_used, error_hour, errors)
VALUES (:tenant, :id, :authorisation, :dossier, :endpoint, 0, 0, :hour, 1)
ON CONFLICT (tenant_id, authorisation_id, dossier, endpoint) DO UPDATE SET
  errors = CASE WHEN b.error_hour = excluded.error_hour THEN b.errors + 1 ELSE 1 END, error_hour = excluded.error_hour
""")


@dataclass(frozen=True, slots=True)
class Window:
    """What a provider told of one of its windows: where it starts by our clock, how much of it is used."""

    start: datetime
    used: int


class BudgetGate:
    """See `portal.connectors.base.Gate`. `person`: somebody waits for this call, so the reserve may be used."""

    def __init__(
        self, database: Database, tenant_id: uuid.UUID, authorisation_id: uuid.UUID, limits: Limits, *, person: bool
    ) -> None:
        self._database = database
        self._limits = limits
        self._person = person
        self._key = {"tenant": tenant_id, "authorisation": authorisation_id}
        self._counted = threading.local()

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        """Counts the call. Raises Temporary(sent=False, retry_after=seconds) when it must wait."""
        now = clock.now()
        asked = {
            **self._key,
            "id": uuid7(),
            "dossier": dossier,
            "endpoint": endpoint,
            "now": now,
            "minute": _floor(now, MINUTE),
            "hour": _floor(now, HOUR),
            "day": _floor(now, DAY),
            "max_errors": self._limits.errors_per_hour or NO_LIMIT,
            **self._allowed(write),
        }
        with self._database.scoped(Setting(tenant=self._key["tenant"])) as session:
            row = session.execute(_COUNT, asked).one_or_none()
            state = None if row else session.execute(_STATE, asked).all()
        if row is None:
            raise _reason(state or (), asked)
        self._counted.row = row

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        """Learns from the reply; writes only when it says other than we counted, or refuses."""
        if not status:
            return
        now, told = clock.now(), {name.lower(): value for name, value in headers.items()}
        minute = _window(told, "x-ratelimit-minutely-", MINUTE, now, self._limits.per_minute)
        day = _window(told, "x-ratelimit-", DAY, now, self._limits.per_day)
        blocked = _blocked_until(status, told, minute, day, now)
        refused = 400 <= status < 500 and status != 429
        if not (refused or blocked or self._differs(minute, day)):
            return
        values: dict[str, Any] = {**self._key, "dossier": dossier, "endpoint": endpoint, "blocked_until": blocked}
        for name, window in (("minute", minute), ("day", day)):
            values |= {name: window and window.start, f"{name}_used": window.used if window else 0}
        with self._database.scoped(Setting(tenant=self._key["tenant"])) as session:
            session.execute(_LEARN, values)
            if refused:
                session.execute(_REFUSED, values | {"id": uuid7(), "hour": _floor(now, HOUR)})

    def _allowed(self, write: bool) -> dict[str, int]:
        """Our own sendings leave the reserve alone; reads settle what is uncertain and may use it."""
        per_minute, per_day = self._limits.per_minute, self._limits.per_day
        kept = 0 if self._person or not write else self._limits.reserve_per_day
        return {
            "per_minute": NO_LIMIT if per_minute is None else max(per_minute - SPARE_PER_MINUTE, 1),
            "per_day": NO_LIMIT if per_day is None else max(per_day - kept, 1),
        }

    def _differs(self, minute: Window | None, day: Window | None) -> bool:
        """Did the provider count more than we did, or does its window start elsewhere?"""
        row = getattr(self._counted, "row", None)
        if row is None:
            return minute is not None or day is not None
        pairs = ((minute, row.minute, row.minute_used), (day, row.day, row.day_used))
        return any(w and (w.used > used or abs(w.start - start) > SKEW) for w, start, used in pairs)


def close_breaker(database: Database, tenant_id: uuid.UUID, authorisation_id: uuid.UUID, dossier: str) -> None:
    """A person mended the cause and wants to try now: forget this hour's refusals in one dossier."""
    statement = _statement(
        "UPDATE call_budgets SET errors = 0 WHERE tenant_id = :tenant AND authorisation_id = :authorisation"
        " AND dossier = :dossier AND endpoint <> ''"
    )
    with database.scoped(Setting(tenant=tenant_id)) as session:
        session.execute(statement, {"tenant": tenant_id, "authorisation": authorisation_id, "dossier": dossier})


def _reason(rows: Any, asked: Mapping[str, Any]) -> Temporary:
    """Which of the limits it was, and for how long."""
    now = asked["now"]
    for row in rows:
        if row.endpoint and row.error_hour == asked["hour"] and row.errors >= asked["max_errors"]:
            return _wait("authorisation.breaker_open", row.error_hour + HOUR, now)
    for row in rows:
        if row.endpoint:
            continue
        if row.blocked_until is not None and row.blocked_until > now:
            return _wait("authorisation.limit_told", row.blocked_until, now)
        if row.day_used >= asked["per_day"] and row.day <= now < row.day + DAY:
            return _wait("authorisation.limit_day", row.day + DAY, now)
        return _wait("authorisation.limit_minute", row.minute + MINUTE, now)
    return Temporary("authorisation.limit_minute", sent=False, retry_after=1.0)  # changed while we looked


def _wait(code: str, until: datetime, now: datetime) -> Temporary:
    seconds = max((until - now).total_seconds(), 0.1)
    return Temporary(code, sent=False, retry_after=seconds, values={"until": until.isoformat(timespec="seconds")})


def _window(told: Mapping[str, str], prefix: str, length: timedelta, now: datetime, limit: int | None) -> Window | None:
    """From Remaining and Reset (epoch milliseconds on *their* clock), if both are there and make sense."""
    try:
        remaining, reset = int(told[prefix + "remaining"]), int(told[prefix + "reset"]) / 1000
        theirs = parsedate_to_datetime(told["date"]).timestamp() if "date" in told else now.timestamp()
    except (KeyError, ValueError, TypeError):
        return None
    left = reset - theirs
    if not -2 <= left <= length.total_seconds() + 2:
        return None
    start = _near(now + timedelta(seconds=left) - length, length)
    return Window(start, max((limit or NO_LIMIT) - remaining, 0))


def _near(moment: datetime, length: timedelta) -> datetime:
    """A window that starts within two seconds of a full minute or day starts there."""
    ours = _floor(moment + SKEW, length)
    return ours if abs(moment - ours) <= SKEW else moment


def _blocked_until(
    status: int, told: Mapping[str, str], minute: Window | None, day: Window | None, now: datetime
) -> datetime | None:
    """After a 429: until the end of the window whose headers came along, as only the one that was hit comes."""
    if status != 429:
        return None
    try:
        return now + timedelta(seconds=min(float(told["retry-after"]), DAY.total_seconds()))
    except (KeyError, ValueError):
        pass
    if minute is not None:
        return max(minute.start + MINUTE, now + timedelta(seconds=1))
    return max(day.start + DAY, now + timedelta(seconds=1)) if day is not None else now + UNTOLD


def _floor(moment: datetime, length: timedelta) -> datetime:
    """Start of the UTC minute, hour or day."""
    return moment - (moment - EPOCH) % length
