"""Fifty people at once on one task, a thousand times: `python -m scripts.four_eyes`.

In each round somebody submits a change of role; then all threads approve, edit or withdraw it at
the same moment, some of them with what they saw a moment too early, some on their own work. What
came of it is counted in the tables by itself, as the administrator of the database sees them:

double      what was carried out twice, or decided twice by one person
self        approvals by who had made a version of the task
stale       approvals of another version than waited at that moment, and deeds that differ from the last version
unapproved  tasks carried out without enough approvals of their last version, and deeds without a task

Non-zero when one of these is.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import select

from portal.access import Actor, Scope
from portal.activity import service as activity
from portal.approvals import tasks, verdicts
from portal.approvals.models import Policy, Task, Version
from portal.identity.models import User
from portal.kernel import clock, migrate, queue
from portal.kernel.db import Database, Setting
from portal.kernel.errors import PortalError
from portal.kernel.roles import create_roles, plain_url
from portal.kernel.services import start_postgres
from portal.tenants.models import Membership, Tenant
from tests import factories as make

ROLES = ("administrator", "staff", "reader")
NEEDED = 3
PEOPLE = 12  # fewer than threads: the same person acts several times at once


@dataclass(frozen=True)
class Firm:
    tenant: Tenant
    people: Sequence[User]  # each may submit and approve
    subject: uuid.UUID  # the membership whose role is changed

    def scope(self, database: Database, person: User) -> Scope:
        """In a session of its own, which its user closes."""
        session = database.session(Setting(self.tenant.id, self.tenant.id, None, person.id))
        return Scope(session, self.tenant.id, "portal", "administrator", Actor(person.id, person.name))


@dataclass(frozen=True)
class Seen:
    """A task as somebody saw it. `roles`: what may be asked for; the role that there is would change nothing."""

    task_id: uuid.UUID
    version: int
    sha256: str
    roles: Sequence[str]


def make_firm(database: Database, people: int) -> Firm:
    """A portal with so many administrators, where three must agree with a change of role."""
    members = {make.make_user(database, f"Person {number}"): "administrator" for number in range(people)}
    subject = make.make_user(database, "Subject")
    tenant = make.make_tenant(database, "portal", "Firm", members=members | {subject: "staff"})
    with database.scoped(Setting(tenant=tenant.id)) as session:
        session.add(Policy(tenant_id=tenant.id, kind="member.role", approvals=NEEDED, changed_at=clock.now()))
        of_subject = select(Membership.id).where(Membership.user_id == subject.id)
        return Firm(tenant, list(members), session.scalars(of_subject).one())


def contend(database: Database, firm: Firm, threads: int, rounds: int, seed: int) -> Counter[str]:
    """Play the rounds; how often each act came to which end."""
    chance, told = random.Random(seed), Counter[str]()  # noqa: S311 - to be repeatable, nothing secret
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            seen = _submit(database, firm, chance)
            start = threading.Barrier(threads)
            plans = [random.Random(chance.random()) for _ in range(threads)]  # noqa: S311 - as above
            told.update(pool.map(lambda plan: _act(database, firm, seen, plan, start), plans))  # noqa: B023 - awaited here
            _clear(database, firm, seen)
    return told


def _submit(database: Database, firm: Firm, chance: random.Random) -> Seen:
    with _as(database, firm, chance.choice(firm.people)) as scope:
        now = scope.get(Membership, firm.subject).role
        roles = [role for role in ROLES if role != now]
        wanted = {"membership_id": str(firm.subject), "role": chance.choice(roles)}
        task = tasks.perform(scope, "member.role", wanted).task
        if task is None:
            raise RuntimeError("the change of role was not submitted")
        return Seen(task.id, 1, tasks.version_of(scope, task).sha256.hex(), roles)


def _act(database: Database, firm: Firm, first: Seen, plan: random.Random, start: threading.Barrier) -> str:
    person = plan.choice(firm.people)
    act = plan.choices(("approve", "edit", "withdraw"), (8, 5, 1))[0]
    looks = plan.random() < 0.7  # at how the task stands now; the others act on what they saw at first
    start.wait()
    try:
        with _as(database, firm, person) as scope:
            seen = _look(scope, first) if looks else first
            if act == "approve":
                return f"{act}: {verdicts.approve(scope, seen.task_id, seen.version, seen.sha256).state}"
            if act == "edit":
                wanted = {"membership_id": str(firm.subject), "role": plan.choice(seen.roles)}
                tasks.edit(scope, seen.task_id, seen.version, wanted, str(plan.random()))
            else:
                tasks.withdraw(scope, seen.task_id)
            return f"{act}: done"
    except PortalError as refused:
        return f"{act}: {refused.code}"


def _look(scope: Scope, first: Seen) -> Seen:
    task = scope.get(Task, first.task_id)
    of_task = select(Version).where(Version.tenant_id == task.tenant_id, Version.task_id == task.id)
    made = scope.session.scalars(of_task.where(Version.version == task.version)).one()
    return Seen(task.id, task.version, made.sha256.hex(), first.roles)


def _clear(database: Database, firm: Firm, seen: Seen) -> None:
    """What still waits is withdrawn by its maker, so that the next round finds nothing."""
    with database.scoped(Setting(firm.tenant.id)) as session:
        task = session.get_one(Task, (firm.tenant.id, seen.task_id))
        of_task = select(Version.made_by).where(Version.tenant_id == firm.tenant.id, Version.task_id == task.id)
        maker, waits = session.scalars(of_task).first(), task.settled_at is None
    if waits:
        with _as(database, firm, next(one for one in firm.people if one.id == maker)) as scope:
            tasks.withdraw(scope, seen.task_id)


@contextmanager
def _as(database: Database, firm: Firm, person: User) -> Iterator[Scope]:
    scope = firm.scope(database, person)
    with scope.session, scope.session.begin():
        yield scope


# ------------------------------------------------------------------ counting

# Deeds are counted in the activity log, which the change of role writes by itself.
COUNTS = {
    "double": """
