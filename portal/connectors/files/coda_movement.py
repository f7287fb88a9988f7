"""CODA movement records (2x, 3x) as statement lines. Source: Febelfin CODA standard 2.6.

Positions in comments and names are 1-based as in the standard; slices are 0-based.
"""

from __future__ import annotations

from datetime import date

from portal.connectors.base import LineDetail, StatementLine
from portal.connectors.errors import Refused
from portal.connectors.files.coda_text import structured
from portal.connectors.files.coda_values import Dates, decimal
from portal.connectors.files.references import printed_belgian

_NOTHING = ("NOTPROVIDED", "NOT PROVIDED")


class Group:
    """A record 21 with the records that belong to it, as they stand in the file."""

    __slots__ = ("head", "infos", "number", "second", "sequence", "third", "thousandths")

    def __init__(self, head: str, number: int) -> None:
        self.head = head
        self.number = number
        self.sequence = head[2:6]
        self.second = ""
        self.third = ""
        self.infos: list[str] | None = None
        amount = head[32:47]
        if not (amount.isdigit() and amount.isascii()):
            raise Refused("coda.amount", line=number, text=amount.strip())
        sign = head[31]
        if sign == "0":
            self.thousandths = int(amount)
        elif sign == "1":
            self.thousandths = -int(amount)
        else:
            raise Refused("coda.sign", line=number, text=sign)

    def texts(self) -> tuple[str, str, str]:
        """(description, reference, counterparty's name)."""
        head, second, third = self.head, self.second, self.third
        # A text runs on from one record to the next, in the middle of a word.
        text = head[62:115] + second[10:63] + third[82:125]
        if head[61] == "1":
            text, reference = structured(text[:3], text[3:])
        else:
            text = " ".join(text.split())
            reference = printed_belgian(text)
        name = " ".join(third[47:82].split())
        reason = second[113:117].strip()
        if reason:
            text = f"{text} {reason}".lstrip()
        if self.infos:
            more, full_name = _information(self.infos)
            if len(full_name) > len(name):
                name = full_name
            if more and more not in text and more != name:
                text = f"{text} {more}".lstrip()
        return text, reference, name

    def account(self) -> str:
        """Record 23, 11–47: a number, its padding and a currency. Spaces in it do not count."""
        account = self.third[10:44].rstrip()
        if " " in account:
            if account[12:13] == " " and account[:12].isdigit():  # Belgian number, blank, currency
                return account[:12]
            return "".join(account.split())
        return account

    def end_to_end_id(self) -> str:
        text = self.second[63:98].strip()
        return "" if text in _NOTHING else text


def _information(infos: list[str]) -> tuple[str, str]:
    """(text, counterparty's full name) from records 31, 32 and 33."""
    texts: list[str] = []
    name = ""
    address = False
    for line in infos:
        kind = line[1]
        if kind == "1":
            address = line[39:43] == "1001"
            if address:
                name = name or " ".join(line[43:113].split())
            else:
                texts.append(line[43:113] if line[39] == "1" else line[40:113])
        elif not address:
            texts.append(line[10:115] if kind == "2" else line[10:100])
    return " ".join("".join(texts).split()), name


def line_of(group: Group, details: tuple[LineDetail, ...], dates: Dates, otherwise: date | None) -> StatementLine:
    """The movement as a line; `otherwise` is the date when it names none itself."""
    head = group.head
    try:
        value_date = dates[head[47:53]]
        day = dates[head[115:121]] or otherwise or value_date
    except Refused as refusal:
        refusal.line = group.number
        raise
    if day is None:
        raise Refused("coda.date", line=group.number, text=head[115:121])
    text, reference, name = group.texts()
    if not text and len(details) == 1:
        text = details[0].description
    return StatementLine(
        day,
        value_date,
        decimal(group.thousandths),
        text,
        name,
        group.account(),
        group.second[98:109].strip(),
        reference,
        group.end_to_end_id(),
        head[10:31].strip(),
        head[53:61],
        details,
    )


def detail_of(group: Group) -> LineDetail:
    text, reference, name = group.texts()
    return LineDetail(decimal(group.thousandths), text, name, group.account(), reference, group.end_to_end_id())
