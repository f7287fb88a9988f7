"""OFX files of our own making, as text."""

from __future__ import annotations

SGML = (
    "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
    "OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n"
)
XML = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    '<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
)
IBAN = "BE68539007547034"


def document(*statements: str, head: str = SGML, message_set: str = "BANKMSGSRSV1") -> bytes:
    body = (
        "<OFX>\n<SIGNONMSGSRSV1>\n<SONRS>\n<STATUS>\n<CODE>0\n<SEVERITY>INFO\n</STATUS>\n<DTSERVER>20240201\n"
        f"<LANGUAGE>DUT\n</SONRS>\n</SIGNONMSGSRSV1>\n<{message_set}>\n{''.join(statements)}</{message_set}>\n</OFX>\n"
    )
    return (head + body).encode()


def statement(
    *transactions: str,
    account: str = f"<BANKID>539\n<ACCTID>{IBAN}\n<ACCTTYPE>CHECKING\n",
    currency: str = "<CURDEF>EUR\n",
    balance: str = "<LEDGERBAL>\n<BALAMT>1091.05\n<DTASOF>20240131\n</LEDGERBAL>\n",
    kind: str = "STMT",
) -> str:
    holder = {"STMT": "BANKACCTFROM", "CCSTMT": "CCACCTFROM", "INVSTMT": "INVACCTFROM"}[kind]
    listing = "INVTRANLIST" if kind == "INVSTMT" else "BANKTRANLIST"
    return (
        f"<{kind}TRNRS>\n<TRNUID>1\n<STATUS>\n<CODE>0\n<SEVERITY>INFO\n</STATUS>\n<{kind}RS>\n{currency}"
        f"<{holder}>\n{account}</{holder}>\n<{listing}>\n<DTSTART>20240101\n<DTEND>20240131\n"
        f"{''.join(transactions)}</{listing}>\n{balance}</{kind}RS>\n</{kind}TRNRS>\n"
    )


def transaction(
    amount: str = "-12.34", day: str = "20240131", more: str = "<NAME>Peeters BV\n<MEMO>factuur 17\n"
) -> str:
    return f"<STMTTRN>\n<TRNTYPE>DEBIT\n<DTPOSTED>{day}\n<TRNAMT>{amount}\n<FITID>F1\n{more}</STMTTRN>\n"


def closed(data: bytes) -> bytes:
    """The same with an end tag for every field, as OFX 2.x has."""
    rows = []
    for row in data.decode().splitlines():
        name, mark, value = row.partition(">")
        leaf = row.startswith("<") and mark and value and not row.startswith(("</", "<?"))
        rows.append(f"{row}</{name[1:]}>" if leaf else row)
    return "\n".join(rows).encode()
