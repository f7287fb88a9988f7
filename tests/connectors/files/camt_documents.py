"""CAMT.053 documents built part by part."""

from __future__ import annotations

IBAN = "BE68539007547034"


def amount(value: str, sign: str = "CRDT", currency: str = "EUR") -> str:
    return f'<Amt Ccy="{currency}">{value}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'


def balance(code: str, value: str, sign: str = "CRDT", day: str = "2024-01-31") -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{amount(value, sign)}<Dt><Dt>{day}</Dt></Dt></Bal>"


def entry(
    value: str,
    sign: str = "CRDT",
    *,
    details: str = "",
    status: str = "<Sts>BOOK</Sts>",
    reversal: str = "",
    dates: str = "<BookgDt><Dt>2024-01-31</Dt></BookgDt><ValDt><Dt>2024-01-30</Dt></ValDt>",
    more: str = "",
) -> str:
    inner = f"<NtryDtls>{details}</NtryDtls>" if details else ""
    return f"<Ntry>{amount(value, sign)}{reversal}{status}{dates}{inner}{more}</Ntry>"


def transaction(value: str = "", *, sign: str = "", text: str = "", inner: str = "") -> str:
    own = f'<Amt Ccy="EUR">{value}</Amt>' if value else ""
    indicator = f"<CdtDbtInd>{sign}</CdtDbtInd>" if sign else ""
    remittance = f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf>" if text else ""
    return f"<TxDtls>{own}{indicator}{inner}{remittance}</TxDtls>"


def statement(
    *parts: str, account: str = f"<IBAN>{IBAN}</IBAN>", currency: str = "<Ccy>EUR</Ccy>", number: str = "12"
) -> str:
    return (
        f"<Stmt><Id>S-{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>2024-02-01T06:00:00</CreDtTm>"
        f"<Acct><Id>{account}</Id>{currency}</Acct>{''.join(parts)}</Stmt>"
    )


def document(*statements: str, version: str = "02", prolog: str = "", encoding: str = "UTF-8") -> bytes:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>{prolog}'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2024-02-01T06:00:00</CreDtTm></GrpHdr>"
        f"{''.join(statements)}</BkToCstmrStmt></Document>"
    )
    return text.encode(encoding)
