"""CODA movement records (2x, 3x) as statement lines. Source: Febelfin CODA standard 2.6.

Positions in comments and names are 1-based as in the standard; slices are 0-based.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from portal.connectors.base import LineDetail, StatementLine
from portal.connectors.errors import Refused
from portal.connectors.files.coda_text import structured
from portal.connectors.files.references import printed_belgian

_NOTHING = ("NOTPROVIDED", "NOT PROVIDED")
_REMEMBERED = 4096


class Dates(dict[str, date | None]):
    """DDMMYY → date; 000000 and blank mean unknown. Years 80–99 are 19xx."""

    def __missing__(self, text: str) -> date | None:
        if text in ("000000", "      "):
            return None
        try:
            if not (text.isascii() and text.isdigit()):
                raise ValueError
            year = int(text[4:6])
            value = date(year + (1900 if year >= 80 else 2000), int(text[2:4]), int(text[:2]))
        except ValueError:
            raise Refused("coda.date", text=text) from None
        if len(self) < _REMEMBERED:
            self[text] = value
        return value

    def at(self, text: str, number: int) -> date | None:
        """The date in `text`; a refusal names the line."""
        try:
            return self[text]
        except Refused as refusal:
            refusal.line = number
            raise


def milli(text: str) -> int:
    """Fifteen digits, the last three decimals, as thousandths."""
    if len(text) == 15 and text.isdigit() and text.isascii():
        return int(text)
    raise Refused("coda.amount", text=text.strip())


def decimal(thousandths: int) -> Decimal:
    """Thousandths as a Decimal with two decimals, three where the third is not zero."""
    cents, rest = divmod(thousandths, 10)
    return _scaled(thousandths, -3) if rest else _scaled(cents, -2)


def _scaled(number: int, exponent: int) -> Decimal:
    return Decimal(number).scaleb(exponent)


class Group:
    """A record 21 with the records that belong to it, as they stand in the file."""

    __slots__ = ("head", "infos", "number", "second", "third", "thousandths")

    def __init__(self, head: str, number: int) -> None:
        self.head = head
        self.number = number
        self.second = ""
        self.third = ""
        self.infos: list[str] | None = None
        sign = head[31]
        amount = milli(head[32:47])
        if sign == "0":
            self.thousandths = amount
        elif sign == "1":
            self.thousandths = -amount
        else:
            raise Refused("coda.sign", line=number, text=sign)


def _communication(group: Group) -> tuple[str, str]:
    """(text, reference) from 21, 22 and 23; a free text runs on from one to the next."""
    head = group.head
    if head[61] == "1":
        return structured(head[62:65], head[65:115] + group.second[10:63] + group.third[82:125])
    text = head[62:115] + group.second[10:63] + group.third[82:125]
    text = " ".join(text.split())
    return text, printed_belgian(text)


def _information(infos: list[str]) -> tuple[str, str]:
    """(text, counterparty name) from records 31, 32 and 33."""
    texts: list[str] = []
    name = ""
    address = False
    for line in infos:
        kind = line[1]
        if kind == "1":
            address = line[39] == "1" and line[40:43] == "001"
            if address:
                name = name or " ".join(line[43:113].split())
            else:
                texts.append(line[43:113] if line[39] == "1" else line[40:113])
        elif not address:
            texts.append(line[10:115] if kind == "2" else line[10:100])
    return " ".join("".join(texts).split()), name


def _account(field: str) -> str:
    """Record 23, 11–47: a number, its padding and a currency. Spaces in it do not count."""
    if field[12:13] == " " and field[:12].isdigit():
        return field[:12]
    return "".join(field[:34].split())


class _Read:
    """The fields that a movement and a detail share."""

    __slots__ = ("account", "end_to_end_id", "name", "reference", "text")

    def __init__(self, group: Group) -> None:
        text, self.reference = _communication(group)
        third = group.third
        self.name = " ".join(third[47:82].split())
        self.account = _account(third[10:47])
        self.end_to_end_id = group.second[63:98].strip()
        if self.end_to_end_id in _NOTHING:
            self.end_to_end_id = ""
        reason = group.second[113:117].strip()
        if reason:
            text = f"{text} {reason}".lstrip()
        if group.infos is not None:
            more, name = _information(group.infos)
            if len(name) > len(self.name):
                self.name = name
            if more and more not in text and more != self.name:
                text = f"{text} {more}".lstrip()
        self.text = text


def line_of(group: Group, details: tuple[LineDetail, ...], dates: Dates, otherwise: date | None) -> StatementLine:
    """The movement as a line; `otherwise` is the date when it names none itself."""
    head = group.head
    value_date = dates.at(head[47:53], group.number)
    day = dates.at(head[115:121], group.number) or otherwise or value_date
    if day is None:
        raise Refused("coda.date", line=group.number, text=head[115:121])
    read = _Read(group)
    return StatementLine(
        day,
        value_date,
        decimal(group.thousandths),
        read.text,
        read.name,
        read.account,
        group.second[98:109].strip(),
        read.reference,
        read.end_to_end_id,
        head[10:31].strip(),
        head[53:61],
        details,
    )


def detail_of(group: Group) -> LineDetail:
    read = _Read(group)
    return LineDetail(
        decimal(group.thousandths), read.text, read.name, read.account, read.reference, read.end_to_end_id
    )
