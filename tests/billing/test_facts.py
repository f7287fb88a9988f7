"""Which days count: the database notes them along with the feeds, and nobody else sees them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from portal.billing import facts
from portal.feeds.models import Feed, FeedAccount, FeedSpan
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.tenants.models import Tenant
from tests import factories as make
from tests.billing.office import Office


def linked(db: Database, client: Tenant, **more: object) -> tuple[Feed, FeedAccount]:
    now, bank = clock.now(), make.make_bank_account(db, client)
    feed = Feed(
        tenant_id=client.id, id=uuid7(), provider="ponto", environment="live", institution="kbc",
        institution_name="KBC", country="BE", state_since=now, created_at=now, **({"state": "connected"} | more),
    )  # fmt: skip
    account = FeedAccount(
        tenant_id=client.id, id=uuid7(), feed_id=feed.id, bank_account_id=bank.id, remote_id="1", number=bank.number,
        currency="EUR", ticked=True, created_at=now,
    )  # fmt: skip
    with db.scoped(Setting(tenant=client.id)) as session:
        session.add(feed)
        session.flush()
        session.add(account)
    return feed, account


def spans(db: Database, client: Tenant) -> list[tuple[bool, bool]]:
    """(began today, ended today) of each."""
    today = clock.today()
    with db.scoped(Setting(tenant=client.id)) as session:
        rows = session.scalars(select(FeedSpan).order_by(FeedSpan.id)).all()
        return sorted((row.starts_on == today, row.stops_on == today) for row in rows)


def change(db: Database, client: Tenant, statement: str) -> None:
    with db.scoped(Setting(tenant=client.id)) as session:
        session.execute(text(statement))


def test_a_linked_account_counts_until_its_consent_ends(database: Database) -> None:
    client = make.make_tenant(database, "client", "Bakkerij")
    linked(database, client)
    assert spans(database, client) == [(True, False)]
    change(database, client, "UPDATE feeds SET state = 'attention'")  # it fails to fetch, and is still linked
    assert spans(database, client) == [(True, False)]
    change(database, client, "UPDATE feeds SET state = 'consent_ended'")
    assert spans(database, client) == [(True, True)]
    change(database, client, "UPDATE feeds SET state = 'connected'")
    assert spans(database, client) == [(True, False), (True, True)]


def test_an_account_that_is_unticked_or_removed_counts_no_more(database: Database) -> None:
    client = make.make_tenant(database, "client", "Bakkerij")
    linked(database, client)
    change(database, client, "UPDATE feed_accounts SET ticked = false")
    assert spans(database, client) == [(True, True)]
    change(database, client, "UPDATE feed_accounts SET ticked = true")
    change(database, client, "DELETE FROM feed_accounts")
    assert spans(database, client) == [(True, True), (True, True)]


def test_a_made_up_bank_is_never_billed(database: Database) -> None:
    client = make.make_tenant(database, "client", "Bakkerij")
    linked(database, client, sandbox=True)
    assert spans(database, client) == []


def test_nobody_writes_those_days_by_hand(database: Database) -> None:
    client = make.make_tenant(database, "client", "Bakkerij")
    linked(database, client)
    with pytest.raises(DBAPIError, match="permission denied"):
        change(database, client, "UPDATE feed_spans SET starts_on = '2020-01-01'")


def test_a_portal_learns_only_of_its_own_time(office: Office) -> None:
    today = clock.today()
    firm, other = office.firm(), office.firm("Other")
    client = office.client(firm, "Bakkerij", today - timedelta(days=20), today - timedelta(days=10))
    make.make_grant(office.database, client, other)
    office.manage(client, other, today - timedelta(days=10))
    office.link(client, today - timedelta(days=15))
    with office.inside(firm) as scope:
        mine = facts.facts_until(scope, today - timedelta(days=40), today)
    assert {(fact.item, (fact.stops_on - fact.starts_on).days) for fact in mine} == {
        ("client_account", 10), ("ponto_account", 5),
    }  # fmt: skip
    with office.inside(office.firm("Third")) as scope:
        assert facts.facts_until(scope, today - timedelta(days=40), today) == []
