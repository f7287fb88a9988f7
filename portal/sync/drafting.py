"""From statement lines to entries: one per configuration and period, and one more for lines that came late."""

from __future__ import annotations

import base64
import hashlib
import itertools
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Select, delete, func, select, update

from portal.access import Scope
from portal.activity.service import record
from portal.couplings.models import Configuration, Coupling
from portal.couplings.periods import last_due, period_of
from portal.documents.models import Document
from portal.kernel import clock, crash
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.models import BankAccount, Entry, EntryLine, StatementLine
from portal.reconciliation.sides import DESCRIPTION_LENGTH, write_sides
from portal.sync import balances, invoicing
from portal.sync.models import Posting


@dataclass(frozen=True, slots=True)
class Drafted:
    """`entries`: those that are new or took lines in; `lines`: how many lines, or documents, were drafted."""

    entries: tuple[Entry, ...]
    lines: int


def draft_due(scope: Scope, configuration: Configuration, today: date, *, delay: bool = True) -> Drafted:
    """Draft what has come due; with `delay` False, every period that is over.

    A period is due the day after its end plus the delay. Lines of nought have nothing to book
    and are left where they are.
    """
    configuration = scope.get(Configuration, configuration.id, lock=True)
    crash.point("drafting.locked")
    _follow_configuration(scope, configuration)
    if configuration.state != "active":
        return Drafted((), 0)
    if invoicing.is_invoice(configuration.entry_kind):
        return _draft_documents(scope, configuration, today, delay=delay)
    query = _waiting(scope, configuration, today, delay=delay).with_for_update()
    waiting = scope.session.scalars(query.execution_options(populate_existing=True)).all()
    by_period = itertools.groupby(waiting, key=lambda line: period_of(configuration.frequency, line.date))
    entries = tuple(_draft(scope, configuration, period, list(lines)) for period, lines in by_period)
    crash.point("drafting.before_commit")
    return Drafted(entries, len(waiting))


def _draft_documents(scope: Scope, configuration: Configuration, today: date, *, delay: bool) -> Drafted:
    query = invoicing.waiting(scope, configuration, today, delay=delay).with_for_update()
    waiting = scope.session.scalars(query.execution_options(populate_existing=True)).all()
    entries = invoicing.draft(scope, configuration, waiting)
    crash.point("drafting.before_commit")
    return Drafted(entries, len(waiting))


def correct_line(
    scope: Scope,
    entry_id: uuid.UUID,
    line_id: uuid.UUID,
    *,
    ledger_account: str,
    description: str,
    version: int,
) -> EntryLine:
    """Change where a line is booked and what it says, while the entry is a draft.

    Raises Conflict "entry.stale" when the entry is not as it was shown (`version`), and
    "entry.not_draft" when it was sent meanwhile. What was drafted is kept beside it.
    """
    entry = _draft_of(scope, entry_id, version)
    if entry.reverses_id is not None:
        raise Conflict("reversal.not_corrected", reference=entry.reference)
    line = scope.get(EntryLine, line_id)
    if line.entry_id != entry.id:
        raise Conflict("entry.stale")
    wanted = (ledger_account.strip(), " ".join(description.split())[:DESCRIPTION_LENGTH])
    if not wanted[0]:
        raise Invalid("entry.account_missing", field="ledger_account")
    before = (line.ledger_account, line.description)
    if wanted != before:
        line.ledger_account, line.description = wanted
        line.corrected_by, line.corrected_at = scope.actor.user_id, clock.now()
        entry.version += 1
        record(
            scope, "entry.corrected", ("entry", entry.id),
            reference=entry.reference, position=line.position,
            account_before=before[0], account_after=wanted[0], text_before=before[1], text_after=wanted[1],
        )  # fmt: skip
    return line


