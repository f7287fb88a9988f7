"""From documents to entries: one each, in the journal of its configuration, with what it charges at each rate.

The posting machine knows nothing of it: an entry of a document is drafted, previewed, offered and
sent like any other.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Select, func, insert, select

from portal.access import Scope
from portal.activity.service import record
from portal.connectors.base import EntryKind, OutgoingEntry, OutgoingInvoice, OutgoingLine, Relation
from portal.couplings.books import DossierBooks, read_relations
from portal.couplings.models import Configuration, Coupling
from portal.couplings.periods import last_due
from portal.couplings.relations import Wanted, find_relations
from portal.couplings.vat import Key, code_for, read_mapping
from portal.documents.lists import vat_of
from portal.documents.models import Document, DocumentVat
from portal.kernel import clock, crash
from portal.kernel.db import uuid7
from portal.ledger.models import Entry, EntryLine
from portal.reconciliation.sides import DESCRIPTION_LENGTH

NOUGHT = Decimal(0)


def is_invoice(kind: str) -> bool:
    return EntryKind(kind).is_invoice


# ------------------------------------------------------------------ drafting


def waiting(scope: Scope, configuration: Configuration, today: date, *, delay: bool) -> Select[Document]:
    """Documents in no entry yet whose period is due, the oldest first. One of nought has nothing to book."""
    until = last_due(configuration.frequency, configuration.delay_days if delay else 0, today)
    if configuration.ends_on is not None:
        until = min(until, configuration.ends_on)
    return (
        select(Document)
        .where(
            Document.tenant_id == scope.tenant_id,
            Document.direction == configuration.entry_kind,
            Document.entry_id.is_(None),
            Document.gross != NOUGHT,
            Document.date.between(configuration.starts_on, until),
        )
        .order_by(Document.date, Document.id)
    )


def draft(scope: Scope, configuration: Configuration, documents: Sequence[Document]) -> tuple[Entry, ...]:
    """An entry for each of these, which are locked."""
    coupling = scope.get(Coupling, configuration.coupling_id)
    return tuple(_draft_one(scope, configuration, coupling, document) for document in documents)


def _draft_one(scope: Scope, configuration: Configuration, coupling: Coupling, document: Document) -> Entry:
    entry = Entry(
        tenant_id=scope.tenant_id, id=uuid7(), configuration_id=configuration.id, coupling_id=coupling.id,
        kind=configuration.entry_kind, reference=_free_reference(scope, coupling, document),
        period_start=document.date, period_end=document.date, sequence=_next_sequence(scope, configuration, document),
        journal=configuration.journal, bank_ledger_account=configuration.bank_ledger_account, date=document.date,
        currency=document.currency, state="draft", version=1, created_at=clock.now(),
    )  # fmt: skip
    scope.session.add(entry)
    scope.session.flush()
    crash.point("drafting.entry_written")
    scope.session.execute(insert(EntryLine), list(_lines(scope, entry, document, configuration.suspense_account)))
    document.entry_id = entry.id
    scope.session.flush()
    crash.point("drafting.lines_taken")
    record(
        scope, "entry.drafted_document", ("entry", entry.id), context=configuration.id,
        reference=entry.reference, number=document.number, party=document.party_name,
    )  # fmt: skip
    record(
        scope, "document.drafted", ("document", document.id), reference=entry.reference, number=document.number,
    )  # fmt: skip
    return entry


def _lines(scope: Scope, entry: Entry, document: Document, account: str) -> Iterator[dict[str, object]]:
    """One for each rate. Debits are positive: of a purchase, and of what a credit note takes back from a sale."""
    sign = (1 if document.direction == "purchase" else -1) * (-1 if document.kind == "credit" else 1)
    for position, rate in enumerate(_rates(scope, document), start=1):
        text = describe(document)
        yield {
            "tenant_id": scope.tenant_id, "id": uuid7(), "entry_id": entry.id, "document_id": document.id,
            "position": position, "date": document.date, "amount": sign * rate.net, "ledger_account": account,
            "drafted_account": account, "description": text, "drafted_description": text,
            "vat_category": rate.category, "vat_rate": rate.rate, "vat_amount": sign * rate.vat,
        }  # fmt: skip


def _rates(scope: Scope, document: Document) -> list[DocumentVat]:
    return [rate for rate in vat_of(scope, document) if rate.net or rate.vat]


def describe(document: Document) -> str:
    parts = [part for part in (document.party_name.strip(), document.number.strip()) if part]
    return " · ".join(parts)[:DESCRIPTION_LENGTH]


def reference_of(coupling: Coupling, document: Document, number: int) -> str:
    """Our name for the entry at the provider: named after what a restore does not change, as for bank entries."""
    facts = (
        coupling.app, coupling.dossier_code, "document", document.direction, document.kind, document.issuer_key,
        document.number_key, number,
    )  # fmt: skip
    named = "/".join(map(str, facts)).encode()
    return "KP-" + base64.b32encode(hashlib.sha256(named).digest()[:10]).decode()


def _free_reference(scope: Scope, coupling: Coupling, document: Document) -> str:
    """The first that no entry has: a draft that was thrown away keeps its own."""
    for number in itertools.count():
        reference = reference_of(coupling, document, number)
        taken = select(Entry.id).where(Entry.tenant_id == scope.tenant_id, Entry.reference == reference)
        if scope.session.scalar(taken) is None:
            return reference
    raise AssertionError("numbers do not end")


def _next_sequence(scope: Scope, configuration: Configuration, document: Document) -> int:
    """Several documents of a day are several entries of it."""
    last = select(func.max(Entry.sequence)).where(
        Entry.tenant_id == scope.tenant_id,
        Entry.configuration_id == configuration.id,
        Entry.period_start == document.date,
        Entry.reverses_id.is_(None),
    )
    found = scope.session.scalar(last)
    return 0 if found is None else found + 1


# ------------------------------------------------------------------ what goes out


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing to send it. `code` is worded at the edge with `values`; `line` a position."""

    code: str
    values: dict[str, str]
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The entry as it would be sent; with gaps it cannot be rendered."""

    outgoing: OutgoingEntry
    gaps: Sequence[Gap]


def document_of(scope: Scope, entry: Entry) -> Document | None:
    """None for an entry that was thrown away."""
    query = select(Document).where(Document.tenant_id == scope.tenant_id, Document.entry_id == entry.id)
    return scope.session.scalars(query).one_or_none()


def shape(scope: Scope, entry: Entry, lines: Sequence[EntryLine], books: DossierBooks) -> Shape:
    """What the dossier would be sent for a document: its relation and VAT codes as they are known now."""
    document = document_of(scope, entry)
    mapping = read_mapping(scope, entry.coupling_id)
    gaps: list[Gap] = []
    sides = []
    for line in lines:
        code = _code(books, mapping, entry, line)
        if not code:
            gaps.append(Gap("entry.vat_unmapped", _vat_values(line), line.position))
        sides.append(
            OutgoingLine(line.date, line.ledger_account, line.amount, line.description, code, line.vat_amount or NOUGHT)
        )
    invoice = None
    if document is not None:
        relation = _relation(scope, entry, document, gaps)
        invoice = OutgoingInvoice(
            document.number, relation.id if relation else "", document.due_date, document.payment_reference,
            describe(document),
        )  # fmt: skip
    outgoing = OutgoingEntry(
        kind=EntryKind(entry.kind), reference=entry.reference, journal=entry.journal, date=entry.date,
        currency=entry.currency, bank_account=entry.bank_ledger_account, opening=None, closing=None,
        lines=tuple(sides), invoice=invoice,
    )  # fmt: skip
    return Shape(outgoing, gaps)


def _code(books: DossierBooks, mapping: dict[Key, str], entry: Entry, line: EntryLine) -> str:
    return code_for(books.vat_codes, mapping, (entry.kind, line.vat_category or "", line.vat_rate or NOUGHT))


def _vat_values(line: EntryLine) -> dict[str, str]:
    rate = ((line.vat_rate or NOUGHT) * 100).normalize()
    return {"rate": f"{rate:f}", "category": line.vat_category or ""}


def _relation(scope: Scope, entry: Entry, document: Document, gaps: list[Gap]) -> Relation | None:
    relations = read_relations(scope, entry.coupling_id)
    if relations is None:
        gaps.append(Gap("entry.relations_unread", {}))
        return None
    if not document.party_name:
        code = scope.get(Configuration, entry.configuration_id).relation
        found = [relation for relation in relations if code and relation.code == code and not relation.blocked]
    else:
        found = list(find_relations(relations, _wanted(document)))
    if len(found) == 1:
        return found[0]
    values = {
        "party": document.party_name, "number": document.party_vat or document.party_enterprise,
        "codes": ", ".join(relation.code for relation in found),
    }  # fmt: skip
    missing = "entry.relation_missing" if document.party_name else "entry.relation_of_takings"
    gaps.append(Gap("entry.relation_ambiguous" if found else missing, values))
    return None


def _wanted(document: Document) -> Wanted:
    return Wanted(
        document.direction, document.party_name, document.party_country, document.party_vat, document.party_enterprise
    )


def gross(lines: Sequence[EntryLine]) -> Decimal:
    """Without its VAT a line of a bank entry is itself. Debits positive."""
    return sum((line.amount + (line.vat_amount or NOUGHT) for line in lines), NOUGHT)
