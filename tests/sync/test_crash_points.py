"""A process dies by SIGKILL at each named point; what is left is finished by others, and stands in the books once."""

from __future__ import annotations

import multiprocessing
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select, update

import sandbox.exact
from portal import runtime
from portal.authorisations.models import Authorisation, Credential
from portal.couplings.models import Configuration
from portal.kernel import queue
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.ledger.models import Entry, StatementLine
from portal.sync import comparison, dispatch, posting, reversal, runs
from portal.sync.models import PostingState, Run
from portal.sync.points import CRASH_POINTS, REVERSAL_POINTS
from portal.sync.sending import signed_in
from tests import factories as make
from tests.conftest import Servers, Urls, make_database
from tests.sync import victim
from tests.sync.office import Clock, Office, add_client, settings, store_books

APP_ID = str(uuid.uuid4())
AUDIT_KEY = b"the audit key of the tests"
# What the provider does, where a point lies off the straight way.
FAULTS: dict[str, tuple[str, int]] = {
    "posting.uncertain_written": ("drop_after_commit", 1),
    "posting.uncertain_committed": ("drop_after_commit", 1),
    "posting.before_lookup": ("drop_after_commit", 1),
    "posting.lookup_done": ("drop_after_commit", 1),
    "posting.lookup_found": ("drop_after_commit", 1),
    "posting.lookup_empty": ("drop_before_commit", 1),
    "posting.resend_committed": ("drop_before_commit", 1),
    "posting.parked": ("drop_before_commit", 4),  # both sendings of both entries
    "posting.returned": ("429", 1),
    "posting.rejected": ("close_period", 1),
}


@dataclass
class Books(Office):
    """An office on the sandbox of Exact, over HTTP."""

    division: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def control(self, verb: str, path: str, **body: Any) -> Any:
        answer = requests.request(verb, f"{self.url}/control/api/{path}", json=body or None, timeout=20)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def ledger(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"ledger?division={self.division}")["entries"]
        return found


