"""OFX bank, card and investment statements: 1.x (SGML) and 2.x (XML), as banks really write them.

Dates are taken as written, whatever zone stands beside them. The ledger balance is the closing
balance; there is no opening balance in OFX, and none is derived, because the ledger balance may
be of a later day than the last transaction. FITID is kept as the bank's reference and never
trusted as identity: banks use one for several lines, and change them. Source: OFX 2.2.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import count

from portal.connectors.errors import Refused
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.limits import UPLOAD, BoundedReader, Readable, ReadLimits
from portal.connectors.files.ofx_markup import Markup
from portal.connectors.files.ofx_records import STATEMENTS, STATUS, Records
from portal.connectors.files.ofx_statement import StatementReader, Values
from portal.connectors.statement import Statement, Warning_

FORMAT = "ofx"

_HEAD = re.compile(r"OFXHEADER\s*[:=]|<OFX[\s>]", re.IGNORECASE)
_LONGEST = 200  # characters shown of a bank's message


def identify(head: bytes) -> bool:
    utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    return bool(_HEAD.search(head.decode("utf-16" if utf16 else "latin-1", "ignore")))


def parse(stream: Readable, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED) -> Iterator[Statement]:
    """The statements of a file, each with its lines as an iterator to be read before the next.

    Refused codes: "ofx.*" in `refusals.py`, "file.too_large", "file.too_many_entries".
    "ofx.decimal_sign" is a question, answered by `answers.decimal`.
    """
    records = iter(Records(Markup(BoundedReader(stream, limits), limits), limits))
    values = Values(answers)
    entries = count(1)
    found = investments = False
    errors: list[str] = []
    for record in records:
        kind, fields = record
        if kind in STATEMENTS:
            statement = Statement(FORMAT, "", "", "", None, None)
            reader = StatementReader(statement, records, limits, entries, values, answers)
            if not reader.begin(record):
                investments = True
                continue
            found = True
            statement.warnings.extend(Warning_("ofx.error_beside", {"text": text}) for text in errors)
            errors.clear()
            yield statement
            deque(statement.lines, maxlen=0)
        elif kind == STATUS and fields.get("SEVERITY", "").upper() == "ERROR" and not errors:
            text = fields.get("MESSAGE") or fields.get("CODE", "")
            errors.append(" ".join(text.split())[:_LONGEST])
    if not found:
        if errors:
            raise Refused("ofx.bank_error", text=errors[0])
        raise Refused("ofx.investments_only" if investments else "ofx.no_statement")
