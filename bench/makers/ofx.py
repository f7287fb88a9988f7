"""OFX files of any size: 1.x with a field a line and no end tags, and 2.x with all of them."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from bench.makers.movements import Movement, iban, movements

_HEADS = {
    "1": "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\n"
    "COMPRESSION:NONE\nOLDFILEUID:NONE\nNEWFILEUID:NONE\n\n",
    "2": '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    '<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n',
}
_STATUS = "<STATUS>\n<CODE>0\n<SEVERITY>INFO\n</STATUS>\n"
_SIGN_ON = (
    f"<OFX>\n<SIGNONMSGSRSV1>\n<SONRS>\n{_STATUS}<DTSERVER>20240201060000\n<LANGUAGE>ENG\n</SONRS>\n</SIGNONMSGSRSV1>\n"
)


def ofx_file(path: Path, statements: int, lines: int, version: str = "1") -> None:
    """Write `statements` statements of `lines` transactions each, chained by balance.

    `version`: "1", in ASCII as its head says, or "2", in UTF-8.
    """
    balance = 1_000_000
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(_HEADS[version])
        out.write(_ended(f"{_SIGN_ON}<BANKMSGSRSV1>\n", version))
        for number in range(statements):
            moves = list(movements(lines, number, accents=version != "1"))
            balance += sum(move.cents for move in moves)
            out.write(_ended(_statement(number, moves, balance), version))
        out.write("</BANKMSGSRSV1>\n</OFX>\n")


def _statement(number: int, moves: list[Movement], closing: int) -> str:
    """In the way of 1.x, which leaves the end tags of fields out."""
    first, last = (f"{moves[at].on:%Y%m%d}" for at in (0, -1))
    return (
        f"<STMTTRNRS>\n<TRNUID>{number}\n{_STATUS}<STMTRS>\n<CURDEF>EUR\n<BANKACCTFROM>\n<BANKID>BE539\n"
        f"<ACCTID>{iban(539_007_547)}\n<ACCTTYPE>CHECKING\n</BANKACCTFROM>\n"
        f"<BANKTRANLIST>\n<DTSTART>{first}\n<DTEND>{last}\n{''.join(map(_transaction, moves))}</BANKTRANLIST>\n"
        f"<LEDGERBAL>\n<BALAMT>{_plain(closing)}\n<DTASOF>{last}\n</LEDGERBAL>\n</STMTRS>\n</STMTTRNRS>\n"
    )


def _transaction(move: Movement) -> str:
    kind = "CREDIT" if move.cents > 0 else "DEBIT"
    memo = f"+++{move.reference[:3]}/{move.reference[3:7]}/{move.reference[7:]}+++" if move.reference else move.text
    return (
        f"<STMTTRN>\n<TRNTYPE>{kind}\n<DTPOSTED>{move.on:%Y%m%d}120000[+1:CET]\n<TRNAMT>{_plain(move.cents)}\n"
        f"<FITID>{move.bank_reference}\n<NAME>{escape(move.name)}\n<MEMO>{escape(memo)}\n</STMTTRN>\n"
    )


def _ended(text: str, version: str) -> str:
    if version == "1":
        return text
    rows = text.splitlines(keepends=True)
    return "".join(_row(row) for row in rows)


def _row(row: str) -> str:
    name, mark, value = row.rstrip("\n").partition(">")
    return f"{name}>{value}</{name[1:]}>\n" if mark and value else row


def _plain(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
