"""Heads of all chains, copied into files outside the database: <home>/audit/heads-YYYY-MM.jsonl.

A line is {"at", "tenant", "seq", "hash", "seal"}; its seal is that of the head, made with the
audit key, so that a line can neither be made up nor changed. Lines are only appended. Copy the
folder to a place where who can write to the database cannot write.
"""

from __future__ import annotations

import hmac
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from portal.activity.chain import seal_of
from portal.kernel import clock
from portal.kernel.db import Database

Anchors = Mapping[uuid.UUID, Mapping[int, bytes]]
_HEADS = text("SELECT tenant_id, seq, hash, seal FROM heads_of_chains() ORDER BY tenant_id")


class BadAnchor(Exception):
    """A line that we did not write: "file:line"."""


@dataclass(frozen=True, slots=True)
class Head:
    tenant_id: uuid.UUID
    seq: int
    hash: bytes

    def line(self) -> str:
        told = {"at": clock.now().isoformat(timespec="seconds"), "tenant": str(self.tenant_id), "seq": self.seq}
        seal = seal_of(self.tenant_id, self.seq, self.hash)
        return json.dumps(told | {"hash": self.hash.hex(), "seal": seal.hex()}) + "\n"


def heads(database: Database) -> list[Head]:
    """The head of every chain whose seal holds; one that was tampered with is never anchored."""
    with database.scoped() as session:
        rows = session.execute(_HEADS).all()
    return [
        Head(row.tenant_id, row.seq, row.hash)
        for row in rows
        if row.seal and hmac.compare_digest(row.seal, seal_of(row.tenant_id, row.seq, row.hash))
    ]


def folder(home: Path) -> Path:
    return home / "audit"


def drop_anchors(database: Database, home: Path) -> int:
    """Append the heads that moved since they were last anchored; how many."""
    place = folder(home)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = read(place)
    moved = [head for head in heads(database) if head.seq and head.seq not in known.get(head.tenant_id, {})]
    if moved:
        with (place / f"heads-{clock.now():%Y-%m}.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(head.line() for head in moved)
            file.flush()
            os.fsync(file.fileno())
    return len(moved)


def read(place: Path) -> dict[uuid.UUID, dict[int, bytes]]:
    """Every anchored head of a folder or file. Raises BadAnchor."""
    files: Iterable[Path] = [place] if place.is_file() else sorted(place.glob("heads-*.jsonl"))
    found: dict[uuid.UUID, dict[int, bytes]] = {}
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            head = _head(line)
            if head is None:
                raise BadAnchor(f"{file.name}:{number}")
            found.setdefault(head.tenant_id, {})[head.seq] = head.hash
    return found


def _head(line: str) -> Head | None:
    try:
        told = json.loads(line)
        head = Head(uuid.UUID(told["tenant"]), int(told["seq"]), bytes.fromhex(told["hash"]))
        seal = bytes.fromhex(told["seal"])
    except (ValueError, KeyError, TypeError):
        return None
    return head if hmac.compare_digest(seal, seal_of(head.tenant_id, head.seq, head.hash)) else None
