"""A firm with two groups over two clients, a third client that nobody reads, and software that is ready."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.access import Scope
from portal.connectors.statement import Statement as ReadStatement
from portal.connectors.statement import StatementLine
from portal.identity import passwords
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.ledger.models import BankAccount
from portal.permissions.models import AccountGroup, AccountGroupAccount
from portal.software import service
from portal.software.models import SoftwareUser
from portal.software.service import Software
from portal.tenants.models import Tenant
from tests import factories as make
from tests.ledger.making import bring_in

PASSWORD = "vier stoelen en een lampenkap"
YEAR = date(2025, 1, 1)


@dataclass(frozen=True)
class Office:
    firm: Tenant
    administrator: User
    clients: Sequence[Tenant]  # the groups are of the first two, the third has let the firm in too
    groups: Sequence[AccountGroup]
    accounts: Sequence[BankAccount]  # two in each group; the last two are in none
    software: Software


def make_office(database: Database) -> Office:
    administrator = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={administrator: "administrator"})
    clients = [make.make_tenant(database, "client", name) for name in ("Delmotte SRL", "Ingels NV", "Lindenhof CommV")]
    for client in clients:
        make.make_grant(database, client, firm)
    accounts = [make.make_bank_account(database, client) for client in clients for _ in range(2)]
    for place, account in enumerate(accounts):
        fill(database, clients[place // 2], account)
    of_group = {"Bakery": accounts[:2], "Print": accounts[2:4]}
    groups = [make_group(database, firm, name, mine) for name, mine in of_group.items()]
    return Office(firm, administrator, clients, groups, accounts, make_software(database, firm, groups))


def make_group(database: Database, tenant: Tenant, name: str, accounts: Sequence[BankAccount]) -> AccountGroup:
    now = clock.now()
    group = AccountGroup(tenant_id=tenant.id, id=uuid7(), name=name, created_at=now, changed_at=now)
    with database.scoped(Setting(tenant=tenant.id)) as session:
        session.add(group)
        session.flush()
        session.add_all(
            AccountGroupAccount(
                tenant_id=tenant.id, group_id=group.id, client_id=account.tenant_id, bank_account_id=account.id,
                added_at=now,
            )
            for account in accounts
        )  # fmt: skip
    return group


def make_software(
    database: Database, tenant: Tenant, groups: Sequence[AccountGroup], *, ready: bool = True, networks: str = ""
) -> Software:
    """With PASSWORD; `ready`: as after its first sign-in."""
    with database.session() as session:
        scope = make.scope_in(session, tenant)
        made, _ = service.create(scope, "Octopus", networks)
        if groups:
            service.change_groups(scope, made.id, [group.id for group in groups])
        user = session.get_one(User, made.user_id)
        user.password_hash = passwords.hash_password(PASSWORD)
        if ready:
            user.totp_confirmed_at = clock.now()
            scope.get(SoftwareUser, made.id).set_up_at = clock.now()
        session.commit()
    return made


def history(account: BankAccount, months: int = 12) -> list[ReadStatement]:
    """A year of monthly statements whose balances chain; every account has amounts and texts of its own."""
    balance, made = Decimal("1000.00"), []
    for month in range(1, months + 1):
        first = date(YEAR.year, month, 1)
        lines = [
            StatementLine(
                first + timedelta(days=3 * place), first + timedelta(days=3 * place),
                Decimal(f"{(-1) ** place * (month * 10 + place)}.{int(account.number[-2:]) % 100:02d}"),
                f"payment {month}/{place} {account.number[-4:]}", f"Party {place}", make.belgian_iban(900 + place),
                reference="010806817183" if place == 2 else "", end_to_end_id=f"E{month}-{place}",
            )
            for place in range(5)
        ]  # fmt: skip
        closing = balance + sum((line.amount for line in lines), Decimal(0))
        made.append(
            ReadStatement(
                format="camt053", account=account.number, currency="EUR", number=str(month), opening=balance,
                opening_date=first, closing=closing, closing_date=lines[-1].date, lines=iter(lines),
            )
        )  # fmt: skip
        balance = closing
    return made


def fill(database: Database, client: Tenant, account: BankAccount) -> None:
    with database.session() as session:
        scope: Scope = make.scope_in(session, client)
        for statement in history(account):
            bring_in(scope, statement)
        session.commit()


class Erp:
    """Calls as an ERP makes them: no cookies, no token."""

    def __init__(self, client: FlaskClient, code: str, password: str = PASSWORD, address: str = "192.0.2.10") -> None:
        self.client, self.code, self.password, self.address = client, code, password, address

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        told = b64encode(f"{self.code}:{self.password}".encode()).decode()
        return self.client.open(
            path if path.startswith("/") else f"/api/v1/{path}", method="GET", query_string=dict(query or {}),
            headers={"Authorization": f"Basic {told}", **(headers or {})},
            environ_overrides={"REMOTE_ADDR": self.address},
        )  # fmt: skip

    def code_of(self, path: str = "accounts") -> tuple[int, str]:
        answer = self.get(path)
        return answer.status_code, (answer.get_json(silent=True) or {}).get("code", "")


MISSING = uuid.UUID("01930000-0000-7000-8000-000000000000")
