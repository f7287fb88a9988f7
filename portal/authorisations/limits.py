"""Calls within what the provider allows, counted in PostgreSQL over all processes.

Per dossier, or for the whole authorisation where the provider counts so: a window that rolls, a
day, and calls at the same time; a share of the day is kept for look-ups and people. The window is
counted in slots of a fortieth: whatever moment the provider counts from, none of its windows holds
more than it allows, and 95 % of it is used. Per dossier and endpoint besides: a breaker that opens
at so many refusals in an hour, well before the provider blocks our key. One statement a call,
committed at once. Nobody waits in here: who may not call is told when to come back.
"""

from __future__ import annotations

import random
import re
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, DateTime, Integer, String, TextClause, Uuid, bindparam, text
from sqlalchemy.types import TypeEngine

from portal.authorisations.told import DAY, EPOCH, Window, floor, read
from portal.connectors.errors import Temporary
from portal.connectors.manifest import Limits
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7

HOUR = timedelta(hours=1)
SLOTS = 40  # of a window
KEPT = SLOTS + 2  # so many slots hold any window whole, and a fortieth of it for calls under way
LONGEST_CALL = timedelta(seconds=120)  # after that a call counts as ended, should its process have died
MOMENT = timedelta(seconds=1)  # how long who finds too many calls under way comes back after
NO_LIMIT = 10**9

_TYPES: dict[str, TypeEngine[Any]] = {
    **dict.fromkeys(("tenant", "id", "authorisation"), Uuid()),
    **dict.fromkeys(("dossier", "budget", "endpoint"), String()),
    **dict.fromkeys(("now", "hour", "day", "blocked_until", "free_at", "call"), DateTime(timezone=True)),
    **dict.fromkeys(("used", "day_used", "max_errors", "per_window", "per_day", "at_once"), Integer()),
    "slot": BigInteger(),
    "calls": ARRAY(DateTime(timezone=True)),
}


def _statement(sql: str) -> TextClause:
    """With the types of its parameters, so that the database need not guess them."""
    named = set(re.findall(r"(?<!:):(\w+)", sql))
    return text(sql).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in sorted(named)))


# How many slots have passed since the row was written; a clock that went far back starts anew.
_PASSED = (
    f"(CASE WHEN :slot < b.slot - {KEPT} THEN {KEPT} ELSE least(greatest(:slot - b.slot, 0), {KEPT}) END)::integer"
)
_SLOT = f"CASE WHEN :slot < b.slot - {KEPT} THEN :slot ELSE greatest(b.slot, :slot) END"
_IN_WINDOW = f"(SELECT coalesce(sum(b.slots[i]), 0) FROM generate_series(1, {KEPT} - {_PASSED}) i)"  # noqa: S608  (put together from constants)
_SHIFTED = f"""ARRAY(SELECT CASE i WHEN 1 THEN {{0}} ELSE 0 END + coalesce(b.slots[i - {_PASSED}], 0)
    FROM generate_series(1, {KEPT}) i ORDER BY i)"""  # noqa: S608  (put together from constants)
