"""How one client account stands: its bank accounts, its couplings, and the worst that is the matter."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, select, text
from sqlalchemy.orm import aliased

from portal.access import Scope
from portal.authorisations.models import Authorisation, Credential
from portal.authorisations.states import health
from portal.couplings.models import Books, Configuration, Coupling
from portal.feeds.reading import told_balances
from portal.identity.models import User
from portal.kernel import clock
from portal.ledger.balances import Balance, last_balances
from portal.ledger.models import BankAccount, StatementLine
from portal.sync.models import Comparison, Posting, PostingState

YEAR = timedelta(days=365)
MONTH = timedelta(days=31)
POINTS = 53  # of a year's chart: one a week
# A line waits when it is in no entry and a configuration, where there is one, takes its day.
_ACCOUNTS = text("""
SELECT a.id, a.name, a.number, a.currency, c.journal,
  (SELECT count(*) FROM statement_lines l WHERE l.tenant_id = a.tenant_id AND l.bank_account_id = a.id
     AND l.entry_id IS NULL AND l.amount <> 0
     AND (c.id IS NULL OR (l.date >= c.starts_on AND (c.ends_on IS NULL OR l.date <= c.ends_on)))) AS waiting,
  (SELECT count(*) FROM entries e JOIN configurations d ON d.tenant_id = e.tenant_id AND d.id = e.configuration_id
     WHERE e.tenant_id = a.tenant_id AND e.state = 'draft' AND d.bank_account_id = a.id) AS drafts,
  (SELECT count(*) FROM statements s WHERE s.tenant_id = a.tenant_id AND s.bank_account_id = a.id) AS statements,
  (SELECT max(coalesce(s.closing_date, s.last_date)) FROM statements s
     WHERE s.tenant_id = a.tenant_id AND s.bank_account_id = a.id) AS last
FROM bank_accounts a
LEFT JOIN configurations c ON c.tenant_id = a.tenant_id AND c.bank_account_id = a.id AND c.state = 'active'
WHERE a.tenant_id = :tenant ORDER BY lower(a.name), a.number
""")
_HEAD = text("""
SELECT s.state, s.code, s."values", s.since, s.last_sync_at, s.next_sync_at, s.waiting_lines, s.waiting_entries,
  t.name, t.scheme, t.enterprise_number, t.country, t.city
