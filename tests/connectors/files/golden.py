"""Files of our own making with all kinds of records, and what `portal parse --json` says of them.

`python -m tests.connectors.files.golden` writes the expected output anew; read the difference.
"""

from __future__ import annotations

import tempfile
from io import StringIO
from pathlib import Path

from portal.parse_command import parse_file
from tests.connectors.files import ofx_documents as ofx
from tests.connectors.files.camt_documents import balance, document, entry, statement, transaction
from tests.connectors.files.coda_records import (
    coda,
    header,
    information,
    message,
    movement,
    new_balance,
    old_balance,
    second,
    third,
    trailer,
)

FOLDER = Path(__file__).parent / "golden"


def coda_file() -> bytes:
    mandate = f"127{'310124'}110{'BE69ZZZ050D000000008':<35}{'MANDATE-7':<35}{'abonnement januari':<62}"
    return coda([
        header(duplicate=True), old_balance("1000.00"),
        movement(1, "121.00", "factuur 2024-17", following="1"),
        second(1, end_to_end="E2E-17", bic="KREDBEBB"), third(1, f"{'BE71096123456769':<34}EUR", "PEETERS BV"),
        information(1, "001PEETERS BV", structured=True), information(1, "KERKSTRAAT 1", kind="32"),
        information(1, "zie bijlage"), information(1, " pagina 2", kind="32"), information(1, " en 3", kind="33"),
        movement(2, "50.00", "101090933755493", structured=True),
        movement(3, "-49.95", mandate[:53], structured=True, code="00501000"), second(3, mandate[53:106]),
        third(3, f"{'BE68539007547034':<34}EUR", "TELECOM NV", mandate[106:]),
        movement(4, "-30.00", "LONEN", code="10101000"),
        movement(4, "-10.00", "een", detail=1, code="50101000"),
        third(4, f"{'BE71096123456769':<34}EUR", "AN", detail=1),
        movement(4, "-20.00", "twee", detail=2, code="50101000"),
        movement(9999, "-0.005", "rente", day="000000", value_day="000000", code="03505000"),
        new_balance("1091.045"), message("Nieuwe tarieven vanaf 1 mei"), trailer(19, "79.955", "171.00", another=True),
        header(part="00001"), old_balance("0", number="000"), movement(1, "1.00"), new_balance("0"),
        trailer(3, "0", "1.00"),
    ])  # fmt: skip


def camt_file() -> bytes:
    party = (
        "<Refs><EndToEndId>E2E-17</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>Peeters BV</Nm></Pty></Dbtr>"
        "<DbtrAcct><Id><IBAN>BE71096123456769</IBAN></Id></DbtrAcct></RltdPties>"
        "<RltdAgts><DbtrAgt><FinInstnId><BICFI>KREDBEBB</BICFI></FinInstnId></DbtrAgt></RltdAgts>"
    )
    batch = "<Btch><PmtInfId>LONEN-01</PmtInfId></Btch>" + "".join(
        transaction(value, sign="DBIT", text=text) for value, text in (("10.00", "een"), ("20.00", "twee"))
    )
    booked = "<Sts><Cd>BOOK</Cd></Sts>"
    return document(
        statement(
            balance("OPBD", "1000.00", day="2024-01-01"), balance("CLBD", "1091.00001"),
            entry("121.00", status=booked, details=transaction("121.00", inner=party, text="factuur 2024-17")),
            entry("30.00", "DBIT", status=booked, details=batch),
            entry("5.00", status="<Sts><Cd>PDNG</Cd></Sts>"),
            entry("0.00001", status=booked, reversal="<RvslInd>true</RvslInd>", dates=""),
        ),
        statement(balance("PRCD", "7.00", "DBIT"), account="<Othr><Id>0099 TEST</Id></Othr>", number="13"),
        version="08",
    )  # fmt: skip


def ofx_file() -> bytes:
    more = (
        "<DTAVAIL>20240202\n<PAYEE>\n<NAME>Peeters BV\n<ADDR1>Plein 1\n</PAYEE>\n<BANKACCTTO>\n<BANKID>KREDBEBB\n"
        "<ACCTID>BE71 0961 2345 6769\n</BANKACCTTO>\n<CHECKNUM>1044\n<MEMO>factuur 17 &amp; 18 +++090/9337/55493+++\n"
    )
    french = "<BANKID>20041\n<BRANCHID>01005\n<ACCTID>0500013M026\n"
    return ofx.document(
        ofx.statement(ofx.transaction("121,00", "20240131120000[-5:EST]", more), ofx.transaction("-1 030.00")),
        ofx.statement(ofx.transaction().replace("STMTTRN", "STMTTRNP"), account=french, balance=""),
    )


def qif_file() -> bytes:
    return (
        b"!Account\nNZichtrekening\nTBank\n^\n!Type:Cat\nNHuur\n^\n!Type:Bank\n"
        b"D1/ 2'24\nT1,000.00\nPOpening Balance\n^\nD1/15'24\nT-1,234.50\nN101\nPWinkel\nAPlein 1\nA9000 Gent\n"
        b"SEten\nEbrood\n$-1,000.00\nSDrank\n$-234.50\n^^\nD2024-02-03\nT0.50\nM+++090/9337/55493+++\n^\n"
    )


FILES = {
    "every-record.coda": coda_file,
    "every-field.xml": camt_file,
    "every-field.ofx": ofx_file,
    "every-letter.qif": qif_file,
}


def parsed(data: bytes) -> str:
    out, err = StringIO(), StringIO()
    with tempfile.NamedTemporaryFile(suffix=".bank") as file:
        file.write(data)
        file.flush()
        status = parse_file(Path(file.name), True, out, err)
    assert (status, err.getvalue()) == (0, "")
    return out.getvalue()


if __name__ == "__main__":
    for name, make in FILES.items():
        (FOLDER / name).write_bytes(make())
        (FOLDER / f"{name}.json").write_text(parsed(make()), encoding="utf-8")
