"""Both sides laid beside each other: what we booked, and what stands in the package."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import case, delete, func, select, type_coerce
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from portal.access import SYSTEM, Scope
from portal.activity.service import record
from portal.connectors.base import Bookkeeping, EntryKind, RemoteEntry
from portal.connectors.errors import ConnectorError
from portal.couplings.models import Coupling
from portal.kernel import clock, crash
from portal.kernel.db import Setting, uuid7
from portal.kernel.errors import Conflict, Invalid, NotFound, PortalError
from portal.ledger.models import Entry, EntryLine
from portal.runtime import Runtime
from portal.store.service import may_use
from portal.sync import standing
from portal.sync.models import Comparison, Posting, PostingState
from portal.sync.sending import Connect, signed_in, told

REACH = timedelta(days=400)  # how far back a night looks
KEEP_CLEAN = timedelta(days=90)  # how long a night without findings is kept
NIGHT_BEGINS = time(2, 0)
PREFIX = "KP-"
NOUGHT = Decimal(0)
NOTE_LENGTH = 500
MARKS = ("seen_at", "seen_by", "note")  # what a person adds to a finding


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be. Amounts as text.

    missing: confirmed, not there · doubled: there more than once · altered: other total or
    number of lines than we sent · not_undone: it does not cancel what it undoes · unexpected:
    there, though we do not hold it for booked · unknown: bears a reference of ours that we never
    gave out.
    """

    kind: str
    reference: str
    entry_id: str = ""
    remote: tuple[str, ...] = ()  # numbers in the package
    ours: str = ""
    theirs: str = ""


@dataclass(frozen=True, slots=True)
class Ours:
    """One posting, as it should stand in the package."""

    reference: str
    entry_id: uuid.UUID
    state: str
    debit: Decimal
    lines: int
    undoes: str = ""  # the reference of the entry that it turns round


@dataclass(frozen=True, slots=True)
class Result:
    offered: int
    booked: int
    found: int
    missing: int
    doubled: int
    altered: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        return not self.findings


def weigh(ours: Sequence[Ours], theirs: Iterable[RemoteEntry], elsewhere: Set[str] = frozenset()) -> Result:
    """Compare, by reference. Pure. `elsewhere`: references of ours that another coupling answers for."""
    there: dict[str, list[RemoteEntry]] = {}
    for entry in theirs:
        if entry.reference.startswith(PREFIX):
            there.setdefault(entry.reference, []).append(entry)
    findings = [finding for one in ours for finding in _judge(one, there.get(one.reference, []))]
    findings += [finding for one in ours if one.undoes for finding in _judge_undoing(one, there)]
    known = {one.reference for one in ours} | elsewhere
    findings += [
        Finding("unknown", reference, remote=_numbers(entries))
        for reference, entries in there.items()
        if reference not in known
    ]
    booked = [one for one in ours if one.state == PostingState.CONFIRMED]
    count = {kind: sum(finding.kind == kind for finding in findings) for kind in ("missing", "doubled", "altered")}
    found = sum(one.reference in there for one in booked)
    return Result(len(ours), len(booked), found, findings=tuple(findings), **count)


def _judge(one: Ours, there: Sequence[RemoteEntry]) -> Iterable[Finding]:
    found = Finding("missing", one.reference, str(one.entry_id), _numbers(there))
    settled = one.state not in (PostingState.SENDING, PostingState.UNCERTAIN)
    if one.state == PostingState.CONFIRMED and not there:
        yield found
    elif len(there) > 1:
        yield replace(found, kind="doubled")
    elif there and one.state != PostingState.CONFIRMED and settled:
        yield replace(found, kind="unexpected", ours=one.state)
    elif there and (there[0].total_debit, there[0].line_count) != (one.debit, one.lines):
        theirs = f"{there[0].total_debit} / {there[0].line_count}"
        yield replace(found, kind="altered", ours=f"{one.debit} / {one.lines}", theirs=theirs)


def _judge_undoing(one: Ours, there: Mapping[str, Sequence[RemoteEntry]]) -> Iterable[Finding]:
    """Both together come to nothing on each account, where both stand there once and tell their lines."""
    found, undone = there.get(one.reference, ()), there.get(one.undoes, ())
    if one.state != PostingState.CONFIRMED or len(found) != 1 or len(undone) != 1:
        return
    if not (found[0].lines and undone[0].lines):
        return
    left: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in (*found[0].lines, *undone[0].lines):
        left[line.ledger_account] += line.amount
    wrong = [f"{account} {amount:f}" for account, amount in sorted(left.items()) if amount]
    if wrong:
        yield Finding("not_undone", one.reference, str(one.entry_id), _numbers(found), theirs=", ".join(wrong))


def _numbers(entries: Sequence[RemoteEntry]) -> tuple[str, ...]:
    return tuple(entry.number or entry.id for entry in entries)


@dataclass(frozen=True, slots=True)
class Compared:
    """A line of `portal compare`. `error` is the code of why a dossier could not be read."""

    tenant_id: uuid.UUID
    coupling_id: uuid.UUID
    dossier: str
    result: Result | None
    error: str = ""


