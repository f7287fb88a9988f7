"""Rows for tests, made the short way: straight into the tables, in the right scope."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from config import Settings
from portal.access import Actor, Scope
from portal.authorisations.models import Authorisation, Credential
from portal.couplings.models import Configuration, Coupling
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.vault import Place, Vault
from portal.ledger.models import BankAccount
from portal.permissions.models import (
    AccountGroup,
    AccountGroupAccount,
    JobRoleRight,
    JobRoleRow,
    MemberGroup,
    MemberJobRole,
)
from portal.tenants.models import Grant, Membership, Tenant

_counter = itertools.count(1)


def registered(settings: Settings, app: str, **values: Any) -> Settings:
    """The same settings with another id, secret or hosts at the provider of `app`."""
    ours = replace(settings.registration(app), **values)
    return replace(settings, registrations={**settings.registrations, app: ours})


def kbo(serial: int) -> str:
    """A valid Belgian enterprise number (10 digits)."""
    base = 9_400_000 + serial
    return f"{base:08d}{97 - base % 97:02d}"


def belgian_iban(serial: int) -> str:
    body = f"7330{serial:06d}"
    body += f"{int(body) % 97 or 97:02d}"
    return f"BE{98 - int(body + '111400') % 97:02d}{body}"


def make_user(
    db: Database, name: str = "Karin Wouters", *, email: str = "", verified: bool = True, **more: Any
) -> User:
    now = clock.now()
    user = User(
        email=email or f"user{next(_counter)}-{uuid.uuid4().hex[:6]}@example.com",
        name=name,
        password_hash="!",
        email_verified_at=now if verified else None,
        password_changed_at=now,
        created_at=now,
        **more,
    )
    with db.scoped() as session:
        session.add(user)
    return user


def make_tenant(db: Database, kind: str, name: str, *, members: dict[User, str] | None = None, **more: Any) -> Tenant:
    tenant_id, now = uuid7(), clock.now()
    tenant = Tenant(
        id=tenant_id,
        kind=kind,
        name=name,
        created_at=now,
        **(
            {
                "email": f"{kind}{next(_counter)}-{tenant_id.hex[-6:]}@example.com" if kind == "portal" else None,
                "email_verified_at": now if kind == "portal" else None,
                "country": "BE",
                "scheme": "kbo",
                "enterprise_number": kbo(next(_counter)),
            }
            | more
        ),
    )
    with db.scoped(Setting(tenant=tenant_id)) as session:
        session.add(tenant)
        session.flush()
        for user, role in (members or {}).items():
            session.add(Membership(tenant_id=tenant_id, user_id=user.id, role=role, created_at=now))
    return tenant


def make_grant(db: Database, client: Tenant, portal: Tenant, role: str = "editor", **more: Any) -> Grant:
    now = clock.now()
    grant = Grant(
        tenant_id=client.id, email=portal.email, role=role, created_at=now, activated_at=now,
        **({"state": "active", "portal_id": portal.id} | more),
    )  # fmt: skip
    with db.scoped(Setting(tenant=client.id)) as session:
        session.add(grant)
    return grant


def make_member(db: Database, tenant: Tenant, user: User, role: str = "reader", **more: Any) -> Membership:
    row = Membership(tenant_id=tenant.id, id=uuid7(), user_id=user.id, role=role, created_at=clock.now(), **more)
    with db.scoped(Setting(tenant=tenant.id)) as session:
        session.add(row)
    return row


def make_group(
    db: Database, tenant: Tenant, *members: Membership, accounts: Sequence[BankAccount] = (), name: str = ""
) -> AccountGroup:
    """Bank accounts under one name, given to these people of the tenant."""
    now = clock.now()
    common = {"tenant_id": tenant.id}
    row = AccountGroup(**common, id=uuid7(), name=name or f"Group {next(_counter)}", created_at=now, changed_at=now)
    with db.scoped(Setting(tenant=tenant.id)) as session:
        session.add(row)
        session.flush()
        for account in accounts:
            its = {"client_id": account.tenant_id, "bank_account_id": account.id}
            session.add(AccountGroupAccount(**common, **its, group_id=row.id, added_at=now))
        session.add_all(MemberGroup(**common, membership_id=member.id, group_id=row.id) for member in members)
    return row


def make_job_role(
    db: Database, tenant: Tenant, *members: Membership, rights: Mapping[str, Sequence[str]], alone: Sequence[str] = ()
) -> JobRoleRow:
    """A job role with these rights, given to these people; `alone`: permissions with self-approve."""
    now = clock.now()
    common = {"tenant_id": tenant.id}
    row = JobRoleRow(**common, id=uuid7(), name=f"Role {next(_counter)}", created_at=now, changed_at=now)
    with db.scoped(Setting(tenant=tenant.id)) as session:
        session.add(row)
        session.flush()
        for permission, held in rights.items():
            its = {"permission": permission, "rights": list(held), "self_approve": permission in alone}
            session.add(JobRoleRight(**common, **its, job_role_id=row.id))
        session.add_all(MemberJobRole(**common, membership_id=member.id, job_role_id=row.id) for member in members)
    return row


def make_authorisation(
    db: Database, vault: Vault, tenant: Tenant, *, access: str = "", refresh: str = "", **more: Any
) -> Authorisation:
    """With tokens when `access` is given."""
    now = clock.now()
    row = Authorisation(
        tenant_id=tenant.id,
        id=uuid7(),
        app="exact",
        environment="be",
        name=more.pop("name", f"Exact {next(_counter)}"),
        state_since=now,
        created_at=now,
        **({"state": "active", "remote_user_id": uuid.uuid4().hex} | more),
    )
    with db.scoped(Setting(tenant=tenant.id)) as session:
        session.add(row)
        session.flush()
        if access:
            session.add(
                Credential(
                    tenant_id=tenant.id,
                    authorisation_id=row.id,
                    generation=1,
                    access_token=_seal(session, vault, row, "access_token", access),
                    refresh_token=_seal(session, vault, row, "refresh_token", refresh),
                    received_at=now,
                    expires_at=now + timedelta(seconds=600),
                    refresh_expires_at=now + timedelta(days=30),
                )
            )
    return row


def _seal(session: Session, vault: Vault, row: Authorisation, column: str, secret: str) -> bytes:
    return vault.seal(session, Place("credentials", row.tenant_id, row.id, column), secret)


def let_app_in(db: Database, holder: uuid.UUID, app: str, client: uuid.UUID | None = None) -> None:
    """Installed on the holder and, when a client account is given, ticked for it."""
    asked = {"holder": holder, "id": uuid7(), "app": app, "client": client, "now": clock.now()}
    with db.scoped(Setting(tenant=holder)) as session:
        session.execute(
            text(
                "INSERT INTO installations (tenant_id, id, app, state, installed_at)"
                " VALUES (:holder, :id, :app, 'installed', :now) ON CONFLICT DO NOTHING"
            ),
            asked,
        )
        if client is not None and client != holder:
            session.execute(
                text(
                    "INSERT INTO app_accesses (tenant_id, app, client_id, allowed, changed_at)"
                    " VALUES (:holder, :app, :client, true, :now) ON CONFLICT DO NOTHING"
                ),
                asked,
            )


def make_coupling(
    db: Database, client: Tenant, authorisation: Authorisation, *, dossier: str = "", **more: Any
) -> Coupling:
    row = Coupling(
        tenant_id=client.id,
        id=uuid7(),
        app=authorisation.app,
        authorisation_tenant_id=authorisation.tenant_id,
        authorisation_id=authorisation.id,
        authorisation_name=authorisation.name,
        dossier_code=dossier or str(100_000 + next(_counter)),
        dossier_number=more.pop("number", str(next(_counter))),
        dossier_name=client.name,
        country="BE",
        currency="EUR",
        activated_at=clock.now(),
        **more,
    )
    with db.scoped(Setting(tenant=client.id)) as session:
        session.add(row)
    let_app_in(db, authorisation.tenant_id, authorisation.app, client.id)
    return row


def make_bank_account(db: Database, client: Tenant, number: str = "", currency: str = "EUR") -> BankAccount:
    row = BankAccount(
        tenant_id=client.id,
        id=uuid7(),
        number=number or belgian_iban(next(_counter)),
        currency=currency,
        name="Current account",
        created_at=clock.now(),
    )
    with db.scoped(Setting(tenant=client.id)) as session:
        session.add(row)
    return row


def make_configuration(db: Database, coupling: Coupling, account: BankAccount, **more: Any) -> Configuration:
    now = clock.now()
    row = Configuration(
        tenant_id=coupling.tenant_id,
        id=uuid7(),
        coupling_id=coupling.id,
        bank_account_id=account.id,
        created_at=now,
        changed_at=now,
        **(
            {
                "entry_kind": "bank",
                "journal": "20",
                "bank_ledger_account": "550000",
                "suspense_account": "499000",
                "frequency": "monthly",
                "starts_on": date(2024, 1, 1),
                "delay_days": 0,
                "automatic": True,
            }
            | more
        ),
    )
    with db.scoped(Setting(tenant=coupling.tenant_id)) as session:
        session.add(row)
    return row


def scope_in(
    session: Session, tenant: Tenant, role: str = "", user: User | None = None, via: Tenant | None = None
) -> Scope:
    """A scope as a request or a job would have it; role "" is the product itself."""
    scope = Scope.system(session, tenant.id, tenant.kind)
    scope.role, scope.tenant_name = role, tenant.name
    if user is not None:
        scope.actor = Actor(user.id, user.name, via.id if via else None)
    return scope


def backdoor(db: Database, statement: str, **parameters: Any) -> Any:
    """A look at the tables in no scope at all: what row-level security leaves is what comes back."""
    with db.scoped() as session:
        return session.execute(text(statement), parameters).all()
