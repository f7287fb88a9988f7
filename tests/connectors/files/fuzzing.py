"""Damaged files without end: made from files of our own, each known by its number.

Used by `make fuzz` and, with fewer, by the tests. `damaged(name, number)` gives the same bytes
each time, so that a number is all that is needed to see a failure again.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from io import BytesIO

from portal.connectors import files
from portal.connectors.errors import Refused
from portal.connectors.files import document_words, documents, refusals
from portal.connectors.files.answers import UNANSWERED, Answers
from portal.connectors.files.csv_mapping import CsvMapping, fingerprint_of
from portal.connectors.files.limits import HEAD
from tests.connectors.files import camt_documents as camt
from tests.connectors.files import coda_records as coda
from tests.connectors.files import invoice_documents as invoices
from tests.connectors.files import ofx_documents as ofx

_NUMBER = re.compile(rb"\d+")
_NUMBERS = (
    b"0", b"00", b"1", b"9", b"12", b"13", b"31", b"32", b"99", b"100", b"1234", b"1,234", b"1.234", b"1.5", b"-1",
    b"20240229", b"20230229", b"99999999", b"000000", b"2147483648", b"18446744073709551616", b"9" * 40, b"1e9",
)  # fmt: skip
_PIECES = (b"0", b"9", b" ", b"<", b">", b"&", b"\n", b"\r", b"\xff", b"\0", b";", b'"', b",", b":", b"^", b"!", b"</")
_SPANS = (1, 1, 2, 8, 64, 130, 400)
_HEADER = ("when", "what", "how much")
_LEARNT = CsvMapping("learnt", ",", _HEADER, date="when", amount="how much", description=("what",))
ANSWERS = (
    UNANSWERED,
    Answers(mappings={fingerprint_of(_HEADER, ","): _LEARNT}),
    Answers(day_first=True, decimal=","),
    Answers(day_first=False, decimal=".", account="BE68539007547034", currency="EUR", invert_reversals=True),
)


def _coda() -> list[bytes]:
    return [
        coda.coda([
            coda.header(), coda.old_balance("100.00"),
            coda.movement(1, "12.34", "één tekst"), coda.second(1, "gaat door", end_to_end="E2E"),
            coda.third(1, "BE71096123456769", "A BV"),
            coda.information(1, "001A BV VOLUIT", structured=True), coda.information(1, "STRAAT 1", kind="32"),
            coda.movement(2, "-10.00", "101090933755493", structured=True, code="10150000"),
            coda.movement(2, "-4.00", "een", detail=1, code="50150000"),
            coda.movement(2, "-6.00", "twee", detail=2, code="50150000"),
            coda.movement(3, "0.01", "127" + "310124110", structured=True),
            coda.new_balance("102.35"), coda.message("bericht"), coda.trailer(11, "10.00", "12.35"),
        ]),
    ]  # fmt: skip


def _camt() -> list[bytes]:
    return [
        camt.document(
            camt.statement(
                camt.balance("OPBD", "1.00"), camt.balance("CLBD", "4.00"),
                camt.entry("2.00", details=camt.transaction("2.00", text="één")),
                camt.entry("1.00", reversal="<RvslInd>true</RvslInd>",
                           details=camt.transaction("0.40") + camt.transaction("0.60")),
            ),
            camt.statement(camt.entry("9.99", "DBIT", status="<Sts><Cd>BOOK</Cd></Sts>"), number="13"),
        ),
    ]  # fmt: skip


def _ofx() -> list[bytes]:
    other = "<BANKACCTTO>\n<BANKID>30004\n<BRANCHID>00794\n<ACCTID>12345678901\n</BANKACCTTO>\n"
    payee = "<PAYEE>\n<NAME>Café &amp; Co\n<ADDR1>Plein 1\n</PAYEE>\n<MEMO>één\n<CHECKNUM>1044\n"
    plain = ofx.document(
        ofx.statement(
            ofx.transaction(),
            ofx.transaction("+1 006,60", "20240130120000.000[-5:EST]", payee + other),
            ofx.transaction("-7", more="<CURRENCY>\n<CURRATE>1.00\n<CURSYM>EUR\n</CURRENCY>\n<MEMO>x <! y\n"),
        ),
        ofx.statement(ofx.transaction("5.00"), kind="CCSTMT", account="<ACCTID>4111\n", balance=""),
    )
    invested = "".join(("<INVBANKTRAN>\n", ofx.transaction("100.00"), "<SUBACCTFUND>CASH\n</INVBANKTRAN>\n"))
    trade = "<BUYSTOCK>\n<INVTRAN>\n<FITID>9\n<DTTRADE>20240102\n</INVTRAN>\n<UNITS>1\n</BUYSTOCK>\n"
    memo = "<MEMO><![CDATA[een & twee]]></MEMO><!-- geen -->\n"
    return [
        plain,
        ofx.closed(plain).replace(ofx.SGML.encode(), ofx.XML.encode()),
        ofx.document(ofx.statement(trade, invested, kind="INVSTMT", balance=""), message_set="INVSTMTMSGSRSV1"),
        ofx.document(ofx.statement(ofx.transaction(more=memo)), head="").replace(b"\n", b"").lower(),
    ]


def _qif() -> list[bytes]:
    split = "D1/15'24\nT-1,234.50\nPWinkel\nMdiversen\nN101\nSEten\nEbrood\n$-1,000.00\nSDrank\n$-234.50\n^\n"
    accounts = "!Option:AutoSwitch\n!Account\nNZicht\nTBank\n^^\nNSpaar\nTBank\n^^\n!Clear:AutoSwitch\n"
    return [
        f"!Type:Bank\n{split}D2/ 4'24\nT75.46\nPCafé\nAPlein 1\nA9000 Gent\n^\n".encode(),
        f"{accounts}!Account\nNZicht\n^^\n!Type:Bank \nD15.08.2024\nT1.234,5\nM+++090/9337/55493+++\n^^\n"
        "!Type:Cat\nNEten\nDEten en drinken\nE\n^^\n!Account\nN0123 45678901\n^\n!Type:CCard\nD2024-03-04\nT12\n^\n"
        "!Type:Memorized\n".encode("cp1252"),
        b"!Type:Bank\r\nD3/4/24\r\nT1,234\r\nPx\r\n^\r\n",
    ]


_KBC = """\
Rekeningnummer;Rubrieknaam;Naam;Munt;Afschriftnummer;Datum;Omschrijving;Valuta;Bedrag;Saldo;credit;debet;\
rekeningnummer tegenpartij;BIC tegenpartij;Naam tegenpartij;Adres tegenpartij;gestructureerde mededeling;\
Vrije mededeling
BE68539007547034;;ATELIER NOORD;EUR; 00012;31/01/2024;overschrijving één;31/01/2024;-12,34;987,66;;-12,34;\
BE71096123456769;KREDBEBB;PEETERS BV;;***090/9337/55493***;
BE68539007547034;;ATELIER NOORD;EUR; 00012;30/01/2024;storting;30/01/2024;1.000,00;1.000,00;1.000,00;;;;;;;
"""


def _csv() -> list[bytes]:
    return [
        _KBC.encode("cp1252"),
        b'Datum,"Naam / Omschrijving",Rekening,Tegenrekening,Code,"Af Bij","Bedrag (EUR)",Mutatiesoort,Mededelingen\n'
        b'20240131,"J. de Vries",NL20INGB0001234567,NL91ABNA0417164300,OV,Af,"12,34",Overschrijving,"tekst ""x"""\n'
        b'20240130,Winkel,NL20INGB0001234567,,BA,Bij,"1000,00",Betaalautomaat,\n',
        b"541235485\tEUR\t20240131\t987,66\t975,32\t20240131\t-12,34\tSEPA Overboeking IBAN: NL91ABNA0417164300 "
        b"BIC: ABNANL2A Naam: A BV Omschrijving: tekst\n",
        b"Date;Libelle;Debit;Credit\n03/04/2024;achat;12,34;\n04/04/2024;vente;;1 000,00\n",
        b"when,what,how much\n2024-01-31,\xef\xbb\xbfthing,1.50\n",
    ]


