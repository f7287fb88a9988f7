"""What would be sent, exactly, with its hash, and what would be refused before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from portal.access import Scope
from portal.connectors import registry
from portal.connectors.base import Bookkeeping, EntryKind, OutgoingEntry, OutgoingLine
from portal.connectors.errors import Rejected
from portal.connectors.login import Form
from portal.couplings.books import DossierBooks, read_books
from portal.couplings.models import Coupling
from portal.couplings.nearest import nearest_account
from portal.kernel import http
from portal.ledger.models import Entry, EntryLine
from portal.sync import invoicing
from portal.sync.drafting import lines_of

NOWHERE = "https://nowhere.invalid"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the provider would refuse. `code` is worded at the edge with `values`."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None  # position of the entry line, where it is about one


@dataclass(frozen=True, slots=True)
class Preview:
    """`payload` is what is sent, byte for byte, and `sha256` its hash in hex; both empty while it cannot be made."""

    entry: Entry
    lines: Sequence[EntryLine]
    outgoing: OutgoingEntry
    payload: bytes
    sha256: str
    problems: Sequence[Problem]

    @property
    def total(self) -> Decimal:
        """What the bank account moves by, or will once the document is paid."""
        return -invoicing.gross(self.lines)

    @property
    def turnover(self) -> Decimal:
        """The larger of what is debited and what is credited: a million out and in again moves nothing, and is one."""
        debit = invoicing.gross([line for line in self.lines if line.amount > 0])
        return max(debit, debit - invoicing.gross(self.lines))


class _NoCalls:
    """The gate of a connector that only renders."""

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        raise RuntimeError("a preview makes no calls")

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        raise RuntimeError("a preview makes no calls")


def renderer(app: str) -> Bookkeeping:
    """The connector of an app for its pure part: it can render, and reaches nothing."""
    return registry.load(app).connect(http.session(pool=1), NOWHERE, _NoCalls(), Form())


def outgoing(entry: Entry, lines: Sequence[EntryLine]) -> OutgoingEntry:
    """The entry with the bank's side made from the others, so that it balances to the cent."""
    sides = [
        OutgoingLine(line.date, line.ledger_account, line.amount, line.description, relation=line.relation)
        for line in lines
    ]
    total = sum((side.amount for side in sides), Decimal(0))
    if total:
        sides.append(OutgoingLine(entry.date, entry.bank_ledger_account, -total, entry.reference))
    if sum((side.amount for side in sides), Decimal(0)) != 0:
        raise AssertionError(f"{entry.reference} does not balance")
    return OutgoingEntry(
        kind=EntryKind(entry.kind),
        reference=entry.reference,
        journal=entry.journal,
        date=entry.date,
        currency=entry.currency,
        bank_account=entry.bank_ledger_account,
        opening=entry.opening,
        closing=entry.closing,
        lines=tuple(sides),
    )


def shape_of(
    scope: Scope, entry: Entry, lines: Sequence[EntryLine], books: DossierBooks
) -> tuple[OutgoingEntry, list[Problem]]:
    """The entry as it would be sent, and what is missing for that."""
    if not invoicing.is_invoice(entry.kind):
        return outgoing(entry, lines), []
    found = invoicing.shape(scope, entry, lines, books)
    return found.outgoing, [Problem(gap.code, gap.values, gap.line) for gap in found.gaps]


def preview(scope: Scope, entry: Entry) -> Preview:
    return preview_of(scope, entry, lines_of(scope, entry))


def preview_of(scope: Scope, entry: Entry, lines: Sequence[EntryLine]) -> Preview:
    """The same of an entry that need not be written yet."""
    coupling = scope.get(Coupling, entry.coupling_id)
    books = read_books(scope, coupling.id)
    shape, gaps = shape_of(scope, entry, lines, books)
    problems = list(_problems(coupling, entry, lines, books))
    if books.fetched_at is not None:
        problems += gaps
    try:
        payload = renderer(coupling.app).render(shape, books.accounts) if lines and not gaps else b""
    except Rejected as refused:
        payload = b""
        if not problems:
            problems.append(Problem(refused.code, refused.values))
    digest = hashlib.sha256(payload).hexdigest() if payload else ""
    return Preview(entry, lines, shape, payload, digest, problems)


def _problems(coupling: Coupling, entry: Entry, lines: Sequence[EntryLine], books: DossierBooks) -> Iterator[Problem]:
    if coupling.state != "active":
        yield Problem("entry.coupling_ended", {"dossier": coupling.dossier_number})
    if books.fetched_at is None:
        yield Problem("entry.books_unread", {"dossier": coupling.dossier_number})
        return
    if not lines:
        yield Problem("entry.empty")
    moved = -sum((line.amount for line in lines), Decimal(0))
    if entry.opening is not None and entry.closing is not None and entry.opening + moved != entry.closing:
        yield Problem("entry.unbalanced", {"opening": str(entry.opening), "closing": str(entry.closing)})
    yield from _journal_problems(coupling, entry, books)
    yield from _account_problems(coupling, entry, lines, books)
    yield from _period_problems(entry, lines, books)


def _journal_problems(coupling: Coupling, entry: Entry, books: DossierBooks) -> Iterator[Problem]:
    values = {"journal": entry.journal, "dossier": coupling.dossier_number}
    journal = books.journals.get(entry.journal)
    if journal is None:
        yield Problem("entry.journal_unknown", values)
        return
    if journal.blocked:
        yield Problem("entry.journal_blocked", values)
    if journal.type not in books.fitting(EntryKind(entry.kind)):
        yield Problem("entry.journal_type", values)
    if (journal.currency or coupling.currency or entry.currency) != entry.currency:
        currency = journal.currency or coupling.currency
        yield Problem("entry.currency", values | {"currency": entry.currency, "journal_currency": currency})


def _account_problems(
    coupling: Coupling, entry: Entry, lines: Sequence[EntryLine], books: DossierBooks
) -> Iterator[Problem]:
    own_side = not invoicing.is_invoice(entry.kind)  # of a document the package books the other side itself
    used: dict[str, int | None] = {entry.bank_ledger_account: None} if own_side else {}
    for line in lines:
        used.setdefault(line.ledger_account, line.position)
        if own_side and line.ledger_account == entry.bank_ledger_account:
            yield Problem("entry.account_is_bank", {"account": line.ledger_account}, line.position)
    for code, position in used.items():
        values = {"account": code, "dossier": coupling.dossier_number}
        account = books.accounts.get(code)
        if account is None:
            yield Problem(
                "entry.account_unknown", values | {"nearest": nearest_account(books.accounts.values(), code)}, position
            )
        elif account.blocked:
            yield Problem("entry.account_blocked", values, position)


def _period_problems(entry: Entry, lines: Sequence[EntryLine], books: DossierBooks) -> Iterator[Problem]:
    """Each period is told once, at its first line."""
    told: set[object] = set()
    for line in lines:
        period = books.period_of(line.date)
        if period is None:
            key: object = line.date.replace(day=1)
            problem = Problem("entry.period_unknown", {"date": line.date.isoformat()}, line.position)
        elif not period.is_open(entry.journal):
            key = (period.year, period.number)
            values = {"year": str(period.year), "period": str(period.number), "journal": entry.journal}
            problem = Problem("entry.period_closed", values, line.position)
        else:
            continue
        if key not in told:
            told.add(key)
            yield problem
