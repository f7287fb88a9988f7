"""A statement as CODA 2.6 (Febelfin standard): records of 128 columns, ISO-8859-1 with CRLF.

Positions are 1-based as in the standard. Each movement is simple (detail number 0000); texts
beyond the 149 columns of records 21–23 go on in records 31–33. The standard allows six zeros for
an unknown value date, but many readers stop at them: the entry date stands there then.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.connectors.errors import Refused
from portal.connectors.files.references import is_belgian
from portal.connectors.statement import Statement, StatementLine

FORMAT = "coda"
MOST = Decimal(10) ** 12
_FOLLOWED, _LAST = "1", "2"


@dataclass(slots=True)
class _Sums:
    records: int = 0
    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)


def write(statement: Statement, made_on: date, *, last: bool = True) -> Iterator[bytes]:
    """One file of one statement, record by record; `last` False when another follows.

    Raises Refused: "coda.write_balance" without an opening balance, "coda.write_amount" for an
    amount that CODA cannot hold. The closing balance is what the lines lead to.
    """
    if statement.opening is None:
        raise Refused("coda.write_balance")
    number = f"{int(statement.number) % 1000:03d}" if statement.number.isdigit() else "000"
    structure, account = _account(statement.account, statement.currency)
    yield _record(
        (1, "0"), (6, _day(made_on)), (12, _bank(statement.account)), (15, "05"), (35, _text(statement.holder, 26)),
        (61, _text(statement.bic, 11)), (72, "0" * 11), (84, "00000"), (128, "2"),
    )  # fmt: skip
    yield _record(
        (1, "1"), (2, structure), (3, number), (6, account), (43, _sign(statement.opening)),
        (44, _amount(statement.opening)), (59, _day(statement.opening_date)), (65, _text(statement.holder, 26)),
        (126, number),
    )  # fmt: skip
    sums, balance, day = _Sums(1), statement.opening, statement.opening_date
    for place, line in enumerate(statement.lines, 1):
        balance, day = balance + line.amount, line.date
        if line.amount < 0:
            sums.debit -= line.amount
        else:
            sums.credit += line.amount
        for record in _movement((place - 1) % 9999 + 1, line, number):
            sums.records += 1
            yield record
    yield _record(
        (1, "8"), (2, number), (5, account), (42, _sign(balance)), (43, _amount(balance)),
        (58, _day(statement.closing_date or day)), (128, "0"),
    )  # fmt: skip
    yield _record(
        (1, "9"), (17, f"{(sums.records + 1) % 1000000:06d}"), (23, _amount(sums.debit)), (38, _amount(sums.credit)),
        (128, _LAST if last else _FOLLOWED),
    )  # fmt: skip


def _movement(place: int, line: StatementLine, number: str) -> Iterator[bytes]:
    sequence = f"{place:04d}0000"
    flag, text, more = _communication(line)
    first, second, third = text[:53], text[53:106], text[106:149]
    more = f"{text[149:]} {more}".strip()
    name, account = _text(line.counterparty, 35), _text(line.counterparty_account, 34)
    has_third = bool(name or account or third)
    has_second = bool(second or line.end_to_end_id or line.counterparty_bic or has_third)
    infos = bool(more)
    yield _record(
        (1, "21"), (3, sequence), (11, _text(line.bank_reference, 21)), (32, _sign(line.amount)),
        (33, _amount(line.amount)), (48, _day(line.value_date or line.date)), (54, _code(line)), (62, flag),
        (63, first), (116, _day(line.date)), (122, number), (125, "0"), (126, _yes(has_second)),
        (128, _yes(infos and not has_second)),
    )  # fmt: skip
    if has_second:
        yield _record(
            (1, "22"), (3, sequence), (11, second), (64, _text(line.end_to_end_id, 35)),
            (99, _text(line.counterparty_bic, 11)), (126, _yes(has_third)), (128, _yes(infos and not has_third)),
        )  # fmt: skip
    if has_third:
        yield _record((1, "23"), (3, sequence), (11, account), (48, name), (83, third), (126, "0"), (128, _yes(infos)))
    if infos:
        yield from _information(place, more, line)


def _information(place: int, more: str, line: StatementLine) -> Iterator[bytes]:
    """Records 31, 32 and 33: 73, 105 and 90 columns of free text."""
    sequence, parts = f"{place:04d}0001", (more[:73], more[73:178], more[178:268])
    yield _record(
        (1, "31"), (3, sequence), (11, _text(line.bank_reference, 21)), (32, _code(line)), (40, "0"), (41, parts[0]),
        (126, _yes(bool(parts[1]))), (128, "0"),
    )  # fmt: skip
    if parts[1]:
        yield _record((1, "32"), (3, sequence), (11, parts[1]), (126, _yes(bool(parts[2]))), (128, "0"))
    if parts[2]:
        yield _record((1, "33"), (3, sequence), (11, parts[2]), (126, "0"), (128, "0"))


def _communication(line: StatementLine) -> tuple[str, str, str]:
    """Structured or not, the text of records 21–23, and what goes into records 31–33."""
    free = _text(line.description, 417)
    if is_belgian(line.reference):
        return "1", f"101{line.reference}", free
    if line.reference.upper().startswith("RF") and len(line.reference) <= 25:
        return "1", f"100{line.reference}", free
    if line.reference and line.reference not in free:
        free = f"{free} {line.reference}".strip()
    return "0", free, ""


# ------------------------------------------------------------------ cells


def _record(*cells: tuple[int, str]) -> bytes:
    """One record; each cell is (first column from 1, text)."""
    row = [" "] * 128
    for start, text in cells:
        row[start - 1 : start - 1 + len(text)] = text
    return ("".join(row) + "\r\n").encode("iso-8859-1")


def _text(text: str, width: int) -> str:
    """What ISO-8859-1 can hold of a text, on one line."""
    text = " ".join(text.split())
    if not text.isascii():
        text = "".join(_letter(letter) for letter in unicodedata.normalize("NFC", text))
    return "".join(letter if letter.isprintable() else " " for letter in text)[:width]


def _letter(letter: str) -> str:
    if ord(letter) < 256:
        return letter
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return {"€": "EUR", "–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"'}.get(letter, plain or "?")


def _amount(amount: Decimal) -> str:
    thousandths = abs(amount) * 1000
    if thousandths != int(thousandths) or abs(amount) >= MOST:
        raise Refused("coda.write_amount", text=str(amount))
    return f"{int(thousandths):015d}"


def _sign(amount: Decimal) -> str:
    return "1" if amount < 0 else "0"


def _yes(said: bool) -> str:
    return "1" if said else "0"


def _day(day: date | None) -> str:
    return f"{day:%d%m%y}" if day else "000000"


def _code(line: StatementLine) -> str:
    """The bank's own eight digits, else a transfer: 50 received, 01 sent."""
    if len(line.transaction_code) == 8 and line.transaction_code.isdigit():
        return line.transaction_code
    return "00150000" if line.amount >= 0 else "00101000"


def _bank(account: str) -> str:
    return account[4:7] if account.startswith("BE") and account[4:7].isdigit() else "000"


def _account(number: str, currency: str) -> tuple[str, str]:
    """Structure of the account number, and 37 columns: Belgian IBAN 2, foreign IBAN 3, other 1."""
    iban = number[:2].isalpha() and number[2:4].isdigit()
    structure = ("2" if number.startswith("BE") else "3") if iban else "1"
    return structure, f"{number[:34]:<34}{currency[:3]:<3}"
