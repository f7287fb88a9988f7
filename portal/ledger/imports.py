"""Statement files in: stored, known already, or refused and why. All or nothing per file."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors import files
from portal.connectors.errors import Refused
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.limits import UPLOAD
from portal.connectors.statement import Statement as ReadStatement
from portal.connectors.statement import Warning_
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.money import AmountOutOfRange
from portal.ledger.accounts import Number, create_accounts
from portal.ledger.comparing import Decision
from portal.ledger.gathering import Head, gather
from portal.ledger.models import BankAccount, Import
from portal.ledger.storing import decide, look_up, store

MAX_NAME = 120
MAX_WARNINGS = 50


def import_file(
    scope: Scope,
    filename: str,
    stream: BinaryIO,
    size: int,
    *,
    expected: uuid.UUID | str | None = None,
    answers: Answers = UNANSWERED,
    asks: Callable[[Refused], bool] | None = None,
) -> Import:
    """Read one file, of at most 20 MiB and 200,000 lines, into the ledger of a client account.

    `stream` can be rewound; `size` in bytes; `expected` is the bank account on whose page it
    was offered. The row's `state` says what became of it: "stored" (`stored` new lines, `known`
    ones), "known" (nothing new), or "refused" with `code`, `values` and `line`, in which case
    nothing else was written. A refusal for which `asks` is true is raised, and nothing was
    written at all: it is a question, to be answered and tried again with `answers`.
    """
    account = scope.get(BankAccount, expected) if expected else None
    row = _row(scope, filename, size)
    try:
        with scope.session.begin_nested():
            row.sha256 = _sha256(stream)
            row.format, statements = files.open_statements(stream, answers=answers)
            store_statements(scope, row, statements, expected=account)
    except Refused as refusal:
        if asks is not None and asks(refusal):
            raise
        row = _refused(scope, row, refusal.code, dict(refusal.values), refusal.line)
    except AmountOutOfRange as error:
        row = _refused(scope, row, "file.amount", {"text": str(error)}, None)
    _record(scope, row)
    return row


def store_statements(
    scope: Scope, row: Import, statements: Iterable[ReadStatement], *, expected: BankAccount | None = None
) -> list[Decision]:
    """Store what is new and fill `row`, which becomes a row of the session.

    Raises Refused; what was written until then has to be rolled back by the caller.
    """
    heads, arrived = gather(scope.session, statements)
    by_account = _by_account(heads)
    if any(not number for number, _ in by_account):
        raise Refused("file.no_account")
    if expected is not None and set(by_account) - {(expected.number, expected.currency)}:
        other = next(number for number in by_account if number != (expected.number, expected.currency))
        raise Refused("file.other_account", found=other[0], currency=other[1], expected=expected.number)
    accounts, stored = look_up(scope, heads)
    if missing := [number for number in by_account if number not in accounts]:
        if scope.role and scope.accounts is not None:  # there or not: nobody is told which
            raise Refused("file.not_in_groups", found=missing[0][0])
        create_accounts(scope, [(*number, by_account[number][0].bic) for number in missing])
        accounts, stored = look_up(scope, heads)
    decisions = [
        decide(scope, accounts[number], some, stored[accounts[number]], arrived) for number, some in by_account.items()
    ]
    row.stored = sum(decision.stored for decision in decisions)
    row.known = sum(decision.known for decision in decisions)
    # A statement without lines is worth storing too: it continues the chain of balances.
    empty = any(not head.count for decision in decisions for head in decision.heads)
    row.state = "stored" if row.stored or empty else "known"
    row.warnings = [_told(warning) for head in heads for warning in head.warnings][:MAX_WARNINGS]
    store(scope, row, decisions, arrived)
    return decisions


# ------------------------------------------------------------------ steps


def _row(scope: Scope, filename: str, size: int) -> Import:
    return Import(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        filename=clean_name(filename),
        size=size,
        sha256=b"",
        format="",
        code="",
        values={},
        line=None,
        warnings=[],
        stored=0,
        known=0,
        created_at=clock.now(),
        created_by=scope.actor.user_id,
    )


def _refused(scope: Scope, tried: Import, code: str, values: dict[str, str], line: int | None) -> Import:
    """A row of its own: the one that was tried went back with the savepoint."""
    row = _row(scope, tried.filename, tried.size)
    row.sha256, row.format = tried.sha256, tried.format
    row.state, row.code, row.values, row.line = "refused", code, values, line
    scope.session.add(row)
    scope.session.flush()
    return row


def _record(scope: Scope, row: Import) -> None:
    subject = ("import", row.id)
    if row.state == "refused":
        activity.record(scope, "import.refused", subject, filename=row.filename, code=row.code)
    else:
        tag = f"import.{row.state}"
        activity.record(scope, tag, subject, filename=row.filename, stored=row.stored, known=row.known)


def _by_account(heads: Sequence[Head]) -> dict[Number, list[Head]]:
    found: dict[Number, list[Head]] = defaultdict(list)
    for head in heads:
        found[head.account, head.currency].append(head)
    return found


def _sha256(stream: BinaryIO) -> bytes:
    """Of the bytes up to the limit; a longer file is refused when it is read."""
    digest, left = hashlib.sha256(), (UPLOAD.bytes or 0) + 1
    while left > 0 and (chunk := stream.read(min(left, 1 << 20))):
        digest.update(chunk)
        left -= len(chunk)
    stream.seek(0)
    return digest.digest()


def _told(warning: Warning_) -> dict[str, object]:
    return {"code": warning.code, "values": dict(warning.values), "line": warning.line}


def clean_name(filename: str) -> str:
    """A file's name as shown: no folders, no control characters, at most 120 characters."""
    name = unicodedata.normalize("NFC", filename.replace("\\", "/").rpartition("/")[2])
    name = "".join(character for character in name if character.isprintable()).strip()
    if len(name) > MAX_NAME:
        name = f"{name[: MAX_NAME - 11]}…{name[-10:]}"
    return name or "?"
