"""Undoing a booked entry: the same entry the other way round, sent and proved like any other.

Once that is booked, and not before, the lines of the first are free to be drafted again.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from portal.access import Scope
from portal.activity.service import record
from portal.authorisations.models import Authorisation
from portal.connectors import registry
from portal.connectors.login import AuthMode
from portal.couplings.books import DossierBooks, read_books
from portal.couplings.models import Configuration, Coupling
from portal.kernel import clock, crash
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.models import Entry, EntryLine
from portal.reconciliation.sides import DESCRIPTION_LENGTH
from portal.sync import posting as desk
from portal.sync.drafting import drop_entry, lines_of
from portal.sync.invoicing import is_invoice
from portal.sync.letting_go import let_go
from portal.sync.models import Posting, PostingState
from portal.sync.preview import Preview, preview, preview_of

REASON_LENGTH = 300
NUMBER_LENGTH = 20  # of a number that people know an entry by; longer ones are keys
DIFFERS = ("posting.altered", "posting.doubled")


@dataclass(frozen=True, slots=True)
class Undoing:
    """What would be booked. `closed`: the period of the same day is, and `shown` is on the first open day or later."""

    original: Entry
    shown: Preview
    closed: bool

    @property
    def on(self) -> date:
        return self.shown.entry.date


def plan(scope: Scope, entry_id: uuid.UUID, on: date | None = None, *, lock: bool = False) -> Undoing:
    """What would undo an entry: on its own days or, where a period is closed, on the day `on` or the first open one.

    Nothing is written. Raises Conflict with the code of why it cannot be undone here ("reversal.…"),
    and Invalid "reversal.before" for a day before that of the entry.
    """
    original = scope.get(Entry, entry_id, lock=lock)
    crash.point("reversal.locked")
    posting = desk.posting_of(scope, original.id)
    if refusal := why_not(scope, original, posting):
        raise Conflict(refusal, reference=original.reference)
    if posting is None:
        raise AssertionError("only what is booked is undone")
    coupling = _where(scope, original)
    lines, books = lines_of(scope, original), read_books(scope, coupling.id)
    closed = any(not _is_open(books, original.journal, line.date) for line in lines)
    day = original.date
    if closed:
        day = on or first_open_day(books, original.journal, original.date) or original.date
        if day < original.date:
            raise Invalid("reversal.before", field="on")
    entry = _turned(scope, original, coupling, day)
    sides = [_turned_line(entry, line, day if closed else line.date, posting) for line in lines]
    return Undoing(original, preview_of(scope, entry, sides), closed)


def undo(scope: Scope, entry_id: uuid.UUID, *, reason: str, sha256: str, on: date | None = None) -> Posting:
    """Book an entry the other way round, exactly as it was shown (`sha256`), and say why.

    Raises as `plan` does, Invalid "reversal.reason_missing" without a reason, Conflict "entry.stale" when it is
    no longer what was shown, and Invalid "entry.problems" for what the provider would refuse.
    """
    reason = told_reason(reason)
    wanted = plan(scope, entry_id, on, lock=True)
    if wanted.shown.sha256 != sha256:
        raise Conflict("entry.stale", reference=wanted.original.reference)
    original, entry = wanted.original, wanted.shown.entry
    entry.reason = reason
    scope.session.add(entry)
    scope.session.flush()
    crash.point("reversal.entry_written")
    scope.session.add_all(wanted.shown.lines)
    scope.session.flush()
    crash.point("reversal.lines_written")
    _tell(scope, "entry.undoing", original, entry)
    _tell(scope, "entry.undoes", entry, original)
    return desk.hand_over(scope, preview(scope, entry))


def told_reason(text: str) -> str:
    """As it is kept. Raises Invalid "reversal.reason_missing"."""
    reason = " ".join(text.split())[:REASON_LENGTH]
    if not reason:
        raise Invalid("reversal.reason_missing", field="reason")
    return reason


def give_up(scope: Scope, entry_id: uuid.UUID) -> Entry:
    """Throw away an undoing that was surely not booked; the first entry stands, and can be undone anew."""
    entry = scope.get(Entry, entry_id, lock=True)
    if entry.reverses_id is None:
        raise Conflict("entry.was_offered", reference=entry.reference)
    if entry.state == "offered":
        desk.reopen(scope, entry.id)
    drop_entry(scope, entry.id, version=entry.version)
    original = scope.get(Entry, entry.reverses_id)
    _tell(scope, "entry.undoing_given_up", original, entry)
    return original


def accept(scope: Scope, entry_id: uuid.UUID) -> Entry:
    """A person looked at an undoing that stands there otherwise than sent, and says that it undoes all the same."""
    original = scope.get(Entry, entry_id, lock=True)
    entry = reversal_of(scope, original)
    posting = desk.posting_of(scope, entry.id, lock=True) if entry else None
    if original.reversed_at or entry is None or posting is None or posting.state != PostingState.CONFIRMED:
        raise Conflict("reversal.not_booked", reference=original.reference)
    let_go(scope, original.id, entry.reference)
    _tell(scope, "entry.undoing_accepted", original, entry)
    return original


def reversal_of(scope: Scope, entry: Entry) -> Entry | None:
    """What undoes this entry, booked or on its way."""
    living = (Entry.tenant_id == scope.tenant_id, Entry.reverses_id == entry.id, Entry.state != "dropped")
    return scope.session.scalars(select(Entry).where(*living)).one_or_none()


@dataclass(frozen=True, slots=True)
class Ties:
    """What an entry has to do with undoing. `refusal`: the code of why it cannot be undone here; "" when it can."""

    undoes: Entry | None
    undone_by: Entry | None
    by: Posting | None  # of `undone_by`
    refusal: str

    @property
    def to_accept(self) -> bool:
        """What undoes it is booked otherwise than it was sent, so a person has to say whether it holds."""
        booked = self.by is not None and self.by.state == PostingState.CONFIRMED
        return booked and self.refusal == "reversal.under_way"


def ties_of(scope: Scope, entry: Entry, posting: Posting | None) -> Ties:
    undoes = scope.get(Entry, entry.reverses_id) if entry.reverses_id else None
    undone_by = None if undoes else reversal_of(scope, entry)
    by = desk.posting_of(scope, undone_by.id) if undone_by else None
    return Ties(undoes, undone_by, by, why_not(scope, entry, posting))


def why_not(scope: Scope, entry: Entry, posting: Posting | None) -> str:
    """Why a booked entry cannot be undone by another one here, as a code; "" when it can."""
    if entry.reverses_id is not None:
        return "reversal.of_reversal"
    if entry.state != "offered" or posting is None or posting.state != PostingState.CONFIRMED:
        return "reversal.not_booked"
    if entry.reversed_at is not None:
        return "reversal.done"
    if reversal_of(scope, entry) is not None:
        return "reversal.under_way"
    if posting.code in DIFFERS:
        return "reversal.differs"
    coupling = scope.get(Coupling, entry.coupling_id)
    return obstacle(coupling.app, _form(scope, coupling), posting, invoice=is_invoice(entry.kind))


def _form(scope: Scope, coupling: Coupling) -> Mapping[str, str] | None:
    """What was typed for the log-in, without secrets; None where it is not to be seen."""
    of_log_in = (
        Authorisation.tenant_id == coupling.authorisation_tenant_id, Authorisation.id == coupling.authorisation_id,
    )  # fmt: skip
    return scope.session.scalars(select(Authorisation.form).where(*of_log_in)).one_or_none()


def obstacle(app: str, form: Mapping[str, str] | None, posting: Posting, *, invoice: bool) -> str:
    """What keeps this package from undoing by an entry of its own, as a code; "" when nothing does.

    Where the form of the log-in says whether entries are drafts, one without a number was a draft when it was
    sent, whatever the form says now.
    """
    manifest = registry.load(app).MANIFEST
    told = form is not None and posting.remote_number
    can = manifest.capabilities_for(form or {}) if told else manifest.capabilities
    if manifest.auth is AuthMode.FILE:
        return "reversal.files"
    if can.drafts:
        return "reversal.drafts"
    if not can.finds:
        return "reversal.unfindable"
    if not can.reversal:
        return "reversal.not_here"
    return "reversal.invoice" if invoice else ""


def first_open_day(books: DossierBooks, journal: str, since: date) -> date | None:
    """The first day from `since` on in a period that is open for the journal; None when the dossier has none."""
    days = [max(period.starts_on, since) for period in books.periods if period.ends_on >= since
            and period.is_open(journal)]  # fmt: skip
    return min(days, default=None)


def _is_open(books: DossierBooks, journal: str, day: date) -> bool:
    period = books.period_of(day)
    return period is not None and period.is_open(journal)


def _where(scope: Scope, original: Entry) -> Coupling:
    """By the coupling of today where that leads to the same dossier, else by the one it was sent through."""
    then = scope.get(Coupling, original.coupling_id)
    now = scope.get(Coupling, scope.get(Configuration, original.configuration_id).coupling_id)
    return now if (now.app, now.dossier_code) == (then.app, then.dossier_code) else then


def reference_of(original: Entry, number: int) -> str:
    """Our name for what undoes an entry: after a restore the same again, so that it is found and not booked twice."""
    named = f"{original.reference}/undo/{number}".encode()
    return "KP-" + base64.b32encode(hashlib.sha256(named).digest()[:10]).decode()


def _turned(scope: Scope, original: Entry, coupling: Coupling, day: date) -> Entry:
    """Of the same period, so that look-ups and comparisons see both; balances are told by statements alone."""
    return Entry(
        tenant_id=scope.tenant_id, id=uuid7(), configuration_id=original.configuration_id, coupling_id=coupling.id,
        kind=original.kind, reference=_free_reference(scope, original), period_start=original.period_start,
        period_end=max(original.period_end, day), sequence=original.sequence, journal=original.journal,
        bank_ledger_account=original.bank_ledger_account, date=day, currency=original.currency, opening=None,
        closing=None, state="draft", version=1, created_at=clock.now(), reverses_id=original.id,
    )  # fmt: skip


def _free_reference(scope: Scope, original: Entry) -> str:
    """The first that no entry has: an undoing that was given up keeps its own."""
    for number in itertools.count():
        reference = reference_of(original, number)
        taken = select(Entry.id).where(Entry.tenant_id == scope.tenant_id, Entry.reference == reference)
        if scope.session.scalar(taken) is None:
            return reference
    raise AssertionError("numbers do not end")


def _turned_line(entry: Entry, line: EntryLine, day: date, posting: Posting) -> EntryLine:
    number = posting.remote_number
    told = f"{number}: {line.description}" if number and len(number) <= NUMBER_LENGTH else line.description
    text = told[:DESCRIPTION_LENGTH]
    return EntryLine(
        tenant_id=line.tenant_id, id=uuid7(), entry_id=entry.id, turns_id=line.id, position=line.position,
        part=line.part, relation=line.relation, date=day, ledger_account=line.ledger_account, amount=-line.amount,
        description=text, drafted_account=line.ledger_account, drafted_description=text,
    )  # fmt: skip


def _tell(scope: Scope, tag: str, entry: Entry, other: Entry) -> None:
    reason = entry.reason or other.reason
    record(
        scope, tag, ("entry", entry.id), context=entry.configuration_id, reference=entry.reference,
        other=other.reference, reason=reason,
    )  # fmt: skip
