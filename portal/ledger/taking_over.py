"""Lines that sources without balances told move into the statement with balances that tells them too."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import insert, text

from portal.access import Scope
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.ledger.comparing import Decision, TakenOver
from portal.ledger.gathering import COLUMNS, array, raw
from portal.ledger.models import LineChange, LineSource

_FOUND = text("""
SELECT l.id, l.date, l.value_date, l.statement_id, l.description, l.counterparty, l.counterparty_account, l.reference,
  l.end_to_end_id, l.bank_reference, l.transaction_code, l.entry_id IS NOT NULL AS entered, i.origin, i.format
FROM statement_lines l
JOIN statements s ON s.tenant_id = l.tenant_id AND s.id = l.statement_id
JOIN imports i ON i.tenant_id = s.tenant_id AND i.id = s.import_id
WHERE l.tenant_id = :tenant AND l.id = ANY(:ids)
""")
TEXTS = (
    "description", "counterparty", "counterparty_account", "reference", "end_to_end_id", "bank_reference",
    "transaction_code",
)  # fmt: skip
_MOVE = f"""
UPDATE statement_lines l SET statement_id = t.statement, position = t.position, date = t.date,
  value_date = t.value_date, balance = t.balance, fingerprint = t.print, details = coalesce(t.details, l.details),
  {", ".join(f"{name} = t.{name}" for name in TEXTS)}
FROM unnest(%s::uuid[], %s::uuid[], %s::int[], %s::date[], %s::date[], %s::bigint[], %s::bytea[], %s::jsonb[],
  {", ".join(["%s::text[]"] * len(TEXTS))})
  AS t (id, statement, position, date, value_date, balance, print, details, {", ".join(TEXTS)})
WHERE l.tenant_id = %s AND l.id = t.id"""  # noqa: S608 (constants only)


@dataclass(frozen=True, slots=True)
class _Move:
    """`row` as stored; `filled`: texts that were empty and are told now."""

    taken: TakenOver
    told: dict[str, Any]
    row: Any
    filled: dict[str, str]


def take_over(scope: Scope, decisions: Sequence[Decision], format: str) -> None:
    """Move the lines that the written statements took over, and fill in what they did not say before.

    A line in an entry keeps its date and its texts. What it came from is remembered, for when
    the statement is taken out again.
    """
    for decision in decisions:
        if decision.taken_over:
            moves = _moves(scope, decision.taken_over)
            _write(scope, moves)
            _remember(scope, decision.account_id, moves, format)


def _moves(scope: Scope, taken_over: Sequence[TakenOver]) -> list[_Move]:
    found = scope.session.execute(_FOUND, {"tenant": scope.tenant_id, "ids": [taken.id for taken in taken_over]})
    rows = {row.id: row for row in found}
    moves = []
    for taken in taken_over:
        told, row = dict(zip(COLUMNS, taken.row, strict=True)), rows[taken.id]
        if row.entered and row.date != told["date"]:
            continue
        filled = {name: told[name] for name in TEXTS if told[name] and not getattr(row, name) and not row.entered}
        moves.append(_Move(taken, told, row, filled))
    return moves


def _write(scope: Scope, moves: Sequence[_Move]) -> None:
    rows = [
        (
            move.taken.id, move.taken.head.id, move.told["position"], move.told["date"],
            move.told["value_date"] or move.row.value_date, _balance(move), move.taken.print_,
            _json(move.told["details"]), *(move.filled.get(name, getattr(move.row, name)) for name in TEXTS),
        )
        for move in moves
    ]  # fmt: skip
    if rows:
        columns = [array(column) for column in zip(*rows, strict=True)]
        raw(scope.session).execute(_MOVE, (*columns, scope.tenant_id))


def _json(details: Any) -> Jsonb | None:
    return details if details is None or isinstance(details, Jsonb) else Jsonb(json.loads(json.dumps(details)))


def _balance(move: _Move) -> int | None:
    head, total = move.taken.head, move.told["total"]
    if head.base is None:
        return None
    return int(head.base + total if head.sign > 0 else head.base - total + move.told["amount"])


def _remember(scope: Scope, account_id: uuid.UUID, moves: Sequence[_Move], format: str) -> None:
    now = clock.now()
    common: dict[str, object] = {"tenant_id": scope.tenant_id, "bank_account_id": account_id}
    sources = [
        common | {"id": uuid7(), "provider": move.row.format, "remote_id": "", "line_id": move.taken.id,
                  "statement_id": move.row.statement_id, "created_at": now}
        for move in moves
        if move.row.origin != "feed"
    ]  # fmt: skip
    changes = [
        common | {"id": uuid7(), "line_id": move.taken.id, "source": format, "changed_by": None, "changed_name": "",
                  "changed_at": now, "before": dict.fromkeys(move.filled, ""), "after": move.filled, "applied": True}
        for move in moves
        if move.filled
    ]  # fmt: skip
    if sources:
        scope.session.execute(insert(LineSource), sources)
    if changes:
        scope.session.execute(insert(LineChange), changes)
