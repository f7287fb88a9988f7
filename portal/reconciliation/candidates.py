"""Open documents fetched for lines, as few as may match, and everything open for a search by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, and_, case, false, func, or_, select, type_coerce

from portal.access import Scope
from portal.documents.models import Document
from portal.kernel.money import Amount
from portal.ledger.models import StatementLine
from portal.reconciliation.documents import OpenDocuments
from portal.reconciliation.evidence import OpenDocument, OpenLine, clues_of
from portal.reconciliation.models import PartyAccount

MOST = 4_000  # documents fetched for a page of lines: beyond that they are all alike
FOUND = 20  # of a search by hand
_COLUMNS = (
    Document.id, Document.number, Document.number_key, Document.date, Document.open, Document.currency,
    Document.party_key, Document.party_name, Document.party_words, Document.party_iban, Document.payment_reference,
    Document.direction, Document.entry_id,
)  # fmt: skip


def open_line(line: StatementLine, currency: str) -> OpenLine:
    return OpenLine(
        id=line.id,
        date=line.date,
        amount=line.amount - line.matched,
        currency=currency,
        counterparty=line.counterparty,
        account=line.counterparty_account,
        reference=line.reference,
        text=f"{line.description} {line.end_to_end_id}",
    )


def documents_for(scope: Scope, lines: Sequence[OpenLine]) -> OpenDocuments:
    """What these lines may pay, in one query."""
    if not lines:
        return OpenDocuments([])
    accounts = {line.account for line in lines if line.account}
    clues = [clues_of(line) for line in lines]
    grams = {gram for clue in clues for gram in clue.grams}
    names = {clue.name for clue in clues if clue.name}
    known = (
        select(PartyAccount.party_key)
        .where(PartyAccount.tenant_id == scope.tenant_id, PartyAccount.account.in_(accounts))
        .scalar_subquery()
    )
    told = (
        select(func.jsonb_agg(func.jsonb_build_array(PartyAccount.account, PartyAccount.party_key)))
        .where(PartyAccount.tenant_id == scope.tenant_id, PartyAccount.account.in_(accounts))
        .scalar_subquery()
    )
    ways = [
        _any(Document.party_iban, accounts), _any(Document.party_words, names), _any(Document.number_key, grams),
        _any(Document.payment_reference, grams), Document.party_key.in_(known) if accounts else false(),
        and_(Document.currency.in_({line.currency for line in lines}),
             Document.open.in_({line.amount for line in lines})),
    ]  # fmt: skip
    query = _open(scope).add_columns(told).where(or_(*ways)).order_by(Document.date.desc(), Document.id).limit(MOST)
    rows = scope.session.execute(query).all()
    learnt = _by_account(rows[0][-1] if rows else None)
    return OpenDocuments(map(_document, rows), learnt)


def _any(column: Any, values: Collection[str]) -> Any:
    return column.in_(values) if values else false()


def _open(scope: Scope) -> Any:
    return select(*_COLUMNS).where(Document.tenant_id == scope.tenant_id, Document.settled != Document.due)


def _by_account(pairs: Iterable[tuple[str, str]] | None) -> Mapping[str, Collection[str]]:
    learnt: dict[str, set[str]] = {}
    for account, party in pairs or ():
        learnt.setdefault(account, set()).add(party)
    return learnt


def _document(row: Row[Any]) -> OpenDocument:
    return OpenDocument(
        id=row.id, number=row.number, number_key=row.number_key, date=row.date, amount=row.open,
        currency=row.currency, party=row.party_key, party_name=row.party_name, party_words=row.party_words,
        # Where a customer is told to pay to is our own account, and says nothing of the customer.
        iban=row.party_iban if row.direction == "purchase" else "", reference=row.payment_reference,
    )  # fmt: skip


def find_documents(scope: Scope, line: OpenLine, find: str) -> Sequence[OpenDocument]:
    """Open documents that mention something, else those nearest in amount; of the line's way first. At most FOUND."""
    same_way = Document.open > Decimal(0) if line.amount > 0 else Document.open < Decimal(0)
    distance = func.abs(type_coerce(Document.open - line.amount, Amount))
    query = _open(scope).where(Document.currency == line.currency)
    text = find.strip()[:100]
    query = query.where(_mentions(text) if text else same_way)
    order = (case((same_way, 0), else_=1), distance, Document.date.desc(), Document.id)
    return [_document(row) for row in scope.session.execute(query.order_by(*order).limit(FOUND))]


def _mentions(text: str) -> Any:
    bare = "".join(filter(str.isalnum, text))
    columns = (Document.number, Document.party_name)
    codes = (Document.number_key, Document.payment_reference, Document.party_vat)
    return or_(
        *(column.icontains(text, autoescape=True) for column in columns),
        *(column.icontains(bare, autoescape=True) for column in codes if bare),
    )
