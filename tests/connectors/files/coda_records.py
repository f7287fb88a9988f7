"""CODA records built field by field, at the positions of the standard."""

from __future__ import annotations

from collections.abc import Iterable

IBAN = "BE68539007547034"


def record(*fields: tuple[int, str]) -> str:
    """128 characters with each text at its 1-based position."""
    line = [" "] * 128
    for position, text in fields:
        assert position - 1 + len(text) <= 128, (position, text)
        line[position - 1 : position - 1 + len(text)] = text
    return "".join(line)


def signed(amount: str) -> str:
    """Sign and fifteen digits: "-12.34" → "1" + "000000000012340"."""
    whole, _, cents = amount.lstrip("-").partition(".")
    return f"{int(amount.startswith('-'))}{whole:0>12}{cents:0<3}"


def header(*, duplicate: bool = False, part: str = "00000", version: str = "2", day: str = "310124") -> str:
    return record(
        (1, "00000"), (6, day), (12, "20005"), (17, "D" if duplicate else " "), (25, "0000000042"),
        (35, "ATELIER NOORD BV"), (61, "KREDBEBB"), (72, "00403170701"), (84, part), (128, version),
    )  # fmt: skip


def old_balance(amount: str, *, account: str = f"{IBAN:<34}EUR", structure: str = "2", number: str = "012") -> str:
    return record(
        (1, "1"), (2, structure), (3, "031"), (6, account), (43, signed(amount)), (59, "300124"),
        (65, "ATELIER NOORD BV"), (91, "Zichtrekening"), (126, number),
    )  # fmt: skip


def movement(
    sequence: int,
    amount: str,
    text: str = "",
    *,
    detail: int = 0,
    structured: bool = False,
    day: str = "310124",
    value_day: str = "300124",
    code: str = "00150000",
    following: str = "0",
) -> str:
    return record(
        (1, "21"), (3, f"{sequence:04d}{detail:04d}"), (11, f"BANKREF{sequence}"), (32, signed(amount)),
        (48, value_day), (54, code), (62, "1" if structured else "0"), (63, text), (116, day), (122, "031"),
        (125, "0"), (126, following), (128, "0"),
    )  # fmt: skip


def second(
    sequence: int, text: str = "", *, detail: int = 0, end_to_end: str = "", bic: str = "", reason: str = ""
) -> str:
    return record(
        (1, "22"), (3, f"{sequence:04d}{detail:04d}"), (11, text), (64, end_to_end), (99, bic), (114, reason),
    )  # fmt: skip


def third(sequence: int, account: str = "", name: str = "", text: str = "", *, detail: int = 0) -> str:
    return record((1, "23"), (3, f"{sequence:04d}{detail:04d}"), (11, account), (48, name), (83, text))


def information(sequence: int, text: str, *, kind: str = "31", structured: bool = False, detail: int = 0) -> str:
    start = 41 if kind == "31" else 11
    flag = [(40, "1" if structured else "0")] if kind == "31" else []
    return record((1, kind), (3, f"{sequence:04d}{detail:04d}"), *flag, (start, text))


def new_balance(amount: str, *, account: str = f"{IBAN:<34}EUR") -> str:
    return record((1, "8"), (2, "031"), (5, account), (42, signed(amount)), (58, "310124"), (128, "0"))


def message(text: str) -> str:
    return record((1, "4"), (3, "00010000"), (33, text), (128, "0"))


def trailer(count: int, debit: str, credit: str, *, another: bool = False) -> str:
    return record(
        (1, "9"),
        (17, f"{count:06d}"),
        (23, signed(debit)[1:]),
        (38, signed(credit)[1:]),
        (128, "1" if another else "2"),
    )


def coda(lines: Iterable[str], *, encoding: str = "cp1252", newline: str = "\r\n") -> bytes:
    return "".join(line + newline for line in lines).encode(encoding)


def simple(*movements: str, opening: str = "100.00", closing: str, debit: str = "0", credit: str = "0") -> bytes:
    """A whole file around some movement records."""
    count = 2 + len(movements)
    return coda([header(), old_balance(opening), *movements, new_balance(closing), trailer(count, debit, credit)])
