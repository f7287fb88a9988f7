"""Files that leave something open: kept until somebody answers, then read with the answer.

An answer is used from then on: the meaning of columns for every file with the same headings (in
every account of the firm whose people said it), the order of day and month and the decimal mark
for the files of one format of one bank account.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import BinaryIO

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors import files
from portal.connectors.errors import Refused
from portal.connectors.files import csv_bank
from portal.connectors.files.answers import Answers
from portal.connectors.files.csv_guess import complete
from portal.connectors.files.csv_layout import Layout
from portal.connectors.files.csv_mapping import DESCRIPTION, ROLES, CsvMapping, column_names
from portal.connectors.statement import StatementLine
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Invalid
from portal.ledger import imports
from portal.ledger.accounts import create_accounts
from portal.ledger.models import AccountAnswer, BankAccount, Import, LearntMapping, ParkedFile, Statement

KEPT = timedelta(days=7)
LOOKED_AT = 5_000  # lines of a preview
SHOWN = 8
WAITING = 50  # files of one account that wait at once; older ones are let go

ORDER = frozenset({"csv.date_order", "qif.date_order"})
DECIMAL = frozenset({"csv.decimal", "qif.decimal_sign", "ofx.decimal_sign"})
COLUMNS = frozenset({"csv.unknown_header", "csv.incomplete", "csv.balance"})
ACCOUNT = frozenset({"file.no_account"})
_OPEN_MAPPINGS = ("generic", "learnt")  # columns that may be other than was guessed or said


def is_question(refusal: Refused) -> bool:
    """Whether an answer of people can make the file readable."""
    if refusal.code in ORDER | DECIMAL | COLUMNS | ACCOUNT:
        return True
    return refusal.code.startswith("csv.") and refusal.values.get("mapping") in _OPEN_MAPPINGS


def asks_columns(code: str) -> bool:
    return code.startswith("csv.") and code not in ORDER | DECIMAL


@dataclass(frozen=True, slots=True)
class Reply:
    """What people say about a parked file."""

    account_id: str = ""
    number: str = ""  # of an account that is not there yet
    currency: str = ""
    day_first: bool | None = None
    decimal: str = ""
    mapping: CsvMapping | None = None


# ------------------------------------------------------------------ offering


def offer_file(
    scope: Scope, filename: str, stream: BinaryIO, size: int, *, expected: uuid.UUID | str | None = None
) -> Import | ParkedFile:
    """Import a file with what was answered before; keep it when it leaves something open."""
    account = scope.get(BankAccount, expected) if expected else None
    answers = _answers(scope, account)
    try:
        return _tried(scope, filename, stream, size, account, answers)
    except Refused as question:
        return _park(scope, filename, stream, size, account, question)


def _tried(
    scope: Scope, filename: str, stream: BinaryIO, size: int, account: BankAccount | None, answers: Answers
) -> Import:
    """Raises the question that is left, if any. The account that a file names is known after a first try only."""
    expected = account.id if account else None
    try:
        return imports.import_file(scope, filename, stream, size, expected=expected, answers=answers, asks=is_question)
    except Refused as question:
        kept = _kept_answer(scope, account, question)
        if kept is None:
            raise
        stream.seek(0)
        answers = replace(answers, day_first=kept.day_first, decimal=kept.decimal)
        return imports.import_file(scope, filename, stream, size, expected=expected, answers=answers, asks=is_question)


def _answers(scope: Scope, account: BankAccount | None) -> Answers:
    return Answers(
        account=account.number if account else "",
        currency=account.currency if account else "",
        mappings=learnt_mappings(scope),
    )


def learnt_mappings(scope: Scope) -> dict[str, CsvMapping]:
    """By fingerprint: those of the firm that acts here, and over them those of the client account itself."""
    rows = scope.session.scalars(select(LearntMapping)).all()
    ordered = sorted(rows, key=lambda row: row.tenant_id == scope.tenant_id)
    return {row.fingerprint: CsvMapping.from_json(row.mapping) for row in ordered}


def _kept_answer(scope: Scope, account: BankAccount | None, question: Refused) -> AccountAnswer | None:
    if question.code not in ORDER | DECIMAL:
        return None
    query = select(AccountAnswer).where(
        AccountAnswer.tenant_id == scope.tenant_id, AccountAnswer.format == question.code.partition(".")[0]
    )
    if account is not None:
        query = query.where(AccountAnswer.bank_account_id == account.id)
    elif number := question.values.get("account"):
        numbered = select(BankAccount.id).where(BankAccount.tenant_id == scope.tenant_id, BankAccount.number == number)
        query = query.where(AccountAnswer.bank_account_id.in_(numbered))
    else:
        return None
    return scope.session.scalars(query.limit(1)).first()


def _park(
    scope: Scope, filename: str, stream: BinaryIO, size: int, account: BankAccount | None, question: Refused
) -> ParkedFile:
    """Keep the file, once however often it is offered."""
    stream.seek(0)
    content = stream.read()
    digest = hashlib.sha256(content).digest()
    _let_go(scope, digest)
    now = clock.now()
    row = ParkedFile(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        filename=imports.clean_name(filename),
        size=size,
        sha256=digest,
        content=content,
        bank_account_id=account.id if account else None,
        code=question.code,
        values=dict(question.values),
        line=question.line,
        created_at=now,
        created_by=scope.actor.user_id,
        expires_at=now + KEPT,
    )
    scope.session.add(row)
    scope.session.flush()
    activity.record(scope, "import.asked", ("parked_file", row.id), filename=row.filename, code=row.code)
    return row


def _let_go(scope: Scope, digest: bytes) -> None:
    """The same file offered before, and the oldest ones when many wait."""
    rows = scope.session.scalars(_waiting(scope)).all()
    same = [row for row in rows if row.sha256 == digest]
    for row in {*same, *rows[WAITING - 1 :]}:
        scope.session.delete(row)
    scope.session.flush()


def _waiting(scope: Scope) -> Select[ParkedFile]:
    return (
        select(ParkedFile)
        .where(ParkedFile.tenant_id == scope.tenant_id, ParkedFile.expires_at > clock.now())
        .order_by(ParkedFile.id.desc())
    )


def waiting_files(scope: Scope) -> Sequence[ParkedFile]:
    """Newest first, without their content."""
    return scope.session.scalars(_waiting(scope).limit(WAITING)).all()


def forget_file(scope: Scope, parked_id: uuid.UUID | str) -> None:
    row = scope.get(ParkedFile, parked_id)
    activity.record(scope, "import.forgotten", ("parked_file", row.id), filename=row.filename)
    scope.session.delete(row)


# ------------------------------------------------------------------ looking


@dataclass(frozen=True, slots=True)
class Column:
    name: str  # as CsvMapping names it
    heading: str  # as the file has it; "" when it has none
    examples: tuple[str, ...]
    role: str  # likely


@dataclass(frozen=True, slots=True)
class Sheet:
    layout: Layout
    columns: tuple[Column, ...]


@dataclass(slots=True)
class Preview:
    """What would be stored. `problem` stops it; the lines before it are shown nevertheless."""

    lines: list[StatementLine] = field(default_factory=list)
    accounts: list[tuple[str, str]] = field(default_factory=list)  # number, currency
    count: int = 0
    whole: bool = True  # False when only the first lines were looked at
    came_in: Decimal = Decimal(0)
    went_out: Decimal = Decimal(0)
    first: date | None = None
    last: date | None = None
    proved: bool = False  # balances confirm every amount
    problem: Refused | None = None


def sheet_of(scope: Scope, parked: ParkedFile) -> Sheet | None:
    """The columns of a parked table, None for other formats."""
    if not parked.code.startswith("csv.") and parked.code not in ACCOUNT:
        return None
    layout = csv_bank.look_at(BytesIO(parked.content), Answers(mappings=learnt_mappings(scope)))
    if layout is None:
        return None
    likely = (layout.mapping or layout.guess).used()
    columns = []
    for place, name in enumerate(column_names(layout.names)):
        cells = dict.fromkeys(row[place].strip() for row in layout.rows if place < len(row))
        examples = tuple(cell[:60] for cell in cells if cell)[:3]
        heading = layout.header[place].strip() if layout.header else ""
        columns.append(Column(name, heading, examples, likely.get(name, "")))
    return Sheet(layout, tuple(columns))


def mapping_of(sheet: Sheet, roles: Sequence[str]) -> CsvMapping:
    """The mapping that gives each column, in order, its role. Raises Invalid."""
    data: dict[str, object] = {"key": "learnt", "delimiter": sheet.layout.delimiter}
    texts = []
    for column, role in zip(sheet.columns, roles, strict=False):
        if role == DESCRIPTION:
            texts.append(column.name)
        elif role in ROLES and role in data:
            raise Invalid("mapping.twice")
        elif role in ROLES:
            data[role] = column.name
    if not sheet.layout.header:
        data["width"] = sheet.layout.width
    mapping = CsvMapping.from_json(data | {"description": texts})
    if not complete(mapping):
        raise Invalid("mapping.incomplete")
    return mapping


def preview(scope: Scope, parked: ParkedFile, reply: Reply) -> Preview:
    """Read the first lines with an answer that is not given yet. Writes nothing."""
    found = Preview()
    account = _chosen(scope, parked, reply)
    answers = _with_reply(scope, parked, reply, account.number if account else "", account.currency if account else "")
    try:
        _, statements = files.open_statements(BytesIO(parked.content), answers=answers)
        for statement in statements:
            found.accounts.append((statement.account, statement.currency))
            for line in statement.lines:
                _count(found, line)
                if found.count >= LOOKED_AT:
                    found.whole = False
                    return found
            found.proved = statement.closing is not None
    except Refused as problem:
        found.problem = problem
    return found


def _count(found: Preview, line: StatementLine) -> None:
    found.count += 1
    if found.count <= SHOWN:
        found.lines.append(line)
    if line.amount < 0:
        found.went_out -= line.amount
    else:
        found.came_in += line.amount
    found.first = min(found.first or line.date, line.date)
    found.last = max(found.last or line.date, line.date)


# ------------------------------------------------------------------ answering


def answer_file(scope: Scope, parked_id: uuid.UUID | str, reply: Reply) -> Import:
    """Import a parked file with what was answered, and keep the answer.

    Raises Refused while something is still open, and Invalid for an answer that makes no sense;
    then nothing may be committed.
    """
    parked = scope.get(ParkedFile, parked_id, lock=True)
    account = _chosen(scope, parked, reply) or _made(scope, reply)
    if account is None and parked.code in ACCOUNT:
        raise Invalid("parked.account", field="account")
    answers = _with_reply(scope, parked, reply, account.number if account else "", account.currency if account else "")
    row = imports.import_file(
        scope,
        parked.filename,
        BytesIO(parked.content),
        parked.size,
        expected=parked.bank_account_id,
        answers=answers,
        asks=is_question,
    )
    scope.session.delete(parked)
    if row.state == "refused":
        return row
    if reply.mapping is not None:
        _learn(scope, parked, reply.mapping, row)
    if reply.day_first is not None or reply.decimal:
        for account_id in {*_accounts_of(scope, row), *([account.id] if account else [])}:
            _keep(scope, account_id, row.format, reply)
    return row


def _with_reply(scope: Scope, parked: ParkedFile, reply: Reply, number: str, currency: str) -> Answers:
    mappings = learnt_mappings(scope)
    if reply.mapping is not None:
        layout = csv_bank.look_at(BytesIO(parked.content), Answers(mappings=mappings))
        if layout is not None:
            mappings[layout.fingerprint] = reply.mapping
    return Answers(
        day_first=reply.day_first, decimal=reply.decimal, account=number, currency=currency, mappings=mappings
    )


def _chosen(scope: Scope, parked: ParkedFile, reply: Reply) -> BankAccount | None:
    if parked.bank_account_id is not None:
        return scope.get(BankAccount, parked.bank_account_id)
    return scope.get(BankAccount, reply.account_id) if reply.account_id else None


def _made(scope: Scope, reply: Reply) -> BankAccount | None:
    """The account of a number that was typed, made when it is not there yet."""
    number, currency = re.sub(r"[\s.-]", "", reply.number).upper(), reply.currency.strip().upper() or "EUR"
    if not number:
        return None
    if re.fullmatch(r"[A-Z0-9]{5,34}", number, re.ASCII) is None:
        raise Invalid("parked.number", field="number")
    if re.fullmatch(r"[A-Z]{3}", currency, re.ASCII) is None:
        raise Invalid("parked.currency", field="currency")
    query = select(BankAccount).where(
        BankAccount.tenant_id == scope.tenant_id, BankAccount.number == number, BankAccount.currency == currency
    )
    if (found := scope.session.scalars(query).one_or_none()) is None:
        create_accounts(scope, [(number, currency, "")])
        found = scope.session.scalars(query).one()
    return found


def _learn(scope: Scope, parked: ParkedFile, mapping: CsvMapping, row: Import) -> None:
    """For the firm when its people act here, else for this client account."""
    layout = csv_bank.look_at(BytesIO(parked.content))
    if layout is None:
        return
    values = {
        "tenant_id": scope.portal_id or scope.tenant_id,
        "id": uuid7(),
        "fingerprint": layout.fingerprint,
        "headings": list(layout.header),
        "mapping": mapping.to_json(),
        "created_at": clock.now(),
        "created_by": scope.actor.user_id,
    }
    statement = insert(LearntMapping).values(values)
    scope.session.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "fingerprint"],
            set_={name: statement.excluded[name] for name in ("headings", "mapping", "created_at", "created_by")},
        )
    )
    activity.record(scope, "csv_mapping.learnt", ("import", row.id), filename=parked.filename)


def _accounts_of(scope: Scope, row: Import) -> Sequence[uuid.UUID]:
    query = select(Statement.bank_account_id).where(
        Statement.tenant_id == scope.tenant_id, Statement.import_id == row.id
    )
    return scope.session.scalars(query.distinct()).all()


def _keep(scope: Scope, account_id: uuid.UUID, format: str, reply: Reply) -> None:
    """An answer that was not given now does not undo an earlier one."""
    given = {"day_first": reply.day_first} if reply.day_first is not None else {}
    said: dict[str, object] = given | ({"decimal": reply.decimal} if reply.decimal else {})
    values = {
        "tenant_id": scope.tenant_id,
        "id": uuid7(),
        "bank_account_id": account_id,
        "format": format,
        "day_first": reply.day_first,
        "decimal": reply.decimal,
        "created_at": clock.now(),
        "created_by": scope.actor.user_id,
    }
    statement = insert(AccountAnswer).values(values)
    scope.session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "bank_account_id", "format"], set_=said)
    )
