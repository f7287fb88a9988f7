"""Matches made and undone, as long as the line is not sent; a draft follows at once."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from portal.access import Scope
from portal.activity import service as activity
from portal.couplings.models import Coupling
from portal.documents.models import Document
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.models import BankAccount, Entry, StatementLine
from portal.reconciliation.models import Match, PartyAccount
from portal.reconciliation.sides import rewrite_sides

Wish = tuple[uuid.UUID, Decimal | None]  # a document, and how much; None: as much as fits


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a line. `rest`: what the documents leave of it stays on suspense, for good."""

    line_id: uuid.UUID
    wishes: tuple[Wish, ...] = ()
    rest: bool = False
    how: str = "hand"
    reasons: tuple[dict[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Accepted:
    """`matched`: lines that were; `passed`: those that no longer fitted, and were left as they are."""

    matched: int
    passed: int


def accept(scope: Scope, decision: Decision) -> StatementLine:
    """Match a line. Raises Conflict "match.sent", "match.line_done", "match.document_done", "match.too_much"
    or "match.other_way", and Invalid "match.nothing"."""
    held = _hold(scope, [decision])
    rows = _rows(scope, decision, held)
    _write(scope, held, rows)
    return held.lines[decision.line_id]


def accept_all(scope: Scope, decisions: Sequence[Decision]) -> Accepted:
    """Match many lines in one go; one that somebody else dealt with meanwhile is passed over."""
    held = _hold(scope, decisions)
    rows: list[dict[str, Any]] = []
    passed = 0
    for decision in decisions:
        try:
            rows += _rows(scope, decision, held)
        except Conflict:
            passed += 1
    _write(scope, held, rows)
    return Accepted(len(decisions) - passed, passed)


def undo(scope: Scope, line_id: uuid.UUID | str) -> StatementLine:
    """Take all matches of a line back. Raises Conflict "match.sent" or "match.none"."""
    line_id = scope.get(StatementLine, line_id).id
    held = _hold(scope, [Decision(line_id)])
    line = held.lines[line_id]
    _refuse_sent(held, line)
    living = (Match.tenant_id == scope.tenant_id, Match.line_id == line.id, Match.undone_at.is_(None))
    matches = scope.session.scalars(select(Match).where(*living).order_by(Match.id)).all()
    if not matches:
        raise Conflict("match.none")
    documents = _locked(scope, Document, {match.document_id for match in matches if match.document_id})
    scope.session.execute(
        update(Match).where(*living).values(undone_at=clock.now(), undone_by=scope.actor.user_id),
        execution_options={"synchronize_session": False},
    )
    _learn(scope, line, {document.party_key for document in documents.values()}, -1)
    for match in matches:
        document = documents.get(match.document_id) if match.document_id else None
        _record(scope, "match.undone", line, document, match.amount)
    held.documents = documents
    _follow(scope, held, [line])
    return line


def set_party_accounts(scope: Scope, coupling: Coupling, receivable: str, payable: str) -> None:
    """On which accounts of the dossier matched lines go out, from now on and in drafts. "" is: as proposed."""
    before = (coupling.receivable_account, coupling.payable_account)
    if before == (receivable, payable):
        return
    coupling.receivable_account, coupling.payable_account = receivable, payable
    scope.session.flush()
    query = (
        select(StatementLine, Entry)
        .join(Entry, (Entry.tenant_id == StatementLine.tenant_id) & (Entry.id == StatementLine.entry_id))
        .where(StatementLine.tenant_id == scope.tenant_id, StatementLine.matched != Decimal(0),
               Entry.state == "draft", Entry.coupling_id == coupling.id)
        .with_for_update()
    )  # fmt: skip
    lines: defaultdict[Entry, list[StatementLine]] = defaultdict(list)
    for line, entry in scope.session.execute(query):
        lines[entry].append(line)
    for entry, some in lines.items():
        rewrite_sides(scope, entry, some)
    activity.record(
        scope, "coupling.party_accounts", ("coupling", coupling.id),
        receivable=receivable, payable=payable, receivable_before=before[0], payable_before=before[1],
    )  # fmt: skip


# ------------------------------------------------------------------ what is held while it is decided


@dataclass(slots=True)
class _Held:
    """Locked rows, and what is left of them as decisions are taken."""

    lines: Mapping[uuid.UUID, StatementLine]
    entries: Mapping[uuid.UUID, Entry]
    documents: Mapping[uuid.UUID, Document]
    currencies: Mapping[uuid.UUID, str]
    open: dict[uuid.UUID, Decimal]


def _hold(scope: Scope, decisions: Sequence[Decision]) -> _Held:
    """Entries, then lines, then documents, each in the order of their ids: as everybody does, so that nobody waits
    for each other. Drafting takes lines that are in no entry, and an entry that it makes is nobody else's yet."""
    ids = sorted({decision.line_id for decision in decisions})
    mine = (StatementLine.tenant_id == scope.tenant_id, StatementLine.id.in_(ids))
    entry_ids = set(scope.session.scalars(select(StatementLine.entry_id).where(*mine))) - {None}
    entries = _locked(scope, Entry, entry_ids)
    lines = _locked(scope, StatementLine, ids)
    late = {line.entry_id for line in lines.values() if line.entry_id} - entries.keys()
    entries |= _locked(scope, Entry, late)  # drafted between the two looks
    for line_id in ids:
        if line_id not in lines:
            scope.get(StatementLine, line_id)  # says that it is not there
    documents = _locked(scope, Document, {wish[0] for decision in decisions for wish in decision.wishes})
    accounts = {line.bank_account_id for line in lines.values()}
    query = select(BankAccount.id, BankAccount.currency).where(
        BankAccount.tenant_id == scope.tenant_id, BankAccount.id.in_(accounts)
    )
    currencies = {row.id: row.currency for row in scope.session.execute(query)}
    return _Held(lines, entries, documents, currencies, {row.id: row.open for row in documents.values()})


def _locked(scope: Scope, model: Any, ids: Iterable[Any]) -> dict[uuid.UUID, Any]:
    if not (wanted := sorted(ids)):
        return {}
    query = select(model).where(model.tenant_id == scope.tenant_id, model.id.in_(wanted)).order_by(model.id)
    fresh = query.with_for_update().execution_options(populate_existing=True)
    return {row.id: row for row in scope.session.scalars(fresh)}


def _refuse_sent(held: _Held, line: StatementLine) -> None:
    entry = held.entries.get(line.entry_id) if line.entry_id else None
    if entry is not None and entry.state != "draft":
        raise Conflict("match.sent", reference=entry.reference)


# ------------------------------------------------------------------ one decision


def _rows(scope: Scope, decision: Decision, held: _Held) -> list[dict[str, Any]]:
    """The matches to write, or a refusal; what they take is taken from what is held."""
    line = held.lines[decision.line_id]
    _refuse_sent(held, line)
    left = line.amount - line.matched
    if not left:
        raise Conflict("match.line_done")
    parts = fill(left, [(_document(held, line, key), wish) for key, wish in dict(decision.wishes).items()], held.open)
    rest = left - sum((amount for _, amount in parts), Decimal(0))
    if abs(rest) > abs(left) or rest * left < 0:
        raise Conflict("match.too_much", left=abs(left))
    if not parts and not decision.rest:
        raise Invalid("match.nothing")
    for document, amount in parts:
        held.open[document.id] -= amount
    common = {
        "tenant_id": scope.tenant_id, "line_id": line.id, "matched_at": clock.now(),
        "matched_by": scope.actor.user_id, "reasons": list(decision.reasons),
    }  # fmt: skip
    rows = [
        common | {"id": uuid7(), "document_id": document.id, "amount": amount, "how": decision.how}
        for document, amount in parts
    ]
    if decision.rest and rest:
        rows.append(common | {"id": uuid7(), "document_id": None, "amount": rest, "how": "rest", "reasons": []})
    return rows


def _document(held: _Held, line: StatementLine, document_id: uuid.UUID) -> Document:
    document = held.documents.get(document_id)
    if document is None or document.currency != held.currencies[line.bank_account_id]:
        raise Conflict("match.document_gone")
    if not held.open[document.id]:
        raise Conflict("match.document_done", number=document.number)
    return document


def fill(
    left: Decimal, wishes: Sequence[tuple[Document, Decimal | None]], open_: Mapping[uuid.UUID, Decimal]
) -> list[tuple[Document, Decimal]]:
    """How much of each: as wished, else whole, but of those of the line's way no more than the line has left.

    What goes the other way, a credit note on a payment, is set off whole and leaves more for the others.
    """
    taken: dict[uuid.UUID, Decimal] = {}
    for document, wish in wishes:
        if wish is not None or open_[document.id] * left < 0:
            taken[document.id] = _wished(document, wish, open_[document.id])
            left -= taken[document.id]
    for document, _ in wishes:
        if document.id not in taken:
            whole = open_[document.id]
            taken[document.id] = whole if abs(whole) <= abs(left) else left
            left -= taken[document.id]
    return [(document, taken[document.id]) for document, _ in wishes if taken[document.id]]


def _wished(document: Document, wish: Decimal | None, whole: Decimal) -> Decimal:
    if wish is None:
        return whole
    amount = abs(wish) if whole > 0 else -abs(wish)
    if not amount or abs(amount) > abs(whole):
        raise Conflict("match.document_less", number=document.number, left=abs(whole))
    return amount


# ------------------------------------------------------------------ steps


def _write(scope: Scope, held: _Held, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    scope.session.flush()
    scope.session.execute(insert(Match).values(list(rows)))  # one statement: its sums are held as a whole
    by_line: defaultdict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_line[row["line_id"]].append(row)
    for line_id, made in by_line.items():
        line = held.lines[line_id]
        documents = [held.documents.get(row["document_id"]) for row in made]
        _learn(scope, line, {document.party_key for document in documents if document}, 1)
        for row, document in zip(made, documents, strict=True):
            _record(scope, "match.made" if document else "match.rest", line, document, row["amount"])
    _follow(scope, held, [held.lines[line_id] for line_id in by_line])


def _follow(scope: Scope, held: _Held, lines: Sequence[StatementLine]) -> None:
    """Read again what the database counted, and let drafts tell it."""
    scope.session.flush()
    for row in (*lines, *held.documents.values()):
        scope.session.refresh(row)
    by_entry: defaultdict[uuid.UUID, list[StatementLine]] = defaultdict(list)
    for line in lines:
        if line.entry_id:
            by_entry[line.entry_id].append(line)
    for entry_id, some in by_entry.items():
        rewrite_sides(scope, held.entries[entry_id], some)


def _learn(scope: Scope, line: StatementLine, parties: set[str], times: int) -> None:
    """Whose account it is: known next time. What was undone is unlearnt."""
    if not line.counterparty_account or not parties:
        return
    for party in sorted(parties):
        key = {"tenant_id": scope.tenant_id, "account": line.counterparty_account, "party_key": party}
        if times > 0:
            made = upsert(PartyAccount).values(id=uuid7(), times=1, **key)
            unique = ["tenant_id", "account", "party_key"]
            more = made.on_conflict_do_update(index_elements=unique, set_={"times": PartyAccount.times + 1})
            scope.session.execute(more)
        else:
            same = [getattr(PartyAccount, name) == value for name, value in key.items()]
            scope.session.execute(update(PartyAccount).where(*same).values(times=PartyAccount.times - 1))
            scope.session.execute(delete(PartyAccount).where(*same, PartyAccount.times <= 0))


def _record(scope: Scope, tag: str, line: StatementLine, document: Document | None, amount: Decimal) -> None:
    more = {"number": document.number, "party": document.party_name} if document else {}
    activity.record(
        scope, tag, ("statement_line", line.id), context=document.id if document else line.bank_account_id,
        amount=str(abs(amount)), date=line.date, counterparty=line.counterparty, **more,
    )  # fmt: skip
