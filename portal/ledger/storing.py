"""From gathered lines to the ledger: each line once.

Whole statements that are known by their digest are left out first. Days that no stored
statement touches are stored as they are; only shared days go through `comparing`.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from psycopg.types.json import Jsonb
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import flag_dirty

from portal.access import Scope
from portal.connectors.errors import Refused
from portal.ledger.accounts import Number
from portal.ledger.comparing import Comparison, Decision, Stored
from portal.ledger.gathering import Arrived, Head, array, raw
from portal.ledger.known import SHIFT
from portal.ledger.matching import Span
from portal.ledger.models import Import
from portal.ledger.taking_over import take_over

SLICE = 20_000  # incoming lines compared at a time, so that memory stays flat
STATEMENTS_A_DAY = 100  # of one account in one file


def look_up(scope: Scope, heads: Sequence[Head]) -> tuple[dict[Number, uuid.UUID], dict[uuid.UUID, list[Stored]]]:
    """The accounts of these statements, locked, and by account what is stored that touches them.

    The lock puts imports into one account in one order; it is taken in the order of the
    numbers, so that two files with the same accounts do not wait for each other. The second
    question sees what was committed while the first one waited; both go out at once.
    """
    numbers = sorted({head.account for head in heads})
    first = min((head.first for head in heads if head.first), default=None)
    last = max((head.last for head in heads if head.last), default=None)
    connection, digests = raw(scope.session), [head.digest for head in heads]
    loose = any(head.opening is None for head in heads)
    with connection.pipeline():
        locked = connection.execute(_LOCK, (scope.tenant_id, numbers), binary=True)
        about = (scope.tenant_id, numbers, digests, last, loose, first, loose, scope.tenant_id, numbers, first, last)
        found = connection.execute(_TOUCHING, about, binary=True)
    accounts = {(number, currency): identity for identity, number, currency in locked}
    stored: dict[uuid.UUID, list[Stored]] = defaultdict(list)
    for account, *rest in found:
        stored[account].append(Stored(Span(*rest[:7]), *rest[7:]))
    return accounts, stored


_LOCK = """SELECT id, number, currency FROM bank_accounts WHERE tenant_id = %s AND number = ANY(%s)
  ORDER BY number, currency FOR UPDATE"""
# Statements that share a day with the incoming ones, or are one of them. A source without balances
# may know the value date only, which is some days off. Lines taken out with their statement count as one.
_TOUCHING = """SELECT s.bank_account_id, s.id, s.opening, s.closing, s.opening_date, s.closing_date, s.first_date,
    s.last_date, s.digest, i.format, i.origin, s.in_order
  FROM bank_accounts a
  JOIN statements s ON s.tenant_id = a.tenant_id AND s.bank_account_id = a.id
  JOIN imports i ON i.tenant_id = s.tenant_id AND i.id = s.import_id
  WHERE a.tenant_id = %s AND a.number = ANY(%s)
    AND (s.digest = ANY(%s) OR (
      s.first_date <= %s::date + CASE WHEN s.opening IS NULL OR %s THEN 15 ELSE 0 END
      AND s.last_date >= %s::date - CASE WHEN s.opening IS NULL OR %s THEN 15 ELSE 0 END))
  UNION ALL
  SELECT d.bank_account_id, d.statement_id, NULL, NULL, NULL, NULL, min(d.date), max(d.date), ''::bytea, '', 'deleted',
    false
  FROM bank_accounts a
  JOIN deleted_lines d ON d.tenant_id = a.tenant_id AND d.bank_account_id = a.id
  WHERE a.tenant_id = %s AND a.number = ANY(%s) AND d.date BETWEEN %s::date AND %s::date AND d.statement IS NOT NULL
  GROUP BY d.bank_account_id, d.statement_id"""


def decide(
    scope: Scope, account_id: uuid.UUID, heads: Sequence[Head], stored: Sequence[Stored], arrived: Arrived
) -> Decision:
    """Sort out what is new among the statements of one account, which is locked.

    Takes the known lines out of `arrived`; new ones that equal a stored line get a counter of
    their own. Raises Refused for a file with absurdly many statements of one day.
    """
    decision = Decision(account_id, [], sum(head.count for head in heads))
    digests = {told.digest for told in stored}
    for head in heads:
        if head.digest not in digests:
            digests.add(head.digest)
            decision.heads.append(head)
    comparison = Comparison(scope, decision, stored, arrived)
    for days in _slices(_shared_days(decision.heads, stored), decision.heads):
        comparison.run(days)
    return decision


def store(scope: Scope, row: Import, decisions: Sequence[Decision], arrived: Arrived) -> None:
    """Write the import, its statements and their new lines: one statement, one round trip."""
    columns = [
        (
            head.ordinal, head.id, decision.account_id, head.base, head.sign, head.number,
            head.opening, head.opening_date, head.closing, head.closing_date, head.first, head.last,
            head.in_order, head.count, head.count - decision.known_lines[head.ordinal], head.digest,
        )
        for decision in decisions
        for head in decision.heads
    ]  # fmt: skip
    if not columns:
        scope.session.add(row)
        return
    source, lines = arrived.source()
    parameters = (
        scope.tenant_id, row.id, row.filename, row.size, row.sha256, row.origin or "file", row.format, row.state,
        row.code, Jsonb(row.values), row.line, row.stored, row.known, Jsonb(row.warnings), row.created_at,
        row.created_by,
        *(array(column) for column in zip(*columns, strict=True)),
        *lines,
    )  # fmt: skip
    raw(scope.session).execute(f"{_INSERT} {source} {_JOIN}", parameters)
    take_over(scope, decisions, row.format)
    # Written past the session: from here on it knows the row, and whoever watches imports sees it flushed.
    make_transient_to_detached(row)
    scope.session.add(row)
    flag_dirty(row)


# As many parameters as there are columns, however many statements; psycopg remembers how to send up to fifty.
_INSERT = """
WITH imported AS (
  INSERT INTO imports (tenant_id, id, filename, size, sha256, origin, format, state, code, "values", line, stored,
    known, warnings, created_at, created_by)
  VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
  RETURNING tenant_id, id, created_at
), heads AS MATERIALIZED (
  SELECT * FROM unnest(%s::int[], %s::uuid[], %s::uuid[], %s::bigint[], %s::int[], %s::text[],
    %s::bigint[], %s::date[], %s::bigint[], %s::date[], %s::date[], %s::date[],
    %s::bool[], %s::int[], %s::int[], %s::bytea[])
  AS h (ordinal, id, account, base, sign, number, opening, opening_date, closing, closing_date, first_date, last_date,
    in_order, line_count, new_lines, digest)
), written AS (
  INSERT INTO statements (tenant_id, import_id, created_at, id, bank_account_id, number, opening, opening_date,
    closing, closing_date, first_date, last_date, in_order, line_count, new_lines, digest)
  SELECT i.tenant_id, i.id, i.created_at, h.id, account, number, opening, opening_date, closing, closing_date,
    first_date, last_date, in_order, line_count, new_lines, digest
  FROM heads h, imported i
)
INSERT INTO statement_lines (tenant_id, id, bank_account_id, statement_id, position, date, value_date, amount,
  balance, description, counterparty, counterparty_account, reference, end_to_end_id, bank_reference,
  transaction_code, details, fingerprint)
