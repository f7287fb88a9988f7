"""What was kept long enough goes, once, and not while an account is on hold; over eleven years."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from portal.access import Scope
from portal.activity.service import timeline
from portal.apikeys.models import ApiCall
from portal.archives import retention
from portal.documents.models import DocumentFile
from portal.feeds.models import FeedFetch
from portal.kernel import clock
from portal.kernel.db import Database, Setting, TenantRow
from portal.kernel.errors import Invalid
from portal.kernel.vault import Vault
from portal.ledger.models import StatementLine
from portal.sync.models import Posting
from tests import factories as make
from tests.furnish import furnish_client
from tests.world import make_world

Later = Callable[[int], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Moves the clock so many days on from when the test began."""
    began: datetime = clock.now()
    return lambda days: monkeypatch.setattr(clock, "now", lambda: began + timedelta(days=days))


def _account(database: Database, vault: Vault) -> uuid.UUID:
    world = make_world(database)
    furnish_client(database, vault, world.client, world.firm, make.make_user(database))
    return world.client.id


def _left(database: Database, tenant: uuid.UUID) -> dict[str, int]:
    kinds: dict[str, type[TenantRow]] = {
        "fetches": FeedFetch,
        "calls": ApiCall,
        "lines": StatementLine,
        "postings": Posting,
    }
    with database.scoped(Setting(tenant=tenant)) as session:
        found = {
            name: session.scalar(select(func.count()).select_from(kind).where(kind.tenant_id == tenant)) or 0
            for name, kind in kinds.items()
        }
        content = select(func.count()).where(DocumentFile.tenant_id == tenant, DocumentFile.content.is_not(None))
        return found | {"originals": session.scalar(content) or 0}


def _remove(database: Database, tenant: uuid.UUID) -> tuple[int, int]:
    with database.scoped(Setting(tenant=tenant)) as session:
        return retention.remove_of(Scope.system(session, tenant))


def test_traces_go_after_months_and_originals_after_years(database: Database, vault: Vault, later: Later) -> None:
    tenant = _account(database, vault)
    assert _remove(database, tenant) == (0, 0)
    later(89)
    assert _remove(database, tenant) == (0, 0)
    later(91)
    assert _remove(database, tenant) == (3, 0)
    assert _remove(database, tenant) == (0, 0)
    later(int(365.25 * 9.9))
    assert _remove(database, tenant)[1] == 0
    later(int(365.25 * 11))
    assert _remove(database, tenant)[1] == 1
    # What proves a booking has no term here; it goes with the account.
    assert _left(database, tenant) == {"fetches": 0, "calls": 0, "lines": 2, "postings": 1, "originals": 0}
    with database.scoped(Setting(tenant=tenant)) as session:
        tags = [row.tag for row in timeline(Scope.system(session, tenant), kind="system")]
    assert tags.count("retention.removed") >= 2


def test_nothing_goes_while_on_hold(database: Database, vault: Vault, later: Later) -> None:
    tenant = _account(database, vault)
    with database.scoped(Setting(tenant=tenant)) as session:
        retention.choose(Scope.system(session, tenant), original_months=12, trace_days=7, hold=True)
    later(4000)
    assert _remove(database, tenant) == (0, 0)
    with database.scoped(Setting(tenant=tenant)) as session:
        retention.choose(Scope.system(session, tenant), original_months=12, trace_days=7, hold=False)
    assert _remove(database, tenant)[1] == 1


@pytest.mark.parametrize(("field", "months", "days"), [("original_months", 11, 90), ("trace_days", 120, 6)])
def test_a_period_that_is_too_short_is_refused(database: Database, field: str, months: int, days: int) -> None:
    tenant = make.make_tenant(database, "client", "Short")
    with database.scoped(Setting(tenant=tenant.id)) as session, pytest.raises(Invalid) as refused:
        retention.choose(Scope.system(session, tenant.id), original_months=months, trace_days=days, hold=False)
    assert refused.value.field == field


def test_all_accounts_are_walked_and_twice_is_harmless(fresh_database: Database, vault: Vault, later: Later) -> None:
    tenant = _account(fresh_database, vault)
    later(91)
    retention.remove_old(fresh_database)
    left = _left(fresh_database, tenant)
    retention.remove_old(fresh_database)
    assert left == _left(fresh_database, tenant)
    assert left["fetches"] == left["calls"] == 0
