"""What a bank line and a document say that could belong together."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum

from portal.tenants.names import name_key, words

GRAM = 4  # parts of a number that is printed in groups: "2026 / 0042", "RF18 5390 0754"
TEXT = 300  # characters of a line's text that are looked through
_PART = re.compile(r"[^\W_]+")
_YEAR = re.compile(r"(19|20)\d\d")
_SURE = 6  # characters from which a document's number in a text is no coincidence


class Confidence(IntEnum):
    UNLIKELY = 1
    PROBABLE = 2
    CERTAIN = 3


@dataclass(slots=True)
class OpenLine:
    """A bank line, or what is left of it. `amount` has the bank's sign: > 0 came in. Never changed once made."""

    id: uuid.UUID
    date: date
    amount: Decimal
    currency: str
    counterparty: str = ""
    account: str = ""  # of the counterparty, no blanks
    reference: str = ""  # structured, bare
    text: str = ""


@dataclass(slots=True)
class OpenDocument:
    """A document, or what is left of it. `amount` is what the bank shows when it is paid. Never changed once made."""

    id: uuid.UUID
    number: str
    number_key: str
    date: date
    amount: Decimal
    currency: str
    party: str  # tells parties apart
    party_name: str
    party_words: str  # the telling words of the name, sorted
    iban: str = ""  # where the other side wants to be paid, "" when it is us who are paid
    reference: str = ""


@dataclass(slots=True)
class Clues:
    """What a line says that can be looked up."""

    grams: frozenset[str]
    name: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one document. `rivals`: how many others fit the line just as well."""

    reference: bool = False
    number: bool = False
    account: bool = False
    name: bool = False
    name_part: bool = False
    exact: bool = False
    foreign: bool = False  # the line's account is known to be somebody else's
    sure_number: bool = False


def clues_of(line: OpenLine) -> Clues:
    grams = set(_grams(line.text[:TEXT].upper()))
    if line.reference:
        grams.add(line.reference)
    return Clues(frozenset(grams), name_key(line.counterparty), frozenset(words(line.counterparty)))


def _grams(text: str) -> list[str]:
    """Every run of up to four parts of a text that holds a digit, joined: "INV 2026/42" gives "INV202642" too."""
    if not any(map(str.isdigit, text)):
        return []
    parts = _PART.findall(text)
    digits = [any(map(str.isdigit, part)) for part in parts]
    found = []
    for first in range(len(parts)):
        joined, holds = "", False
        for last in range(first, min(first + GRAM, len(parts))):
            joined += parts[last]
            holds = holds or digits[last]
            if holds and 4 <= len(joined) <= 35:
                found.append(joined)
    return found


def telling(number_key: str) -> bool:
    """Whether a document's number, found in a text, says anything: "7" and "2026" do not."""
    return len(number_key) >= 4 and any(map(str.isdigit, number_key)) and not _YEAR.fullmatch(number_key)


def weigh(line: OpenLine, clues: Clues, document: OpenDocument, parties: frozenset[str]) -> Evidence:
    """`parties`: those that the line's account is known to belong to."""
    by_account = document.party in parties
    by_name = bool(clues.name) and clues.name == document.party_words
    number = telling(document.number_key) and document.number_key in clues.grams
    return Evidence(
        reference=bool(document.reference) and document.reference in clues.grams,
        number=number,
        account=by_account,
        name=by_name,
        name_part=not by_name and not clues.words.isdisjoint(document.party_words.split()),
        exact=line.amount == document.amount,
        foreign=bool(parties) and not by_account,
        sure_number=number and len(document.number_key) >= _SURE,
    )
