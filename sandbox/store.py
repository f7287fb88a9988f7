"""SQLite behind one lock: what was acknowledged survives `kill -9`.

WAL with synchronous=NORMAL loses nothing when the process dies (only when the machine
does). One connection serves all threads in turn, so every transaction is serial.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row
_KEPT = """
CREATE TABLE kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class Store:
    """`schema` is run once on an empty file; one of another `version` is refused."""

    def __init__(self, path: Path, schema: str, version: int = 1) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, cached_statements=512)
        self._db.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "cache_size=-65536"):
            self._db.execute(f"PRAGMA {pragma}")
        self._create(schema, version)

    def _create(self, schema: str, version: int) -> None:
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, version):
            raise RuntimeError(f"{self.path} was made by another version; remove it to start afresh")
        if found == 0:
            self._db.executescript(f"BEGIN; {_KEPT} {schema} COMMIT;")
            self._db.execute(f"PRAGMA user_version={version}")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Nested use joins the outer transaction."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._db
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of a transaction that may fail by itself: what it did is undone, the rest stays."""
        with self.transaction() as db:
            db.execute("SAVEPOINT attempt")
            try:
                yield
            except BaseException:
                db.execute("ROLLBACK TO attempt")
                raise
            finally:
                db.execute("RELEASE attempt")

    def all(self, sql: str, parameters: Any = ()) -> list[Row]:
        with self._lock:
            return self._db.execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Any = ()) -> Row | None:
        with self._lock:
            row: Row | None = self._db.execute(sql, parameters).fetchone()
            return row

    def run(self, sql: str, parameters: Any = ()) -> int:
        """Execute one writing statement; returns the number of rows it touched."""
        with self.transaction() as db:
            return db.execute(sql, parameters).rowcount

    def insert(self, table: str, **values: Any) -> None:
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608 - own names

    def insert_many(self, table: str, rows: list[dict[str, Any]]) -> None:
        """All rows must have the same keys."""
        if not rows:
            return
        names = list(rows[0])
        sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - own names
        with self.transaction() as db:
            db.executemany(sql, [tuple(row[name] for name in names) for row in rows])

    def next_number(self, name: str, step: int = 1) -> int:
        """A counter that never goes back; returns the first of `step` new numbers."""
        with self.transaction() as db:
            row = db.execute(
                "INSERT INTO counters (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value",
                (name, step),
            ).fetchone()
            return int(row[0]) - step + 1

    def value(self, name: str) -> str | None:
        row = self.one("SELECT value FROM kept WHERE name = ?", (name,))
        return None if row is None else str(row["value"])

    def keep(self, name: str, value: str) -> None:
        """A value under a name, in place of what was there."""
        self.run(
            "INSERT INTO kept (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def empty(self) -> None:
        """Remove every row of every table."""
        with self.transaction() as db:
            names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                db.execute(f'DELETE FROM "{name}"')  # noqa: S608 - own names