FROM tenants t LEFT JOIN standings s ON s.tenant_id = t.id WHERE t.id = :tenant
""")


@dataclass(frozen=True, slots=True)
class AccountView:
    id: uuid.UUID
    name: str
    number: str
    currency: str
    waiting: int  # lines in no entry yet
    drafts: int
    statements: int
    last: date | None  # day of the newest statement
    journal: str | None  # that its configuration books in; None while there is none
    balance: Balance | None
    chart: Sequence[Balance]  # oldest first, at most POINTS


@dataclass(frozen=True, slots=True)
class ConfigurationView:
    row: Configuration
    account: BankAccount | None  # None: it books documents
    journal_name: str
    drafts: int = 0


@dataclass(frozen=True, slots=True)
class CouplingView:
    row: Coupling
    health: str  # of the authorisation: "active", "expiring", "needs_consent" …; "" when it is not ours to see
    lapses_at: datetime | None
    owner: str
    deputy: str
    configurations: Sequence[ConfigurationView]
    compared: Comparison | None


@dataclass(frozen=True, slots=True)
class Standing:
    """`authorisation_id` is set where the log-in is the cause."""

    state: str
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None
    coupling: CouplingView | None = None


def account_views(scope: Scope, *, charts: bool = False) -> list[AccountView]:
    """The bank accounts of a client account, by name."""
    rows = scope.session.execute(_ACCOUNTS, {"tenant": scope.tenant_id}).all()
    last = _newest_balances(scope) if rows else {}
    drawn = _charts(scope, last) if charts and last else {}
    return [AccountView(**row._mapping, balance=last.get(row.id), chart=drawn.get(row.id, ())) for row in rows]


def _newest_balances(scope: Scope) -> Mapping[uuid.UUID, Balance]:
    """Of the newest statement, or of the bank feed when that is newer."""
    found = dict(last_balances(scope))
    for account_id, told in told_balances(scope).items():
        if account_id not in found or found[account_id].date <= told.date:
            found[account_id] = told
    return found


def _charts(scope: Scope, last: Mapping[uuid.UUID, Balance]) -> dict[uuid.UUID, list[Balance]]:
    """A year of balances of each account up to its own newest one, reckoned back over the stored lines."""
    since = min(balance.date for balance in last.values()) - YEAR
    line = StatementLine
    moved: dict[uuid.UUID, list[tuple[date, Decimal]]] = defaultdict(list)
    query = (
        select(line.bank_account_id, line.date, func.sum(line.amount))
        .where(line.tenant_id == scope.tenant_id, line.date > since)
        .group_by(line.bank_account_id, line.date)
        .order_by(line.date.desc())
    )
    for account_id, day, amount in scope.session.execute(query):
        moved[account_id].append((day, amount or Decimal(0)))
    return {key: _back(balance, moved[key]) for key, balance in last.items()}


def _back(newest: Balance, moved: Sequence[tuple[date, Decimal]]) -> list[Balance]:
    """Balances at the end of the newest day and of days back from it, a week apart at least."""
    past = [(day, amount) for day, amount in moved if newest.date - YEAR < day <= newest.date]
    step = max((newest.date - past[-1][0]).days // (POINTS - 1), 1) if past else 1
    points, balance, due = [newest], newest.amount, newest.date - timedelta(days=step)
    for day, amount in past:
        while day <= due and len(points) < POINTS:
            points.append(Balance(due, balance))
            due -= timedelta(days=step)
        balance -= amount
    if past:
        points.append(Balance(past[-1][0] - timedelta(days=1), balance))
    return points[::-1]


def client_head(scope: Scope) -> Any:
    """Name, numbers and place of the client account, and its standing (`state` None: nothing happened yet)."""
    return scope.session.execute(_HEAD, {"tenant": scope.tenant_id}).one()


def coupling_views(scope: Scope) -> list[CouplingView]:
    """The living couplings of a client account, each with how its log-in stands."""
    owner, deputy = aliased(User), aliased(User)
    query = (
        select(Coupling, Authorisation, Credential, owner.name, deputy.name)
        .outerjoin(
            Authorisation,
            and_(
                Authorisation.tenant_id == Coupling.authorisation_tenant_id,
                Authorisation.id == Coupling.authorisation_id,
            ),
        )
        .outerjoin(
            Credential,
            and_(Credential.tenant_id == Authorisation.tenant_id, Credential.authorisation_id == Authorisation.id),
        )
        .outerjoin(owner, owner.id == Authorisation.owner_id)
        .outerjoin(deputy, deputy.id == Authorisation.deputy_id)
        .where(Coupling.tenant_id == scope.tenant_id, Coupling.state == "active")
        .order_by(Coupling.app)
    )
    found = scope.session.execute(query).all()
    configurations = configuration_views(scope, [row[0].id for row in found]) if found else {}
    compared = _compared(scope) if found else {}
    return [
        CouplingView(
            coupling,
            _health(scope, authorisation, credential),
            credential.refresh_expires_at if credential is not None else None,
            owner_name or "",
            deputy_name or "",
            configurations.get(coupling.id, ()),
            compared.get(coupling.id),
        )
        for coupling, authorisation, credential, owner_name, deputy_name in found
    ]


def _health(scope: Scope, authorisation: Authorisation | None, credential: Credential | None) -> str:
    if authorisation is None:
        return ""
    if authorisation.tenant_id != scope.tenant_id:
        return authorisation.state  # the firm's tokens, and when they lapse, are seen in its portal only
    return health(authorisation, credential, clock.now())


def configuration_views(scope: Scope, coupling_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[ConfigurationView]]:
    """By coupling: its configurations that were not deleted, by name of the bank account."""
    query = (
        select(Configuration, BankAccount, Books.rows)
        .outerjoin(
            BankAccount,
            and_(BankAccount.tenant_id == Configuration.tenant_id, BankAccount.id == Configuration.bank_account_id),
        )
        .outerjoin(
            Books,
            and_(
                Books.tenant_id == Configuration.tenant_id,
                Books.coupling_id == Configuration.coupling_id,
                Books.kind == "journals",
            ),
        )
        .where(
            Configuration.tenant_id == scope.tenant_id,
            Configuration.coupling_id.in_(coupling_ids),
            Configuration.state != "deleted",
        )
        .order_by(func.lower(BankAccount.name).nulls_last(), Configuration.created_at)
    )
    found: dict[uuid.UUID, list[ConfigurationView]] = defaultdict(list)
    for row, account, journals in scope.session.execute(query):
        names = {journal["code"]: journal["name"] for journal in journals or ()}
        found[row.coupling_id].append(ConfigurationView(row, account, names.get(row.journal, "")))
    return found


def _compared(scope: Scope) -> dict[uuid.UUID, Comparison]:
    """The newest comparison of each coupling in a month back from today."""
    query = (
        select(Comparison)
        .where(Comparison.tenant_id == scope.tenant_id, Comparison.night >= clock.today() - MONTH)
        .order_by(Comparison.night)
    )
    return {row.coupling_id: row for row in scope.session.scalars(query)}


def worst(head: Any, couplings: Sequence[CouplingView]) -> Standing:
    """What the page has to tell first: the firm's log-in is laid over the client's own standing, as on the board."""
    for view in couplings:
        if view.health in ("needs_consent", "refused", "revoked", "inactive"):
            return Standing("stopped", f"authorisation.{view.health}", {"name": view.row.authorisation_name},
                            coupling=view)  # fmt: skip
    state, code = head.state or "none", head.code if head.state else _without(couplings)
    first = couplings[0] if couplings else None
    if state in ("active", "none"):
        for view in couplings:
            if view.health == "expiring":
                return Standing("attention", "authorisation.expiring", {"name": view.row.authorisation_name},
                                coupling=view)  # fmt: skip
    return Standing(state, code, head.values or {}, head.since, first)


def _without(couplings: Sequence[CouplingView]) -> str:
    """The cause of having no standing: whoever sees some of the bank accounts alone is told none."""
    return "standing.in_part" if couplings else "standing.no_coupling"


def posting_counts(scope: Scope, coupling_id: uuid.UUID) -> tuple[int, int]:
    """How many entries a coupling booked, and how many are handed over and not settled yet."""
    under_way = (PostingState.INTENT, PostingState.SENDING, PostingState.UNCERTAIN)
    booked, waiting = scope.session.execute(
        select(
            func.count().filter(Posting.state == PostingState.CONFIRMED),
            func.count().filter(Posting.state.in_(under_way)),
        ).where(Posting.tenant_id == scope.tenant_id, Posting.coupling_id == coupling_id)
    ).one()
    return booked, waiting