def drop_entry(scope: Scope, entry_id: uuid.UUID, *, version: int) -> Entry:
    """Throw a draft away; its lines wait again. One that may stand in the package stays."""
    entry = _draft_of(scope, entry_id, version)
    offered = select(Posting).where(Posting.tenant_id == scope.tenant_id, Posting.entry_id == entry.id)
    posting = scope.session.scalars(offered.with_for_update()).one_or_none()
    if posting is not None and not posting.surely_unbooked:
        raise Conflict("entry.was_offered")
    of_entry = (EntryLine.tenant_id == scope.tenant_id, EntryLine.entry_id == entry.id)
    scope.session.execute(delete(EntryLine).where(*of_entry))
    scope.session.execute(
        update(StatementLine)
        .where(StatementLine.tenant_id == scope.tenant_id, StatementLine.entry_id == entry.id)
        .values(entry_id=None)
    )
    scope.session.execute(
        update(Document)
        .where(Document.tenant_id == scope.tenant_id, Document.entry_id == entry.id)
        .values(entry_id=None)
    )
    entry.state, entry.version = "dropped", entry.version + 1
    record(scope, "entry.dropped", ("entry", entry.id), context=entry.configuration_id, reference=entry.reference)
    return entry


def lines_of(scope: Scope, entry: Entry) -> Sequence[EntryLine]:
    query = select(EntryLine).where(EntryLine.tenant_id == scope.tenant_id, EntryLine.entry_id == entry.id)
    return scope.session.scalars(query.order_by(EntryLine.position, EntryLine.part)).all()


def reference_of(coupling: Coupling, account: BankAccount, period_start: date, number: int) -> str:
    """Our name for an entry at the provider: 19 characters of A–Z, 2–7 and "-", 80 bits.

    Named after what a restore does not change: the same period of the same bank account drafted
    anew, also by a configuration that was made anew, finds what was booked already.
    """
    facts = (coupling.app, coupling.dossier_code, account.number, account.currency, period_start.isoformat(), number)
    named = "/".join(map(str, facts)).encode()
    return "KP-" + base64.b32encode(hashlib.sha256(named).digest()[:10]).decode()


def _draft_of(scope: Scope, entry_id: uuid.UUID, version: int) -> Entry:
    entry = scope.get(Entry, entry_id, lock=True)
    if entry.state != "draft":
        raise Conflict("entry.not_draft", reference=entry.reference)
    if entry.version != version:
        raise Conflict("entry.stale", reference=entry.reference)
    return entry


def anything_due(scope: Scope, configuration: Configuration, today: date) -> bool:
    """Whether `draft_due` would find something now."""
    if invoicing.is_invoice(configuration.entry_kind):
        documents = invoicing.waiting(scope, configuration, today, delay=True).limit(1)
        return scope.session.scalars(documents).first() is not None
    return scope.session.scalars(_waiting(scope, configuration, today, delay=True).limit(1)).first() is not None


def _waiting(scope: Scope, configuration: Configuration, today: date, *, delay: bool) -> Select[StatementLine]:
    """Lines in no entry yet whose period is due, in the bank's order."""
    until = last_due(configuration.frequency, configuration.delay_days if delay else 0, today)
    if configuration.ends_on is not None:
        until = min(until, configuration.ends_on)
    return (
        select(StatementLine)
        .where(
            StatementLine.tenant_id == scope.tenant_id,
            StatementLine.bank_account_id == configuration.bank_account_id,
            StatementLine.entry_id.is_(None),
            StatementLine.amount != Decimal(0),
            StatementLine.date.between(configuration.starts_on, until),
        )
        .order_by(StatementLine.date, StatementLine.statement_id, StatementLine.position)
    )


def _draft(
    scope: Scope, configuration: Configuration, period: tuple[date, date], lines: Sequence[StatementLine]
) -> Entry:
    """Put lines into the draft of their period, or into a new entry when the last one has gone."""
    entry = _open_entry(scope, configuration, period[0])
    new = entry is None or entry.state != "draft"
    if entry is None or entry.state != "draft":
        entry = _new_entry(scope, configuration, period, 0 if entry is None else entry.sequence + 1)
    else:
        entry.version += 1
    scope.session.flush()
    crash.point("drafting.entry_written")
    _take(scope, entry, configuration, lines)
    crash.point("drafting.lines_taken")
    entry.opening, entry.closing = balances.around(scope, entry)
    tag = "entry.drafted" if new else "entry.lines_added"
    record(
        scope, tag, ("entry", entry.id), context=configuration.id,
        reference=entry.reference, lines=len(lines), period_start=entry.period_start, period_end=entry.period_end,
        late=entry.sequence > 0,
    )  # fmt: skip
    return entry


