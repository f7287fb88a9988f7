"""Entries as pages show them: the list of a client account or of a whole portal, and one with its receipts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import aliased

from portal.access import Scope
from portal.connectors.base import OutgoingEntry, OutgoingLine
from portal.couplings.books import DossierBooks, read_books
from portal.couplings.models import Configuration, Coupling
from portal.documents.models import Document
from portal.identity.models import User
from portal.kernel.money import Amount
from portal.ledger.models import BankAccount, Entry, EntryLine, StatementLine
from portal.sync import invoicing
from portal.sync.drafting import bank_account_of, lines_of
from portal.sync.models import Posting, PostingState
from portal.sync.posting import posting_of
from portal.sync.preview import Preview, Problem, preview, shape_of

# What a reader calls it; worst first.
STATES = ("failed", "parked", "checking", "draft", "running", "queued", "booked", "undone", "dropped")
SORTS: Mapping[str, str] = {
    "state": "rank, period_start, sort_name, sequence",
    "-state": "rank DESC, period_start DESC, sort_name, sequence",
    "period": "period_start, sort_name, sequence",
    "-period": "period_start DESC, sort_name, sequence DESC",
    "client": "sort_name, period_start DESC, sequence",
    "-client": "sort_name DESC, period_start DESC, sequence",
}
_LISTED = """
WITH listed AS (
  SELECT e.tenant_id, e.id, e.reference, e.period_start, e.period_end, e.sequence, e.journal, e.currency, e.version,
    e.reverses_id IS NOT NULL AS undoes, e.closing - e.opening AS moved, e.configuration_id, f.frequency, e.kind,
    coalesce(b.name, (
      SELECT d.party_name || ' ' || d.number FROM documents d WHERE d.tenant_id = e.tenant_id AND d.entry_id = e.id
    ), '') AS bank, c.app, c.dossier_number,
    t.name AS client, lower(t.name) AS sort_name, coalesce(p.remote_number, '') AS remote_number,
    coalesce(p.code, '') AS code, p.next_try_at, p.settles_at, p.approved_at, p.approved_by, p.confirmed_at,
    CASE WHEN e.reversed_at IS NOT NULL THEN 'undone' WHEN e.state = 'offered' THEN
      CASE p.state WHEN 'intent' THEN 'queued' WHEN 'sending' THEN 'running'
      WHEN 'uncertain' THEN 'checking' WHEN 'confirmed' THEN 'booked' WHEN 'rejected' THEN 'failed' ELSE p.state END
      ELSE e.state END AS state
  FROM entries e
  JOIN configurations f ON f.tenant_id = e.tenant_id AND f.id = e.configuration_id
  LEFT JOIN bank_accounts b ON b.tenant_id = f.tenant_id AND b.id = f.bank_account_id
  JOIN couplings c ON c.tenant_id = e.tenant_id AND c.id = e.coupling_id
  JOIN tenants t ON t.id = e.tenant_id
  LEFT JOIN postings p ON p.tenant_id = e.tenant_id AND p.entry_id = e.id
  WHERE {mine}
), found AS (
  SELECT listed.*, array_position(CAST(:states AS text[]), state) AS rank FROM listed
  WHERE (:find = '' OR strpos(sort_name, lower(:find)) > 0 OR strpos(lower(reference), lower(:find)) > 0
         OR lower(remote_number) = lower(:find) OR lower(dossier_number) = lower(:find))
    AND (CAST(:month AS date) IS NULL OR (period_start <= CAST(:month AS date) + interval '1 month' - interval '1 day'
         AND period_end >= CAST(:month AS date)))
    AND (CAST(:sent_from AS timestamptz) IS NULL OR
         (approved_by = :user AND approved_at BETWEEN :sent_from AND CAST(:sent_until AS timestamptz)))
    AND (CAST(:night AS date) IS NULL OR id::text IN (
         SELECT f ->> 'entry_id' FROM comparisons n CROSS JOIN jsonb_array_elements(n.findings) AS f
         WHERE n.tenant_id = listed.tenant_id AND n.night = CAST(:night AS date)))
)
"""
_ROWS = """
SELECT page.*, coalesce(l.moved, page.moved) AS amount, l.lines, EXISTS (
    SELECT 1 FROM approval_tasks a WHERE a.tenant_id = page.tenant_id AND a.subject_id = page.id AND a.state = 'waiting'
  ) AS submitted FROM (
  SELECT found.*, count(*) OVER () AS matching FROM found
  WHERE (:state = '' AND state <> 'dropped') OR state = :state ORDER BY {order} LIMIT :limit OFFSET :offset
) page LEFT JOIN LATERAL (
  SELECT -sum(l.amount + coalesce(l.vat_amount, 0)) AS moved, nullif(count(*), 0) AS lines FROM entry_lines l
  WHERE l.tenant_id = page.tenant_id AND l.entry_id = page.id
) l ON true ORDER BY {order}
"""
_COUNTS = "SELECT state, count(*) AS number FROM found GROUP BY state"
_MINE = {"client": "e.tenant_id = :tenant", "portal": "e.tenant_id IN (SELECT app_clients())"}


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What the address of the list asks for.

    `month` is its first day; `sent` the moments between which I sent; `night` that of the comparison that found them.
    """

    find: str = ""
    state: str = ""
    month: date | None = None
    sent: tuple[datetime, datetime] | None = None
    night: date | None = None
    sort: str = "state"
    page: int = 1
    per: int = 50


