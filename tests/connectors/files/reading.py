"""Read a whole file at once, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import pytest

from portal.connectors.base import Statement, StatementLine
from portal.connectors.errors import Refused
from portal.connectors.files import open_statements
from portal.connectors.files.limits import UPLOAD, ReadLimits
from portal.connectors.files.refusals import refusal_text


@dataclass
class Read:
    head: Statement
    lines: list[StatementLine]

    @property
    def warnings(self) -> list[str]:
        return [warning.code for warning in self.head.warnings]


def read(data: bytes, limits: ReadLimits = UPLOAD, *, invert_reversals: bool = False) -> list[Read]:
    _, statements = open_statements(BytesIO(data), limits, invert_reversals=invert_reversals)
    return [Read(statement, list(statement.lines)) for statement in statements]


def only(data: bytes, *, invert_reversals: bool = False) -> Read:
    (statement,) = read(data, invert_reversals=invert_reversals)
    return statement


def refused(data: bytes, limits: ReadLimits = UPLOAD) -> Refused:
    """The refusal, which must have words."""
    with pytest.raises(Refused) as caught:
        read(data, limits)
    assert refusal_text(caught.value)
    return caught.value
