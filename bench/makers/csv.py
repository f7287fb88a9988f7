"""Tables of bank lines of any size: all 18 columns of KBC with balances, and the few columns of others."""

from __future__ import annotations

from pathlib import Path

from bench.makers.movements import Movement, movements

_KBC = (
    "Rekeningnummer;Rubrieknaam;Naam;Munt;Afschriftnummer;Datum;Omschrijving;Valuta;Bedrag;Saldo;credit;debet;"
    "rekeningnummer tegenpartij;BIC tegenpartij;Naam tegenpartij;Adres tegenpartij;gestructureerde mededeling;"
    "Vrije mededeling\r\n"
)
_FEW = "Datum;Naam;Omschrijving;Bedrag\r\n"


def kbc_file(path: Path, statements: int, lines: int) -> None:
    """Write `statements` times `lines` rows, oldest first, whose balances follow."""
    with path.open("w", encoding="cp1252", newline="", errors="replace") as out:
        out.write(_KBC)
        balance = 100_000
        for number in range(statements):
            for move in movements(lines, number):
                balance += move.cents
                out.write(_kbc_row(move, balance))


def few_file(path: Path, statements: int, lines: int) -> None:
    """The same lines with a day, a name, a text and an amount only."""
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(_FEW)
        for number in range(statements):
            out.writelines(
                f'{move.on:%d/%m/%Y};"{move.name}";"{move.text}";{_amount(move.cents)}\r\n'
                for move in movements(lines, number)
            )


def _kbc_row(move: Movement, balance: int) -> str:
    amount = _amount(move.cents)
    sides = f"{amount};" if move.cents > 0 else f";{amount}"
    reference = f"+++{move.reference[:3]}/{move.reference[3:7]}/{move.reference[7:]}+++" if move.reference else ""
    return (
        f"BE68539007547034;{'':50};DELMOTTE;EUR;  02024001;{move.on:%d/%m/%Y};OVERSCHRIJVING;{move.on:%d/%m/%Y};"
        f"{amount};{_amount(balance)};{sides};{move.iban};{move.bic};{move.name:35};{'':35};{reference};{move.text}\r\n"
    )


def _amount(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100},{abs(cents) % 100:02d}"
