"""What people say about a file that leaves something open, given when it is read (again)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.connectors.files.csv_mapping import CsvMapping


@dataclass(frozen=True, slots=True)
class Answers:
    """Each field belongs to a refusal that asks for it; a file that settles it by itself ignores the answer.

    `account` and `currency` are used only where the file names none: those of the bank account
    on whose page it was offered.
    """

    day_first: bool | None = None  # "qif.date_order", "csv.date_order"
    decimal: str = ""  # "." or ",": "qif.decimal_sign", "ofx.decimal_sign", "csv.decimal"
    account: str = ""
    currency: str = ""  # ISO 4217, three capitals
    invert_reversals: bool = False  # "camt.reversal_sign": reversed entries mean the original direction
    mappings: Mapping[str, CsvMapping] = field(default_factory=dict)  # "csv.unknown_header", by fingerprint


UNANSWERED = Answers()