@dataclass(frozen=True, slots=True)
class EntryList:
    """`rows` of one page; `counts` by state over all that match but for the state itself."""

    rows: Sequence[Any]
    matching: int
    counts: Mapping[str, int]

    def count(self, *states: str) -> int:
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        return sum(number for state, number in self.counts.items() if state != "dropped")


def list_entries(scope: Scope, wanted: EntryFilter) -> EntryList:
    """Of this client account, or of every client that lets this portal in. Two queries."""
    listed = _LISTED.format(mine=_MINE[scope.kind])
    sent = wanted.sent or (None, None)
    parameters: dict[str, Any] = {
        "tenant": scope.tenant_id, "user": scope.actor.user_id, "states": list(STATES), "find": wanted.find.strip(),
        "month": wanted.month, "sent_from": sent[0], "sent_until": sent[1], "state": wanted.state,
        "night": wanted.night,
        "limit": wanted.per, "offset": (wanted.page - 1) * wanted.per,
    }  # fmt: skip
    counts = {row.state: row.number for row in scope.session.execute(text(listed + _COUNTS), parameters)}
    order = SORTS.get(wanted.sort, SORTS["state"])
    page = text(listed + _ROWS.format(order=order)).columns(amount=Amount())
    rows = scope.session.execute(page, parameters).all()
    return EntryList(rows, rows[0].matching if rows else 0, counts)


# --------------------------------------------------------------------------- one entry


