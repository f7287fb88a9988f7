"""What the code should have refused, the database refuses; without the guard that says so, the act goes through."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from portal.approvals import tasks
from portal.kernel.db import SET_SCOPE, Setting, uuid7
from portal.kernel.roles import APP, plain_url
from tests import factories as make
from tests.approvals.conftest import Bureau
from tests.conftest import Urls

DECIDE = (
    "INSERT INTO approval_decisions (tenant_id, id, task_id, version, sha256, verdict, user_id, user_name, own_work,"
    " reason, decided_at) VALUES (%(tenant)s, %(new)s, %(task)s, {version}, {sha256}, '{verdict}', %({who})s, 'x',"
    " {own_work}, 'x', now())"
)
WRITE = (
    "INSERT INTO approval_versions (tenant_id, task_id, version, payload, subject_state, shown, changes, sha256, note,"
    " made_by, made_name, made_at) VALUES (%(tenant)s, %(task)s, {version}, '{{}}', '', '{{}}', '[]', 'x', '',"
    " %({who})s, 'x', now())"
)
SETTLE = "UPDATE approval_tasks SET state = '{state}', settled_at = {at} WHERE id = %(task)s"
HASH = "(SELECT sha256 FROM approval_versions WHERE task_id = %(task)s AND version = {})"


@dataclass(frozen=True)
class Attempt:
    """`by`: who acts. The statements before the last are allowed. `once`: the state of the task, see `_task`."""

    table: str
    by: str
    statements: tuple[str, ...]
    once: str = "waiting"
    trigger: str = "guard"
    role: str = APP


def decide(who: str, *, version: int = 1, sha256: str = "", own_work: bool = False, verdict: str = "approved") -> str:
    sha256 = sha256 or HASH.format(version)
    return DECIDE.format(version=version, sha256=sha256, verdict=verdict, who=who, own_work=str(own_work).lower())


def settle(state: str, at: str = "now()") -> str:
    return SETTLE.format(state=state, at=at)


ATTEMPTS = {
    "the maker approves": Attempt("approval_decisions", "Anna", (decide("Anna"),)),
    "the maker says it is by self-approve": Attempt("approval_decisions", "Anna", (decide("Anna", own_work=True),)),
    "the first author approves what was edited": Attempt(
        "approval_decisions", "Anna", (decide("Anna", version=2),), "edited"
    ),
    "somebody else's work passes as one's own": Attempt("approval_decisions", "Bert", (decide("Bert", own_work=True),)),
    "the version before is approved": Attempt("approval_decisions", "Bert", (decide("Bert"),), "edited"),
    "other bytes are approved": Attempt("approval_decisions", "Bert", (decide("Bert", sha256="'y'"),)),
    "somebody approves for another": Attempt("approval_decisions", "Bert", (decide("Carl"),)),
    "a stranger approves": Attempt("approval_decisions", "Stranger", (decide("Stranger"),)),
    "a settled task is approved": Attempt("approval_decisions", "Bert", (decide("Bert"),), "withdrawn"),
    "it is carried out unapproved": Attempt("approval_tasks", "Bert", (settle("carried_out"),)),
    "too few have approved": Attempt("approval_tasks", "Bert", (decide("Bert"), settle("carried_out"))),
    "it is carried out on what was approved before": Attempt(
        "approval_tasks", "Bert", (settle("carried_out"),), "approved, then edited"
    ),
    "it is carried out too late": Attempt(
        "approval_tasks", "Carl", (decide("Carl"), settle("carried_out", "now() + interval '15 days'")), "approved once"
    ),
    "fewer are needed all of a sudden": Attempt(
        "approval_tasks", "Bert", ("UPDATE approval_tasks SET needed = 1 WHERE id = %(task)s",)
    ),
    "it becomes something else": Attempt(
        "approval_tasks", "Bert", ("UPDATE approval_tasks SET permission = 'overview' WHERE id = %(task)s",)
    ),
    "it points at a version that is not there": Attempt(
        "approval_tasks", "Anna", ("UPDATE approval_tasks SET version = 2 WHERE id = %(task)s",)
    ),
    "it goes back to a version before": Attempt(
        "approval_tasks", "Anna", ("UPDATE approval_tasks SET version = 1 WHERE id = %(task)s",), "edited"
    ),
    "it is refused by nobody": Attempt("approval_tasks", "Bert", (settle("refused"),)),
    "somebody else withdraws it": Attempt("approval_tasks", "Bert", (settle("withdrawn"),)),
    "it expires too early": Attempt("approval_tasks", "Bert", (settle("expired"),)),
    "a settled task waits again": Attempt(
        "approval_tasks", "Anna",
        ("UPDATE approval_tasks SET state = 'waiting', settled_at = NULL WHERE id = %(task)s",), "withdrawn",
    ),
    "a task is born carried out": Attempt(
        "approval_tasks", "Anna", (
            "INSERT INTO approval_tasks (tenant_id, id, kind, permission, subject_kind, version, needed, state, code,"
            " \"values\", created_at, expires_at, settled_at, told) VALUES (%(tenant)s, %(new)s, 'x', 'users', 'x', 1,"
            " 1, 'carried_out', '', '{}', now(), now() + interval '1 day', now(), 0)",
        ),
    ),
    "a version is written for another": Attempt(
        "approval_versions", "Bert", (WRITE.format(version=2, who="Anna"),)
    ),
    "a version is left out": Attempt("approval_versions", "Bert", (WRITE.format(version=3, who="Bert"),)),
    "a settled task is edited": Attempt(
        "approval_versions", "Anna", (WRITE.format(version=2, who="Anna"),), "withdrawn"
    ),
    "a version is changed": Attempt(
        "approval_versions", "Anna", ("UPDATE approval_versions SET payload = '[]' WHERE task_id = %(task)s",),
        trigger="append_only", role="",
    ),
    "a decision is changed": Attempt(
        "approval_decisions", "Bert", ("UPDATE approval_decisions SET user_name = 'y' WHERE task_id = %(task)s",),
        "approved once", trigger="append_only", role="",
    ),
    "the rule is lowered without a task": Attempt(
        "approval_policies", "Anna", ("UPDATE approval_policies SET approvals = 1 WHERE tenant_id = %(tenant)s",)
    ),
    "the rule counts above an amount only, without a task": Attempt(
        "approval_policies", "Anna", ("UPDATE approval_policies SET above = 1000 WHERE tenant_id = %(tenant)s",)
    ),
}  # fmt: skip


def _task(bureau: Bureau, once: str) -> uuid.UUID:
    """A task that needs two approvals, brought to a state by the product itself."""
    bureau.rule(2)
    task_id = bureau.submit("reader", by="Anna")
    if once.startswith("approved"):
        bureau.approve(task_id, "Bert")
    if once.endswith("edited"):
        with bureau.acting("Carl") as scope:
            tasks.edit(scope, task_id, 1, bureau.payload("administrator"))
    if once == "withdrawn":
        with bureau.acting("Anna") as scope:
            tasks.withdraw(scope, task_id)
    return task_id


@pytest.mark.parametrize("name", ATTEMPTS)
def test_the_database_refuses_that(bureau: Bureau, database_urls: Urls, name: str) -> None:
    attempt = ATTEMPTS[name]
    with _about_to(bureau, database_urls, attempt) as run, pytest.raises(psycopg.errors.RaiseException):
        run()


@pytest.mark.parametrize("name", ATTEMPTS)
def test_without_its_guard_it_goes_through_that(bureau: Bureau, database_urls: Urls, name: str) -> None:
    """So that each of the refusals above is the guard's, and nobody else's."""
    attempt = ATTEMPTS[name]
    with _about_to(bureau, database_urls, attempt, unguarded=True) as run:
        run()


@contextmanager
def _about_to(bureau: Bureau, urls: Urls, attempt: Attempt, *, unguarded: bool = False) -> Iterator[Any]:
    """The statements of an attempt in a transaction that is rolled back; the last one is left to the caller."""
    values: dict[str, object] = {name: person.id for name, person in bureau.people.items()}
    values |= {"tenant": bureau.tenant.id, "task": _task(bureau, attempt.once), "new": uuid7()}
    values["Stranger"] = make.make_user(bureau.database, "Stranger").id
    setting = Setting(bureau.tenant.id, bureau.tenant.id, None, values[attempt.by]).parameters()  # type: ignore[arg-type]  # ids all
    with psycopg.connect(plain_url(urls.admin)) as connection:
        if unguarded:
            names = {"table": sql.Identifier(attempt.table), "trigger": sql.Identifier(attempt.trigger)}
            connection.execute(sql.SQL("ALTER TABLE {table} DISABLE TRIGGER {trigger}").format(**names))
        if attempt.role:
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(attempt.role)))
        connection.execute(SET_SCOPE, setting)
        for statement in attempt.statements[:-1]:
            connection.execute(statement, values)
        yield lambda: _changes_one(connection, attempt.statements[-1], values)
        connection.rollback()


def _changes_one(connection: psycopg.Connection[Any], statement: str, values: dict[str, object]) -> None:
    assert connection.execute(statement, values).rowcount == 1


def test_nobody_who_works_with_the_product_deletes(bureau: Bureau, database_urls: Urls) -> None:
    task_id = _task(bureau, "approved once")
    for table, column in (
        ("approval_decisions", "task_id"),
        ("approval_versions", "task_id"),
        ("approval_tasks", "id"),
    ):
        with psycopg.connect(plain_url(database_urls.app)) as connection:
            connection.execute("SELECT set_config('app.tenant', %s, true)", (str(bureau.tenant.id),))
            query = sql.SQL("DELETE FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(column))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query, (task_id,))


def test_the_role_that_allows_ones_own_work_is_looked_at_by_the_database_too(
    bureau: Bureau, database_urls: Urls
) -> None:
    attempt = Attempt("approval_decisions", "Anna", (decide("Anna", own_work=True),))
    bureau.give_self_approve("Anna")
    with _about_to(bureau, database_urls, attempt) as run:
        run()
