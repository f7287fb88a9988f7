"""Readers of the files, written from the descriptions of their forms; they share nothing with what writes them.

Each refuses what the package would refuse, and gives the lines that it would book.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

FEC_NAMES = [
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib",
    "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise",
    "Idevise",
]  # fmt: skip
FEC_NEEDED = FEC_NAMES[:6] + FEC_NAMES[8:13]
PNM_LENGTHS = {105, 112, 138, 141, 164, 199}


@dataclass(frozen=True)
class Seen:
    """A line as the package would book it: `amount` > 0 is a debit."""

    journal: str
    on: date
    account: str
    reference: str
    text: str
    amount: Decimal
    number: str = ""


class Unreadable(AssertionError):
    """The package would refuse this file."""


def need(condition: object, why: str) -> None:
    if not condition:
        raise Unreadable(why)


def read_pnm(content: bytes, charset: str = "cp1252") -> tuple[str, list[Seen]]:
    """(name of the company, lines)"""
    need(content.endswith(b"\r\n"), "the last line has no end")
    company, *rows = content.decode(charset)[:-2].split("\r\n")
    need(len(company) <= 30, "the name of the company is too long")
    seen = [_pnm_line(row) for row in rows]
    balanced(seen, lambda line: (line.journal, line.on.year, line.on.month))
    return company, seen


def _pnm_line(row: str) -> Seen:
    need(len(row) in PNM_LENGTHS, f"a line of {len(row)}")

    def at(first: int, last: int) -> str:
        return row[first - 1 : last]

    need(at(10, 11) in ("FC", "AC", "RC", "FF", "AF", "RF", "OD", "  "), "type of piece")
    need(at(25, 25) in ("G", " "), "a line that is not general")
    need(at(26, 38).strip() == "" and at(78, 83).strip() == "", "third party or due date")
    need(at(77, 77) in "ECTULVPS ", "way of payment")
    need(at(84, 84) in "DC" and at(105, 105) in "NAS", "side or kind")
    need(re.fullmatch(r" *\d+\.\d\d", at(85, 104)), f"amount {at(85, 104)!r}")
    amount = Decimal(at(85, 104).strip())
    need(amount, "a line of nought")
    on = datetime.strptime(at(4, 9), "%d%m%y").date()  # noqa: DTZ007 (a plain date, without a zone)
    return Seen(
        at(1, 3).rstrip(), on, at(12, 24).rstrip(), at(39, 51).rstrip(), at(52, 76).rstrip(),
        amount if at(84, 84) == "D" else -amount, at(39, 51).rstrip().rpartition("-")[2],
    )  # fmt: skip


def read_fec(content: bytes, charset: str = "iso8859-15", separator: str = "\t") -> list[Seen]:
    need(not content.endswith((b"\r", b"\n")), "a blank line at the end")
    names, *rows = (line.split(separator) for line in re.split(r"\r\n|\r|\n", content.decode(charset)))
    need(names == FEC_NAMES, f"columns {names}")
    seen = []
    for row in rows:
        need(len(row) == 18, f"{len(row)} columns")
        told = dict(zip(names, row, strict=True))
        need(all(told[name] for name in FEC_NEEDED), f"a needed column is empty: {told}")
        debit, credit = (_comma(told[name]) for name in ("Debit", "Credit"))
        need((debit == 0) != (credit == 0), "one of both sides is 0,00")
        need(told["PieceDate"] == told["EcritureDate"], "days differ")
        on = datetime.strptime(told["EcritureDate"], "%Y%m%d").date()  # noqa: DTZ007 (a plain date)
        seen.append(
            Seen(told["JournalCode"], on, told["CompteNum"], told["PieceRef"], told["EcritureLib"], debit - credit,
                 told["EcritureNum"])
        )  # fmt: skip
    balanced(seen, lambda line: (line.journal, line.number))
    balanced(seen, lambda line: (line.journal, line.on))
    return seen


def _comma(text: str) -> Decimal:
    need(re.fullmatch(r"\d+,\d\d", text), f"amount {text!r}")
    return Decimal(text.replace(",", "."))


def read_tra(content: bytes, charset: str = "cp1252") -> tuple[Mapping[str, str], list[Seen]]:
    """(kind of each journal, lines)"""
    need(content.endswith(b"\r\n"), "the last line has no end")
    header, *rows = content.decode(charset)[:-2].split("\r\n")
    need(re.fullmatch(r"\*\*\*(S1|S3|S5|SI|QU|WS|WT)(CLI|EXP)JRLSTD", header[:14]), "header")
    need(header[33:36] == "011" and header[144:147] == "001", "version")
    need(header[147] in "X-" and header[148] in "X-" and len(header) == 149, "end of the header")
    need(header[17:25] == header[25:33] == header[136:144] == "01011900", "days of the header")
    datetime.strptime(header[41:53], "%d%m%Y%H%M")  # noqa: DTZ007 (as its maker's clock showed)
    journals = {row[6:9].rstrip(): row for row in rows if row.startswith("***JAL")}
    kinds = {code: row[44:47].rstrip() for code, row in journals.items()}
    for code, row in journals.items():
        need(row[9:44].strip(), "a journal without a name")
        need(kinds[code] in ("ACH", "BQE", "CAI", "OD", "VTE"), f"kind {kinds[code]!r}")
        need(kinds[code] not in ("BQE", "CAI") or row[53:70].strip(), "a bank journal without its account")
        need(row[73:74] == "-", "way of entering")
    seen = [_tra_line(row, kinds) for row in rows if not row.startswith("***")]
    balanced(seen, lambda line: (line.journal, line.on.year, line.on.month))
    return kinds, seen


def _tra_line(row: str, journals: Mapping[str, str]) -> Seen:
    need(len(row) == 222, f"a line of {len(row)}")

    def at(start: int, length: int) -> str:
        return row[start - 1 : start - 1 + length]

    need(at(1, 3).rstrip() in journals, "a journal without a record")
    need(at(12, 2) in ("FC", "AC", "RC", "FF", "AF", "RF", "OD", "OC", "OF"), "type of piece")
    need(at(31, 1) in ("X", "A", "H", "O", "G", " "), "kind of account")
    need(at(122, 8) == "01011900" and at(130, 1) in "DC" and at(151, 1) in "NSUR", "due date, side, kind")
    need(re.fullmatch(r" *\d+,\d\d", at(131, 20)), f"amount {at(131, 20)!r}")
    need(at(160, 3) in ("EUR", "   ") and at(173, 3) == "E--", "currency")
    need(not at(152, 8).strip() and not at(176, 40).strip(), "places that stay blank")
    amount = Decimal(at(131, 20).strip().replace(",", "."))
    on = datetime.strptime(at(4, 8), "%d%m%Y").date()  # noqa: DTZ007 (a plain date)
    return Seen(
        at(1, 3).rstrip(), on, at(14, 17).rstrip(), at(49, 35).rstrip(), at(84, 35).rstrip(),
        amount if at(130, 1) == "D" else -amount,
    )  # fmt: skip


def read_table(
    content: bytes,
    columns: Sequence[str],
    *,
    charset: str,
    separator: str,
    dates: str,
    decimal: str = ",",
    header: bool = True,
    quotes: bool = True,
) -> list[Seen]:
    """`columns` name what each is: journal, date, account, reference, description, number and the ways of an amount."""
    text = content.decode(charset)
    need(text.endswith("\r\n"), "the last line has no end")
    lines = io.StringIO(text, newline="")
    if quotes:
        rows = list(csv.reader(lines, delimiter=separator))
    else:
        rows = list(csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE))
    if header:
        need(rows.pop(0) == list(columns), "names of the columns")
    seen = []
    for row in rows:
        need(len(row) == len(columns), f"{len(row)} columns")
        told = dict(zip(columns, row, strict=True))
        on = datetime.strptime(told["date"], dates).date()  # noqa: DTZ007 (a plain date)
        seen.append(
            Seen(told["journal"], on, told["account"], told.get("reference", ""), told.get("description", ""),
                 _amount(told, decimal), told.get("number", ""))
        )  # fmt: skip
    balanced(seen, lambda line: (line.journal, line.on.year, line.on.month))
    return seen


def _amount(told: Mapping[str, str], decimal: str) -> Decimal:
    def one(text: str) -> Decimal:
        need(re.fullmatch(rf"-?\d+{re.escape(decimal)}\d\d", text), f"amount {text!r}")
        return Decimal(text.replace(decimal, "."))

    if "signed_amount" in told:
        return one(told["signed_amount"])
    if "amount" in told:
        return one(told["amount"]) * {"D": 1, "C": -1}[told["side"]]
    need(bool(told["debit"]) != bool(told["credit"]), "one of both sides")
    return one(told["debit"]) if told["debit"] else -one(told["credit"])


def balanced(lines: Iterable[Seen], by: Callable[[Seen], object]) -> None:
    sums: dict[object, Decimal] = defaultdict(Decimal)
    for line in lines:
        need(line.amount, "a line of nought")
        sums[by(line)] += line.amount
    need(not any(sums.values()), f"out of balance: {dict(sums)}")
