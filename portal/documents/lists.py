"""Documents page by page, and one with all that belongs to it.

A page begins after a cursor, the opaque text that the page before it gave.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import false, func, or_, select, tuple_, type_coerce

from portal.access import Scope
from portal.documents.models import Document, DocumentFile, DocumentLine, DocumentVat
from portal.kernel.money import Amount

PAGE = 50
# waiting: in no entry · entered: in one · open: not settled by the bank yet
STATES = ("waiting", "entered", "open")


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """What is not given does not count."""

    direction: str = ""
    kind: str = ""
    state: str = ""
    since: date | None = None
    until: date | None = None
    find: str = ""  # in number, name, reference and the numbers of the party
    file_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[Document]
    after: str  # cursor of the next page, "" when this is the last


def list_documents(scope: Scope, wanted: DocumentFilter, *, after: str = "", limit: int = PAGE) -> Page:
    """Newest first."""
    query = select(Document).where(*conditions(scope, wanted))
    if key := _cursor(after):
        query = query.where(tuple_(Document.date, Document.id) < key)
    rows = list(scope.session.scalars(query.order_by(Document.date.desc(), Document.id.desc()).limit(limit + 1)))
    if len(rows) <= limit:
        return Page(rows, "")
    last = rows[limit - 1]
    return Page(rows[:limit], f"{last.date.isoformat()}~{last.id}")


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all documents of the client account, whatever the filter."""

    documents: int
    waiting: int
    open: int
    unpaid: Decimal  # what customers still owe, in euro
    to_pay: Decimal  # what is owed to suppliers, in euro


def count_documents(scope: Scope) -> Counts:
    left, nought = type_coerce(Document.due - Document.settled, Amount), Decimal(0)
    euro = Document.currency == "EUR"
    row = scope.session.execute(
        select(
            func.count(), func.count().filter(Document.entry_id.is_(None)),
            func.count().filter(Document.settled != Document.due),
            type_coerce(func.sum(left).filter(left > nought, euro), Amount),
            type_coerce(func.sum(left).filter(left < nought, euro), Amount),
        ).where(Document.tenant_id == scope.tenant_id)
    ).one()  # fmt: skip
    return Counts(row[0], row[1], row[2], row[3] or nought, -(row[4] or nought))


def conditions(scope: Scope, wanted: DocumentFilter) -> list[Any]:
    document = Document
    found: list[Any] = [document.tenant_id == scope.tenant_id]
    if wanted.direction:
        found.append(document.direction == wanted.direction)
    if wanted.kind:
        found.append(document.kind == wanted.kind)
    if wanted.state in ("waiting", "entered"):
        waits = wanted.state == "waiting"
        found.append(document.entry_id.is_(None) if waits else document.entry_id.is_not(None))
    if wanted.state == "open":
        found.append(document.settled != document.due)
    if wanted.since:
        found.append(document.date >= wanted.since)
    if wanted.until:
        found.append(document.date <= wanted.until)
    if wanted.find.strip():
        found.append(_mentions(wanted.find.strip()))
    if wanted.file_id:
        found.append(document.file_id == wanted.file_id)
    return found


def _mentions(text: str) -> Any:
    bare = "".join(filter(str.isalnum, text))
    document = Document
    texts = [column.icontains(text, autoescape=True) for column in (document.number, document.party_name)]
    codes = [
        column.icontains(bare, autoescape=True)
        for column in (document.payment_reference, document.party_vat, document.party_enterprise)
    ]
    return or_(*texts, *(codes if bare else [false()]))


@dataclass(frozen=True, slots=True)
class DocumentView:
    document: Document
    file: DocumentFile
    lines: Sequence[DocumentLine]
    vat: Sequence[DocumentVat]


def view_document(scope: Scope, document_id: uuid.UUID | str) -> DocumentView:
    """One document with its lines, at most 500, and its VAT. Raises NotFound."""
    document = scope.get(Document, document_id)
    lines = (
        select(DocumentLine)
        .where(DocumentLine.tenant_id == scope.tenant_id, DocumentLine.document_id == document.id)
        .order_by(DocumentLine.position)
        .limit(500)
    )
    return DocumentView(
        document, scope.get(DocumentFile, document.file_id), scope.session.scalars(lines).all(), vat_of(scope, document)
    )


def vat_of(scope: Scope, document: Document) -> Sequence[DocumentVat]:
    query = select(DocumentVat).where(DocumentVat.tenant_id == scope.tenant_id, DocumentVat.document_id == document.id)
    return scope.session.scalars(query.order_by(DocumentVat.rate, DocumentVat.category)).all()


def original_of(scope: Scope, file_id: uuid.UUID | str) -> tuple[DocumentFile, bytes | None]:
    """The file as it was handed in; None when it was not kept (refused, or known already)."""
    row = scope.get(DocumentFile, file_id)
    query = select(DocumentFile.content).where(DocumentFile.tenant_id == scope.tenant_id, DocumentFile.id == row.id)
    return row, scope.session.scalar(query)


def recent_files(scope: Scope, limit: int = 10) -> Sequence[DocumentFile]:
    query = select(DocumentFile).where(DocumentFile.tenant_id == scope.tenant_id)
    return scope.session.scalars(
        query.order_by(DocumentFile.created_at.desc(), DocumentFile.id.desc()).limit(limit)
    ).all()


def _cursor(after: str) -> tuple[date, uuid.UUID] | None:
    """A cursor that nobody gave out begins at the beginning."""
    place, _, identity = after.rpartition("~")
    try:
        return (date.fromisoformat(place), uuid.UUID(identity)) if place else None
    except ValueError:
        return None


def rates_of(scope: Scope) -> list[tuple[str, str, Decimal]]:
    """Every (direction, VAT category, rate) that a document of this client account has."""
    query = (
        select(Document.direction, DocumentVat.category, DocumentVat.rate)
        .join(Document, (Document.tenant_id == DocumentVat.tenant_id) & (Document.id == DocumentVat.document_id))
        .where(DocumentVat.tenant_id == scope.tenant_id)
        .distinct()
    )
    return sorted((row[0], row[1], row[2].normalize()) for row in scope.session.execute(query))
