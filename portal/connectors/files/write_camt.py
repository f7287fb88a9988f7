"""Statements as camt.053.001.02 (ISO 20022), entry by entry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from xml.sax.saxutils import escape

from portal.connectors.errors import Refused
from portal.connectors.statement import LineDetail, Statement, StatementLine
from portal.kernel import clock

FORMAT = "camt053"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?")
_DOMAIN = re.compile(r"([A-Z]{4})-([A-Z]{4})-([A-Z]{4})")
_CONTROL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(statement: Statement, made_at: datetime, *, name: str = "") -> Iterator[bytes]:
    """One document of one statement. `name`: how it is told apart, at most 35 characters.

    Its closing balance stands before the entries, so it has to be known: raises
    Refused("camt.write_balance") without both balances.
    """
    if statement.opening is None or statement.closing is None:
        raise Refused("camt.write_balance")
    head, today = name or statement.number or "1", clock.day(made_at)
    moment = made_at.astimezone(clock.BUSINESS_ZONE).replace(microsecond=0, tzinfo=None).isoformat()
    currency = statement.currency
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>'
        f"<GrpHdr>{_tag('MsgId', head, 35)}<CreDtTm>{moment}</CreDtTm></GrpHdr>"
        f"<Stmt>{_tag('Id', head, 35)}{_sequence(statement)}<CreDtTm>{moment}</CreDtTm>"
        f"<Acct><Id>{_account(statement.account)}</Id><Ccy>{currency}</Ccy>{_holder(statement)}"
        f"{_servicer(statement.bic)}</Acct>"
        f"{_balance('OPBD', statement.opening, statement.opening_date or today, currency)}"
        f"{_balance('CLBD', statement.closing, statement.closing_date or today, currency)}\n"
    ).encode()
    for line in statement.lines:
        yield _entry(line, currency).encode()
    yield b"</Stmt></BkToCstmrStmt></Document>\n"


def _sequence(statement: Statement) -> str:
    return f"<ElctrncSeqNb>{int(statement.number)}</ElctrncSeqNb>" if statement.number.isdigit() else ""


def _holder(statement: Statement) -> str:
    return _tag("Nm", statement.holder, 70)


def _servicer(bic: str) -> str:
    return f"<Svcr><FinInstnId><BIC>{bic}</BIC></FinInstnId></Svcr>" if _BIC.fullmatch(bic) else ""


def _balance(code: str, amount: Decimal, day: date, currency: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(amount, currency)}<Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _entry(line: StatementLine, currency: str) -> str:
    details = line.details or (_whole(line),)
    value = f"<ValDt><Dt>{line.value_date}</Dt></ValDt>" if line.value_date else ""
    return (
        f"<Ntry>{_amount(line.amount, currency)}<Sts>BOOK</Sts><BookgDt><Dt>{line.date}</Dt></BookgDt>{value}"
        f"{_tag('AcctSvcrRef', line.bank_reference, 35)}<BkTxCd>{_code(line.transaction_code)}</BkTxCd>"
        f"<NtryDtls>{''.join(_transaction(detail, line, currency) for detail in details)}</NtryDtls></Ntry>\n"
    )


def _whole(line: StatementLine) -> LineDetail:
    return LineDetail(
        line.amount, line.description, line.counterparty, line.counterparty_account, line.reference, line.end_to_end_id
    )


def _transaction(detail: LineDetail, line: StatementLine, currency: str) -> str:
    """Who is on the other side depends on the direction of the money."""
    end_to_end = _tag("EndToEndId", detail.end_to_end_id, 35)
    amount = f'<TxAmt><Amt Ccy="{currency}">{abs(detail.amount):f}</Amt></TxAmt>' if line.details else ""
    party, side = ("Dbtr", "DbtrAcct") if line.amount >= 0 else ("Cdtr", "CdtrAcct")
    name = f"<{party}>{_tag('Nm', detail.counterparty, 140)}</{party}>" if detail.counterparty.strip() else ""
    number = detail.counterparty_account
    account = f"<{side}><Id>{_account(number)}</Id></{side}>" if number else ""
    about = "".join(_tag("Ustrd", part, 140) for part in _parts(detail.description))
    if detail.reference:
        about += f"<Strd><CdtrRefInf>{_tag('Ref', detail.reference, 35)}</CdtrRefInf></Strd>"
    return (
        "<TxDtls>"
        + (f"<Refs>{end_to_end}</Refs>" if end_to_end else "")
        + (f"<AmtDtls>{amount}</AmtDtls>" if amount else "")
        + (f"<RltdPties>{name}{account}</RltdPties>" if name or account else "")
        + (f"<RmtInf>{about}</RmtInf>" if about else "")
        + "</TxDtls>"
    )


def _parts(text: str) -> Sequence[str]:
    return [text[start : start + 140] for start in range(0, len(text), 140)]


def _amount(amount: Decimal, currency: str) -> str:
    direction = "DBIT" if amount < 0 else "CRDT"
    return f'<Amt Ccy="{currency}">{abs(amount):f}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'


def _account(number: str) -> str:
    if _IBAN.fullmatch(number):
        return f"<IBAN>{number}</IBAN>"
    return f"<Othr>{_tag('Id', number or 'NOTPROVIDED', 34)}</Othr>"


def _code(code: str) -> str:
    if found := _DOMAIN.fullmatch(code):
        domain, family, sub = found.groups()
        return f"<Domn><Cd>{domain}</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn>"
    return f"<Prtry>{_tag('Cd', code or 'NOTPROVIDED', 35)}</Prtry>"


def _tag(name: str, text: str, most: int) -> str:
    """An element of text, "" when there is none; characters that XML does not allow become blanks."""
    kept = _CONTROL.sub(" ", text).strip()[:most].strip()
    return f"<{name}>{escape(kept)}</{name}>" if kept else ""