class World:
    """One sandbox, one database, one firm with its login; every point gets a client account of its own."""

    def __init__(self, urls: Urls, folder: Path, vault: Vault) -> None:
        self.database = Database(urls.app, pool_size=5, max_overflow=30)
        self.vault = vault
        self.sandbox = sandbox.exact.serve(port=0, data=folder / "exact")
        self.control("PATCH", "settings", token_lifetime=10**6)
        self.control("POST", "apps", client_id=APP_ID, secret="s", redirect_uris=["http://127.0.0.1/*"])
        user = self.control("POST", "users", login="kp", environment="be", licence="l", role="firm")["id"]
        tokens = self.control("POST", "grants", client_id=APP_ID, login="kp", environment="be")
        self.firm = make.make_tenant(self.database, "portal", "Peeters Lambrechts")
        self.login = make.make_authorisation(
            self.database, vault, self.firm, access=tokens["access_token"], refresh=tokens["refresh_token"],
            remote_user_id=user,
        )  # fmt: skip
        with self.database.scoped(Setting(tenant=self.firm.id)) as session:
            later = Credential.received_at + timedelta(days=10)
            session.execute(update(Credential).values(expires_at=later))
            assert session.get(Authorisation, (self.firm.id, self.login.id)) is not None
        hosts = f'{{"be": "{self.sandbox.url}/be"}}'
        self.environment = {
            "DATABASE_URL": urls.app, "REDIS_URL": "redis://127.0.0.1:1/0", "KOPPELPOORT_HOME": str(folder),
            "SECRET_KEY": "x" * 40, "AUDIT_KEY": "y" * 40, "KEY_ENCRYPTION_KEYS": "tests:" + "A" * 43 + "=",
            "EXACT_HOSTS_JSON": hosts, "EXACT_CLIENT_ID": APP_ID, "EXACT_CLIENT_SECRET": "s", "LOG_LEVEL": "ERROR",
        }  # fmt: skip
        self.next_division = 900_001

    def control(self, verb: str, path: str, **body: Any) -> Any:
        answer = requests.request(verb, f"{self.sandbox.url}/control/api/{path}", json=body, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def office(self) -> Books:
        division, self.next_division = self.next_division, self.next_division + 1
        self.control("POST", "divisions", code=division, name="D", country="BE", environment="be", licence="l")
        plain = add_client(self.database, self.vault, self.firm, self.login, frequency="daily")
        with plain.scope() as scope:
            coupling = scope.get(type(plain.coupling), plain.coupling.id)
            coupling.dossier_code = str(division)
        made = Books(
            self.database, self.vault, self.firm, plain.client, self.login, plain.coupling, plain.account,
            plain.configuration, plain.package, division=division, environment=self.environment, url=self.sandbox.url,
        )  # fmt: skip
        made.runtime = replace(made.runtime, settings=type(settings()).from_env(self.environment))
        connection = signed_in(self.database, self.vault, made.runtime.settings, self.firm.id, self.login.id)
        code = str(division)
        store_books(
            self.database, plain.coupling, ledger_accounts=list(connection.ledger_accounts(code)),
            journals=list(connection.journals(code)), periods=list(connection.periods(code)),
        )  # fmt: skip
        return made


@pytest.fixture(scope="module")
def world(servers: Servers, vault: Vault, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(make_database(servers), tmp_path_factory.mktemp("crash"), vault)
    yield made
    made.sandbox.stop()
    made.database.engine.dispose()


DAYS = [(date(2024, 3, 5), "12.50"), (date(2024, 3, 6), "-2.25")]


def prepare(world: World, point: str) -> tuple[Books, victim.Place]:
    office = world.office()
    office.bank_says(*DAYS)
    with office.scope() as scope:
        run = runs.start_run(scope, office.configuration, "schedule")[0]
        if point.startswith("batch."):
            run.state = "done"
    if point in FAULTS:
        kind, times = FAULTS[point]
        office.control(
            "POST", "faults", kind=kind, times=times, method="POST", endpoint="*/BankEntries", division=office.division
        )
    place = victim.Place(office.environment, AUDIT_KEY, world.firm.id, office.client.id, office.coupling.id, run.id)
    return office, place


def finish(office: Books, hand: Clock) -> None:
    """What scheduler, workers and people do afterwards."""
    hand.pass_(victim.ROUNDS * victim.STEP.total_seconds())
    office.control("DELETE", "faults")
    for year_period in {(int(day.year), int(day.month)) for day, _ in DAYS}:
        year, period = year_period
        office.control("POST", "periods", division=office.division, year=year, period=period, status="open")
    for _ in range(12):
        with office.scope() as scope:
            open_runs = scope.session.scalars(select(Run.id).where(Run.state.in_(("queued", "running")))).all()
            if not open_runs:
                configuration = scope.get(Configuration, office.configuration.id)
                open_runs = [runs.start_run(scope, configuration, "schedule")[0].id]
        for run_id in open_runs:
            runs.run(office.runtime, office.client.id, run_id)
        dispatch.drain(office.runtime, hands=2, seconds=5)
        decide(office)
        hand.pass_(victim.STEP.total_seconds())
        rows = office.all_postings()
        if len(rows) == len(DAYS) and all(row.state == PostingState.CONFIRMED for row in rows):
            return
    raise AssertionError([(row.state, row.code) for row in office.all_postings()])


def decide(office: Books) -> None:
    for row in office.all_postings():
        if row.state in (PostingState.PARKED, PostingState.REJECTED):
            with office.scope() as scope:
                if posting.is_surely_unbooked(row):
                    posting.retry(scope, row.id)
                elif posting.looked_empty(row):
                    posting.send_again(scope, row.id)
                else:
                    posting.look_again(scope, row.id)


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_a_death_at_any_point_loses_and_doubles_nothing(world: World, moving: Clock, point: str) -> None:
    office, place = prepare(world, point)
    process = _context().Process(target=victim.work, args=(place, point))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
    runtime.set(office.runtime)
    queue.connect(None)
    finish(office, moving)
    entries = office.ledger()
    references = sorted(line["notes"] for entry in entries for line in entry["lines"] if line["notes"])
    assert references == sorted(row.reference for row in office.all_postings())
    moved = sum(
        Decimal(line["amount"]) for entry in entries for line in entry["lines"] if line["gl_account"] == "550000"
    )
    assert moved == Decimal("10.25")
    result = comparison.compare(office.runtime, office.client.id, office.coupling.id, reach=None)
    assert result.clean


# ------------------------------------------------------------------ undoing

UNDOING = (
    *REVERSAL_POINTS, "offer.posting_written", "offer.before_commit",
    *(point for point in CRASH_POINTS if point.startswith("posting.")),
)  # fmt: skip


def book(world: World) -> tuple[Books, victim.Place, uuid.UUID]:
    """One entry that stands in the books."""
    office = world.office()
    runtime.set(office.runtime)
    queue.connect(None)
    office.bank_says(DAYS[0])
    with office.scope() as scope:
        run = runs.start_run(scope, office.configuration, "schedule")[0]
    runs.run(office.runtime, office.client.id, run.id)
    dispatch.drain(office.runtime, hands=1, seconds=5)
    (row,) = office.all_postings()
    assert row.state == PostingState.CONFIRMED
    place = victim.Place(office.environment, AUDIT_KEY, world.firm.id, office.client.id, office.coupling.id, run.id)
    return office, place, row.entry_id


def see_undone(office: Books, entry_id: uuid.UUID, hand: Clock) -> None:
    """What people and workers do afterwards: ask once more where nobody did, and decide."""
    hand.pass_(victim.ROUNDS * victim.STEP.total_seconds())
    office.control("DELETE", "faults")
    day = DAYS[0][0]
    office.control("POST", "periods", division=office.division, year=day.year, period=day.month, status="open")
    for _ in range(12):
        with office.scope() as scope:
            entry = scope.get(Entry, entry_id)
            if entry.reversed_at is not None:
                return
            if reversal.reversal_of(scope, entry) is None:
                shown = reversal.plan(scope, entry_id).shown
                reversal.undo(scope, entry_id, reason="Wrong account", sha256=shown.sha256)
        dispatch.drain(office.runtime, hands=2, seconds=5)
        decide(office)
        hand.pass_(victim.STEP.total_seconds())
    raise AssertionError([(row.state, row.code) for row in office.all_postings()])


@pytest.mark.parametrize("point", UNDOING)
def test_a_death_while_undoing_undoes_once(world: World, moving: Clock, point: str) -> None:
    office, place, entry_id = book(world)
    if point in FAULTS:
        kind, times = FAULTS[point]
        office.control(
            "POST", "faults", kind=kind, times=min(times, 2), method="POST", endpoint="*/BankEntries",
            division=office.division,
        )  # fmt: skip
    process = _context().Process(target=victim.undo, args=(place, entry_id, point))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
    see_undone(office, entry_id, moving)
    entries = office.ledger()
    references = sorted(line["notes"] for entry in entries for line in entry["lines"] if line["notes"])
    assert references == sorted(row.reference for row in office.all_postings())
    assert len(references) == 2
    accounts = {line["gl_account"] for entry in entries for line in entry["lines"]}
    for account in accounts:
        assert sum(
            Decimal(line["amount"]) for entry in entries for line in entry["lines"] if line["gl_account"] == account
        ) == Decimal(0)
    with office.scope() as scope:
        assert scope.session.scalars(select(StatementLine.entry_id)).all() == [None]
    assert comparison.compare(office.runtime, office.client.id, office.coupling.id, reach=None).clean


def _context() -> multiprocessing.context.ForkServerContext:
    """Children forked from a process that has the product imported and runs no threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sync.victim"])
    return context
