"""Many people on one task at the same moment, in small; `python -m scripts.four_eyes` is the whole."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import select

from portal.access import Scope
from portal.approvals import verdicts
from portal.approvals.models import Decision, Task
from portal.kernel.db import Database
from portal.kernel.errors import Conflict, Forbidden
from portal.kernel.roles import plain_url
from scripts.four_eyes import contend, count, make_firm
from tests.conftest import Urls

NOUGHT = {"double": 0, "self": 0, "stale": 0, "unapproved": 0}


def test_twelve_at_once(fresh_database: Database, fresh_database_urls: Urls) -> None:
    firm = make_firm(fresh_database, 6)
    told = contend(fresh_database, firm, threads=12, rounds=12, seed=1)
    assert sum(told.values()) == 144
    assert told["edit: done"]
    assert count(fresh_database_urls.admin, firm.tenant.id) == NOUGHT


@pytest.mark.parametrize(
    ("broken", "triggers", "wrong"),
    [("_may_decide", ("approval_decisions", "approval_tasks"), "self"), ("_agreed", ("approval_tasks",), "unapproved")],
)
def test_the_counts_see_what_went_wrong(
    fresh_database: Database, fresh_database_urls: Urls, monkeypatch: pytest.MonkeyPatch, broken: str,
    triggers: tuple[str, ...], wrong: str,
) -> None:  # fmt: skip
    """With the rule and its guard taken out, the count is not nought."""
    monkeypatch.setattr(verdicts, broken, {"_may_decide": _makers_too(), "_agreed": _everybody}[broken])
    with psycopg.connect(plain_url(fresh_database_urls.admin)) as connection:
        for table in triggers:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER guard")
    firm = make_firm(fresh_database, 3)
    contend(fresh_database, firm, threads=8, rounds=10, seed=2)
    assert count(fresh_database_urls.admin, firm.tenant.id)[wrong]


def _makers_too() -> Callable[[Scope, Task], bool]:
    """The rule without the part that keeps makers off their own work."""
    real = verdicts._may_decide

    def lenient(scope: Scope, task: Task) -> bool:
        try:
            return real(scope, task)
        except Forbidden:
            mine = (Decision.task_id == task.id, Decision.user_id == scope.actor.user_id)
            if scope.session.scalar(select(Decision.id).where(*mine)):
                raise Conflict("approval.decided") from None
            return False

    return lenient


def _everybody(*_: object) -> list[str]:
    return ["one", "two", "three"]
