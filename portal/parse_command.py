"""`portal parse FILE [--json]`: what a statement file says, or why it is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TextIO, TypeAlias

from portal.connectors.errors import Refused
from portal.connectors.files import open_statements
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.limits import LOCAL
from portal.connectors.files.refusals import refusal_text, warning_text
from portal.connectors.statement import LineDetail, Statement, StatementLine

_Write: TypeAlias = Callable[[Iterator[Statement], TextIO], None]

_HEAD = [f.name for f in fields(Statement) if f.name not in ("lines", "warnings")]
_LINE = [f.name for f in fields(StatementLine) if f.name != "details"]
_DETAIL = [f.name for f in fields(LineDetail)]


def parse_file(path: Path, as_json: bool, out: TextIO, err: TextIO, answers: Answers = UNANSWERED) -> int:
    """Write the statements of `path` to `out`: status 0; or the reason to `err`: status 2.

    `as_json` gives an array of statements with their lines, amounts as strings, dates as ISO;
    without it, one row a statement. Nothing is written to `out` when the file is refused.
    """
    write = _write_json if as_json else _write_rows
    try:
        with TemporaryFile("w+", encoding="utf-8") as whole:
            try:
                _parse(path, whole, write, answers)
            except Refused as refusal:
                if refusal.code != "camt.reversal_sign":
                    raise
                whole.seek(0)
                whole.truncate()
                _parse(path, whole, write, replace(answers, invert_reversals=True))
            whole.seek(0)
            shutil.copyfileobj(whole, out)
    except Refused as refusal:
        err.write(f"{path.name}: {refusal_text(refusal)} ({refusal.code})\n")
        return 2
    except OSError as problem:
        err.write(f"{path}: {problem.strerror or problem}\n")
        return 2
    return 0


def _parse(path: Path, whole: TextIO, write: _Write, answers: Answers) -> None:
    with path.open("rb") as stream:
        _, statements = open_statements(stream, LOCAL, answers)
        write(statements, whole)


def _write_json(statements: Iterator[Statement], whole: TextIO) -> None:
    """One line of JSON an entry. A head is complete after its lines only, yet goes before them."""
    separator = "["
    for statement in statements:
        with TemporaryFile("w+", encoding="utf-8") as lines:
            between = ""
            for line in statement.lines:
                lines.write(f"{between}\n  {json.dumps(_line(line))}")
                between = ","
            head: dict[str, Any] = {name: _plain(getattr(statement, name)) for name in _HEAD}
            head["warnings"] = [{"code": w.code, "text": warning_text(w)} for w in statement.warnings]
            whole.write(f'{separator}\n{json.dumps(head)[:-1]}, "lines": [')
            lines.seek(0)
            shutil.copyfileobj(lines, whole)
            whole.write("]}")
            separator = ","
    whole.write("\n]\n")


def _write_rows(statements: Iterator[Statement], whole: TextIO) -> None:
    for statement in statements:
        count = sum(1 for _ in statement.lines)
        head = (statement.format, statement.account, statement.currency, statement.number or "-")
        balances = f"{_shown(statement.opening)} → {_shown(statement.closing)}"
        whole.write(f"{'  '.join(head)}  {count} {'line' if count == 1 else 'lines'}  {balances}\n")
        for warning in statement.warnings:
            whole.write(f"  {warning_text(warning)}\n")


def _shown(balance: Decimal | None) -> str:
    return "?" if balance is None else str(balance)


def _line(line: StatementLine) -> dict[str, Any]:
    row: dict[str, Any] = {name: _plain(getattr(line, name)) for name in _LINE}
    row["details"] = [{name: _plain(getattr(detail, name)) for name in _DETAIL} for detail in line.details]
    return row


def _plain(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
