"""Read a whole file at once, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import pytest

from portal.connectors.errors import Refused
from portal.connectors.files import open_statements
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.limits import UPLOAD, ReadLimits
from portal.connectors.files.refusals import refusal_text
from portal.connectors.statement import Statement, StatementLine


@dataclass
class Read:
    head: Statement
    lines: list[StatementLine]

    @property
    def warnings(self) -> list[str]:
        return [warning.code for warning in self.head.warnings]


def read(data: bytes, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED) -> list[Read]:
    _, statements = open_statements(BytesIO(data), limits, answers)
    return [Read(statement, list(statement.lines)) for statement in statements]


def only(data: bytes, answers: Answers = UNANSWERED) -> Read:
    (statement,) = read(data, UPLOAD, answers)
    return statement


def refused(data: bytes, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED) -> Refused:
    """The refusal, which must have words."""
    with pytest.raises(Refused) as caught:
        read(data, limits, answers)
    assert refusal_text(caught.value)
    return caught.value
