"""What a bank feed tells, into the ledger: each booked line once, whoever told it before.

A provider's id is a hint and no proof: banks change and re-use theirs. So a transaction is

1. the line that this provider told under the same id, when date, amount, account and end-to-end
   id still agree; else the id was used again, and both lines stay;
2. else a line that others told (a file, another feed, or one that a person took out), the
   likest first, each at most once: see `likeness`;
3. else a new line.

How many equal lines a day has is what the source that tells most of them tells. A fetch that
tells all from a day on shows which of its ids are gone: their lines may come again under new
ids. A fetch of only what is new cannot tell a changed id from a second equal line; where that
matters nothing is stored and `WholeNeeded` says from which day on to ask for everything.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import insert

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors.feed import FeedTransaction, TransactionStatus
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.money import to_units
from portal.ledger.announced import replace_pending
from portal.ledger.fingerprints import content_key, fingerprint
from portal.ledger.known import Kept, Known, known_lines
from portal.ledger.likeness import Telling, may_be, pair, reworded, telling
from portal.ledger.models import BankAccount, Import, LineSource, Statement, StatementLine
from portal.ledger.rewording import take_words


class WholeNeeded(Exception):
    """A new id tells what an older one told. `since`: the day from which all has to be asked for."""

    def __init__(self, since: date) -> None:
        super().__init__(since.isoformat())
        self.since = since


@dataclass(frozen=True, slots=True)
class Fed:
    """What became of a fetch, in transactions.

    `stored` new lines; `known` were there; `updated` of the known ones say more now; `pending` are
    announced only; `duplicates` were told twice by the provider. `import_id`: None when nothing is new.
    """

    stored: int = 0
    known: int = 0
    updated: int = 0
    pending: int = 0
    duplicates: int = 0
    import_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    transaction: FeedTransaction
    telling: Telling

    @property
    def remote(self) -> str:
        return self.transaction.id


@dataclass(slots=True)
class _Sorted:
    """`held`: stored line by transaction; `fresh`: those without one."""

    held: dict[_Told, Kept] = field(default_factory=dict)
    fresh: list[_Told] = field(default_factory=list)


def store_transactions(
    scope: Scope,
    account: BankAccount,
    provider: str,
    transactions: Iterable[FeedTransaction],
    *,
    whole_since: date | None = None,
) -> Fed:
    """Store what is new of one fetch of one account; the same fetch twice changes nothing.

    `whole_since`: `transactions` are all that the provider has from that day on (`date.min`: all
    that it has), which every now and then it should be asked for; None: only what is new or
    changed. Pending ones replace those of the fetch before, so give all of them each time.
    Raises WholeNeeded, with nothing written, when a fetch without `whole_since` cannot be decided.
    Locks the account until the transaction ends. Does not commit.
    """
    scope.get(BankAccount, account.id, lock=True)
    scope.session.flush()
    booked, doubles, pending = _by_status(transactions)
    known = known_lines(scope, account.id, provider, [told.telling for told in (*booked, *doubles)])
    found = _sort(provider, known, booked, whole_since)
    fresh = found.fresh + _not_doubled(known, found, doubles)
    row = _store(scope, account, provider, known, fresh) if fresh else None
    _remember(scope, account, provider, found.held)
    updated = take_words(scope, account, provider, [(told.transaction.line, kept) for told, kept in found.held.items()])
    waiting = replace_pending(scope, account, provider, pending)
    if fresh or updated:
        activity.record(
            scope, "lines.fed", ("bank_account", account.id), provider=provider, stored=len(fresh), updated=updated
        )
    return Fed(
        len(fresh),
        len(found.held),
        updated,
        waiting,
        len(booked) + len(doubles) - len(fresh) - len(found.held),
        row.id if row else None,
    )


# ------------------------------------------------------------------ sorting out


def _by_status(transactions: Iterable[FeedTransaction]) -> tuple[list[_Told], list[_Told], list[FeedTransaction]]:
    """Booked, told twice by the provider, and announced; of one id told again in a fetch the last telling counts."""
    found: dict[tuple[Any, ...], _Told] = {}
    pending: dict[str, FeedTransaction] = {}
    for transaction in transactions:
        if transaction.status is TransactionStatus.PENDING:
            pending[transaction.id] = transaction
            continue
        line = transaction.line
        told = _Told(transaction, telling(transaction.id, line, to_units(line.amount)))
        # An id that banks share between the lines of a batch tells as many lines as differ.
        said = told.telling
        found[transaction.id, transaction.status, said.date, said.amount, said.account, said.end_to_end] = told
    booked = [told for told in found.values() if told.transaction.status is TransactionStatus.BOOKED]
    ids = {told.remote for told in booked}
    doubles = [
        told
        for told in found.values()
        if told.transaction.status is TransactionStatus.DUPLICATE and told.remote not in ids
    ]
    return booked, doubles, list(pending.values())


def _sort(provider: str, known: Known, booked: Sequence[_Told], whole_since: date | None) -> _Sorted:
    found, rest = _Sorted(), list(booked)
    taken: set[Kept] = set()  # two ids told in one fetch are two lines, whatever they were before
    for alike in (True, False):  # of two lines under one id the one that still says the same goes first
        waiting, rest = rest, []
        for told in waiting:
            kept = known.by_id(told.remote, told.telling, taken, alike=alike)
            if kept is None:
                rest.append(told)
            else:
                found.held[told] = kept
                taken.add(kept)
    left = [kept for kept in known.lines if kept not in taken]
    free = [
        kept for kept in left if not kept.remote_ids or (whole_since is not None and kept.telling.date >= whole_since)
    ]
    last = max((told.telling.date for told in booked), default=date.min)

    def whole(day: date) -> bool:
        return (whole_since is not None and whole_since <= day < last) or known.holds_whole(day)

    by_telling = {told.telling: told for told in rest}
    for mine, theirs in pair([told.telling for told in rest], [kept.telling for kept in free], whole):
        found.held[by_telling.pop(mine)] = known.of(theirs)
    found.fresh = list(by_telling.values())
    _refuse_doubt(provider, found, left, set(free))
    return found


def _refuse_doubt(provider: str, found: _Sorted, left: Sequence[Kept], free: set[Kept]) -> None:
    """A new id that tells what the provider told under an id it is silent about now: in its very words,
    or possibly, where the stored words are those of another source."""
    silent: dict[tuple[date, int], list[Kept]] = defaultdict(list)
    for kept in left:
        if kept not in free:
            silent[kept.telling.date, kept.telling.amount].append(kept)
    doubtful = [
        told.telling.date
        for told in found.fresh
        for kept in silent.get((told.telling.date, told.telling.amount), ())
        if (reworded if kept.provider == provider else may_be)(told.telling, kept.telling)
    ]
    if doubtful:
        raise WholeNeeded(min(doubtful))


def _not_doubled(known: Known, found: _Sorted, doubles: Sequence[_Told]) -> list[_Told]:
    """Those that the provider calls doubled, yet no line is like them: lines after all."""
    there = [kept.telling for kept in known.lines] + [told.telling for told in found.fresh]
    tellings = {told.telling: told for told in doubles}
    for mine, _ in pair(list(tellings), there, lambda day: False):
        del tellings[mine]
    return list(tellings.values())


# ------------------------------------------------------------------ writing


def _store(scope: Scope, account: BankAccount, provider: str, known: Known, fresh: Sequence[_Told]) -> Import:
    """The fetch as an import with one statement, which has no balances: feeds give none of a day's end."""
    now = clock.now()
    row = Import(
        tenant_id=scope.tenant_id, id=uuid7(), filename=provider, size=0, sha256=b"", origin="feed", format=provider,
        state="stored", code="", values={}, line=None, stored=len(fresh), known=0, warnings=[], created_at=now,
        created_by=scope.actor.user_id,
    )  # fmt: skip
    lines = sorted(fresh, key=lambda told: told.telling.date)
    statement = Statement(
        tenant_id=scope.tenant_id, id=uuid7(), bank_account_id=account.id, import_id=row.id, number="",
        opening=None, opening_date=None, closing=None, closing_date=None, first_date=lines[0].telling.date,
        last_date=lines[-1].telling.date, in_order=False, line_count=len(lines), new_lines=len(lines),
        digest=row.id.bytes, created_at=now,
    )  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    scope.session.add(statement)
    scope.session.flush()
    identity = uuid7().int  # ids of one statement ascend
    rows = [_row(told, known, uuid.UUID(int=identity + place), place) for place, told in enumerate(lines, 1)]
    common = {"tenant_id": scope.tenant_id, "bank_account_id": account.id, "statement_id": statement.id}
    scope.session.execute(insert(StatementLine), [common | values for values in rows])
    scope.session.execute(
        insert(LineSource),
        [
            common | {"id": uuid7(), "provider": provider, "remote_id": told.remote, "line_id": values["id"],
                      "created_at": now}
            for told, values in zip(lines, rows, strict=True)
        ],
    )  # fmt: skip
    return row


def _row(told: _Told, known: Known, identity: uuid.UUID, position: int) -> dict[str, Any]:
    line = told.transaction.line
    key = content_key(line, told.telling.amount)
    return {
        "id": identity, "position": position, "date": line.date, "value_date": line.value_date, "amount": line.amount,
        "balance": None, "description": line.description, "counterparty": line.counterparty,
        "counterparty_account": line.counterparty_account, "reference": line.reference,
        "end_to_end_id": line.end_to_end_id, "bank_reference": line.bank_reference,
        "transaction_code": line.transaction_code, "details": None, "fingerprint": fingerprint(key, known.counter(key)),
        "entry_id": None,
    }  # fmt: skip


def _remember(scope: Scope, account: BankAccount, provider: str, held: dict[_Told, Kept]) -> None:
    """Under which ids the provider tells lines that were there."""
    now = clock.now()
    rows = [
        {"tenant_id": scope.tenant_id, "id": uuid7(), "bank_account_id": account.id, "provider": provider,
         "remote_id": told.remote, "line_id": kept.id, "statement_id": None, "created_at": now}
        for told, kept in held.items()
        if told.remote not in kept.remote_ids
    ]  # fmt: skip
    if rows:
        scope.session.execute(insert(LineSource), rows)
