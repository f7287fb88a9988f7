"""Calls stay within what the provider allows, over all processes, and refusals stop in time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import event, text

from portal.authorisations.limits import BudgetGate, close_breaker, free_slot
from portal.authorisations.models import Authorisation
from portal.connectors.errors import Temporary
from portal.connectors.exact import MANIFEST
from portal.connectors.manifest import Limits, Told
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from tests import factories as make

EXACT = MANIFEST.limits
LINES = "financialtransaction/BankEntries"


@dataclass
class Meter:
    """Counts as the provider does: whole minutes and days of its own clock, `ahead` of ours."""

    ahead: timedelta = timedelta()
    per_minute: int = 60
    per_day: int = 5000
    minutes: Counter[datetime] = field(default_factory=Counter)
    days: Counter[datetime] = field(default_factory=Counter)
    refused: int = 0

    def call(self, now: datetime) -> tuple[int, dict[str, str]]:
        theirs = now + self.ahead
        minute, day = theirs.replace(second=0, microsecond=0), theirs.replace(hour=0, minute=0, second=0, microsecond=0)
        headers = {"Date": format_datetime(theirs, usegmt=True)}
        of_minute = self._headers("Minutely-", self.per_minute, self.minutes[minute] + 1, minute + timedelta(minutes=1))
        of_day = self._headers("", self.per_day, self.days[day] + 1, day + timedelta(days=1))
        if self.minutes[minute] >= self.per_minute:
            self.refused += 1
            return 429, headers | of_minute
        if self.days[day] >= self.per_day:
            self.refused += 1
            return 429, headers | of_day
        self.minutes[minute] += 1
        self.days[day] += 1
        return 201, headers | of_minute | of_day

    @staticmethod
    def _headers(kind: str, limit: int, used: int, reset: datetime) -> dict[str, str]:
        told = {"Limit": limit, "Remaining": max(limit - used, 0), "Reset": int(reset.timestamp() * 1000)}
        return {f"X-RateLimit-{kind}{name}": str(value) for name, value in told.items()}


class Moment:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    made = Moment()
    monkeypatch.setattr(clock, "now", made)
    return made


@pytest.fixture
def row(database: Database, vault: Vault) -> Authorisation:
    return make.make_authorisation(database, vault, make.make_tenant(database, "portal", "Peeters Lambrechts"))


def gate(database: Database, row: Authorisation, *, person: bool = False, allowed: Limits = EXACT) -> BudgetGate:
    return BudgetGate(database, row.tenant_id, row.id, allowed, person=person)


def send(own: BudgetGate, meter: Meter | None = None, dossier: str = "101", status: int = 201) -> int:
    own.before(dossier, LINES, write=True)
    answered: tuple[int, Mapping[str, str]] = meter.call(clock.now()) if meter else (status, {})
    own.after(dossier, LINES, *answered)
    return answered[0]


def test_a_minute_gives_sixty_calls_and_then_says_how_long_to_wait(
    database: Database, row: Authorisation, moment: Moment
) -> None:
    own = gate(database, row)
    moment.pass_(12)
    for _ in range(60):
        send(own)
    with pytest.raises(Temporary) as full:
        send(own)
    assert (full.value.code, full.value.sent, full.value.retry_after) == ("authorisation.limit_window", False, 63)
    send(own, dossier="102")
    moment.pass_(62.9)
    with pytest.raises(Temporary):
        send(own)
    moment.pass_(0.1)
    send(own)


@pytest.mark.parametrize("ahead", [0, 20, -37, 3600], ids="{} s ahead".format)
def test_a_day_at_full_speed_causes_no_429_and_uses_what_it_may(
    database: Database, row: Authorisation, moment: Moment, ahead: int
) -> None:
    """Twenty-four virtual hours. The provider's windows turn by its own clock, which its headers tell."""
    small = replace(EXACT, per_minute=6, per_day=400, reserve_per_day=40)
    meter, own = Meter(timedelta(seconds=ahead), per_minute=6, per_day=400), gate(database, row, allowed=small)
    waits = spend(own, meter, moment, timedelta(days=1), between=0.4)
    assert meter.refused == 0
    assert {full.code.rpartition("_")[2] for full in waits} == {"window", "told", "day"}
    assert 0.95 * 360 <= max(meter.days.values()) <= 400


def spend(own: BudgetGate, meter: Meter, moment: Moment, span: timedelta, between: float) -> list[Temporary]:
    """Call as soon as it is allowed, for so long; what was said when it was not."""
    waits: list[Temporary] = []
    end = moment.at + span
    while moment.at < end:
        try:
            send(own, meter)
            moment.pass_(between)
        except Temporary as full:
            waits.append(full)
            moment.pass_(full.retry_after or 0)
    return waits


