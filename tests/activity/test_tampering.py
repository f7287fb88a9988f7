"""A thousand random tamperings with the log, by somebody who has the database but not the key: all found.

Each is done as a superuser with the triggers off, looked for, and rolled back. The generator
is seeded; `tamperings` says what can be done to which table.
"""

# ruff: noqa: S608 - names of columns are put together here, from our own tables

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.activity.anchors import Anchors, drop_anchors, folder, read
from portal.activity.models import Activity, ChainHead
from portal.activity.service import record
from portal.activity.verifying import verify_here
from portal.kernel.db import Database
from tests import factories as make
from tests.conftest import Urls

SEED, TIMES, LINKS = 20_261_122, 1_000, 12
# What the database says for a value that differs from the one there is, by the type of the column.
OTHER = {
    "UUID": "gen_random_uuid()",
    "TIMESTAMP": "{c} + interval '1 microsecond'",
    "TEXT": "{c} || 'x'",
    "INTEGER": "{c} + 1000",
    "BYTEA": "sha256({c})",
    "JSONB": '{c} || \'{{"name": "x"}}\'',
}
WORDS = {"actor_kind": "CASE {c} WHEN 'system' THEN 'person' ELSE 'system' END"}


@dataclass
class Log:
    """Three chains, an account without one, and the head of each as it was half-way."""

    tenants: list[uuid.UUID]
    empty: uuid.UUID
    halfway: dict[uuid.UUID, tuple[int, bytes, bytes]]
    anchors: Anchors


