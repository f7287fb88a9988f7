"""CODA movement records (2x, 3x) as statement lines. Source: Febelfin CODA standard 2.6.

Positions in comments and names are 1-based as in the standard; slices are 0-based.
"""

from __future__ import annotations

from datetime import date
from operator import itemgetter

from portal.connectors.errors import Refused
from portal.connectors.files.coda_text import structured
from portal.connectors.files.coda_values import Dates, decimal
from portal.connectors.files.references import printed_belgian
from portal.connectors.statement import LineDetail, StatementLine

_NOTHING = ("NOTPROVIDED", "NOT PROVIDED")


# Taking all fields of a record in one call costs half of slicing one by one.
_START = itemgetter(slice(2, 6), 31, slice(32, 47))
_HEAD = itemgetter(slice(10, 31), slice(47, 53), slice(53, 61), slice(115, 121))
_TEXT = itemgetter(61, slice(62, 115))
_SECOND = itemgetter(slice(10, 63), slice(63, 98), slice(98, 109), slice(113, 117))
_THIRD = itemgetter(slice(10, 44), slice(47, 82), slice(82, 125))


class Group:
    """A record 21 with the records that belong to it, as they stand in the file."""

    __slots__ = ("head", "infos", "number", "second", "sequence", "third", "thousandths")

    def __init__(self, head: str, number: int) -> None:
        self.head = head
        self.number = number
        self.second = ""
        self.third = ""
        self.infos: list[str] | None = None
        self.sequence, sign, amount = _START(head)
        if not (amount.isdigit() and amount.isascii()):
            raise Refused("coda.amount", line=number, text=amount.strip())
        if sign == "0":
            self.thousandths = int(amount)
        elif sign == "1":
            self.thousandths = -int(amount)
        else:
            raise Refused("coda.sign", line=number, text=sign)

    def read(self) -> tuple[str, str, str, str, str, str]:
        """(description, counterparty, its account, its BIC, reference, end-to-end id)."""
        flag, first_text = _TEXT(self.head)
        second_text, end_to_end_id, bic, reason = _SECOND(self.second)
        account, name, third_text = _THIRD(self.third)
        # A text runs on from one record to the next, in the middle of a word.
        text = first_text + second_text + third_text
        if flag == "1":
            text, reference = structured(text)
        else:
            text = text.strip()
            if "  " in text:
                text = " ".join(text.split())
            reference = printed_belgian(text)
        name = name.strip()
        if "  " in name:
            name = " ".join(name.split())
        if reason and not reason.isspace():
            text = f"{text} {reason.strip()}".lstrip()
        if self.infos:
            text, name = _informed(text, name, self.infos)
        account = account.rstrip()
        if " " in account:
            account = _account(account)
        end_to_end_id = end_to_end_id.strip()
        if end_to_end_id in _NOTHING:
            end_to_end_id = ""
        return text, name, account, bic.strip(), reference, end_to_end_id


def _informed(text: str, name: str, infos: list[str]) -> tuple[str, str]:
    """The description and name with what records 3x add to them."""
    more, full_name = _information(infos)
    if len(full_name) > len(name):
        name = full_name
    if more and more not in text and more != name:
        text = f"{text} {more}".lstrip()
    return text, name


def _account(field: str) -> str:
    """Record 23, 11–44: a Belgian number, a blank and a currency; else a number with spaces in it."""
    if field[12:13] == " " and field[:12].isdigit():
        return field[:12]
    return "".join(field.split())


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
    bank_reference, value_day, code, entry_day = _HEAD(group.head)
    try:
        value_date = dates[value_day]
        day = dates[entry_day] or otherwise or value_date
    except Refused as refusal:
        refusal.line = group.number
        raise
    if day is None:
        raise Refused("coda.date", line=group.number, text=entry_day)
    text, name, account, bic, reference, end_to_end_id = group.read()
    if not text and len(details) == 1:
        text = details[0].description
    return StatementLine(
        day,
        value_date,
        decimal(group.thousandths),
        text,
        name,
        account,
        bic,
        reference,
        end_to_end_id,
        bank_reference.strip(),
        code,
        details,
    )


def detail_of(group: Group) -> LineDetail:
    text, name, account, _, reference, end_to_end_id = group.read()
    return LineDetail(decimal(group.thousandths), text, name, account, reference, end_to_end_id)