def compare_all(runtime: Runtime, only: uuid.UUID | None = None, connect: Connect = signed_in) -> list[Compared]:
    """Every coupling that ever posted, of every client or of one; all of its entries, not only the recent."""
    with runtime.database.scoped() as session:
        tenants = [only] if only else list(session.execute(select(func.all_tenants())).scalars())
    table = []
    for tenant_id in tenants:
        with runtime.database.scoped(Setting(tenant=tenant_id)) as session:
            posted = select(Posting.coupling_id).where(Posting.tenant_id == tenant_id)
            couplings = session.scalars(select(Coupling).where(Coupling.id.in_(posted)).order_by(Coupling.id)).all()
        table += [_compared(runtime, coupling, connect) for coupling in couplings]
    return table


def _compared(runtime: Runtime, coupling: Coupling, connect: Connect) -> Compared:
    told_as = (coupling.tenant_id, coupling.id, coupling.dossier_number)
    try:
        return Compared(*told_as, compare(runtime, coupling.tenant_id, coupling.id, connect, reach=None))
    except (ConnectorError, PortalError) as failure:
        return Compared(*told_as, None, told(failure)[0])


def compare(
    runtime: Runtime,
    tenant_id: uuid.UUID,
    coupling_id: uuid.UUID,
    connect: Connect = signed_in,
    *,
    reach: timedelta | None = REACH,
) -> Result:
    """Compare one coupling now and keep the result as that of tonight. Raises the connector's errors.

    What was booked while we read theirs is judged as still under way.
    """
    begun = clock.now()
    since = clock.today() - reach if reach else date.min
    setting = Setting(tenant=tenant_id)
    with runtime.database.scoped(setting) as session:
        coupling = session.get_one(Coupling, (tenant_id, coupling_id))
        spans = list(session.execute(_spans(tenant_id, coupling_id, since)))
        scope = Scope(session, tenant_id, "client", "", SYSTEM)
        if not may_use(scope, tenant_id, coupling.authorisation_tenant_id, coupling.app):
            raise Conflict("posting.access_off")
    connection = connect(
        runtime.database, runtime.vault, runtime.settings, coupling.authorisation_tenant_id, coupling.authorisation_id
    )
    theirs = [entry for span in spans for entry in _read(connection, coupling.dossier_code, span)]
    crash.point("comparison.read")
    with runtime.database.scoped(setting) as session:
        ours = [Ours(*row) for row in session.execute(_ours(tenant_id, coupling_id, since, begun))]
        others = select(Posting.reference).where(Posting.tenant_id == tenant_id, Posting.coupling_id != coupling_id)
        result = weigh(ours, theirs, set(session.scalars(others)))
        _keep(Scope(session, tenant_id, "client", "", SYSTEM), coupling_id, result)
    crash.point("comparison.written")
    return result


def compare_night(runtime: Runtime, tenant_id: uuid.UUID, coupling_id: uuid.UUID, connect: Connect = signed_in) -> None:
    """Compare unless this night was compared already. What the provider cannot answer now, is asked again later."""
    with runtime.database.scoped(Setting(tenant=tenant_id)) as session:
        tonight = (Comparison.tenant_id == tenant_id, Comparison.coupling_id == coupling_id)
        if session.scalar(select(Comparison.id).where(*tonight, Comparison.night == night_of(clock.now()))):
            return
    try:
        compare(runtime, tenant_id, coupling_id, connect)
    except (ConnectorError, PortalError):
        return  # the sweep of the night rings again


def night_of(now: datetime) -> date:
    """The night a moment belongs to, named by its morning."""
    local = now.astimezone(clock.BUSINESS_ZONE)
    return local.date() if local.time() >= NIGHT_BEGINS else local.date() - timedelta(days=1)


def forget_old(scope: Scope) -> None:
    """Nights without findings are kept for a while, those with findings for good."""
    scope.session.execute(
        delete(Comparison).where(
            Comparison.tenant_id == scope.tenant_id,
            Comparison.night < clock.today() - KEEP_CLEAN,
            func.jsonb_array_length(Comparison.findings) == 0,
        )
    )


def _spans(tenant_id: uuid.UUID, coupling_id: uuid.UUID, since: date) -> Any:
    """(kind, journal, first day, last day) of what we may have booked there."""
    return (
        select(
            Entry.kind,
            Entry.journal,
            func.min(Entry.period_start).label("first"),
            func.max(Entry.period_end).label("last"),
        )
        .join(Posting, (Posting.tenant_id == Entry.tenant_id) & (Posting.entry_id == Entry.id))
        .where(Posting.tenant_id == tenant_id, Posting.coupling_id == coupling_id, Entry.period_start >= since)
        .group_by(Entry.kind, Entry.journal)
    )


def _read(connection: Bookkeeping, dossier: str, span: Any) -> Iterable[RemoteEntry]:
    return connection.entries(dossier, EntryKind(span.kind), span.journal, span.first, span.last)


