"""A firm with people who submit and people who approve."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from portal.access import Actor, Scope
from portal.approvals import people, tasks, verdicts
from portal.approvals.models import Policy, Task
from portal.approvals.tasks import version_of
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.permissions.models import JobRoleRight, JobRoleRow, MemberJobRole
from portal.tenants.models import Membership, Tenant
from tests import factories as make


@dataclass
class Bureau:
    """Anna, Bert and Carl are administrators; Dora is staff, whose role is changed."""

    database: Database
    tenant: Tenant
    people: dict[str, User] = field(default_factory=dict)

    @contextmanager
    def acting(self, name: str) -> Iterator[Scope]:
        """As this person, with the rights that they have now."""
        person = self.people[name]
        with self.database.scoped(Setting(self.tenant.id, self.tenant.id, None, person.id)) as session:
            here = Scope(session, self.tenant.id, self.tenant.kind, "", Actor(person.id, person.name))
            yield people.people(here)[person.id].scope(here)

    def rule(self, approvals: int, kind: str = "member.role") -> None:
        with self.database.scoped(Setting(self.tenant.id)) as session:
            session.merge(Policy(tenant_id=self.tenant.id, kind=kind, approvals=approvals, changed_at=clock.now()))

    def membership(self, name: str) -> uuid.UUID:
        with self.database.scoped(Setting(self.tenant.id)) as session:
            return session.scalars(select(Membership.id).where(Membership.user_id == self.people[name].id)).one()

    def role(self, name: str = "Dora") -> str:
        with self.database.scoped(Setting(self.tenant.id)) as session:
            return session.scalars(select(Membership.role).where(Membership.user_id == self.people[name].id)).one()

    def payload(self, role: str, name: str = "Dora") -> dict[str, Any]:
        return {"membership_id": str(self.membership(name)), "role": role}

    def submit(self, role: str = "reader", by: str = "Anna") -> uuid.UUID:
        with self.acting(by) as scope:
            task = tasks.perform(scope, "member.role", self.payload(role)).task
            assert task is not None
            return task.id

    def task(self, task_id: uuid.UUID) -> Task:
        with self.database.scoped(Setting(self.tenant.id)) as session:
            return session.get_one(Task, (self.tenant.id, task_id))

    def approve(self, task_id: uuid.UUID, by: str, version: int = 0) -> str:
        """The state afterwards. `version` 0: the present one."""
        with self.acting(by) as scope:
            task = scope.get(Task, task_id)
            made = version_of(scope, task)
            return verdicts.approve(scope, task_id, version or task.version, made.sha256.hex()).state

    def change_role(self, name: str, role: str) -> None:
        with self.database.scoped(Setting(self.tenant.id)) as session:
            session.scalars(select(Membership).where(Membership.user_id == self.people[name].id)).one().role = role

    def give_self_approve(self, name: str, permission: str = "users") -> None:
        key, now = uuid7(), clock.now()
        with self.database.scoped(Setting(self.tenant.id)) as session:
            session.add(
                JobRoleRow(tenant_id=self.tenant.id, id=key, name=f"Alone {key.hex[-6:]}", created_at=now,
                           changed_at=now)
            )  # fmt: skip
            session.flush()
            session.add(
                JobRoleRight(tenant_id=self.tenant.id, job_role_id=key, permission=permission,
                             rights=["view", "edit", "approve"], self_approve=True)
            )  # fmt: skip
            session.add(MemberJobRole(tenant_id=self.tenant.id, membership_id=self.membership(name), job_role_id=key))


def make_bureau(database: Database) -> Bureau:
    persons = {name: make.make_user(database, name) for name in ("Anna", "Bert", "Carl", "Dora")}
    roles = {persons[name]: "administrator" for name in ("Anna", "Bert", "Carl")} | {persons["Dora"]: "staff"}
    return Bureau(database, make.make_tenant(database, "portal", "Firm", members=roles), persons)


@pytest.fixture
def bureau(database: Database) -> Bureau:
    return make_bureau(database)
