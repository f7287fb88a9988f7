"""CODA 2 files of any size that add up: balances, totals and record counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path

from bench.makers.movements import Movement, iban, movements


def coda_file(path: Path, statements: int, lines: int) -> None:
    """Write `statements` runs (0 … 9) of `lines` movements each, chained by balance, as cp1252."""
    balance = 1_000_000
    with path.open("wb") as out:
        for number in range(statements):
            last = number == statements - 1
            text, balance = coda_run(number, list(movements(lines, number)), balance, last=last)
            out.write(text.encode("cp1252"))


def coda_run(
    number: int, moves: list[Movement], opening: int, *, last: bool = True, account: int = 539_007_547
) -> tuple[str, int]:
    """One run as text with CRLF, and its closing balance in cents."""
    day = _day(moves[-1].on if moves else date(2024, 1, 31))
    own = iban(account)
    body = [_old_balance(number, own, opening, day)]
    for sequence, move in zip(count(1), moves):
        body.extend(_movement(sequence % 10_000, move, number))
    closing = opening + sum(move.cents for move in moves)
    body.append(f"8{_seq(number)}{own:<34}EUR{_signed(closing)}{day}".ljust(127) + "0")
    debit = -sum(move.cents for move in moves if move.cents < 0)
    credit = sum(move.cents for move in moves if move.cents > 0)
    head = f"00000{day}20005{'':9}{number:010d}{'KOPPELPOORT TEST':<26}{'KREDBEBB':<11}00403170701 00000"
    tail = f"9{'':15}{len(body):06d}{debit * 10:015d}{credit * 10:015d}"
    lines = [head.ljust(127) + "2", *body, tail.ljust(127) + ("2" if last else "1")]
    return "".join(f"{line}\r\n" for line in lines), closing


def _old_balance(number: int, own: str, opening: int, day: str) -> str:
    account = f"{own:<34}EUR"
    return (
        f"12{_seq(number)}{account}{_signed(opening)}{day}{'ATELIER NOORD BV':<26}{'Zichtrekening':<35}{_seq(number)}"
    )


def _movement(sequence: int, move: Movement, number: int) -> Iterator[str]:
    text = f"1101{move.reference}" if move.reference else f"0{move.text}"
    code = "00150000" if move.cents > 0 else "00101000"
    day = _day(move.on)
    key = f"{sequence:04d}0000"
    head = f"21{key}{move.bank_reference:<21}{_signed(move.cents)}{day}{code}{text:<54}{day}{_seq(number)}01 0"
    yield head
    yield f"22{key}{'':53}{move.end_to_end_id:<35}{move.bic:<11}".ljust(125) + "1 0"
    yield f"23{key}{move.iban:<34}EUR{move.name:<35}".ljust(125) + "0 0"


def _signed(cents: int) -> str:
    return f"{int(cents < 0)}{abs(cents) * 10:015d}"


def _seq(number: int) -> str:
    return f"{number % 999 + 1:03d}"


def _day(day: date) -> str:
    return f"{day:%d%m%y}"
