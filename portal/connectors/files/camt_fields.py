"""The fields of CAMT elements: amounts, dates, accounts, parties, texts.

Elements are known by local name, so every version from .02 to .13 reads alike: a party may
sit in `Dbtr` itself or in `Dbtr/Pty`, a BIC be called `BIC` or `BICFI`, a status be text or `Cd`.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element

from portal.connectors.errors import Refused

_REMEMBERED = 4096  # tags and dates cached per file, so that a hostile file cannot fill memory
# 13 digits before the point: what a 64-bit integer with five implied decimals holds.
_AMOUNT = re.compile(r"\d{1,13}(?:\.\d{0,5})?|\.\d{1,5}", re.ASCII)
_MANY_DECIMALS = re.compile(r"\d*\.\d{6,}", re.ASCII)
NOTHING = frozenset(("", "NOTPROVIDED", "NOT PROVIDED"))


class Names(dict[str, str]):
    """Tag → local name: "{urn:…}Ntry" → "Ntry"."""

    def __missing__(self, tag: str) -> str:
        local = tag.rpartition("}")[2]
        if len(self) < _REMEMBERED:
            self[tag] = local
        return local


class Dates(dict[str, date]):
    """ISO date or date-time text → the date as written; a time zone does not move it."""

    def __missing__(self, text: str) -> date:
        try:
            value = date.fromisoformat(text.strip()[:10])
        except ValueError:
            raise Refused("camt.date", text=text[:40]) from None
        if len(self) < _REMEMBERED:
            self[text] = value
        return value


def plain(element: Element) -> str:
    """The element's own text without surrounding white space."""
    return (element.text or "").strip()


def read_amount(element: Element) -> Decimal:
    """An ISO 20022 amount: digits, at most one point and five decimals, never a sign."""
    text = element.text or ""
    if _AMOUNT.fullmatch(text) is None:
        text = text.strip()
        if _AMOUNT.fullmatch(text) is None:
            code = "camt.decimals" if _MANY_DECIMALS.fullmatch(text) else "camt.amount"
            raise Refused(code, text=text[:40])
    return Decimal(text)


def is_credit(element: Element) -> bool:
    """CdtDbtInd → True for CRDT. Raises Refused("camt.sign") for anything but CRDT and DBIT."""
    text = element.text
    if text == "CRDT":
        return True
    if text == "DBIT":
        return False
    text = plain(element)
    if text not in ("CRDT", "DBIT"):
        raise Refused("camt.sign", text=text[:40])
    return text == "CRDT"


def is_true(element: Element) -> bool:
    return plain(element) in ("true", "1")


def squeeze(texts: list[str]) -> str:
    """Texts joined by single spaces, without repeating one that is already there."""
    if len(texts) == 1:
        return " ".join(texts[0].split())
    kept: list[str] = []
    for text in texts:
        words = " ".join(text.split())
        if words and words not in kept:
            kept.append(words)
    return " ".join(kept)


class FieldReader:
    """Reads the elements of one file; `account` is the account of the current statement."""

    def __init__(self) -> None:
        self.names = Names()
        self.dates = Dates()
        self.account = ""

    def date(self, element: Element) -> date | None:
        """The `Dt` or `DtTm` in a date choice."""
        for child in element:
            if child.text and self.names[child.tag] in ("Dt", "DtTm"):
                return self.dates[child.text]
        return None

    def status(self, element: Element) -> str:
        """`Sts` as text (to .06) or as `Sts/Cd` (from .07)."""
        return plain(element[0]) if len(element) else plain(element)

    def code(self, element: Element) -> str:
        """`BkTxCd`: `Domn` as "PMNT-RCDT-ESCT", else the bank's own `Prtry/Cd`."""
        names = self.names
        own = ""
        for child in element:
            name = names[child.tag]
            if name == "Domn":
                return "-".join([plain(x) for x in child.iter() if names[x.tag] in ("Cd", "SubFmlyCd")])
            if name == "Prtry":
                own = self.text(child, "Cd")
        return own

    def text(self, element: Element, name: str) -> str:
        """The text of the first child called `name`, "" when there is none."""
        for child in element:
            if self.names[child.tag] == name:
                return plain(child)
        return ""

    def account_id(self, element: Element) -> str:
        """`Id/IBAN`, else `Id/Othr/Id`, without spaces; "" when neither is there."""
        names = self.names
        for child in element:
            if names[child.tag] == "Id":
                for kind in child:
                    name = names[kind.tag]
                    if name == "IBAN":
                        return "".join((kind.text or "").split())
                    if name == "Othr":
                        return "".join(self.text(kind, "Id").split())
        return ""

    def name(self, element: Element) -> str:
        """`Nm` of a party, wherever the version puts it: in it, in `Pty` or in `Agt/FinInstnId`."""
        for child in element:
            name = self.names[child.tag]
            if name == "Nm":
                return " ".join((child.text or "").split())
            if name in ("Pty", "Agt"):
                inner = next((x for x in child.iter() if self.names[x.tag] == "Nm"), None)
                return "" if inner is None else " ".join((inner.text or "").split())
        return ""

    def bic(self, element: Element) -> str:
        for institution in element:
            if self.names[institution.tag] == "FinInstnId":
                for child in institution:
                    if self.names[child.tag] in ("BIC", "BICFI"):
                        return plain(child)
        return ""