class Tamperer:
    """One tampering at a time; each method returns the chains that it touched."""

    def __init__(self, session: Session, log: Log, chance: random.Random) -> None:
        self.session, self.log, self.chance = session, log, chance
        self.tenant = chance.choice(log.tenants)
        self.other = chance.choice([t for t in log.tenants if t != self.tenant])
        self.seq = chance.randint(1, LINKS)

    def do(self, statement: str, **more: object) -> None:
        values = {"t": self.tenant, "o": self.other, "s": self.seq, "n": LINKS, "e": self.log.empty} | more
        done = self.session.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
        assert done.rowcount, f"nothing was tampered with by {statement}"  # type: ignore[attr-defined]  # a cursor's

    def changed(self, column: str, kind: str) -> set[uuid.UUID]:
        new = WORDS.get(column, OTHER[kind]).format(c=column)
        self.do(f"UPDATE activities SET {column} = {new} WHERE tenant_id = :t AND seq = :s")
        return {self.tenant}

    def emptied(self) -> set[uuid.UUID]:
        column = self.chance.choice(["actor_id", "subject_id", "via_id"])
        self.do(f"UPDATE activities SET {column} = CASE WHEN {column} IS NULL THEN :o END"
                " WHERE tenant_id = :t AND seq = :s")  # fmt: skip
        return {self.tenant}

    def moved(self) -> set[uuid.UUID]:
        self.do("UPDATE activities SET tenant_id = :o, seq = :n + 1 WHERE tenant_id = :t AND seq = :s")
        return {self.tenant, self.other}

    def moved_away(self) -> set[uuid.UUID]:
        self.do("UPDATE activities SET tenant_id = :e, seq = 1 WHERE tenant_id = :t AND seq = :s")
        return {self.tenant, self.log.empty}

    def exchanged(self) -> set[uuid.UUID]:
        """The links at one place of two chains."""
        for now, then in (("t", "e"), ("o", "t"), ("e", "o")):
            self.do(f"UPDATE activities SET tenant_id = :{then} WHERE tenant_id = :{now} AND seq = :s")
        return {self.tenant, self.other}

    def swapped(self) -> set[uuid.UUID]:
        with_seq = self.seq % LINKS + 1
        for now, then in ((self.seq, -1), (with_seq, self.seq), (-1, with_seq)):
            self.do("UPDATE activities SET seq = :b WHERE tenant_id = :t AND seq = :a", a=now, b=then)
        return {self.tenant}

    def deleted(self) -> set[uuid.UUID]:
        self.do("DELETE FROM activities WHERE tenant_id = :t AND seq = :s")
        return {self.tenant}

    def deleted_and_closed_up(self) -> set[uuid.UUID]:
        self.deleted()
        self.do("UPDATE activities SET seq = -seq WHERE tenant_id = :t")
        self.do("UPDATE activities SET seq = CASE WHEN -seq > :s THEN -seq - 1 ELSE -seq END WHERE tenant_id = :t")
        self.do("UPDATE chain_heads SET seq = seq - 1 WHERE tenant_id = :t")
        return {self.tenant}

    def inserted(self) -> set[uuid.UUID]:
        at = self.chance.choice([0, LINKS + 1, LINKS + 2, -3])
        self._copy("t", at)
        return {self.tenant}

    def inserted_with_head(self) -> set[uuid.UUID]:
        self._copy("t", LINKS + 1, hash="sha256(hash)")
        self.do("UPDATE chain_heads h SET seq = a.seq, hash = a.hash FROM activities a"
                " WHERE a.tenant_id = :t AND h.tenant_id = :t AND a.seq = :n + 1")  # fmt: skip
        return {self.tenant}

    def inserted_where_nobody_looks(self) -> set[uuid.UUID]:
        self._copy("e", 1)
        return {self.log.empty}

    def _copy(self, to: str, seq: int, hash: str = "hash") -> None:
        names = [c.name for c in Activity.__table__.c]
        special = {"tenant_id": f":{to}", "id": "gen_random_uuid()", "seq": str(seq), "hash": hash}
        chosen = ", ".join(special.get(name, name) for name in names)
        self.do(f"INSERT INTO activities ({', '.join(names)}) SELECT {chosen} FROM activities"
                " WHERE tenant_id = :t AND seq = :s")  # fmt: skip

    def cut(self) -> set[uuid.UUID]:
        self.do("DELETE FROM activities WHERE tenant_id = :t AND seq >= :s")
        return {self.tenant}

    def cut_with_head(self) -> set[uuid.UUID]:
        """And the head set to what is now the last link; only its seal cannot be made."""
        self.seq = max(self.seq, 2)
        self.cut()
        self.do("UPDATE chain_heads h SET seq = a.seq, hash = a.hash FROM activities a"
                " WHERE a.tenant_id = :t AND h.tenant_id = :t AND a.seq = :s - 1")  # fmt: skip
        return {self.tenant}

    def cut_to_an_older_head(self) -> set[uuid.UUID]:
        """And a head put back that was genuine once, with its seal, as from a back-up."""
        seq, last, seal = self.log.halfway[self.tenant]
        self.do("DELETE FROM activities WHERE tenant_id = :t AND seq > :q", q=seq)
        self.do("UPDATE chain_heads SET seq = :q, hash = :h, seal = :l WHERE tenant_id = :t", q=seq, h=last, l=seal)
        return {self.tenant}

    def gone(self) -> set[uuid.UUID]:
        self.do("DELETE FROM activities WHERE tenant_id = :t")
        self.do("DELETE FROM chain_heads WHERE tenant_id = :t")
        return {self.tenant}

    def renamed(self) -> set[uuid.UUID]:
        """Two accounts exchange their whole chains, heads and all."""
        for table in ("activities", "chain_heads"):
            for now, then in (("t", "e"), ("o", "t"), ("e", "o")):
                self.do(f"UPDATE {table} SET tenant_id = :{then} WHERE tenant_id = :{now}")
        return {self.tenant, self.other}

    def head_changed(self, column: str) -> set[uuid.UUID]:
        new = {
            "seq": self.chance.choice(["seq + 1", "seq - 1", "0", "-seq"]),
            "hash": "sha256(hash)",
            "seal": self.chance.choice(["sha256(seal)", "NULL", "''", "'\\x62726f6b656e'"]),
            "tenant_id": ":e",
        }[column]
        self.do(f"UPDATE chain_heads SET {column} = {new} WHERE tenant_id = :t")
        return {self.tenant, self.log.empty} if column == "tenant_id" else {self.tenant}

    def head_deleted(self) -> set[uuid.UUID]:
        self.do("DELETE FROM chain_heads WHERE tenant_id = :t")
        return {self.tenant}

    def heads_exchanged(self) -> set[uuid.UUID]:
        for now, then in (("t", "e"), ("o", "t"), ("e", "o")):
            self.do(f"UPDATE chain_heads SET tenant_id = :{then} WHERE tenant_id = :{now}")
        return {self.tenant, self.other}


