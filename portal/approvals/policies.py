"""How many must approve, by kind of task: what is set, and what counts for one task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from portal.access import Right, Scope
from portal.activity.service import record
from portal.approvals.models import Policy
from portal.approvals.people import people
from portal.approvals.registry import Checked, Kind, Payload, kind_of, kinds
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid

MOST = 3  # approvals
LARGEST = Decimal(10) ** 15  # an amount from which on nothing would ever wait


@dataclass(frozen=True, slots=True)
class Rule:
    """What is set for a kind in one tenant. `above` None: whatever the amount."""

    kind: Kind
    approvals: int = 0
    above: Decimal | None = None

    def asks(self, amount: Decimal | None) -> int:
        if self.above is not None and amount is not None and abs(amount) <= self.above:
            return 0
        return self.approvals

    def is_lower_than(self, other: Rule) -> bool:
        """Whether anything would need fewer approvals than by the other."""
        if self.approvals < other.approvals:
            return True
        return other.approvals > 0 and _floor(self.above) > _floor(other.above)


def rules(scope: Scope) -> Sequence[Rule]:
    """Of every kind that can be set here. A firm also sets those of client accounts, for its people."""
    query = select(Policy).where(Policy.tenant_id == scope.tenant_id)
    known = {row.kind: row for row in scope.session.scalars(query)}
    offered = [kind for kind in kinds().values() if kind.settable and (scope.kind == "portal" or _is_here(kind, scope))]
    return [_rule(kind, known.get(kind.name)) for kind in offered]


def rule(scope: Scope, kind: Kind, *, lock: bool = False) -> Rule:
    query = select(Policy).where(Policy.tenant_id == scope.tenant_id, Policy.kind == kind.name)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return _rule(kind, scope.session.scalars(query).one_or_none())


def needed(scope: Scope, kind: Kind, checked: Checked, payload: Payload) -> int:
    """How many must approve this: the strictest of the tenant's own rule, the acting firm's, and the kind's."""
    holders = {scope.tenant_id, scope.actor.via_id or scope.tenant_id}
    query = select(Policy).where(Policy.tenant_id.in_(holders), Policy.kind == kind.name)
    asked = [_rule(kind, row).asks(checked.amount) for row in scope.session.scalars(query)]
    own = kind.needed(scope, payload) if kind.needed else 0
    return max([own, *asked])


def is_asked(scope: Scope, kind_name: str) -> bool:
    """Whether anything of this kind may have to wait, whatever it is: one short question before a long check."""
    holders = {scope.tenant_id, scope.actor.via_id or scope.tenant_id}
    query = select(Policy.kind).where(Policy.tenant_id.in_(holders), Policy.kind == kind_name, Policy.approvals > 0)
    return bool(scope.session.scalar(select(query.exists())))


def set_rule(scope: Scope, wanted: Rule) -> Policy:
    """Write it down. The database refuses a lower one that no carried out task stands for.

    Raises Invalid for a number there is not, Conflict("approval.too_few") when nobody could agree.
    """
    check_rule(scope, wanted)
    key = {"tenant_id": scope.tenant_id, "kind": wanted.kind.name}
    row = scope.session.get(Policy, (scope.tenant_id, wanted.kind.name), with_for_update=True)
    before = _rule(wanted.kind, row)
    if row is None:
        row = Policy(**key)
        scope.session.add(row)
    row.approvals, row.above = wanted.approvals, wanted.above
    row.changed_at, row.changed_by = clock.now(), scope.actor.user_id
    scope.session.flush()
    record(
        scope, "approval.rule_changed", ("tenant", scope.tenant_id), kind=wanted.kind.name, before=before.approvals,
        after=wanted.approvals, above_before=before.above, above=wanted.above,
    )  # fmt: skip
    return row


def check_rule(scope: Scope, wanted: Rule) -> None:
    if not 0 <= wanted.approvals <= MOST:
        raise Invalid("approval.number", field="approvals", most=MOST)
    if wanted.above is not None and not (wanted.kind.by_amount and wanted.above.is_finite() and wanted.above >= 0
                                         and wanted.above < LARGEST):  # fmt: skip
        raise Invalid("approval.above", field="above")
    if not wanted.approvals or not _is_here(wanted.kind, scope):
        return
    able = sum(one.may(wanted.kind.permission, Right.APPROVE) for one in people(scope).values())
    # Whoever asks does not count.
    if able <= wanted.approvals:
        raise Conflict("approval.too_few", able=able, needed=wanted.approvals + 1)


def _floor(above: Decimal | None) -> Decimal:
    """Every amount is above this; an amount of nought too, where whatever the amount counts."""
    return Decimal(-1) if above is None else above


def _is_here(kind: Kind, scope: Scope) -> bool:
    return scope.kind in kind.places


def _rule(kind: Kind, row: Policy | None) -> Rule:
    return Rule(kind, row.approvals, row.above) if row else Rule(kind)


def rule_of(payload: Payload) -> Rule:
    """Out of a payload {kind, approvals, above: text or None}. Raises NotFound for an unknown kind."""
    above = payload.get("above")
    return Rule(kind_of(str(payload["kind"])), int(payload["approvals"]), None if above is None else Decimal(above))
