"""What a statement line is known by, whatever file it came in.

A fingerprint is 16 bytes: a 12-byte digest of what the line says, and a 4-byte counter that
keeps honestly equal lines of one day apart. What a line says is, on purpose, little:

- date and amount, which every format gives alike;
- the counterparty's account, the structured reference and the end-to-end id, stripped to
  letters and digits: CODA and CAMT.053 carry them from the same payment message;
- the description only when those three are empty. Banks word it differently in CODA (with
  record 31 texts, cut at 53 columns) and in CAMT.053 (with `AddtlNtryInf`), complete it later,
  and change its spacing from one download to the next.

Never the bank's own id of the movement, which banks re-use and change, nor the value date.
"""

from __future__ import annotations

import unicodedata
from hashlib import blake2b

from portal.connectors.files.references import belgian_iban
from portal.connectors.statement import StatementLine

KEY_LENGTH = 12
NOTHING = frozenset({"NOTPROVIDED", "NONREF", "NOTAVAILABLE", "NA"})


def content_key(line: StatementLine, units: int) -> bytes:
    """12 bytes of what the line says; `units` is its amount in 0.00001."""
    account, reference, end_to_end = line.counterparty_account, line.reference, line.end_to_end_id
    if account and not account.isalnum():
        account = plain(account)
    if len(account) == 12 and account.isdigit():
        account = belgian_iban(account)
    if reference and not reference.isalnum():
        reference = plain(reference)
    end_to_end = plain(end_to_end) if end_to_end else ""
    if end_to_end in NOTHING:
        end_to_end = ""
    text = "" if account or reference or end_to_end else plain(line.description)
    said = f"{line.date.toordinal()}|{units}|{account.upper()}|{reference.upper()}|{end_to_end}|{text}"
    return blake2b(said.encode(), digest_size=KEY_LENGTH).digest()


def fingerprint(key: bytes, counter: int) -> bytes:
    return key + counter.to_bytes(4, "big")


def key_of(print_: bytes) -> bytes:
    return print_[:KEY_LENGTH]


def counter_of(print_: bytes) -> int:
    return int.from_bytes(print_[KEY_LENGTH:], "big")


_NO_LETTER_OR_DIGIT = bytes(code for code in range(128) if not chr(code).isalnum())


def plain(text: str) -> str:
    """Letters and digits, upper case, without accents."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return text.encode("ascii", "ignore").translate(None, _NO_LETTER_OR_DIGIT).decode().upper()


class Content:
    """The digest of a statement's lines in any order, built while they pass."""

    __slots__ = ("_sum", "count")

    def __init__(self) -> None:
        self._sum = 0
        self.count = 0

    def add(self, key: bytes) -> None:
        self._sum += int.from_bytes(key, "big")
        self.count += 1

    def digest(self, *facts: object) -> bytes:
        """32 bytes of the lines and `facts`; the order of the lines does not count."""
        told = "|".join(map(str, (*facts, self.count, self._sum)))
        return blake2b(told.encode(), digest_size=32).digest()
