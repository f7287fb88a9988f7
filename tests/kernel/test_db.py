"""Connections that rest are asked whether they live; busy ones are not."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import event, select, text

from portal.kernel import clock, db
from portal.kernel.db import Database, Setting
from portal.ledger.models import BankAccount
from tests import factories as make
from tests.conftest import Servers, Urls

IBAN = "BE68539007547034"


def test_a_connection_that_died_while_it_rested_is_replaced(
    servers: Servers, database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Database(database_urls.app, pool_size=1, max_overflow=0, application="resting")
    with made.scoped() as session:
        session.execute(text("SELECT 1"))
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'resting'")
    monkeypatch.setattr(db, "AWAKE_SECONDS", 0.0)
    with made.scoped() as session:
        assert session.scalar(text("SELECT 1")) == 1
    made.engine.dispose()


def test_a_busy_connection_is_not_asked(database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Database(database_urls.app, pool_size=1, max_overflow=0)
    asked: list[object] = []

    def ping(connection: object) -> bool:
        asked.append(connection)
        return True

    monkeypatch.setattr(made.engine.dialect, "do_ping", ping)
    for _ in range(3):
        with made.scoped() as session:
            session.execute(text("SELECT 1"))
    assert asked == []
    monkeypatch.setattr(db, "AWAKE_SECONDS", -1.0)
    with made.scoped() as session:
        session.execute(text("SELECT 1"))
    assert len(asked) == 1
    made.engine.dispose()


def test_the_settings_of_a_transaction_end_with_it(database_urls: Urls) -> None:
    made = Database(database_urls.app, pool_size=1, max_overflow=0)
    sent: list[str] = []
    event.listen(made.engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    with made.scoped(db.Setting(tenant=db.uuid7())) as session:
        assert session.scalar(text("SELECT current_setting('app.tenant', true)")) != ""
    with made.scoped() as session:
        assert not session.scalar(text("SELECT current_setting('app.tenant', true)"))
    assert sum("set_config" in statement for statement in sent) == 1
    made.engine.dispose()


def test_what_was_changed_is_written_in_the_scope_in_which_it_was(database: Database) -> None:
    first, second = (make.make_tenant(database, "client", f"Client {n}").id for n in range(2))
    with database.scoped(Setting(tenant=first)) as session:
        session.add(BankAccount(tenant_id=first, number=IBAN, currency="EUR", name="", created_at=clock.now()))
        db.set_scope(session, Setting(tenant=second))
        assert session.scalars(select(BankAccount)).all() == []
    with database.scoped(Setting(tenant=first)) as session:
        assert session.scalars(select(BankAccount.number)).all() == [IBAN]


def test_a_connection_without_a_session_sees_its_tenant_only(database: Database) -> None:
    tenant = make.make_tenant(database, "client", "Client")
    make.make_bank_account(database, tenant)
    with database.direct(Setting(tenant=tenant.id)) as connection:
        assert connection.scalar(text("SELECT count(*) FROM bank_accounts")) == 1
    for stranger in (Setting(tenant=db.uuid7()), db.NOBODY):
        with database.direct(stranger) as connection:
            assert connection.scalar(text("SELECT count(*) FROM bank_accounts")) == 0