# The day that a moment falls in, in step with the one last told by the provider.
_DAY = "b.day + floor(extract(epoch FROM :now - b.day) / 86400) * interval '86400 seconds'"
_SAME_DAY = f"b.day IS NOT NULL AND {_DAY} = b.day"
_UNDER_WAY = "ARRAY(SELECT c FROM unnest(b.under_way) c WHERE c > :now)"
_COUNT = _statement(f"""
INSERT INTO call_budgets AS b
  (tenant_id, id, authorisation_id, dossier, endpoint, slot, slots, day, day_used, errors, under_way)
SELECT :tenant, :id, :authorisation, :budget, '', :slot, ARRAY[1], :day, 1, 0, :calls
WHERE NOT EXISTS (SELECT 1 FROM call_budgets e WHERE e.tenant_id = :tenant AND e.authorisation_id = :authorisation
  AND e.dossier = :dossier AND e.endpoint = :endpoint AND e.error_hour = :hour AND e.errors >= :max_errors)
ON CONFLICT (tenant_id, authorisation_id, dossier, endpoint) DO UPDATE SET
  slots = {_SHIFTED.format(1)}, slot = {_SLOT},
  day_used = CASE WHEN {_SAME_DAY} THEN b.day_used ELSE 0 END + 1, day = coalesce({_DAY}, excluded.day),
  under_way = {_UNDER_WAY} || :calls
WHERE (b.blocked_until IS NULL OR b.blocked_until <= :now)
  AND {_IN_WINDOW} < :per_window
  AND NOT ({_SAME_DAY} AND b.day_used >= :per_day)
  AND cardinality({_UNDER_WAY}) < :at_once
RETURNING slots, day, day_used
""")  # noqa: S608  (put together from constants above)
_STATE = _statement("""
SELECT endpoint, slot, slots, day, day_used, blocked_until, under_way, error_hour, errors FROM call_budgets
WHERE tenant_id = :tenant AND authorisation_id = :authorisation
  AND ((dossier = :budget AND endpoint = '') OR (dossier = :dossier AND endpoint = :endpoint))
""")
_ENDED = _statement("""
UPDATE call_budgets SET under_way = array_remove(under_way, :call)
WHERE tenant_id = :tenant AND authorisation_id = :authorisation AND dossier = :budget AND endpoint = ''
""")
_FREE = _statement("""
UPDATE call_budgets SET free_at = :free_at
WHERE tenant_id = :tenant AND authorisation_id = :authorisation AND dossier = :budget AND endpoint = ''
""")
# Of the window the higher count holds. A day later than ours replaces it; an older one is an old reply.
_LEARN = _statement(f"""
UPDATE call_budgets AS b SET slots = {_SHIFTED.format(f"greatest(:used - {_IN_WINDOW}, 0)")}, slot = {_SLOT},
  day_used = CASE WHEN :day IS NULL OR :day < b.day - interval '12 hours' THEN b.day_used
    WHEN :day <= b.day + interval '12 hours' THEN greatest(b.day_used, :day_used) ELSE :day_used END,
  day = CASE WHEN :day IS NULL OR :day < b.day - interval '12 hours' THEN b.day ELSE :day END,
  blocked_until = greatest(b.blocked_until, :blocked_until), free_at = greatest(b.free_at, :blocked_until)
WHERE tenant_id = :tenant AND authorisation_id = :authorisation AND dossier = :budget AND endpoint = ''
""")  # noqa: S608  (put together from constants above)
_REFUSED = _statement("""
INSERT INTO call_budgets AS b
  (tenant_id, id, authorisation_id, dossier, endpoint, day_used, error_hour, errors)
VALUES (:tenant, :id, :authorisation, :dossier, :endpoint, 0, :hour, 1)
ON CONFLICT (tenant_id, authorisation_id, dossier, endpoint) DO UPDATE SET
  errors = CASE WHEN b.error_hour = excluded.error_hour THEN b.errors + 1 ELSE 1 END, error_hour = excluded.error_hour
""")


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
        calls = [] if self._limits.at_once is None else [_end_of_call(now)]
        asked = {
            **self._where(dossier, endpoint),
            **self._allowed(write),
            "id": uuid7(),
            "now": now,
            "slot": self._slot(now),
            "hour": floor(now, HOUR),
            "day": floor(now, DAY),
            "calls": calls,
        }
        with self._database.direct(Setting(tenant=self._key["tenant"])) as connection:
            row = connection.execute(_COUNT, asked).one_or_none()
            if row is None:
                reason = self._reason(connection.execute(_STATE, asked).all(), asked)
                if reason.code in ("authorisation.limit_window", "authorisation.limit_day"):
                    free_at = now + timedelta(seconds=reason.retry_after or 0)
                    connection.execute(_FREE, asked | {"free_at": free_at})
        if row is None:
            raise reason
        self._counted.row, self._counted.calls = row, calls

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        """Learns from the reply; writes only when it says other than we counted, refuses, or calls at once count."""
        now = clock.now()
        told = read(self._limits, status, headers, now)
        refused = 400 <= status < 500 and status != 429
        learns = status > 0 and (told.blocked_until is not None or self._differs(told.window, told.day))
        calls = getattr(self._counted, "calls", ())
        if not (refused or learns or calls):
            return
        values: dict[str, Any] = {
            **self._where(dossier, endpoint),
            "slot": self._slot(now),
            "used": told.window.used if told.window else 0,
            "day": told.day and _start(told.day, now),
            "day_used": told.day.used if told.day else 0,
            "blocked_until": told.blocked_until,
        }
        with self._database.direct(Setting(tenant=self._key["tenant"])) as connection:
            for call in calls:
                connection.execute(_ENDED, values | {"call": call})
            if learns:
                connection.execute(_LEARN, values)
            if refused:
                connection.execute(_REFUSED, values | {"id": uuid7(), "hour": floor(now, HOUR)})
        self._counted.calls = ()

    def _where(self, dossier: str, endpoint: str) -> dict[str, Any]:
        """`budget`: the dossier whose row counts, "" for one that all share."""
        budget = "" if self._limits.shared else dossier
        return {**self._key, "dossier": dossier, "budget": budget, "endpoint": endpoint}

    def _allowed(self, write: bool) -> dict[str, int]:
        """Our own sendings leave the reserve alone; reads settle what is uncertain and may use it."""
        limits = self._limits
        kept = 0 if self._person or not write else limits.reserve_per_day
        return {
            "per_window": NO_LIMIT if limits.per_minute is None else limits.per_minute,
            "per_day": NO_LIMIT if limits.per_day is None else max(limits.per_day - kept, 1),
            "at_once": NO_LIMIT if limits.at_once is None else limits.at_once,
            "max_errors": limits.errors_per_hour or NO_LIMIT,
        }

    def _slot(self, now: datetime) -> int:
        return int((now - EPOCH) / self._length)

    @property
    def _length(self) -> timedelta:
        return timedelta(seconds=self._limits.window_seconds) / SLOTS

    def _differs(self, window: Window | None, day: Window | None) -> bool:
        """Did the provider count more than we did, or does its day start elsewhere?"""
        row = getattr(self._counted, "row", None)
        if row is None:
            return window is not None or day is not None
        if window is not None and window.used > sum(row.slots):
            return True
        return day is not None and (
            day.used > row.day_used or (day.ends is not None and abs(day.ends - DAY - row.day) > timedelta(seconds=2))
        )

    def _reason(self, rows: Any, asked: Mapping[str, Any]) -> Temporary:
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
            free = free_slot(row.slot, row.slots, asked["slot"], asked["per_window"])
            if free > asked["slot"]:
                return _wait("authorisation.limit_window", EPOCH + free * self._length, now)
        return _wait("authorisation.limit_at_once", now + MOMENT, now)