def _ours(tenant_id: uuid.UUID, coupling_id: uuid.UUID, since: date, begun: datetime) -> Any:
    amount = EntryLine.amount
    debit = func.coalesce(func.sum(case((amount > NOUGHT, amount))), NOUGHT)
    credit = -func.coalesce(func.sum(case((amount < NOUGHT, amount))), NOUGHT)
    bank_side = case(((Entry.kind == EntryKind.GENERAL) & (debit != credit), 1), else_=0)
    # Of a document: what it comes to with VAT, see `RemoteEntry`.
    invoice = Entry.kind.in_((EntryKind.SALES, EntryKind.PURCHASE))
    owed = func.abs(func.coalesce(func.sum(amount + func.coalesce(EntryLine.vat_amount, NOUGHT)), NOUGHT))
    total = case((invoice, owed), else_=func.greatest(debit, credit))
    state = case((Posting.confirmed_at > begun, PostingState.SENDING), else_=Posting.state)
    first = aliased(Entry)
    undoes = func.coalesce(func.max(first.reference), "")
    return (
        select(Posting.reference, Entry.id, state, type_coerce(total, amount.type), func.count() + bank_side, undoes)
        .join(Entry, (Posting.tenant_id == Entry.tenant_id) & (Posting.entry_id == Entry.id))
        .outerjoin(first, (first.tenant_id == Entry.tenant_id) & (first.id == Entry.reverses_id))
        .join(EntryLine, (EntryLine.tenant_id == Entry.tenant_id) & (EntryLine.entry_id == Entry.id))
        .where(Posting.tenant_id == tenant_id, Posting.coupling_id == coupling_id, Entry.period_start >= since)
        .group_by(Posting.tenant_id, Posting.id, Entry.tenant_id, Entry.id)
        .order_by(Posting.reference)
    )  # fmt: skip


def mark_seen(scope: Scope, comparison_id: uuid.UUID, kind: str, reference: str, note: str) -> None:
    """A person answers for a finding: it asks for no attention any more, here and in later nights that find the same.

    Raises NotFound when the night has no such finding left to see, Invalid "comparison.note_missing" without a note.
    """
    note = " ".join(note.split())[:NOTE_LENGTH]
    if not note:
        raise Invalid("comparison.note_missing", field="note")
    row = scope.get(Comparison, comparison_id, lock=True)
    wanted = (kind, reference)
    seen = next((f for f in row.findings if (f["kind"], f["reference"]) == wanted and "seen_at" not in f), None)
    if seen is None:
        raise NotFound()
    mark = {"seen_at": clock.now().isoformat(), "seen_by": scope.actor.name, "note": note}
    same = (Comparison.tenant_id == scope.tenant_id, Comparison.coupling_id == row.coupling_id)
    for one in scope.session.scalars(select(Comparison).where(*same, Comparison.night >= row.night).with_for_update()):
        one.findings = [f | mark if "seen_at" not in f and _facts(f) == _facts(seen) else f for f in one.findings]
    record(
        scope, "comparison.seen", ("coupling", row.coupling_id), kind=kind, reference=reference,
        night=row.night.isoformat(), note=note,
    )  # fmt: skip


def _facts(finding: Mapping[str, Any]) -> dict[str, Any]:
    """What was found, without who has seen it."""
    return {key: value for key, value in finding.items() if key not in MARKS}


def _marked(scope: Scope, coupling_id: uuid.UUID, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """As they are kept: what the last night found just so, and a person has seen, stays seen."""
    same = (Comparison.tenant_id == scope.tenant_id, Comparison.coupling_id == coupling_id)
    last = scope.session.scalars(
        select(Comparison).where(*same).order_by(Comparison.night.desc()).limit(1).with_for_update()
    ).one_or_none()
    known = [finding for finding in last.findings if "seen_at" in finding] if last else []
    kept = [asdict(finding) | {"remote": list(finding.remote)} for finding in findings]
    return [next((one for one in known if _facts(one) == fresh), fresh) for fresh in kept]


def _keep(scope: Scope, coupling_id: uuid.UUID, result: Result) -> None:
    now = clock.now()
    figures = {
        "compared_at": now, "offered": result.offered, "booked": result.booked, "found": result.found,
        "missing": result.missing, "doubled": result.doubled, "altered": result.altered,
        "findings": _marked(scope, coupling_id, result.findings),
    }  # fmt: skip
    key = {"tenant_id": scope.tenant_id, "coupling_id": coupling_id, "night": night_of(now)}
    scope.session.execute(
        insert(Comparison)
        .values(id=uuid7(), **key, **figures)
        .on_conflict_do_update(constraint="uq_comparisons_night", set_=figures)
    )
    forget_old(scope)
    standing.changed(scope.session, scope.tenant_id)
    if result.findings:
        record(
            scope, "comparison.differs", ("coupling", coupling_id),
            missing=result.missing, doubled=result.doubled, altered=result.altered,
            other=len(result.findings) - result.missing - result.doubled - result.altered,
        )  # fmt: skip
