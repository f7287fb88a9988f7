"""CAMT.053 bank statements, ISO 20022 versions .02 to .13, read in one forward pass.

Sources: the ISO schemas camt.053.001.02–.13. Only booked entries count; the sign comes from
`CdtDbtInd` alone (ISO: of a reversal, it is the direction of the reversal itself). The opening
balance is OPBD, else PRCD, the closing balance CLBD; when both are there they must add up.
What schemas forbid but banks do is read with a warning; what makes no sense is `Refused`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import count

from portal.connectors.errors import Refused
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.camt_fields import FieldReader
from portal.connectors.files.camt_statement import StatementReader
from portal.connectors.files.camt_stream import PartStream
from portal.connectors.files.limits import UPLOAD, BoundedReader, Readable, ReadLimits
from portal.connectors.statement import Statement

FORMAT = "camt053"

_HEAD = re.compile(r"<(?:[\w.-]+:)?(?:BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)|Document)[\s>/]|camt\.05[234]\.\d")


def identify(head: bytes) -> bool:
    """True for camt.053, and for camt.052 and .054, so that those are refused by name."""
    utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    return bool(_HEAD.search(head.decode("utf-16" if utf16 else "latin-1", "ignore")))


def parse(stream: Readable, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED) -> Iterator[Statement]:
    """The statements of a file, each with its lines as an iterator to be read before the next.

    `answers.invert_reversals` turns the sign of entries with `RvslInd`, for the banks that mean the
    original direction; ask for it when a file is refused with "camt.reversal_sign".
    Refused codes: "camt.*" in `refusals.py`, "file.too_large", "file.too_many_entries".
    """
    fields = FieldReader()
    parts = PartStream(BoundedReader(stream, limits), limits, fields.names).parts()
    entries = count(1)
    found = False
    for part in parts:
        found = True
        empty = Statement(FORMAT, "", "", "", None, None)
        reader = StatementReader(empty, parts, fields, limits, entries, answers.invert_reversals)
        statement = reader.begin(part)
        yield statement
        deque(statement.lines, maxlen=0)
    if not found:
        raise Refused("camt.no_statement")
