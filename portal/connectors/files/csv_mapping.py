"""What the columns of a table of bank lines mean: data, for the banks known from the start and for learnt ones."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

# Roles that one column has at most, in the order in which a page lists them.
ROLES = (
    "date", "value_date", "amount", "debit", "credit", "sign", "balance", "balance_before", "currency", "account",
    "counterparty", "counterparty_account", "counterparty_bic", "reference", "end_to_end_id", "bank_reference",
    "transaction_code", "number", "status", "refusal",
)  # fmt: skip
DESCRIPTION = "description"  # several columns may have it
UNUSED = ""

_NO_WORD = re.compile(r"[^a-z0-9+]+")


def plain(cell: str) -> str:
    """A heading without case, accents and signs: "Montant (€)" → "montant"."""
    text = unicodedata.normalize("NFKD", cell.strip().strip("\ufeff").lower()).encode("ascii", "ignore").decode()
    return _NO_WORD.sub(" ", text).strip()


def words(text: str) -> tuple[str, ...]:
    """A list of words between commas."""
    return tuple(word.strip() for word in text.split(","))


def fingerprint_of(header: Sequence[str], delimiter: str) -> str:
    """What a learnt mapping is found by: the headings, in their order, and what stands between them."""
    said = "\x1f".join((delimiter, *(plain(cell) for cell in trimmed(header))))
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def trimmed(header: Sequence[str]) -> list[str]:
    """Without empty cells at the end."""
    cells = list(header)
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """Columns are named by their plain heading, or by "#1" … where there is none or it stands twice.

    Either `amount` is signed, or `sign` tells its side, or `debit` and `credit` stand apart.
    `date_order` and `decimal` are "" where the file has to show them.
    """

    key: str  # "kbc", …, "generic" when guessed from the headings, "learnt"
    delimiter: str = ""  # "" : any
    headings: tuple[str, ...] = ()  # all of them must be there; () for a file without headings
    width: int = 0  # columns of a file without headings
    date: str = ""
    value_date: str = ""
    amount: str = ""
    debit: str = ""
    credit: str = ""
    sign: str = ""
    balance: str = ""  # after the row
    balance_before: str = ""
    currency: str = ""
    account: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    counterparty_bic: str = ""
    reference: str = ""
    end_to_end_id: str = ""
    bank_reference: str = ""
    transaction_code: str = ""
    number: str = ""
    status: str = ""
    refusal: str = ""  # a row where this is filled was not booked
    description: tuple[str, ...] = ()
    date_order: str = ""  # "dmy", "mdy", "ymd"
    decimal: str = ""  # "," or "."
    texts: str = ""  # "abn": the description holds labelled fields

    def used(self) -> dict[str, str]:
        """Column → role."""
        roles = {getattr(self, role): role for role in ROLES if getattr(self, role)}
        return roles | dict.fromkeys(self.description, DESCRIPTION)

    def places(self, header: Sequence[str]) -> dict[str, int]:
        """Role → 0-based column, of the roles that this header has a column for."""
        found = {}
        for role in ROLES:
            place = place_of(getattr(self, role), header)
            if place is not None:
                found[role] = place
        return found

    def description_places(self, header: Sequence[str]) -> tuple[int, ...]:
        places = (place_of(name, header) for name in self.description)
        return tuple(place for place in places if place is not None)

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CsvMapping:
        names = {field.name for field in fields(cls)}
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**{name: value for name, value in known.items() if name in names})


def column_names(header: Sequence[str]) -> list[str]:
    """A name for each column, each once: its plain heading, else "#" and its number."""
    heads = [plain(cell) for cell in header]
    # A file without headings has "#1" … for headings, and a number alone would be taken for a word.
    return [
        head if heads.count(head) == 1 and not head.isdigit() and head else f"#{n}" for n, head in enumerate(heads, 1)
    ]


def place_of(name: str, header: Sequence[str]) -> int | None:
    """The 0-based column of a name; of a heading that stands twice, the first."""
    if not name:
        return None
    if name.startswith("#"):
        return int(name[1:]) - 1
    return next((n for n, cell in enumerate(header) if plain(cell) == name), None)
