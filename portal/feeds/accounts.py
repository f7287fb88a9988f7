"""The accounts that a link shows: found, ticked, joined to the bank accounts that are there."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import select

from portal.access import Scope
from portal.activity import service as activity
from portal.authorisations.custody import Means
from portal.connectors.errors import ConnectorError, Rejected, Temporary
from portal.connectors.feed import FeedAccount as Told
from portal.connectors.files.references import belgian_iban
from portal.feeds import consents, opening, states
from portal.feeds.models import MOST_HOURS, Feed, FeedAccount
from portal.feeds.opening import Opener, open_feed
from portal.kernel import clock, queue
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.accounts import create_accounts
from portal.ledger.models import BankAccount

MAX_NAME = 120


def find_accounts(means: Means, scope: Scope, feed: Feed, opener: Opener = open_feed) -> Sequence[FeedAccount]:
    """Ask which accounts the link shows. Raises Conflict with what was said when it does not tell."""
    try:
        provider = opener(means, feed, person=True)
        found, status = provider.accounts(), provider.status()
    except (Temporary, Rejected) as error:
        raise Conflict("feed.no_answer", reason=error.code, text=error.provider_text) from None
    except ConnectorError as error:
        consents.end(scope, feed, error.code, error.provider_text)
        raise Conflict("feed.no_answer", reason=error.code, text=error.provider_text) from None
    take_accounts(scope, feed, found)
    consents.learn(scope, feed, status, found)
    for row in consents.accounts_of(scope, feed):
        if row.ticked and feed.state in states.FETCHING:
            _due_now(scope, row)
    return consents.accounts_of(scope, feed)


def take_accounts(scope: Scope, feed: Feed, found: Sequence[Told]) -> None:
    """Rows for what the link shows. An account that was there keeps its row, whatever its id is now."""
    rows = {row.remote_id: row for row in consents.accounts_of(scope, feed)}
    seen = {told.id for told in found}
    for told in found:
        row = rows.get(told.id) or _same_account(scope, feed, told, seen)
        if row is None:
            row = FeedAccount(
                tenant_id=scope.tenant_id, id=uuid7(), feed_id=feed.id, remote_id=told.id, number="", currency="",
                created_at=clock.now(),
            )  # fmt: skip
            scope.session.add(row)
        if row.remote_id != told.id:
            row.remote_id, row.cursor = told.id, ""  # a cursor counts in one remote account only
        row.feed_id = feed.id
        row.number, row.currency = plain(told.number), told.currency
        row.name, row.holder, row.kind = told.name[:MAX_NAME], told.holder[:MAX_NAME], told.kind
        row.available, row.consent_ends_at = told.available, told.consent_ends_at
        row.balance, row.balance_at = told.balance, told.balance_at
    for row in rows.values():
        if row.remote_id not in seen:
            row.available = False
    scope.session.flush()


def _same_account(scope: Scope, feed: Feed, told: Told, seen: Collection[str]) -> FeedAccount | None:
    """By number and currency, in this feed or in one of this provider that is no longer fetched."""
    query = (
        select(FeedAccount)
        .join(Feed, (Feed.tenant_id == FeedAccount.tenant_id) & (Feed.id == FeedAccount.feed_id))
        .where(
            FeedAccount.tenant_id == scope.tenant_id,
            FeedAccount.number == plain(told.number),
            FeedAccount.currency == told.currency,
            FeedAccount.number != "",
            Feed.provider == feed.provider,
            Feed.environment == feed.environment,
            FeedAccount.remote_id.not_in(list(seen)),
            (Feed.id == feed.id) | Feed.state.not_in(states.FETCHING),
        )
        .order_by(FeedAccount.ticked.desc(), FeedAccount.last_at.desc().nulls_last())
    )
    return scope.session.scalars(query.limit(1)).one_or_none()


def plain(number: str) -> str:
    """An account number as the ledger keeps it: no spaces; a Belgian one of twelve digits as its IBAN."""
    tight = "".join(number.split()).upper()
    return belgian_iban(tight) if len(tight) == 12 and tight.isdigit() else tight


def choose(scope: Scope, feed: Feed, ticked: Collection[uuid.UUID]) -> int:
    """Fetch these accounts from now on, and no others of this feed; how many. Raises Invalid when there is none."""
    rows = consents.accounts_of(scope, feed)
    chosen = [row for row in rows if row.id in ticked and row.number]
    if not chosen:
        raise Invalid("feed.nothing_ticked", field="account")
    for row in rows:
        if row.ticked and row not in chosen:
            row.ticked, row.next_due_at = False, None
    scope.session.flush()
    fresh = [row for row in chosen if not row.ticked]
    for row in fresh:
        account = _join(scope, feed, row)
        _take_over(scope, feed, account)
        row.bank_account_id, row.ticked = account.id, True
        _due_now(scope, row)
        scope.session.flush()
        activity.record(
            scope, "feed.account_joined", states.subject(feed), context=account.id, bank=feed.institution_name,
            name=account.name, number=account.number,
        )  # fmt: skip
    return len(chosen)


def _join(scope: Scope, feed: Feed, row: FeedAccount) -> BankAccount:
    """The bank account of this number: the one that is there, else a new one. Never a second one."""
    found = _bank_account(scope, row)
    if found is None:
        create_accounts(scope, [(row.number, row.currency or "EUR", "")])
        found = _bank_account(scope, row)
    if found is None:
        raise Conflict("feed.no_account")
    return found


def _bank_account(scope: Scope, row: FeedAccount) -> BankAccount | None:
    query = select(BankAccount).where(BankAccount.tenant_id == scope.tenant_id, BankAccount.number == row.number)
    if row.currency:
        query = query.where(BankAccount.currency == row.currency)
    return scope.session.scalars(query.order_by(BankAccount.created_at).limit(1)).one_or_none()


def _take_over(scope: Scope, feed: Feed, account: BankAccount) -> None:
    """One feed at a time brings the lines of an account; what another brought stays."""
    mine = (FeedAccount.tenant_id == scope.tenant_id, FeedAccount.bank_account_id == account.id)
    for other in scope.session.scalars(select(FeedAccount).where(*mine, FeedAccount.ticked)):
        other.ticked, other.next_due_at = False, None
        activity.record(
            scope, "feed.account_moved", ("feed", other.feed_id), context=account.id, name=account.name,
            bank=feed.institution_name, to=opening.manifest_of(feed.provider).label,
        )  # fmt: skip
    scope.session.flush()


def set_interval(scope: Scope, account_id: uuid.UUID | str, hours: int) -> FeedAccount:
    """Fetch every so many hours, 1 to 24; 0: only when a person asks. Raises Invalid."""
    if not 0 <= hours <= MOST_HOURS:
        raise Invalid("feed.interval", field="hours", most=MOST_HOURS)
    row = scope.get(FeedAccount, account_id, lock=True)
    if hours != row.interval_hours:
        row.interval_hours = hours
        since = row.last_at or clock.now()
        row.next_due_at = max(since + timedelta(hours=hours), clock.now()) if hours and row.ticked else None
        tag = "feed.interval" if hours else "feed.by_hand"
        activity.record(scope, tag, ("feed", row.feed_id), context=row.bank_account_id, number=row.number, hours=hours)
    return row


def _due_now(scope: Scope, row: FeedAccount) -> None:
    row.next_due_at = clock.now()
    queue.ring(scope.session, "feeds.fetch", scope.tenant_id, row.id)
