"""QIF files of any size, in the way programs in English export them."""

from __future__ import annotations

from pathlib import Path

from bench.makers.movements import Movement, movements


def qif_file(path: Path, statements: int, lines: int) -> None:
    """Write one bank section of `statements` times `lines` entries: month first, thousands with a comma."""
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("!Type:Bank\n")
        for number in range(statements):
            out.write("".join(map(_entry, movements(lines, number))))


def _entry(move: Movement) -> str:
    sign = "-" if move.cents < 0 else ""
    amount = f"{sign}{abs(move.cents) // 100:,}.{abs(move.cents) % 100:02d}"
    memo = f"+++{move.reference[:3]}/{move.reference[3:7]}/{move.reference[7:]}+++" if move.reference else move.text
    return f"D{move.on:%m/%d/%Y}\nT{amount}\nCX\nN{move.bank_reference}\nP{move.name}\nM{memo}\n^\n"