SELECT i.tenant_id, a.id, h.account, h.id, a.position, a.date, a.value_date, a.amount,
  h.base + h.sign * a.total + CASE WHEN h.sign < 0 THEN a.amount ELSE 0 END,
  a.description, a.counterparty, a.counterparty_account, a.reference, a.end_to_end_id, a.bank_reference,
  a.transaction_code, a.details, a.fingerprint
FROM"""
_JOIN = "JOIN heads h ON h.ordinal = a.ordinal CROSS JOIN imported i"


# ------------------------------------------------------------------ day by day


def _shared_days(heads: Sequence[Head], stored: Sequence[Stored]) -> list[date]:
    """Days of the incoming statements that a stored one touches, or two incoming ones."""
    count = Counter(day for head in heads for day in head.days)
    crowded = max(count.values(), default=0)
    if crowded > STATEMENTS_A_DAY:
        raise Refused("file.statements_a_day", limit=str(STATEMENTS_A_DAY))
    loose = any(head.opening is None for head in heads)
    ranges = [
        (told.span.first - shift, told.span.last + shift)
        for told in stored
        if told.span.first and told.span.last
        for shift in (SHIFT if loose or told.loose else timedelta(0),)
    ]
    return sorted(
        day for day, heads_ in count.items() if heads_ > 1 or any(first <= day <= last for first, last in ranges)
    )


def _slices(days: Sequence[date], heads: Sequence[Head]) -> Iterator[list[date]]:
    lines: Counter[date] = Counter()
    for head in heads:
        lines.update(head.days)
    some: list[date] = []
    for day in days:
        some.append(day)
        if sum(lines[d] for d in some) >= SLICE:
            yield some
            some = []
    if some:
        yield some