@dataclass(frozen=True, slots=True)
class LineView:
    """A line with what a reader wants to know of it. `effect` is new, changed or blocked."""

    line: EntryLine
    counterparty: str
    account_name: str
    drafted_name: str
    effect: str
    problems: Sequence[Problem]
    corrected_by: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands in the package: our reference, its number there, and whether it was read back the same."""

    entry_id: uuid.UUID
    reference: str
    number: str
    period_start: date
    confirmed_at: datetime | None
    debit: Decimal | None  # as read back; None when the package did not tell
    currency: str
    code: str
    undoes: bool


@dataclass(frozen=True, slots=True)
class EntryView:
    """`shown` only while it is a draft: afterwards the approved bytes are the posting's."""

    entry: Entry
    outgoing: OutgoingEntry
    shown: Preview | None
    posting: Posting | None
    lines: Sequence[LineView]
    coupling: Coupling
    configuration: Configuration
    account: BankAccount | None  # None: it is of a document
    document: Document | None
    books: DossierBooks
    people: Mapping[uuid.UUID, str]
    skipped: int  # lines of the period that are in another entry, or have nothing to book
    receipts: Sequence[Receipt] = field(default=())

    @property
    def state(self) -> str:
        return state_of(self.entry, self.posting)

    @property
    def problems(self) -> Sequence[Problem]:
        return self.shown.problems if self.shown else ()

    @property
    def bank_side(self) -> OutgoingLine | None:
        """The last line, which balances the others; None when they balance by themselves."""
        return self.outgoing.lines[-1] if len(self.outgoing.lines) > len(self.lines) else None

    @property
    def is_invoice(self) -> bool:
        return invoicing.is_invoice(self.entry.kind)

    @property
    def source(self) -> str:
        """What it is made of: the bank account's name, or the party and number of the document."""
        if self.account is not None:
            return self.account.name
        return invoicing.describe(self.document) if self.document is not None else ""

    @property
    def vat(self) -> Decimal:
        """Debits positive."""
        return sum((line.vat for line in self.outgoing.lines), Decimal(0))

    @property
    def party_side(self) -> Decimal:
        """What the package books on the account of the customer or supplier; debits positive."""
        return (
            -sum((line.amount + line.vat for line in self.outgoing.lines), Decimal(0))
            if self.is_invoice
            else Decimal(0)
        )

    @property
    def _amounts(self) -> list[Decimal]:
        return [*(line.amount for line in self.outgoing.lines), self.vat, self.party_side]

    @property
    def debit(self) -> Decimal:
        return sum((amount for amount in self._amounts if amount > 0), Decimal(0))

    @property
    def credit(self) -> Decimal:
        return -sum((amount for amount in self._amounts if amount < 0), Decimal(0))

    def count(self, effect: str) -> int:
        return sum(line.effect == effect for line in self.lines)

    def person(self, user_id: uuid.UUID | None) -> str:
        return self.people.get(user_id, "") if user_id else ""


def state_of(entry: Entry, posting: Posting | None) -> str:
    """One of STATES."""
    if entry.reversed_at is not None:
        return "undone"
    if entry.state != "offered" or posting is None:
        return "draft" if entry.state == "offered" else entry.state
    return {
        PostingState.INTENT: "queued", PostingState.SENDING: "running", PostingState.UNCERTAIN: "checking",
        PostingState.CONFIRMED: "booked", PostingState.REJECTED: "failed", PostingState.PARKED: "parked",
    }[PostingState(posting.state)]  # fmt: skip


def view_entry(scope: Scope, entry_id: uuid.UUID) -> EntryView:
    """Everything the page of an entry shows."""
    entry = scope.get(Entry, entry_id)
    shown = preview(scope, entry) if entry.state == "draft" else None
    lines = shown.lines if shown else lines_of(scope, entry)
    posting = posting_of(scope, entry.id)
    configuration = scope.get(Configuration, entry.configuration_id)
    document = invoicing.document_of(scope, entry) if invoicing.is_invoice(entry.kind) else None
    books = read_books(scope, entry.coupling_id)
    people = _people(scope, {line.corrected_by for line in lines} | {entry.offered_by})
    return EntryView(
        entry=entry,
        outgoing=shown.outgoing if shown else shape_of(scope, entry, lines, books)[0],
        shown=shown,
        posting=posting,
        lines=_views(scope, entry, lines, books, shown.problems if shown else (), people, document),
        coupling=scope.get(Coupling, entry.coupling_id),
        configuration=configuration,
        account=bank_account_of(scope, configuration) if configuration.bank_account_id else None,
        document=document,
        books=books,
        people=people,
        skipped=scope.session.scalar(_skipped(scope, entry, configuration, func.count())) or 0,
        receipts=receipts(scope, configuration.id),
    )


def _people(scope: Scope, ids: set[uuid.UUID | None]) -> dict[uuid.UUID, str]:
    known = [user_id for user_id in ids if user_id]
    if not known:
        return {}
    found = scope.session.execute(select(User.id, User.name).where(User.id.in_(known)))
    return {row.id: row.name for row in found}


