"""Statement files as banks make them, from movements: CODA 2 and CAMT.053.001.02."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

from portal.demo.movements import Movement


def _thousandths(amount: Decimal) -> str:
    return f"{int(abs(amount) * 1000):015d}"


def _sign(amount: Decimal) -> str:
    return "1" if amount < 0 else "0"


def _day(day: date) -> str:
    return f"{day:%d%m%y}"


def _line(*cells: tuple[int, str]) -> str:
    """One record of 128 columns; each cell is (first column from 1, text)."""
    row = [" "] * 128
    for start, text in cells:
        row[start - 1 : start - 1 + len(text)] = text
    return "".join(row)


def coda(
    iban: str, holder: str, sequence: int, opening: Decimal, first: date, last: date, moves: Sequence[Movement]
) -> bytes:
    """One statement, with balances and the counts and sums of record 9 right; ISO-8859-1 with CRLF."""
    closing = opening + sum((move.amount for move in moves), Decimal(0))
    account = f"{iban:<34}EUR"
    rows = [
        _line((1, "0"), (6, _day(last)), (12, "733"), (15, "05"), (35, holder[:26]), (61, "KREDBEBB"), (128, "2")),
        _line(
            (1, "1"), (2, "2"), (3, f"{sequence:03d}"), (6, account), (43, _sign(opening)), (44, _thousandths(opening)),
            (59, _day(first)), (65, holder[:26]), (91, "Zichtrekening"), (126, f"{sequence:03d}"),
        ),
    ]  # fmt: skip
    for number, move in enumerate(moves, 1):
        rows += _movement(number, move, sequence)
    rows.append(
        _line((1, "8"), (2, f"{sequence:03d}"), (5, account), (42, _sign(closing)), (43, _thousandths(closing)),
              (58, _day(last)), (128, "0"))
    )  # fmt: skip
    debit = sum((move.amount for move in moves if move.amount < 0), Decimal(0))
    credit = sum((move.amount for move in moves if move.amount > 0), Decimal(0))
    rows.append(
        _line((1, "9"), (17, f"{len(rows) - 1:06d}"), (23, _thousandths(debit)), (38, _thousandths(credit)), (128, "2"))
    )
    return "".join(row + "\r\n" for row in rows).encode("iso-8859-1", "replace")


def _movement(number: int, move: Movement, sequence: int) -> list[str]:
    text = f"101{move.structured}" if move.structured else move.text
    return [
        _line(
            (1, "21"), (3, f"{number:04d}0000"), (11, f"REF{number:018d}"), (32, _sign(move.amount)),
            (33, _thousandths(move.amount)), (48, _day(move.date)), (54, "00150000" if move.amount > 0 else "00101000"),
            (62, "1" if move.structured else "0"), (63, text[:53]), (116, _day(move.date)), (122, f"{sequence:03d}"),
            (126, "1"), (128, "0"),
        ),
        _line((1, "22"), (3, f"{number:04d}0000"), (126, "1"), (128, "0")),
        _line(
            (1, "23"), (3, f"{number:04d}0000"), (11, f"{move.iban:<34}EUR"), (48, move.partner[:35]), (126, "0"),
            (128, "0"),
        ),
    ]  # fmt: skip


def camt(
    iban: str, holder: str, sequence: int, opening: Decimal, first: date, last: date, moves: Sequence[Movement]
) -> bytes:
    closing = opening + sum((move.amount for move in moves), Decimal(0))
    entries = "".join(_entry(number, move) for number, move in enumerate(moves, 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>{iban}-{sequence}</MsgId><CreDtTm>{last}T20:00:00</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{iban}-{sequence:03d}</Id><ElctrncSeqNb>{sequence}</ElctrncSeqNb><CreDtTm>{last}T20:00:00</CreDtTm>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy><Nm>{escape(holder)}</Nm>"
        "<Svcr><FinInstnId><BIC>INGBNL2A</BIC></FinInstnId></Svcr></Acct>"
        f"{_balance('OPBD', opening, first)}{_balance('CLBD', closing, last)}{entries}"
        "</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def _amount(amount: Decimal) -> str:
    return f'<Amt Ccy="EUR">{abs(amount):.2f}</Amt><CdtDbtInd>{"DBIT" if amount < 0 else "CRDT"}</CdtDbtInd>'


def _balance(code: str, amount: Decimal, day: date) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(amount)}<Dt><Dt>{day}</Dt></Dt></Bal>"


def _entry(number: int, move: Movement) -> str:
    party, side = ("Dbtr", "DbtrAcct") if move.amount > 0 else ("Cdtr", "CdtrAcct")
    about = (
        f"<Strd><CdtrRefInf><Ref>{move.structured}</Ref></CdtrRefInf></Strd>"
        if move.structured
        else f"<Ustrd>{escape(move.text)}</Ustrd>"
    )
    return (
        f"<Ntry>{_amount(move.amount)}<Sts>BOOK</Sts><BookgDt><Dt>{move.date}</Dt></BookgDt>"
        f"<ValDt><Dt>{move.date}</Dt></ValDt><AcctSvcrRef>{number:012d}</AcctSvcrRef>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><RltdPties><{party}><Nm>{escape(move.partner)}</Nm></{party}>"
        f"<{side}><Id><IBAN>{move.iban}</IBAN></Id></{side}></RltdPties><RmtInf>{about}</RmtInf></TxDtls></NtryDtls>"
        "</Ntry>"
    )
