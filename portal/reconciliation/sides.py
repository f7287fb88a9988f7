"""The counter side of bank lines: what is matched on the customer's or supplier's account, the rest on suspense."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, select

from portal.access import Scope
from portal.connectors.base import Relation
from portal.couplings.books import read_books, read_relations
from portal.couplings.models import Configuration, Coupling
from portal.couplings.nearest import party_account
from portal.couplings.relations import Wanted, find_relations
from portal.documents.models import Document
from portal.kernel.db import uuid7
from portal.ledger.models import Entry, EntryLine, StatementLine
from portal.reconciliation.models import Match

DESCRIPTION_LENGTH = 200
BATCH = 1000  # rows an INSERT


@dataclass(frozen=True, slots=True)
class PartyAccounts:
    """Codes of the dossier; "" where it has none that fits: then the matched part stays on suspense too."""

    receivable: str
    payable: str

    def of(self, direction: str) -> str:
        return self.receivable if direction == "sales" else self.payable


@dataclass(frozen=True, slots=True)
class Settled:
    """A match with what of its document an entry line tells."""

    match_id: uuid.UUID
    amount: Decimal
    document: Document


def describe(line: StatementLine) -> str:
    """What an entry line says: who, and about what."""
    about = line.description or line.reference or line.end_to_end_id
    parts = [part for part in (line.counterparty.strip(), about.strip()) if part]
    if len(parts) == 2 and parts[0].casefold() in parts[1].casefold():
        parts = parts[1:]
    return " · ".join(parts)[:DESCRIPTION_LENGTH]


def describe_document(document: Document) -> str:
    return " · ".join(part for part in (document.party_name.strip(), document.number) if part)[:DESCRIPTION_LENGTH]


def accounts_of(scope: Scope, coupling: Coupling) -> PartyAccounts:
    """As said for the coupling, else as the dossier's own list proposes."""
    if coupling.receivable_account and coupling.payable_account:
        return PartyAccounts(coupling.receivable_account, coupling.payable_account)
    books = read_books(scope, coupling.id).accounts.values()
    return PartyAccounts(
        coupling.receivable_account or party_account(books, coupling.country, "receivable"),
        coupling.payable_account or party_account(books, coupling.country, "payable"),
    )


def write_sides(
    scope: Scope, entry: Entry, configuration: Configuration, placed: Sequence[tuple[StatementLine, int]]
) -> None:
    """Make the entry lines of bank lines, each with its position in the entry."""
    rows = _rows(scope, entry, configuration, placed)
    batch: list[dict[str, Any]] = []
    for parts in rows:  # the parts of a line are written by one statement, which the database counts on
        if len(batch) + len(parts) > BATCH:
            _write(scope, batch)
            batch = []
        batch += parts
    _write(scope, batch)


def rewrite_sides(scope: Scope, entry: Entry, lines: Sequence[StatementLine]) -> None:
    """The same for lines that are in the draft already; what a person corrected in their rest stays."""
    configuration = scope.get(Configuration, entry.configuration_id)
    ids = [line.id for line in lines]
    own = (EntryLine.tenant_id == scope.tenant_id, EntryLine.statement_line_id.in_(ids))
    before = list(scope.session.scalars(select(EntryLine).where(*own)))
    positions = {row.statement_line_id: row.position for row in before}
    corrected = {
        row.statement_line_id: (row.ledger_account, row.description, row.corrected_by, row.corrected_at)
        for row in before
        if row.corrected_at and not row.match_id
    }
    for row in before:
        scope.session.expunge(row)
    scope.session.execute(delete(EntryLine).where(*own), execution_options={"synchronize_session": False})
    made = _rows(scope, entry, configuration, [(line, positions[line.id]) for line in lines])
    rows = [row for parts in made for row in parts]
    for new in rows:
        kept = corrected.get(new["statement_line_id"])
        if kept and new["match_id"] is None:
            new["ledger_account"], new["description"], new["corrected_by"], new["corrected_at"] = kept
    _write(scope, rows)
    entry.version += 1


def _write(scope: Scope, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        options = {"insertmanyvalues_page_size": len(rows), "render_nulls": True}
        scope.session.execute(insert(EntryLine).returning(EntryLine.id), rows, execution_options=options).all()


def _rows(
    scope: Scope, entry: Entry, configuration: Configuration, placed: Sequence[tuple[StatementLine, int]]
) -> Iterator[list[dict[str, Any]]]:
    settled = settled_by(scope, [line for line, _ in placed if line.matched])
    accounts, relations = PartyAccounts("", ""), dict[uuid.UUID, str]()
    if settled:
        accounts = accounts_of(scope, scope.get(Coupling, configuration.coupling_id))
        relations = _relations(read_relations(scope, configuration.coupling_id) or (), settled.values())
    for line, position in placed:
        common = {
            "tenant_id": scope.tenant_id, "entry_id": entry.id, "statement_line_id": line.id,
            "position": position, "date": line.date, "corrected_by": None, "corrected_at": None,
        }  # fmt: skip
        sides = _sides(line, settled.get(line.id, ()), accounts, configuration.suspense_account)
        yield [
            common | {"id": uuid7(), "part": part, "match_id": match, "ledger_account": account,
                      "relation": relations.get(match, "") if match else "",
                      "drafted_account": account, "amount": amount, "description": text, "drafted_description": text}
            for part, (account, amount, text, match) in enumerate(sides)
        ]  # fmt: skip


def _relations(known: Sequence[Relation], settled: Iterable[Sequence[Settled]]) -> dict[uuid.UUID, str]:
    """The package's id of whom each match is of, where it knows exactly one. Empty when its relations were not read."""
    parties: dict[tuple[str, str], str] = {}
    found: dict[uuid.UUID, str] = {}
    for match in (match for matches in settled for match in matches) if known else ():
        document = match.document
        party = (document.direction, document.party_key)
        if party not in parties:
            told = (document.party_name, document.party_country, document.party_vat, document.party_enterprise)
            fitting = find_relations(known, Wanted(document.direction, *told))
            parties[party] = fitting[0].id if len(fitting) == 1 else ""
        found[match.match_id] = parties[party]
    return found


Side = tuple[str, Decimal, str, uuid.UUID | None]


def _sides(line: StatementLine, settled: Iterable[Settled], accounts: PartyAccounts, suspense: str) -> Iterator[Side]:
    """Account, amount as a debit, text and match: the documents first, then the rest."""
    left = line.amount
    for match in settled:
        if account := accounts.of(match.document.direction):
            left -= match.amount
            yield account, -match.amount, describe_document(match.document), match.match_id
    if left:
        yield suspense, -left, describe(line), None


def settled_by(scope: Scope, lines: Sequence[StatementLine]) -> Mapping[uuid.UUID, Sequence[Settled]]:
    """What of these lines settles which documents, by line, in the order of the matches."""
    if not lines:
        return {}
    query = (
        select(Match.line_id, Match.id, Match.amount, Document)
        .join(Document, (Document.tenant_id == Match.tenant_id) & (Document.id == Match.document_id))
        .where(Match.tenant_id == scope.tenant_id, Match.undone_at.is_(None),
               Match.line_id.in_([line.id for line in lines]))
        .order_by(Match.id)
    )  # fmt: skip
    found: defaultdict[uuid.UUID, list[Settled]] = defaultdict(list)
    for line_id, match_id, amount, document in scope.session.execute(query):
        found[line_id].append(Settled(match_id, amount, document))
    return found