def _mt940() -> list[bytes]:
    return [
        b"{1:F01ABNANL2AXXXX0000000000}{2:I940ABNANL2AXXXXN}{4:\r\n:20:STARTUMS\r\n:25:NL20INGB0001234567EUR\r\n"
        b":28C:12/1\r\n:60F:C240130EUR1000,00\r\n:61:2401310131D12,34NTRFNONREF//B1\r\nSUPPLEMENT\r\n"
        b":86:/TRTP/SEPA OVERBOEKING/IBAN/NL91ABNA0417164300/BIC/ABNANL2A/NAME/A BV/REMI/tekst/EREF/E1\r\n"
        b":61:240131C5,NMSC//B2\r\n:86:051?00GUTSCHRIFT?20SVWZ+tekst?30BANKDEFF?31DE89370400440532013000?32NAAM\r\n"
        b":62F:C240131EUR992,66\r\n:64:C240131EUR992,66\r\n-}\r\n",
        b":20:940A\n:25:BE68539007547034\n:28C:00001\n:60F:D231231EUR0,01\n:61:240101C0,02FMSCNONREF\n:86:rente\n"
        b":62F:C240101EUR0,01\n-\n:20:940B\n:25:BE68539007547034\n:28C:00002\n:60F:C240101EUR0,01\n"
        b":62F:C240102EUR0,01\n-\n",
    ]


