"""Lines to reconcile with what they may pay, page by page, and how far it is."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, or_, select, tuple_

from portal.access import Scope
from portal.approvals import reading as approvals
from portal.couplings.models import Configuration
from portal.documents.models import Document
from portal.kernel.errors import NotFound
from portal.ledger.models import BankAccount, Entry, StatementLine
from portal.reconciliation.candidates import documents_for, open_line
from portal.reconciliation.evidence import Confidence, OpenLine
from portal.reconciliation.models import Match
from portal.reconciliation.proposals import Proposal, propose, share_out
from portal.reconciliation.service import Decision

PAGE = 25


@dataclass(frozen=True, slots=True)
class AccountCount:
    """A bank account with its lines that are not sent: all, and those with something left to reconcile."""

    id: uuid.UUID
    name: str
    number: str
    currency: str
    total: int
    to_go: int

    @property
    def done(self) -> int:
        return self.total - self.to_go


@dataclass(frozen=True, slots=True)
class Settlement:
    """One living match as shown: `document_id` None is what was left on suspense."""

    id: uuid.UUID
    amount: Decimal
    how: str
    document_id: uuid.UUID | None
    number: str
    party: str
    matched_at: datetime


@dataclass(frozen=True, slots=True)
class LineView:
    """A line with the matches it has and the proposals for what is left of it. `sent`: its entry has gone."""

    line: StatementLine
    currency: str
    matches: Sequence[Settlement]
    proposals: Sequence[Proposal]
    sent: bool = False

    @property
    def left(self) -> Decimal:
        return self.line.amount - self.line.matched

    @property
    def best(self) -> Proposal | None:
        return self.proposals[0] if self.proposals else None

    @property
    def splits(self) -> bool:
        """Whether a proposal leaves something of the line."""
        return any(proposal.amount != self.left for proposal in self.proposals)

    @property
    def certain(self) -> bool:
        """Whether it may be accepted with others in one go: sure, and nothing is left."""
        best = self.best
        return best is not None and best.confidence == Confidence.CERTAIN and best.amount == self.left


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[LineView]
    after: str  # cursor of the next page, "" when this is the last


@dataclass(frozen=True, slots=True)
class Overview:
    """Every bank account, the one with most to do first; `drafts`: the entries that may still change.

    `approvals`: tasks that wait for whoever asks; None without bank accounts, as then nobody counted.
    """

    accounts: Sequence[AccountCount]
    drafts: Sequence[uuid.UUID]
    approvals: int | None


def _drafts(scope: Scope) -> Any:
    """Entries that may still change: few, however many lines."""
    return select(Entry.id).where(Entry.tenant_id == scope.tenant_id, Entry.state == "draft").scalar_subquery()


def _playable(scope: Scope) -> list[Any]:
    line = StatementLine
    return [
        line.tenant_id == scope.tenant_id,
        line.amount != Decimal(0),
        or_(line.entry_id.is_(None), line.entry_id.in_(_drafts(scope))),
    ]


def overview(scope: Scope) -> Overview:
    """One query."""
    line = StatementLine
    counted = (
        select(line.bank_account_id, func.count().label("total"),
               func.count().filter(line.matched != line.amount).label("to_go"))
        .where(*_playable(scope))
        .group_by(line.bank_account_id)
        .subquery()
    )  # fmt: skip
    to_go = func.coalesce(counted.c.to_go, 0)
    drafts = select(func.array_agg(Entry.id)).where(Entry.tenant_id == scope.tenant_id, Entry.state == "draft")
    query = (
        select(BankAccount.id, BankAccount.name, BankAccount.number, BankAccount.currency,
               func.coalesce(counted.c.total, 0), to_go, drafts.scalar_subquery(), approvals.WAITING)
        .outerjoin(counted, counted.c.bank_account_id == BankAccount.id)
        .where(BankAccount.tenant_id == scope.tenant_id)
        .order_by(to_go.desc(), BankAccount.name, BankAccount.id)
    )  # fmt: skip
    rows = scope.session.execute(query, approvals.asked(scope)).all()
    ids, waiting = rows[0][-2:] if rows else (None, None)
    return Overview([AccountCount(*row[:-2]) for row in rows], ids or (), waiting)


def waiting_counts(scope: Scope) -> Mapping[uuid.UUID, int]:
    """Lines with something left to reconcile, by bank account; accounts without any are not in it."""
    line = StatementLine
    query = (
        select(line.bank_account_id, func.count())
        .where(*_playable(scope), line.matched != line.amount)
        .group_by(line.bank_account_id)
    )
    return dict(scope.session.execute(query).tuples())


def list_waiting(
    scope: Scope, account: AccountCount, drafts: Sequence[uuid.UUID], *, after: str = "", limit: int = PAGE
) -> Page:
    """Lines with something left, the oldest first, each with proposals. Two queries.

    Lines in no entry and lines in drafts are looked up apart: each have an index that leads past what was sent.
    """
    line = StatementLine
    key = _cursor(after)
    loose = _left(scope, account.id, key).where(line.entry_id.is_(None)).order_by(line.date, line.id).limit(limit + 1)
    ids: Any = select(loose.subquery().c.id)
    if drafts:
        drafted = _left(scope, account.id, key).where(line.entry_id.in_(drafts)).cte().prefix_with("MATERIALIZED")
        first = select(drafted.c.id).order_by(drafted.c.date, drafted.c.id).limit(limit + 1).subquery()
        ids = ids.union_all(select(first.c.id))
    query = select(line).where(line.tenant_id == scope.tenant_id, line.id.in_(ids))
    found = list(scope.session.scalars(query.order_by(line.date, line.id).limit(limit + 1)))
    cursor = f"{found[limit - 1].date.isoformat()}~{found[limit - 1].id}" if len(found) > limit else ""
    return Page(_proposed(scope, found[:limit], account.currency), cursor)


def _left(scope: Scope, account_id: uuid.UUID, key: tuple[date, uuid.UUID] | None) -> Any:
    line = StatementLine
    query = select(line.id, line.date).where(
        line.tenant_id == scope.tenant_id, line.bank_account_id == account_id, line.amount != Decimal(0),
        line.matched != line.amount,
    )  # fmt: skip
    return query.where(line.date >= key[0], tuple_(line.date, line.id) > key) if key else query


def list_done(scope: Scope, account: AccountCount, *, after: str = "", limit: int = PAGE) -> Page:
    """Lines with a match that may still be undone, the latest match first."""
    last = func.max(Match.matched_at)
    line = StatementLine
    query = (
        select(line, last)
        .join(Match, and_(Match.tenant_id == line.tenant_id, Match.line_id == line.id, Match.undone_at.is_(None)))
        .where(*_playable(scope), line.bank_account_id == account.id)
        .group_by(line.tenant_id, line.id)
    )
    if place := _moment(after):
        query = query.having(tuple_(last, line.id) < place)
    found = scope.session.execute(query.order_by(last.desc(), line.id.desc()).limit(limit + 1)).all()
    rows = [row for row, _ in found[:limit]]
    matches = settlements(scope, rows)
    cursor = f"{found[limit - 1][1].isoformat()}~{rows[-1].id}" if len(found) > limit else ""
    return Page([LineView(row, account.currency, matches.get(row.id, ()), ()) for row in rows], cursor)


def view_line(scope: Scope, line_id: uuid.UUID | str, *, proposals: bool = True) -> LineView:
    """One line, as it stands now. Raises NotFound."""
    line = scope.get(StatementLine, line_id)
    currency = scope.get(BankAccount, line.bank_account_id).currency
    if proposals and line.amount != line.matched:
        (view,) = _proposed(scope, [line], currency)
    else:
        view = LineView(line, currency, settlements(scope, [line]).get(line.id, ()), ())
    entry = scope.get(Entry, line.entry_id) if line.entry_id else None
    sent = entry is not None and entry.state != "draft"
    return LineView(line, currency, view.matches, () if sent else view.proposals, sent)


def certain_decisions(scope: Scope, line_ids: Sequence[uuid.UUID]) -> list[Decision]:
    """Of these lines, those that are certain now, as they would be accepted."""
    line = StatementLine
    query = (
        select(line, BankAccount.currency)
        .join(BankAccount, and_(BankAccount.tenant_id == line.tenant_id, BankAccount.id == line.bank_account_id))
        .where(*_playable(scope), line.id.in_(line_ids), line.matched != line.amount)
        .order_by(line.date, line.id)
    )
    found = scope.session.execute(query).all()
    open_ = [open_line(row, currency) for row, currency in found]
    views = _views([row for row, _ in found], open_, _shared(scope, open_), {})
    return [decision_of(view, view.proposals[0], "certain") for view in views if view.certain]


def decision_of(view: LineView, proposal: Proposal, how: str, *, rest: bool = False) -> Decision:
    reasons = tuple({"code": reason.code, "value": reason.value} for reason in proposal.reasons)
    wishes = tuple((part.document.id, part.amount) for part in proposal.parts)
    return Decision(view.line.id, wishes, rest, how, reasons)


# ------------------------------------------------------------------ steps


def _proposed(scope: Scope, lines: Sequence[StatementLine], currency: str) -> list[LineView]:
    open_ = [open_line(line, currency) for line in lines]
    partly = [line for line in lines if line.matched]
    return _views(lines, open_, _shared(scope, open_), settlements(scope, partly) if partly else {})


def _shared(scope: Scope, lines: Sequence[OpenLine]) -> Mapping[uuid.UUID, Sequence[Proposal]]:
    found = share_out(list(propose(lines, documents_for(scope, lines))))
    return {row.line.id: row.proposals for row in found}


def _views(
    lines: Sequence[StatementLine],
    open_: Sequence[OpenLine],
    proposals: Mapping[uuid.UUID, Sequence[Proposal]],
    matches: Mapping[uuid.UUID, Sequence[Settlement]],
) -> list[LineView]:
    return [
        LineView(line, told.currency, matches.get(line.id, ()), proposals[line.id])
        for line, told in zip(lines, open_, strict=True)
    ]


def settlements(scope: Scope, lines: Sequence[StatementLine]) -> Mapping[uuid.UUID, Sequence[Settlement]]:
    """Living matches by line, in the order in which they were made."""
    query = (
        select(Match.line_id, Match.id, Match.amount, Match.how, Match.document_id,
               func.coalesce(Document.number, ""), func.coalesce(Document.party_name, ""), Match.matched_at)
        .outerjoin(Document, and_(Document.tenant_id == Match.tenant_id, Document.id == Match.document_id))
        .where(Match.tenant_id == scope.tenant_id, Match.undone_at.is_(None),
               Match.line_id.in_([line.id for line in lines]))
        .order_by(Match.matched_at, Match.id)
    )  # fmt: skip
    found: defaultdict[uuid.UUID, list[Settlement]] = defaultdict(list)
    for row in scope.session.execute(query):
        found[row[0]].append(Settlement(*row[1:]))
    return found


def configuration_of(scope: Scope, account_id: uuid.UUID) -> Configuration | None:
    """The active one that books this bank account."""
    query = select(Configuration).where(
        Configuration.tenant_id == scope.tenant_id,
        Configuration.bank_account_id == account_id,
        Configuration.state == "active",
    )
    return scope.session.scalars(query).one_or_none()


def choose_account(accounts: Sequence[AccountCount], wanted: str) -> AccountCount | None:
    """The one that was asked for, else the one with most to do; None when there is none at all. Raises NotFound."""
    if not wanted:
        return accounts[0] if accounts else None
    for account in accounts:
        if str(account.id) == wanted:
            return account
    raise NotFound()


def _cursor(after: str) -> tuple[date, uuid.UUID] | None:
    """A cursor that nobody gave out begins at the beginning."""
    place, _, identity = after.rpartition("~")
    try:
        return (date.fromisoformat(place), uuid.UUID(identity)) if place else None
    except ValueError:
        return None


def _moment(after: str) -> tuple[datetime, uuid.UUID] | None:
    place, _, identity = after.rpartition("~")
    try:
        moment = datetime.fromisoformat(place) if place else None
        return (moment, uuid.UUID(identity)) if moment and moment.tzinfo else None
    except ValueError:
        return None