def free_slot(written: int, slots: list[int], slot: int, allowed: int) -> int:
    """The first slot from `slot` on that allows a call; `slots` counts back from `written`, the newest first."""
    later = slot
    while sum(slots[: max(KEPT - max(later - written, 0), 0)]) >= allowed:
        later += 1
    return later


def close_breaker(database: Database, tenant_id: uuid.UUID, authorisation_id: uuid.UUID, dossier: str) -> None:
    """A person mended the cause and wants to try now: forget this hour's refusals in one dossier."""
    statement = _statement(
        "UPDATE call_budgets SET errors = 0 WHERE tenant_id = :tenant AND authorisation_id = :authorisation"
        " AND dossier = :dossier AND endpoint <> ''"
    )
    with database.scoped(Setting(tenant=tenant_id)) as session:
        session.execute(statement, {"tenant": tenant_id, "authorisation": authorisation_id, "dossier": dossier})


def _wait(code: str, until: datetime, now: datetime) -> Temporary:
    seconds = max((until - now).total_seconds(), 0.1)
    return Temporary(code, sent=False, retry_after=seconds, values={"until": until.isoformat(timespec="seconds")})


def _start(day: Window, now: datetime) -> datetime:
    return floor(now, DAY) if day.ends is None else day.ends - DAY


def _end_of_call(now: datetime) -> datetime:
    """When a call counts as ended at the latest. No two are alike, as it also tells the calls apart."""
    return now + LONGEST_CALL + timedelta(microseconds=random.randrange(10**6))  # noqa: S311  (no secret)