SELECT (SELECT count(*) FROM (SELECT 1 FROM approval_decisions d WHERE d.tenant_id = %(t)s
    GROUP BY d.task_id, d.version, d.user_id HAVING count(*) > 1) twice)
  + greatest(0, (SELECT count(*) FROM activities a WHERE a.tenant_id = %(t)s AND a.tag = 'member.role_changed')
    - (SELECT count(*) FROM approval_tasks t WHERE t.tenant_id = %(t)s AND t.state = 'carried_out'))""",
    "self": """
SELECT count(*) FROM approval_decisions d WHERE d.tenant_id = %(t)s AND EXISTS (SELECT 1 FROM approval_versions v
  WHERE v.tenant_id = d.tenant_id AND v.task_id = d.task_id AND v.made_by = d.user_id AND v.made_at < d.decided_at)""",
    "stale": """
SELECT (SELECT count(*) FROM approval_decisions d JOIN approval_versions v ON v.tenant_id = d.tenant_id
    AND v.task_id = d.task_id AND v.version > d.version AND v.made_at < d.decided_at WHERE d.tenant_id = %(t)s)
  + (SELECT count(*) FROM approval_tasks t
    JOIN approval_versions v ON v.tenant_id = t.tenant_id AND v.task_id = t.id AND v.version = t.version
    WHERE t.tenant_id = %(t)s AND t.state = 'carried_out' AND NOT EXISTS (SELECT 1 FROM activities a
      WHERE a.tenant_id = t.tenant_id AND a.tag = 'member.role_changed' AND a.data ->> 'role' = v.payload ->> 'role'
        AND a.at BETWEEN t.settled_at AND t.settled_at + interval '30 seconds'))""",
    "unapproved": """
SELECT (SELECT count(*) FROM approval_tasks t WHERE t.tenant_id = %(t)s AND t.state = 'carried_out'
    AND t.needed > (SELECT count(DISTINCT d.user_id) FROM approval_decisions d WHERE d.tenant_id = t.tenant_id
      AND d.task_id = t.id AND d.version = t.version AND d.verdict = 'approved' AND NOT EXISTS (
        SELECT 1 FROM approval_versions v WHERE v.tenant_id = t.tenant_id AND v.task_id = t.id
          AND v.made_by = d.user_id)))
  + (SELECT count(*) FROM activities a WHERE a.tenant_id = %(t)s AND a.tag = 'member.role_changed' AND NOT EXISTS (
      SELECT 1 FROM approval_tasks t WHERE t.tenant_id = a.tenant_id AND t.state = 'carried_out'
        AND a.at BETWEEN t.settled_at AND t.settled_at + interval '30 seconds'))""",
}


def count(admin_url: str, tenant_id: uuid.UUID) -> dict[str, int]:
    """What must all be nought, from the tables themselves."""
    with psycopg.connect(plain_url(admin_url)) as connection:
        rows = {name: connection.execute(query, {"t": tenant_id}).fetchone() for name, query in COUNTS.items()}
    return {name: int(row[0]) if row else -1 for name, row in rows.items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.four_eyes", description="Many people on one task.")
    parser.add_argument("--threads", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable()
    home = Path(tempfile.mkdtemp(prefix="koppelpoort-four-eyes-"))
    home.chmod(0o755)
    postgres = start_postgres(home / "postgres", durable=False)
    try:
        urls = create_roles(postgres.url, "four_eyes", "owner", "app")
        migrate.upgrade(urls.owner_url)
        activity.set_key(b"of this run alone")
        queue.connect(None)
        database = Database(urls.app_url, pool_size=options.threads + 2, max_overflow=0)
        firm, began = make_firm(database, PEOPLE), time.monotonic()
        told = contend(database, firm, options.threads, options.rounds, options.seed)
        database.engine.dispose()
        found = count(postgres.url.rpartition("/")[0] + "/four_eyes", firm.tenant.id)
    finally:
        postgres.stop()
        shutil.rmtree(home, ignore_errors=True)
    print(f"{options.threads} threads × {options.rounds:,} rounds, {time.monotonic() - began:.0f} s")
    for what, number in sorted(told.items()):
        print(f"  {what:<34}{number:>8,}")
    print(", ".join(f"{number} {name}" for name, number in found.items()))
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