Tampering = Callable[[Tamperer], set[uuid.UUID]]


def tamperings() -> Iterator[tuple[str, Tampering]]:
    for column in Activity.__table__.c:
        kind = str(column.type.compile(dialect=_POSTGRES)).split()[0]
        kind = {"VARCHAR": "TEXT"}.get(kind, kind)
        if column.name != "tenant_id":
            yield f"changed {column.name}", methodcaller("changed", column.name, kind)
    for column in ChainHead.__table__.c:
        yield f"head_changed {column.name}", methodcaller("head_changed", column.name)
    for name in (
        "emptied", "moved", "moved_away", "exchanged", "swapped", "deleted", "deleted_and_closed_up", "inserted",
        "inserted_with_head", "inserted_where_nobody_looks", "cut", "cut_with_head", "cut_to_an_older_head", "gone",
        "renamed", "head_deleted", "heads_exchanged",
    ):  # fmt: skip
        yield name, methodcaller(name)


_POSTGRES = create_engine("postgresql+psycopg://").dialect


@pytest.fixture
def log(fresh_database: Database, tmp_path: Path) -> Log:
    tenants = [make.make_tenant(fresh_database, "client", f"Client {n}").id for n in range(4)]
    halfway = {}
    for tenant in tenants[:3]:
        for n in range(LINKS):
            with fresh_database.scoped() as session:
                scope = Scope.system(session, tenant)
                record(scope, "tenant.edited", ("tenant", tenant), before=str(n), name=f"n{n} “é”", amount=1.5)
                if n == LINKS // 2:
                    session.flush()
                    head = session.get_one(ChainHead, tenant)
                    assert head.seal is not None
                    halfway[tenant] = (head.seq, head.hash, head.seal)
    drop_anchors(fresh_database, tmp_path)
    return Log(tenants[:3], tenants[3], halfway, read(folder(tmp_path)))


def _found(
    engine: Engine, log: Log, how: Tampering | None, chance: random.Random
) -> tuple[set[uuid.UUID], set[uuid.UUID]]:
    """(the chains that were touched, those that verifying names), and everything as it was."""
    with Session(engine) as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        touched = how(Tamperer(session, log, chance)) if how else set()
        named = {found.tenant_id for found in verify_here(session, log.anchors)}
        session.rollback()
    return touched, named


def test_a_thousand_tamperings_are_found(
    log: Log, fresh_database_urls: Urls, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = create_engine(fresh_database_urls.admin.replace("postgresql://", "postgresql+psycopg://"))
    chance, kinds, found = random.Random(SEED), list(tamperings()), Counter[bool]()
    assert _found(engine, log, None, chance) == (set(), set())
    for number in range(TIMES):
        name, how = kinds[number] if number < len(kinds) else chance.choice(kinds)  # every kind at least once
        touched, named = _found(engine, log, how, chance)
        assert named, f"tampering {number} ({name}) went unseen"
        assert named <= touched, f"tampering {number} ({name}) is blamed on others too"
        found[bool(named)] += 1
    assert _found(engine, log, None, chance) == (set(), set())
    engine.dispose()
    with capsys.disabled():
        print(f"\n{TIMES} tamperings of {len(kinds)} kinds, seed {SEED}: {found[True]} found")
    assert found[True] == TIMES
