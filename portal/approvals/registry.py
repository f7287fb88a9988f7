"""What can wait for approval. Rooms offer kinds; tasks name them, and they are called by name.

A room lists its kinds as `KINDS` in the module that stands here, so that this room need not
know any of those above it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any

from portal.access import Permission, Right, Scope
from portal.kernel.errors import NotFound

Payload = Mapping[str, Any]
ROOMS = (
    "portal.people.approvable", "portal.software.approvable", "portal.approvals.lowering",
    "portal.couplings.approvable", "portal.sync.approvable", "portal.sync.approvable_undoing",
    "portal.sync.going_live",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the diff. `part` is a text of the room's; `before` and `after` as they are shown.

    `sign` is new, changed, skipped or blocked; `worded`: before and after are texts to be translated.
    """

    part: str
    before: str
    after: str
    sign: str = "changed"
    worded: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What a payload comes down to now. `state` is another when the subject is no longer as it was."""

    subject_kind: str
    subject_id: uuid.UUID | None
    state: str
    shown: Mapping[str, Any] = field(default_factory=dict)
    changes: Sequence[Change] = ()
    amount: Decimal | None = None

    def sha256(self, kind: str, payload: Payload) -> bytes:
        told = [kind, self.subject_kind, str(self.subject_id), self.state, payload]
        return hashlib.sha256(canonical(told)).digest()

    def rows(self) -> list[dict[str, Any]]:
        return [asdict(change) for change in self.changes]


@dataclass(frozen=True, slots=True)
class Choice:
    """A part of a payload that can be edited while it waits: its key, label and options (value, text)."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    worded: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """`check` locks the subject and raises what stands in the way; `carry_out` does it, in the caller's transaction.

    `right` is what the submitter needs. `needed` says of a payload how many must approve at least,
    whatever the policy says. `effects` are sentences about what follows.
    """

    name: str
    permission: Permission
    right: Right
    places: frozenset[str]
    word: str
    title: str
    check: Callable[[Scope, Payload], Checked]
    carry_out: Callable[[Scope, Payload], Any]
    choices: Callable[[Scope, Payload], Sequence[Choice]] | None = None
    needed: Callable[[Scope, Payload], int] | None = None
    effects: Sequence[str] = ()
    by_amount: bool = False
    settable: bool = True  # stands on the page of policies


def canonical(told: object) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def fingerprint(*told: object) -> str:
    """A short name for what a subject is like, to be compared later."""
    return hashlib.sha256(canonical([str(one) for one in told])).hexdigest()[:24]


@cache
def kinds() -> Mapping[str, Kind]:
    return {kind.name: kind for room in ROOMS for kind in import_module(room).KINDS}


def kind_of(name: str) -> Kind:
    """Raises NotFound for a name that stands nowhere."""
    found = kinds().get(name)
    if found is None:
        raise NotFound()
    return found
