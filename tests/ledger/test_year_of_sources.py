"""Two feeds and files of three formats tell one account; the stored lines are the bank's, no more and no fewer."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.access import Scope
from portal.kernel import clock
from portal.kernel.db import Database
from portal.ledger.models import BankAccount, PendingLine
from portal.ledger.models import StatementLine as StoredLine
from tests import factories as make
from tests.ledger.bank_year import Feed, Files, days_of, history
from tests.ledger.making import stored

_numbers = itertools.count(300_000)


@pytest.fixture(scope="module")
def tenant_scope(database: Database) -> Iterator[Scope]:
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL")
    with database.session() as session:
        yield make.scope_in(session, client)
        session.rollback()


def new_account(scope: Scope) -> BankAccount:
    row = BankAccount(
        tenant_id=scope.tenant_id, number=make.belgian_iban(next(_numbers)), currency="EUR", name="KBC",
        created_at=clock.now(),
    )  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    return row


def live(scope: Scope, seed: int, count: int, days: int, steps: int, *, look: int = 1, **feeds: Any) -> None:
    """Live a stretch of time with all sources at once; nothing may be doubled at any moment.

    `look`: every how many steps that is checked.
    """
    chance = random.Random(seed)
    truth = history(count, days, chance)
    bank = days_of(truth)
    account = new_account(scope)
    first = Feed(scope, account, truth, chance, "ponto", **feeds)
    second = Feed(scope, account, truth, chance, "saltedge", meagre=True, **feeds)
    files = Files(scope, account, truth, chance)
    formats = ["coda", "camt053", "ofx"]
    booked = 0
    for step in range(steps):
        booked = min(count, booked + chance.randrange(2 * count // steps + 2))
        what = chance.choices(["first", "second", *formats], [4, 3, 1, 1, 1])[0]
        if what in ("first", "second"):
            (first if what == "first" else second).fetch(booked)
        elif booked:
            start = chance.randrange(booked)
            files.bring(what, start, min(booked, start + chance.randrange(1, min(count // 4, 3000) + 2)))
        if step % look == 0:
            scope.session.commit()
            doubled = days_of(stored(scope, account.number)) - bank
            assert not doubled, f"step {step}, {what}: {doubled}"
    first.told_to = second.told_to = count
    first.whole()
    second.whole()
    share = max(1, count // 12)
    for start in range(0, count, share):
        files.bring(chance.choice(["coda", "camt053"]), start, min(count, start + share + 3))
    there = days_of(stored(scope, account.number))
    assert there == bank, f"doubled {there - bank}, lost {bank - there}"
    assert (first.whole().stored, second.whole().stored) == (0, 0)
    query = select(func.count()).select_from(StoredLine).where(StoredLine.bank_account_id == account.id)
    assert scope.session.scalar(query) == count
    waiting = scope.session.scalars(select(PendingLine).where(PendingLine.bank_account_id == account.id)).all()
    assert waiting == []
    print(
        f"{count} lines, {steps} steps, {first.wholes + second.wholes} fetches asked for the whole: 0 lost, 0 doubled"
    )


@pytest.mark.parametrize("seed", range(8))
def test_no_line_is_lost_or_doubled(tenant_scope: Scope, seed: int) -> None:
    live(tenant_scope, seed, count=60, days=12, steps=25)


@pytest.mark.parametrize("seed", range(4))
def test_busy_days(tenant_scope: Scope, seed: int) -> None:
    live(tenant_scope, 1000 + seed, count=80, days=3, steps=30)


@pytest.mark.slow
def test_a_year_of_many_lines(tenant_scope: Scope) -> None:
    count = int(os.environ.get("YEAR_LINES", "5000"))
    live(
        tenant_scope,
        7,
        count,
        days=365,
        steps=count // 50,
        look=max(25, count // 250),
        changing=0.0003,
        whole_share=0.01,
    )
