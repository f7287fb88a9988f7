"""QIF: what bookkeeping programs and some banks still export.

It has no currency, no ids and often no account; day and month, point and comma are not settled
by the format. The file settles them where one of its entries can be read in one way only; else
they are asked, and what contradicts the answer is refused. There are no balances. Source:
Intuit's description of 1997, and files.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import count

from portal.connectors.errors import Refused
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.limits import UPLOAD, BoundedReader, Readable, ReadLimits
from portal.connectors.files.qif_sections import Section, Sections
from portal.connectors.files.qif_statement import StatementReader
from portal.connectors.files.qif_values import Amounts, Dates, settle
from portal.connectors.files.replay import Replay, utf8
from portal.connectors.statement import Statement

FORMAT = "qif"

_HEAD = re.compile(r"(?:^|[\r\n])(?:\xef\xbb\xbf)?[ \t]*!(?:type:|account\s|option:|clear:)", re.IGNORECASE)
_NUMBER = re.compile(r"(?=(?:[^\d]*\d){6})[A-Za-z0-9./-]{6,40}", re.ASCII)


def identify(head: bytes) -> bool:
    utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    return bool(_HEAD.search(head.decode("utf-16" if utf16 else "latin-1", "ignore")))


def parse(stream: Readable, limits: ReadLimits = UPLOAD, answers: Answers = UNANSWERED) -> Iterator[Statement]:
    """A statement for each account, each with its lines as an iterator to be read before the next.

    Refused codes: "qif.*" in `refusals.py`, "file.too_large", "file.too_many_entries".
    "qif.date_order" and "qif.decimal_sign" are questions, answered by `answers`.
    """
    replay = Replay(utf8(BoundedReader(stream, limits)))
    settled = settle(Sections(replay, limits), answers)
    replay.rewind()
    sections = Sections(replay, limits)
    entries = iter(sections)
    numbers = count(1)
    dates, amounts = Dates(settled.day_first), Amounts(settled.sign)
    names = _Names(answers)
    section = next(entries, (None,))[0]
    if section is None:
        raise Refused("qif.no_statement", sections=", ".join(sections.others) or "-")
    while section is not None:
        statement = Statement(FORMAT, names.account(section), answers.currency, "", None, None)
        reader = StatementReader(statement, section, entries, limits, numbers, sections.others, dates, amounts)
        yield statement
        deque(statement.lines, maxlen=0)
        section = reader.next


class _Names:
    """Which account a section is on: the number it names, else the one that was answered, else its name."""

    def __init__(self, answers: Answers) -> None:
        self._answer = answers.account
        self._label = ""

    def account(self, section: Section) -> str:
        """Raises Refused("qif.several_accounts") when a second one would fall together with the first."""
        number = "".join(section.account.split())
        if _NUMBER.fullmatch(number):
            return number
        if self._answer or not section.account:
            label = section.account or section.title
            if self._label not in ("", label):
                raise Refused("qif.several_accounts", first=self._label, second=label)
            self._label = label
        return self._answer or section.account
