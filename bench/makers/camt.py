"""CAMT.053 files of any size, valid by the ISO schemas of .02 and .08, that add up."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

from bench.makers.movements import Movement, iban, movements


def camt_file(path: Path, statements: int, lines: int, version: str = "02") -> None:
    """Write `statements` statements of `lines` entries each, chained by balance. `version`: "02" or "08"."""
    balance = 1_000_000
    with path.open("w", encoding="utf-8") as out:
        out.write(camt_head(version))
        for number in range(statements):
            text, balance = camt_statement(number, list(movements(lines, number)), balance, version)
            out.write(text)
        out.write(CAMT_TAIL)


CAMT_TAIL = "</BkToCstmrStmt>\n</Document>\n"


def camt_head(version: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">\n<BkToCstmrStmt>\n'
        "<GrpHdr><MsgId>KOPPELPOORT-TEST</MsgId><CreDtTm>2024-02-01T06:00:00</CreDtTm></GrpHdr>\n"
    )


def camt_statement(
    number: int, moves: list[Movement], opening: int, version: str, account: int = 539_007_547
) -> tuple[str, int]:
    """One `Stmt` as text, and its closing balance in cents."""
    closing = opening + sum(move.cents for move in moves)
    last = moves[-1].on if moves else date(2024, 1, 31)
    parts = [
        f"<Stmt><Id>S{number}</Id><ElctrncSeqNb>{number + 1}</ElctrncSeqNb><CreDtTm>2024-02-01T06:00:00</CreDtTm>"
        f"<Acct><Id><IBAN>{iban(account)}</IBAN></Id><Ccy>EUR</Ccy><Ownr><Nm>Atelier Noord BV</Nm></Ownr></Acct>\n",
        _balance("OPBD", opening, moves[0].on if moves else last),
        _balance("CLBD", closing, last),
    ]
    parts.extend(_entry(move, version) for move in moves)
    parts.append("</Stmt>\n")
    return "".join(parts), closing


def _balance(code: str, cents: int, day: date) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(cents)}<Dt><Dt>{day}</Dt></Dt></Bal>\n"


def _amount(cents: int) -> str:
    sign = "DBIT" if cents < 0 else "CRDT"
    return f'<Amt Ccy="EUR">{abs(cents) // 100}.{abs(cents) % 100:02d}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'


def _entry(move: Movement, version: str) -> str:
    new = version >= "07"
    side, family = ("Dbtr", "RCDT") if move.cents > 0 else ("Cdtr", "ICDT")
    plain = f"{abs(move.cents) // 100}.{abs(move.cents) % 100:02d}"
    amount = (
        f'<Amt Ccy="EUR">{plain}</Amt>{_sign(move)}'
        if new
        else f'<AmtDtls><TxAmt><Amt Ccy="EUR">{plain}</Amt></TxAmt></AmtDtls>'
    )
    name = f"<Nm>{escape(move.name)}</Nm>"
    bic = "BICFI" if new else "BIC"
    remittance = (
        f"<Strd><CdtrRefInf><Ref>{move.reference}</Ref></CdtrRefInf></Strd>"
        if move.reference
        else f"<Ustrd>{escape(move.text)}</Ustrd>"
    )
    return (
        f"<Ntry>{_amount(move.cents)}<Sts>{'<Cd>BOOK</Cd>' if new else 'BOOK'}</Sts>"
        f"<BookgDt><Dt>{move.on}</Dt></BookgDt><ValDt><Dt>{move.on}</Dt></ValDt>"
        f"<AcctSvcrRef>{move.bank_reference}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{move.end_to_end_id or 'NOTPROVIDED'}</EndToEndId></Refs>{amount}"
        f"<RltdPties><{side}>{f'<Pty>{name}</Pty>' if new else name}</{side}>"
        f"<{side}Acct><Id><IBAN>{move.iban}</IBAN></Id></{side}Acct></RltdPties>"
        f"<RltdAgts><{side}Agt><FinInstnId><{bic}>{move.bic}</{bic}></FinInstnId></{side}Agt></RltdAgts>"
        f"<RmtInf>{remittance}</RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def _sign(move: Movement) -> str:
    return f"<CdtDbtInd>{'DBIT' if move.cents < 0 else 'CRDT'}</CdtDbtInd>"
