"""Storing statement lines, with de-duplication, against the raw COPY of the same rows.

The reference is what PostgreSQL can do at most: COPY of prebuilt text by a superuser (the app
role may not COPY into tables under row-level security) into the very table, with its indexes
and foreign keys. Ours runs as the app role: key of every line, temporary table, decision, insert, log, and
how the client account stands afterwards.
"""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import cycle
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import psycopg

from bench.makers.movements import iban, movements
from bench.table import Row
from portal.access import Scope
from portal.activity import service as activity
from portal.connectors.statement import Statement, StatementLine
from portal.kernel import clock, migrate
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.money import to_units
from portal.kernel.roles import create_roles
from portal.kernel.services import start_postgres
from portal.ledger.imports import store_statements
from portal.ledger.models import Import
from portal.sync import standing  # noqa: F401 (once imported, it keeps the standing of each client, as in the product)
from portal.tenants.models import Tenant

ROUNDS = 3
DAYS = 28
SMALL = 50  # lines a commit
FLOOR = 15_000  # rows a second in commits of that size
CLIENTS = 40  # with statements in small commits, an account each
WORKERS = 2  # as many as one machine starts


def rows(quick: bool = False) -> Iterator[Row]:
    count, commits = (10_000, 60) if quick else (100_000, 400)
    with _place() as place:
        lines = _lines(count)
        first, again, raw = [], [], []
        for round_ in range(ROUNDS):
            account = iban(5_390_000_000 + round_)
            first.append(place.store(account, lines))
            again.append(place.store(account, lines))
            raw.append(place.copy(lines, account))
        ours, reference, repeated = min(first), min(raw), min(again)
        yield Row(
            f"store {count:,} lines, each once",
            f"{count / ours:,.0f} rows/s",
            f"raw COPY {count / reference:,.0f} rows/s",
            reference / ours,
            0.5,
        )
        yield Row(
            "the same file again",
            f"{count / repeated:,.0f} rows/s",
            f"first time {count / ours:,.0f} rows/s",
            ours / repeated,
            1.0,
        )
        bare, rate, both = 0.0, 0.0, 0.0
        for round_ in range(ROUNDS):
            rate = max(rate, place.store_small(commits // ROUNDS, round_))
            bare = max(bare, place.insert_small(commits // ROUNDS))
            both = max(both, _workers(place.url, commits // ROUNDS))
        yield Row(
            f"store {SMALL} lines a commit, {WORKERS} workers",
            f"{both:,.0f} rows/s",
            f"{FLOOR:,} rows/s",
            both / FLOOR,
            1.0,
        )
        # An import also finds its account, numbers and compares, chains balances, writes the log and brings up to
        # date how the client stands: three times the insert alone.
        told = f"bare insert {bare:,.0f} rows/s"
        yield Row(f"store {SMALL} lines a commit, one after another", f"{rate:,.0f} rows/s", told, rate / bare, 1 / 3)


def _lines(count: int, seed: int = 1, later: int = 0) -> list[StatementLine]:
    """Built before the clock runs: reading files is measured elsewhere. `later`: days to add."""
    return [
        StatementLine(
            move.on + timedelta(days=later),
            move.on,
            Decimal(move.cents).scaleb(-2),
            move.text,
            move.name,
            move.iban,
            move.bic,
            move.reference,
            move.end_to_end_id,
            move.bank_reference,
            "PMNT-RCDT-ESCT",
        )
        for move in movements(count, seed)
    ]


def _statement(account: str, lines: list[StatementLine]) -> Statement:
    total = sum((line.amount for line in lines), Decimal(0))
    made = Statement("camt053", account, "EUR", "", Decimal(0), lines[0].date, total, lines[-1].date)
    made.lines = iter(lines)
    return made


@dataclass
class _Place:
    database: Database
    admin: psycopg.Connection[Any]
    tenant: uuid.UUID
    url: str

    def store(self, account: str, lines: list[StatementLine]) -> float:
        """Seconds to store one statement and commit."""
        started = time.perf_counter()
        with self.database.session(Setting(tenant=self.tenant)) as session:
            _bring(Scope.system(session, self.tenant), _statement(account, lines))
            session.commit()
        return time.perf_counter() - started

    def store_small(self, commits: int, round_: int) -> float:
        """Rows a second over many small statements, a commit each, of forty client accounts."""
        started, ended = _store_small(self.database, commits, 7_330_000_000 + 100 * round_)
        return commits * SMALL / (ended - started)

    def insert_small(self, commits: int) -> float:
        """Rows a second of the same rows without any question asked: arrays into the table, a commit each."""
        account, statement = self._found(iban(5_390_000_000))
        batches = []
        for number in range(commits):
            rows = self._cells(_lines(SMALL, number), account, statement)
            batches.append([list(column) for column in zip(*rows, strict=True)])
        started = time.perf_counter()
        for columns in batches:
            self.admin.execute(_BARE, columns)
            self.admin.commit()
        return commits * SMALL / (time.perf_counter() - started)

    def copy(self, lines: list[StatementLine], account: str) -> float:
        """Seconds of a raw COPY of the same rows, under a statement and account that are there."""
        rows = self._cells(lines, *self._found(account))
        text = "".join(
            "\t".join(f"\\\\x{c.hex()}" if isinstance(c, bytes) else str(c) for c in row) + "\n" for row in rows
        )
        started = time.perf_counter()
        with self.admin.cursor() as cursor, cursor.copy(f"COPY {_TABLE} FROM STDIN") as copy:
            copy.write(text)
        self.admin.commit()
        return time.perf_counter() - started

    def _found(self, account: str) -> tuple[uuid.UUID, uuid.UUID]:
        query = """SELECT a.id, s.id FROM bank_accounts a JOIN statements s ON s.bank_account_id = a.id
            WHERE a.number = %s"""
        found: tuple[uuid.UUID, uuid.UUID] | None = self.admin.execute(query, (account,)).fetchone()
        if found is None:
            raise RuntimeError("the account was not stored before")
        return found

    def _cells(self, lines: list[StatementLine], account: uuid.UUID, statement: uuid.UUID) -> list[tuple[object, ...]]:
        identity, balance = uuid7().int, 0
        rows: list[tuple[object, ...]] = []
        for place, line in enumerate(lines, 1):
            units = to_units(line.amount)
            balance += units
            cells: tuple[object, ...] = (
                self.tenant, uuid.UUID(int=identity + place), account, statement, place, line.date, line.value_date,
                units, balance, line.description, line.counterparty, line.counterparty_account, line.reference,
                line.end_to_end_id, line.bank_reference, line.transaction_code, uuid.uuid4().bytes,
            )  # fmt: skip
            rows.append(cells)
        return rows


def _bring(scope: Scope, statement: Statement) -> None:
    row = Import(
        tenant_id=scope.tenant_id, id=uuid7(), filename="x", size=0, sha256=b"", format="camt053", code="",
        values={}, line=None, warnings=[], stored=0, known=0, created_at=clock.now(), created_by=None,
    )  # fmt: skip
    store_statements(scope, row, [statement])


def _months(commits: int, first: int) -> list[Statement]:
    """A first statement of every account, then `commits` more, month after month."""
    return [
        _statement(iban(first + n % CLIENTS), _lines(SMALL, n, n // CLIENTS * DAYS)) for n in range(CLIENTS + commits)
    ]


def _workers(url: str, commits: int) -> float:
    """Rows a second of all workers together, each on client accounts of its own."""
    context = multiprocessing.get_context("fork")
    ready, times = context.Barrier(WORKERS), context.Queue()
    workers = [context.Process(target=_work, args=(url, commits, ready, times)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    spans: list[tuple[float, float]] = [times.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join()
    return WORKERS * commits * SMALL / (max(end for _, end in spans) - min(start for start, _ in spans))


def _work(url: str, commits: int, ready: Barrier, times: Queue[tuple[float, float]]) -> None:
    database = Database(url, pool_size=1)
    times.put(_store_small(database, commits, 7_440_000_000, ready))
    database.engine.dispose()


def _store_small(database: Database, commits: int, first: int, ready: Barrier | None = None) -> tuple[float, float]:
    """When it began and ended, in seconds. Each account's first statement goes before: a day's work finds it there."""
    clients = [_tenant(database) for _ in range(CLIENTS)]

    def commit(tenant: uuid.UUID, statement: Statement) -> None:
        with database.session(Setting(tenant=tenant)) as session:
            _bring(Scope.system(session, tenant), statement)
            session.commit()

    some = list(zip(cycle(clients), _months(commits, first), strict=False))
    for tenant, statement in some[:CLIENTS]:
        commit(tenant, statement)
    if ready is not None:
        ready.wait()
    started = time.monotonic()
    for tenant, statement in some[CLIENTS:]:
        commit(tenant, statement)
    return started, time.monotonic()


def _as_text(cell: object) -> str:
    return f"\\\\x{cell.hex()}" if isinstance(cell, bytes) else str(cell)


_TABLE = """statement_lines (tenant_id, id, bank_account_id, statement_id, position, date, value_date, amount,
  balance, description, counterparty, counterparty_account, reference, end_to_end_id, bank_reference,
  transaction_code, fingerprint)"""
_KINDS = ("uuid", "uuid", "uuid", "uuid", "int", "date", "date", "bigint", "bigint", *["text"] * 7, "bytea")
_BARE = f"INSERT INTO {_TABLE} SELECT * FROM unnest({', '.join(f'%b::{kind}[]' for kind in _KINDS)})"  # noqa: S608 (constants only)


@contextmanager
def _place() -> Iterator[_Place]:
    """A durable server of its own, with one client account."""
    folder = Path(tempfile.mkdtemp(prefix="kp-bench-"))
    folder.chmod(0o755)
    server = start_postgres(folder / "postgres")
    activity.set_key(b"of the measurement")
    try:
        urls = create_roles(server.url, "koppelpoort_bench", "owner-in-bench", "app-in-bench")
        migrate.upgrade(urls.owner_url)
        database = Database(urls.app_url, pool_size=2)
        with psycopg.connect(server.url, dbname="koppelpoort_bench") as admin:
            place = _Place(database, admin, _tenant(database), urls.app_url)
            place.store_small(3, ROUNDS)  # banks' names are read from a file once a process
            yield place
        database.engine.dispose()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _tenant(database: Database) -> uuid.UUID:
    tenant = Tenant(
        id=uuid7(), kind="client", name="Bench", country="BE", scheme="kbo", enterprise_number="0403170701",
        created_at=clock.now(),
    )  # fmt: skip
    with database.scoped(Setting(tenant=tenant.id)) as session:
        session.add(tenant)
    return tenant.id