def _open_entry(scope: Scope, configuration: Configuration, period_start: date) -> Entry | None:
    """The last entry of the period, whatever its state; what undoes one takes no lines."""
    query = select(Entry).where(
        Entry.tenant_id == scope.tenant_id,
        Entry.reverses_id.is_(None),
        Entry.configuration_id == configuration.id,
        Entry.period_start == period_start,
    )
    return scope.session.scalars(query.order_by(Entry.sequence.desc()).limit(1).with_for_update()).one_or_none()


def _free_reference(
    scope: Scope, configuration: Configuration, account: BankAccount, period_start: date, sequence: int
) -> str:
    """The first from `sequence` on that no entry has: another configuration may have named this period before."""
    coupling = scope.get(Coupling, configuration.coupling_id)
    for number in itertools.count(sequence):
        reference = reference_of(coupling, account, period_start, number)
        taken = select(Entry.id).where(Entry.tenant_id == scope.tenant_id, Entry.reference == reference)
        if scope.session.scalar(taken) is None:
            return reference
    raise AssertionError("numbers do not end")


def _new_entry(scope: Scope, configuration: Configuration, period: tuple[date, date], sequence: int) -> Entry:
    account = bank_account_of(scope, configuration)
    entry = Entry(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        configuration_id=configuration.id,
        coupling_id=configuration.coupling_id,
        kind=configuration.entry_kind,
        reference=_free_reference(scope, configuration, account, period[0], sequence),
        period_start=period[0],
        period_end=period[1],
        sequence=sequence,
        journal=configuration.journal,
        bank_ledger_account=configuration.bank_ledger_account,
        date=min(period[1], configuration.ends_on or period[1]),
        currency=account.currency,
        state="draft",
        version=1,
        created_at=clock.now(),
    )
    scope.session.add(entry)
    return entry


def bank_account_of(scope: Scope, configuration: Configuration) -> BankAccount:
    """Of a configuration that books a bank account."""
    if configuration.bank_account_id is None:
        raise AssertionError(f"{configuration.id} books documents")
    return scope.get(BankAccount, configuration.bank_account_id)


def _take(scope: Scope, entry: Entry, configuration: Configuration, lines: Iterable[StatementLine]) -> None:
    """Make the counter side of each line, after those that are there."""
    last = scope.session.scalar(
        select(func.coalesce(func.max(EntryLine.position), 0)).where(
            EntryLine.tenant_id == scope.tenant_id, EntryLine.entry_id == entry.id
        )
    )
    placed = [(line, position) for position, line in enumerate(lines, start=(last or 0) + 1)]
    for line, _ in placed:
        line.entry_id = entry.id
    scope.session.flush()
    write_sides(scope, entry, configuration, placed)


def _follow_configuration(scope: Scope, configuration: Configuration) -> None:
    """Drafts follow an edited configuration; what a person corrected stays corrected."""
    drafts = scope.session.scalars(
        select(Entry)
        .where(
            Entry.tenant_id == scope.tenant_id,
            Entry.configuration_id == configuration.id,
            Entry.state == "draft",
            Entry.reverses_id.is_(None),
        )
        .with_for_update()
    )
    for entry in drafts:
        now = (entry.journal, entry.bank_ledger_account, entry.kind, entry.coupling_id)
        then = (
            configuration.journal,
            configuration.bank_ledger_account,
            configuration.entry_kind,
            configuration.coupling_id,
        )
        moved = scope.session.execute(
            update(EntryLine)
            .where(
                EntryLine.tenant_id == scope.tenant_id,
                EntryLine.entry_id == entry.id,
                EntryLine.corrected_at.is_(None),
                EntryLine.match_id.is_(None),
                EntryLine.ledger_account != configuration.suspense_account,
            )
            .values(
                ledger_account=configuration.suspense_account,
                drafted_account=configuration.suspense_account,
            )
            .returning(EntryLine.id)
        ).all()
        if now != then or moved:
            entry.journal, entry.bank_ledger_account, entry.kind, entry.coupling_id = then
            entry.version += 1