def _views(
    scope: Scope,
    entry: Entry,
    lines: Sequence[EntryLine],
    books: DossierBooks,
    problems: Sequence[Problem],
    people: Mapping[uuid.UUID, str],
    document: Document | None,
) -> list[LineView]:
    counterparties = {row.id: row.counterparty for row in scope.session.execute(_counterparties(scope, entry))}
    party = document.party_name or document.number if document is not None else ""

    def name(code: str) -> str:
        return books.accounts[code].name if code in books.accounts else ""

    views = []
    for line in lines:
        hit = [problem for problem in problems if _concerns(problem, line, books)]
        views.append(
            LineView(
                line=line,
                counterparty=counterparties.get(line.id, party),
                account_name=name(line.ledger_account),
                drafted_name=name(line.drafted_account),
                effect="blocked" if hit else "changed" if is_changed(line) else "new",
                problems=hit,
                corrected_by=people.get(line.corrected_by, "") if line.corrected_by else "",
            )
        )
    return views


def _counterparties(scope: Scope, entry: Entry) -> Any:
    """(id of the entry line, counterparty); of what undoes another entry, as told by the lines of that one."""
    line, turned, told = EntryLine, aliased(EntryLine), StatementLine
    source = func.coalesce(
        line.statement_line_id, line.undone_source_id, turned.statement_line_id, turned.undone_source_id
    )
    return (
        select(line.id, told.counterparty)
        .outerjoin(turned, (turned.tenant_id == line.tenant_id) & (turned.id == line.turns_id))
        .join(told, (told.tenant_id == line.tenant_id) & (told.id == source))
        .where(line.tenant_id == scope.tenant_id, line.entry_id == entry.id)
    )


def is_changed(line: EntryLine) -> bool:
    return (line.ledger_account, line.description) != (line.drafted_account, line.drafted_description)


def _concerns(problem: Problem, line: EntryLine, books: DossierBooks) -> bool:
    """A problem is told at the first line that has it; a reader sees it at each."""
    if problem.line is None:
        return False
    if problem.code == "entry.vat_unmapped":
        return line.position == problem.line
    if "account" in problem.values:
        return line.ledger_account == problem.values["account"]
    period = books.period_of(line.date)
    match problem.code:
        case "entry.period_unknown":
            return period is None and line.date.isoformat()[:7] == problem.values["date"][:7]
        case "entry.period_closed" if period is not None:
            return (str(period.year), str(period.number)) == (problem.values["year"], problem.values["period"])
    return line.position == problem.line


def _skipped(scope: Scope, entry: Entry, configuration: Configuration, *columns: Any) -> Any:
    line = StatementLine
    return select(*columns).where(
        line.tenant_id == scope.tenant_id,
        line.bank_account_id == configuration.bank_account_id,
        line.date.between(entry.period_start, entry.period_end),
        or_(line.entry_id != entry.id, (line.entry_id.is_(None)) & (line.amount == Decimal(0))),
    )


def skipped_lines(scope: Scope, view: EntryView, limit: int = 500) -> Sequence[Any]:
    """Rows of date, counterparty, description, amount and the reference they went out by ("" for nought)."""
    line = StatementLine
    reference = (
        select(Entry.reference)
        .where(Entry.tenant_id == line.tenant_id, Entry.id == line.entry_id)
        .correlate(line)
        .scalar_subquery()
    )
    query = _skipped(
        scope, view.entry, view.configuration, line.date, line.counterparty, line.description, line.amount,
        line.entry_id, func.coalesce(reference, "").label("reference"),
    )  # fmt: skip
    return scope.session.execute(query.order_by(line.date, line.position).limit(limit)).all()


def receipts(scope: Scope, configuration_id: uuid.UUID, limit: int = 3) -> list[Receipt]:
    """The last of a configuration, newest first."""
    rows = scope.session.execute(
        select(
            Entry.id, Posting.reference, Posting.remote_number, Entry.period_start, Posting.confirmed_at,
            Posting.remote_debit, Entry.currency, Posting.code, Entry.reverses_id.is_not(None),
        )
        .join(Entry, (Entry.tenant_id == Posting.tenant_id) & (Entry.id == Posting.entry_id))
        .where(
            Posting.tenant_id == scope.tenant_id,
            Entry.configuration_id == configuration_id,
            Posting.state == PostingState.CONFIRMED,
        )
        .order_by(Posting.confirmed_at.desc())
        .limit(limit)
    )  # fmt: skip
    return [Receipt(*row) for row in rows]