@dataclass
class Rolling(Meter):
    """Counts any window of so many seconds, and says when it is whole again as Retry-After."""

    window: float = 5.0
    allowed: int = 25
    calls: deque[datetime] = field(default_factory=deque)
    total: int = 0

    def call(self, now: datetime) -> tuple[int, dict[str, str]]:
        while self.calls and self.calls[0] <= now - timedelta(seconds=self.window):
            self.calls.popleft()
        if len(self.calls) >= self.allowed:
            self.refused += 1
            return 429, {"Retry-After": "1"}
        self.calls.append(now)
        self.total += 1
        return 201, {"RateLimit-Remaining": str(self.allowed - len(self.calls))}


@pytest.mark.parametrize(("window", "allowed"), [(5, 25), (10, 20), (60, 60)])
@pytest.mark.parametrize("latency", [0.0, 0.05, 0.3])
def test_no_window_of_the_provider_holds_more_than_it_allows(
    database: Database, row: Authorisation, moment: Moment, window: int, allowed: int, latency: float
) -> None:
    """Wherever it begins to count; and 95 % of what it allows is used."""
    limits = Limits(per_minute=allowed, window_seconds=window, shared=True, window_told=Told("RateLimit-Remaining"))
    meter = Rolling(window=window, allowed=allowed)
    waits = spend(gate(database, row, allowed=limits), meter, moment, timedelta(seconds=20 * window), between=latency)
    assert waits or latency
    assert meter.refused == 0
    wanted = 20 * allowed if not latency else min(20 * allowed, 20 * window / latency)
    assert meter.total >= 0.95 * wanted


def test_what_all_dossiers_share_is_counted_for_the_log_in(
    database: Database, row: Authorisation, moment: Moment
) -> None:
    own = gate(database, row, allowed=Limits(per_minute=20, window_seconds=10, shared=True))
    for number in range(20):
        send(own, dossier=str(number))
    with pytest.raises(Temporary, match="limit_window"):
        send(own, dossier="another")
    moment.pass_(10.5)
    send(own, dossier="another")


def test_calls_at_the_same_time_are_counted_over_all_processes(
    database: Database, row: Authorisation, moment: Moment
) -> None:
    few = Limits(at_once=2)
    one, two, three = (gate(database, row, allowed=few) for _ in range(3))
    for own in (one, two):
        own.before("101", LINES, write=True)
    with pytest.raises(Temporary) as full:
        three.before("101", LINES, write=True)
    assert (full.value.code, full.value.sent, full.value.retry_after) == ("authorisation.limit_at_once", False, 1)
    three.before("102", LINES, write=True)
    one.after("101", LINES, 0, {})
    three.before("101", LINES, write=True)
    with pytest.raises(Temporary):
        one.before("101", LINES, write=True)
    moment.pass_(121)  # both died
    one.before("101", LINES, write=True)


def test_the_moment_at_which_a_window_is_free_again_is_found() -> None:
    assert free_slot(100, [3, 0, 4], 100, 8) == 100
    assert free_slot(100, [3, 0, 4], 100, 7) == 140, "the oldest four leave first"
    assert free_slot(100, [3, 0, 4], 100, 3) == 142
    assert free_slot(100, [3, 0, 4], 150, 1) == 150


def test_the_reserve_of_the_day_is_for_people_and_look_ups(
    database: Database, row: Authorisation, moment: Moment
) -> None:
    small = Limits(per_day=20, reserve_per_day=5, errors_per_hour=5)
    own = gate(database, row, allowed=small)
    for _ in range(15):
        send(own)
    with pytest.raises(Temporary) as full:
        send(own)
    assert full.value.code == "authorisation.limit_day"
    assert full.value.retry_after == 86400
    own.before("101", "bulk/Financial/TransactionLines", write=False)
    for _ in range(4):
        send(gate(database, row, person=True, allowed=small))
    with pytest.raises(Temporary):
        send(gate(database, row, person=True, allowed=small))


def test_what_the_provider_counted_for_others_counts(database: Database, row: Authorisation, moment: Moment) -> None:
    """Another program uses the same key: its calls show in the headers only."""
    meter, own = Meter(), gate(database, row)
    meter.minutes[moment.at] = 50
    assert [send(own, meter) for _ in range(10)] == [201] * 10
    with pytest.raises(Temporary):
        send(own, meter)
    assert meter.refused == 0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"X-RateLimit-Minutely-Remaining": "0", "X-RateLimit-Minutely-Reset": "{minute}"}, 45),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{day}"}, 86385),
        ({}, 60),
        ({"Retry-After": "90"}, 90),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "Fri, 20 Nov 2026 00:00:55 GMT"}, 40),
    ],
    ids=["minute", "day", "nothing", "retry-after", "nonsense", "a moment"],
)
def test_a_429_closes_the_window_that_its_headers_name(
    database: Database, row: Authorisation, moment: Moment, headers: dict[str, str], wait: int
) -> None:
    own = gate(database, row)
    resets = {
        name: str(int((moment.at + timedelta(**{f"{name}s": 1})).timestamp() * 1000)) for name in ("minute", "day")
    }
    moment.pass_(15)
    own.before("101", LINES, write=True)
    own.after("101", LINES, 429, {name: value.format(**resets) for name, value in headers.items()})
    with pytest.raises(Temporary) as blocked:
        send(own)
    assert blocked.value.retry_after == wait
    moment.pass_(wait)
    send(own)


