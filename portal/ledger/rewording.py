"""Texts of a line that its source completes later, such as a counterparty's name; each change is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select, update

from portal.access import Scope
from portal.connectors.statement import StatementLine as ToldLine
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.ledger.known import WORDS, Kept
from portal.ledger.models import BankAccount, LineChange, StatementLine

Changes = list[tuple[Kept, dict[str, str]]]


def take_words(scope: Scope, account: BankAccount, provider: str, told: Iterable[tuple[ToldLine, Kept]]) -> int:
    """Write down what `provider` says otherwise than the stored lines; how many lines changed.

    The feed that brought a line may reword it; any other only fills in what is empty. What a
    person corrected stays, and so does a line in an entry: there the change is noted only.
    """
    changes: Changes = []
    for line, kept in told:
        if not (kept.deleted or kept.corrected):
            owner = kept.provider == provider
            after = {
                name: said
                for name in WORDS
                if (said := getattr(line, name)) and said != kept.words[name] and (owner or not kept.words[name])
            }
            if after:
                changes.append((kept, after))
    if changes:
        changes = _not_noted(scope, provider, changes)
    applied = [(kept, after) for kept, after in changes if not kept.entered]
    for kept, after in applied:
        scope.session.execute(
            update(StatementLine)
            .where(StatementLine.tenant_id == scope.tenant_id, StatementLine.id == kept.id)
            .values(**after)
        )
    rows: list[dict[str, object]] = [
        {
            "tenant_id": scope.tenant_id,
            "id": uuid7(),
            "bank_account_id": account.id,
            "line_id": kept.id,
            "source": provider,
            "changed_by": None,
            "changed_name": "",
            "changed_at": clock.now(),
            "before": {name: kept.words[name] for name in after},
            "after": after,
            "applied": not kept.entered,
        }
        for kept, after in changes
    ]
    if rows:
        scope.session.execute(insert(LineChange), rows)
    return len(applied)


def _not_noted(scope: Scope, provider: str, changes: Changes) -> Changes:
    """Without those of lines in an entry that were noted before."""
    entered = [kept.id for kept, _ in changes if kept.entered]
    if not entered:
        return changes
    query = select(LineChange.line_id, LineChange.after).where(
        LineChange.tenant_id == scope.tenant_id,
        LineChange.source == provider,
        LineChange.applied.is_(False),
        LineChange.line_id.in_(entered),
    )
    noted: list[tuple[Any, Any]] = [(line_id, after) for line_id, after in scope.session.execute(query)]
    return [(kept, after) for kept, after in changes if (kept.id, after) not in noted]