def _takings() -> list[bytes]:
    return [
        b"date;number;description;rate;net;vat;gross;currency\n2026-03-31;Z-0214;Counter;6;100.00;6.00;106.00;EUR\n"
        b"2026-03-31;Z-0214;Counter;21;10.00;2.10;12.10;EUR\n2026-04-01;Z-0215;;6;1.00;0.06;1.06;EUR\n",
        b"datum\ttarief\tnetto\tbtw\tbruto\n31/03/2026\t6 %\t100,00\t6,00\t106,00\n",
    ]


_INVOICE = invoices.Invoice(
    items=(
        invoices.Item("Bloem één", Decimal(10), Decimal("18.40"), Decimal(6)),
        invoices.Item("Vracht & lossen", Decimal(1), Decimal("25.00")),
    ),
    allowance=Decimal(2),
)

# Seeds and how a file with some of them is read, by format.
SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "coda": _coda,
    "camt053": _camt,
    "mt940": _mt940,
    "ofx": _ofx,
    "qif": _qif,
    "csv": _csv,
    "ubl": lambda: [invoices.ubl(_INVOICE), invoices.ubl(replace(_INVOICE, credit=True))],
    "cii": lambda: [invoices.cii(_INVOICE), invoices.factur_x(_INVOICE)],
    "takings": _takings,
}
_PARSERS = {parser.FORMAT: parser for parser in files.FORMATS}


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    return tuple(SEEDS[name]())


def damaged(name: str, number: int) -> bytes:
    """A file of format `name`, damaged in the way of `number`."""
    chance = random.Random(f"{name} {number}")
    data = bytearray(chance.choice(seeds(name)))
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        chance.choice(_DAMAGES)(chance, data, name)
    return bytes(data)


def _flip(chance: random.Random, data: bytearray, _: str) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _truncate(chance: random.Random, data: bytearray, _: str) -> None:
    del data[_place(chance, data) :]


def _remove(chance: random.Random, data: bytearray, _: str) -> None:
    at = _place(chance, data)
    del data[at : at + chance.choice(_SPANS)]


def _duplicate(chance: random.Random, data: bytearray, _: str) -> None:
    at = _place(chance, data)
    data[at:at] = data[at : at + chance.choice(_SPANS)] * chance.choice((1, 1, 2, 50))


def _insert(chance: random.Random, data: bytearray, _: str) -> None:
    at = _place(chance, data)
    data[at:at] = bytes(chance.randrange(256) for _ in range(chance.choice((1, 2, 8, 64))))


def _overwrite(chance: random.Random, data: bytearray, _: str) -> None:
    at, span = _place(chance, data), chance.choice(_SPANS)
    data[at : at + span] = chance.choice(_PIECES) * span


def _swap(chance: random.Random, data: bytearray, _: str) -> None:
    at, other, span = _place(chance, data), _place(chance, data), chance.choice(_SPANS)
    data[at : at + span], data[other : other + span] = data[other : other + span], data[at : at + span]


def _splice(chance: random.Random, data: bytearray, name: str) -> None:
    """The head of one file and the tail of another, sometimes of another format."""
    other = chance.choice(seeds(name if chance.random() < 0.8 else chance.choice(list(SEEDS))))
    data[_place(chance, data) :] = other[_place(chance, other) :]


def _renumber(chance: random.Random, data: bytearray, _: str) -> None:
    found = list(_NUMBER.finditer(bytes(data)))
    if found:
        match = chance.choice(found)
        data[match.start() : match.end()] = chance.choice(_NUMBERS)


_DAMAGES = (_flip, _truncate, _remove, _duplicate, _insert, _overwrite, _swap, _splice, _renumber, _renumber)


def _place(chance: random.Random, data: bytes | bytearray) -> int:
    return chance.randrange(len(data) + 1)


def attempt(name: str, number: int) -> str:
    """Read a damaged file: the code of its refusal, "" when it could be read. Anything else is an error."""
    data = damaged(name, number)
    try:
        if name in _PARSERS:
            _read_statements(name, data, ANSWERS[number % len(ANSWERS)])
        else:
            deque(documents.open_documents(BytesIO(data))[1], maxlen=0)
    except Refused as refusal:
        words = refusals.REFUSALS | document_words.REFUSALS
        words[refusal.code].format_map(refusal.values)
        return refusal.code
    return ""


def _read_statements(name: str, data: bytes, answers: Answers) -> None:
    parser = _PARSERS[name]
    # Damage that makes it another format, or none, would leave the parser itself untried.
    if files.identify(data[:HEAD]) is parser:
        _, statements = files.open_statements(BytesIO(data), answers=answers)
    else:
        statements = parser.parse(BytesIO(data), answers=answers)
    for statement in statements:
        for line in statement.lines:
            if not line.amount.is_finite():
                raise ValueError(f"an amount that is no number: {line.amount}")
        for warning in statement.warnings:
            refusals.warning_text(warning)