def test_a_503_that_says_how_long_is_obeyed(database: Database, row: Authorisation, moment: Moment) -> None:
    own = gate(database, row)
    own.before("101", LINES, write=True)
    own.after("101", LINES, 503, {"Retry-After": "30"})
    with pytest.raises(Temporary) as blocked:
        send(own)
    assert (blocked.value.code, blocked.value.retry_after) == ("authorisation.limit_told", 30)


@pytest.mark.parametrize(("told", "unit"), [("12", 1.0), ("12000", 0.001), ("{epoch}", 1.0), ("{epoch}000", 0.001)])
def test_a_reset_is_a_wait_or_a_moment_in_its_own_unit(
    database: Database, row: Authorisation, moment: Moment, told: str, unit: float
) -> None:
    names = Told("X-Rate-Limit-Remaining", "X-Rate-Limit-Reset", unit)
    own = gate(database, row, allowed=Limits(per_minute=20, window_seconds=20, window_told=names))
    own.before("101", LINES, write=True)
    reset = told.format(epoch=int(moment.at.timestamp()) + 12)
    own.after("101", LINES, 429, {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": reset})
    with pytest.raises(Temporary) as blocked:
        send(own)
    assert blocked.value.retry_after == 12


def test_an_old_reply_does_not_bring_back_yesterday(database: Database, row: Authorisation, moment: Moment) -> None:
    meter, own = Meter(per_day=100), gate(database, row, allowed=replace(EXACT, per_day=100, reserve_per_day=0))
    meter.days[moment.at] = 98
    moment.pass_(86399)
    late = meter.call(moment.at)
    moment.pass_(2)
    send(own)
    own.after("101", LINES, *late)
    assert [send(own) for _ in range(58)] == [201] * 58


def test_a_clock_that_goes_back_does_not_lock_out(database: Database, row: Authorisation, moment: Moment) -> None:
    own = gate(database, row)
    for _ in range(60):
        send(own)
    moment.pass_(-3600)
    send(own)


# --------------------------------------------------------------------------- the breaker


def test_a_thousand_bad_calls_become_five(database: Database, row: Authorisation, moment: Moment) -> None:
    own, sent, held = gate(database, row), 0, Counter[tuple[str, bool]]()
    for _ in range(1000):
        try:
            sent += bool(send(own, status=400))
        except Temporary as stopped:
            held[stopped.code, stopped.sent] += 1
        moment.pass_(1)
    assert (sent, held) == (5, {("authorisation.breaker_open", False): 995})


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_the_breaker_opens_for_the_rest_of_the_hour_in_one_dossier_and_endpoint(
    database: Database, row: Authorisation, moment: Moment, status: int
) -> None:
    own = gate(database, row)
    moment.pass_(600)
    for _ in range(5):
        send(own, status=status)
    with pytest.raises(Temporary) as stopped:
        send(own)
    assert stopped.value.retry_after == 3000
    assert stopped.value.values["until"] == "2026-11-20T01:00:00+00:00"
    send(own, dossier="102")
    own.before("101", "financial/Journals", write=False)
    moment.pass_(3000)
    send(own)


@pytest.mark.parametrize("status", [200, 201, 429, 500, 503, 0])
def test_what_the_provider_does_not_count_opens_no_breaker(
    database: Database, row: Authorisation, moment: Moment, status: int
) -> None:
    own = gate(database, row)
    for _ in range(7):
        own.before("101", LINES, write=True)
        own.after("101", LINES, status, {})
        moment.pass_(61)
    send(own)


def test_a_person_who_mended_the_cause_may_try_now(database: Database, row: Authorisation, moment: Moment) -> None:
    own = gate(database, row)
    for _ in range(5):
        send(own, status=400)
    close_breaker(database, row.tenant_id, row.id, "101")
    send(own)


def test_a_call_costs_one_statement_while_both_count_alike(
    database: Database, row: Authorisation, moment: Moment
) -> None:
    meter, own = Meter(), gate(database, row)
    send(own, meter)
    asked: list[str] = []

    def noted(*told: Any) -> None:
        asked.append(told[2])

    event.listen(database.engine, "before_cursor_execute", noted)
    try:
        for _ in range(10):
            send(own, meter)
    finally:
        event.remove(database.engine, "before_cursor_execute", noted)
    assert len([statement for statement in asked if "set_config" not in statement]) == 10


def test_budgets_are_kept_per_authorisation(
    database: Database, vault: Vault, row: Authorisation, moment: Moment
) -> None:
    other = make.make_authorisation(database, vault, make.make_tenant(database, "client", "Drukkerij Ingels"))
    for _ in range(60):
        send(gate(database, row))
    send(gate(database, other))
    with database.scoped(Setting(tenant=row.tenant_id)) as session:
        assert session.execute(text("SELECT day_used FROM call_budgets")).scalar_one() == 60
