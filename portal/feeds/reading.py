"""What the pages of one client account show of its feeds."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select, text
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.feeds import states
from portal.feeds.models import Feed, FeedAccount, FeedFetch, State
from portal.feeds.visits import VISIT_LIVES
from portal.kernel import clock
from portal.ledger.balances import Balance
from portal.ledger.models import BankAccount


@dataclass(frozen=True, slots=True)
class AccountFeed:
    """A bank account and the feed that brings its lines."""

    feed: Feed
    row: FeedAccount
    account: BankAccount | None
    is_fetching: bool

    @property
    def code(self) -> str:
        """Why it is not in order, as the provider or the product names it; "" when it is."""
        if self.feed.state in (State.CONSENT_ENDED, State.PAUSED, State.ATTENTION):
            return self.feed.state_code or f"feed.{self.feed.state}"
        return self.feed.last_code if self.row.failures else ""


@dataclass(frozen=True, slots=True)
class FeedView:
    feed: Feed
    accounts: Sequence[AccountFeed]

    @property
    def ticked(self) -> Sequence[AccountFeed]:
        return [one for one in self.accounts if one.row.ticked]

    @property
    def is_fetching(self) -> bool:
        return any(one.is_fetching for one in self.accounts)

    @property
    def next_due_at(self) -> datetime | None:
        return min((one.row.next_due_at for one in self.ticked if one.row.next_due_at), default=None)

    @property
    def last_at(self) -> datetime | None:
        return max((one.row.last_at for one in self.ticked if one.row.last_at), default=None)


def state_of(feed: Feed) -> State:
    """The state to show: somebody who never came back is not connecting for ever."""
    if feed.state == State.CONNECTING and clock.now() - feed.state_since > VISIT_LIVES:
        return State.NOT_CONNECTED
    return State(feed.state)


def feeds(scope: Scope, feed_id: uuid.UUID | None = None) -> list[FeedView]:
    """All, with their accounts, in two queries; those that need somebody first. With `feed_id`, that one."""
    query = select(Feed).where(Feed.tenant_id == scope.tenant_id)
    if feed_id is not None:
        query = query.where(Feed.id == feed_id)
    rows = scope.session.scalars(query.order_by(func.lower(Feed.institution_name), Feed.created_at)).all()
    accounts = _accounts(scope, [row.id for row in rows]) if rows else {}
    found = [
        FeedView(row, [AccountFeed(row, one, account, _is_fetching(one)) for one, account in accounts.get(row.id, ())])
        for row in rows
    ]
    return sorted(found, key=lambda view: _RANK[state_of(view.feed)])


_RANK = {
    State.CONSENT_ENDED: 0, State.PAUSED: 1, State.ATTENTION: 2, State.CONNECTING: 3, State.CONNECTED: 4,
    State.NOT_CONNECTED: 5, State.REVOKED: 6,
}  # fmt: skip


def by_bank_account(views: Sequence[FeedView]) -> Mapping[uuid.UUID, AccountFeed]:
    """The feed of each bank account that has one, the ticked one before any that was."""
    found: dict[uuid.UUID, AccountFeed] = {}
    for view in views:
        for one in view.accounts:
            key = one.row.bank_account_id
            if key is not None and (one.row.ticked or key not in found):
                found[key] = one
    return found


def _accounts(
    scope: Scope, feed_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Sequence[tuple[FeedAccount, BankAccount | None]]]:
    query = (
        select(FeedAccount, BankAccount)
        .outerjoin(
            BankAccount,
            and_(BankAccount.tenant_id == FeedAccount.tenant_id, BankAccount.id == FeedAccount.bank_account_id),
        )
        .where(FeedAccount.tenant_id == scope.tenant_id, FeedAccount.feed_id.in_(feed_ids))
        .order_by(FeedAccount.number, FeedAccount.currency)
    )
    found: dict[uuid.UUID, list[tuple[FeedAccount, BankAccount | None]]] = defaultdict(list)
    for row, account in scope.session.execute(query):
        found[row.feed_id].append((row, account))
    return found


def _is_fetching(row: FeedAccount) -> bool:
    now = clock.now()
    return row.ticked and (bool(row.refresh_id) or (row.lease_until is not None and row.lease_until > now))


def fetches(scope: Scope, feed: Feed, limit: int = 20) -> Sequence[tuple[FeedFetch, str]]:
    """The last ones, newest first, each with the number of its account."""
    query = (
        select(FeedFetch, FeedAccount.number)
        .join(
            FeedAccount,
            and_(FeedAccount.tenant_id == FeedFetch.tenant_id, FeedAccount.id == FeedFetch.feed_account_id),
        )
        .where(FeedFetch.tenant_id == scope.tenant_id, FeedAccount.feed_id == feed.id)
        .order_by(FeedFetch.started_at.desc())
        .limit(limit)
    )
    return [(row, number) for row, number in scope.session.execute(query)]


def joined_elsewhere(scope: Scope, feed: Feed) -> Mapping[str, str]:
    """By account number: the provider of another feed that fetches it now."""
    query = (
        select(FeedAccount.number, Feed.provider)
        .join(Feed, and_(Feed.tenant_id == FeedAccount.tenant_id, Feed.id == FeedAccount.feed_id))
        .where(FeedAccount.tenant_id == scope.tenant_id, FeedAccount.ticked, FeedAccount.feed_id != feed.id)
    )
    return dict(scope.session.execute(query).all())


def known_numbers(scope: Scope) -> Mapping[str, str]:
    """Names of the bank accounts that are there, by number."""
    query = select(BankAccount.number, BankAccount.name).where(BankAccount.tenant_id == scope.tenant_id)
    return dict(scope.session.execute(query).all())


def told_balances(scope: Scope) -> Mapping[uuid.UUID, Balance]:
    """By bank account: what its feed told last, where it tells a balance."""
    query = select(FeedAccount.bank_account_id, FeedAccount.balance, FeedAccount.balance_at).where(
        FeedAccount.tenant_id == scope.tenant_id, FeedAccount.ticked, FeedAccount.balance.is_not(None)
    )
    return {
        account: Balance(clock.day(at or clock.now()), amount)
        for account, amount, at in scope.session.execute(query)
        if account is not None and amount is not None
    }


_SANDBOX = text("""
SELECT EXISTS (SELECT 1 FROM feeds f JOIN feed_accounts a ON a.tenant_id = f.tenant_id AND a.feed_id = f.id
  WHERE f.tenant_id = :tenant AND f.sandbox AND (f.id = :id OR a.bank_account_id IN (
    SELECT :id UNION ALL SELECT bank_account_id FROM statements WHERE tenant_id = :tenant AND id = :id
    UNION ALL SELECT bank_account_id FROM statement_lines WHERE tenant_id = :tenant AND id = :id)))
""")


def is_of_sandbox(session: Session, tenant_id: uuid.UUID, row_id: uuid.UUID) -> bool:
    """Whether this feed, bank account, statement or line comes from a bank that is none."""
    return bool(session.scalar(_SANDBOX, {"tenant": tenant_id, "id": row_id}))


def is_connected(feed: Feed) -> bool:
    return feed.state in states.FETCHING
