"""Bells ring after the outermost commit, whatever savepoints did meanwhile."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text

from portal.kernel import queue
from portal.kernel.db import Database

Rung = list[tuple[str, tuple[str, ...]]]


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> Rung:
    heard: Rung = []
    monkeypatch.setattr(queue, "ring_now", heard.extend)
    return heard


def test_a_bell_rings_once_after_the_outer_commit(database: Database, rung: Rung) -> None:
    key = uuid.uuid4()
    with database.scoped() as session:
        with session.begin_nested():
            queue.ring(session, "mail.send", key)
            queue.ring(session, "mail.send", key)
        assert rung == []
    assert rung == [("mail.send", (str(key),))]


def test_a_rolled_back_savepoint_silences_nothing_before_it(database: Database, rung: Rung) -> None:
    with database.scoped() as session:
        session.execute(text("SELECT 1"))
        queue.ring(session, "mail.send", uuid.uuid4())
        nested = session.begin_nested()
        session.execute(text("SELECT 1"))
        nested.rollback()
    assert len(rung) == 1


def test_a_rolled_back_transaction_rings_nothing(database: Database, rung: Rung) -> None:
    def fail() -> None:
        with database.scoped() as session:
            queue.ring(session, "mail.send", uuid.uuid4())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.scoped() as session:
        session.execute(text("SELECT 1"))
    assert rung == []


def test_without_redis_nobody_fails(database: Database) -> None:
    queue.connect("redis://127.0.0.1:1/0")
    try:
        with database.scoped() as session:
            queue.ring(session, "mail.send", uuid.uuid4())
            queue.ring(session, "nobody.knows", uuid.uuid4())
    finally:
        queue.connect(None)
