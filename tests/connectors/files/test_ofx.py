from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.connectors.files import ofx as parser
from portal.connectors.files.answers import Answers
from portal.connectors.files.limits import UPLOAD, ReadLimits
from portal.connectors.files.references import french_iban
from tests.connectors.files.ofx_documents import IBAN, SGML, XML, closed, document, statement, transaction
from tests.connectors.files.reading import only, read, refused


def test_a_transaction_has_all_its_fields() -> None:
    more = (
        "<DTAVAIL>20240202\n<PAYEE>\n<NAME>Peeters  BV\n<ADDR1>Plein 1\n</PAYEE>\n"
        "<BANKACCTTO>\n<BANKID>KREDBEBB\n<ACCTID>BE71 0961 2345 6769\n</BANKACCTTO>\n<CHECKNUM>1044\n"
        "<MEMO>factuur 17 &amp; 18 +++090/9337/55493+++\n"
    )
    found = only(document(statement(transaction(more=more))))
    head, (line,) = found.head, found.lines
    assert (head.format, head.account, head.currency, head.number) == ("ofx", IBAN, "EUR", "")
    assert (head.opening, head.opening_date) == (None, None)
    assert (head.closing, head.closing_date) == (Decimal("1091.05"), date(2024, 1, 31))
    assert (line.date, line.value_date, line.amount) == (date(2024, 1, 31), date(2024, 2, 2), Decimal("-12.34"))
    assert line.description == "factuur 17 & 18 +++090/9337/55493+++ 1044"
    assert (line.counterparty, line.counterparty_account, line.counterparty_bic) == (
        "Peeters BV", "BE71096123456769", "KREDBEBB",
    )  # fmt: skip
    assert (line.reference, line.bank_reference, line.transaction_code) == ("090933755493", "F1", "DEBIT")
    assert found.warnings == []


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\n", b""),  # all on one line, the head too
        lambda data: data.replace(SGML.encode(), SGML.replace("\n", " ").encode()),
        lambda data: data.replace(SGML.encode(), b""),
        lambda data: data.replace(SGML.encode(), b"\n\n" + SGML.encode()),
        lambda data: data.replace(SGML.encode(), f"<!-- {SGML} -->".encode()),
        lambda data: closed(data).replace(SGML.encode(), XML.encode()),
        lambda data: closed(data).replace(b"<OFX>", b'<OFX xmlns="http://ofx.example/">'),
        lambda data: data.replace(b"</STMTTRN>", b"</STMTTRN ><!-- <STMTTRN> -->"),
        lambda data: data.replace(b"</STMTTRN>\n", b"").replace(b"</BANKACCTFROM>\n", b""),
        lambda data: data.replace(b"</LEDGERBAL>\n", b"").replace(b"</STMTRS>\n</STMTTRNRS>\n", b""),
        lambda data: data.replace(b"</STMTTRN>", b"</STMTTRN></STMTTRN></MEMO>"),
        lambda data: data.replace(b"<FITID>", b"<EMPTY><SELF/><FITID>"),
        lambda data: data.lower().replace(b"factuur", b"Factuur").replace(b"be68", b"BE68"),
        lambda data: data.decode().encode("utf-16"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"<NAME>", b"<VALUEDATE>20240131\n<ACCTBAL>-400.52\n<NAME>"),
        lambda data: data.replace(b"factuur 17", b"<![CDATA[factuur 17]]>"),
    ],
)
def test_what_real_files_do_to_the_standard_is_read(change: Callable[[bytes], bytes]) -> None:
    data = document(statement(transaction(), transaction("5.00", "20240130")), statement(transaction("1.00")))
    found = read(change(data))
    assert [statement.head.account for statement in found] == [IBAN, IBAN]
    assert [[str(line.amount) for line in statement.lines] for statement in found] == [["-12.34", "5.00"], ["1.00"]]
    assert [str(statement.head.closing) for statement in found] == ["1091.05", "1091.05"]
    assert {line.description.lower() for statement in found for line in statement.lines} == {"factuur 17"}
    assert {line.counterparty.lower() for statement in found for line in statement.lines} == {"peeters bv"}


def test_every_kind_of_statement_is_one() -> None:
    card = statement(transaction(), kind="CCSTMT", account="<ACCTID>4111 1111\n")
    (found,) = read(document(card, message_set="CREDITCARDMSGSRSV1"))
    assert (found.head.account, len(found.lines)) == ("41111111", 1)


def test_of_an_investment_account_the_bank_entries_are_read() -> None:
    trade = "<BUYSTOCK>\n<INVTRAN>\n<FITID>9\n<MEMO>aandelen\n</INVTRAN>\n<TOTAL>-5025.00\n</BUYSTOCK>\n"
    cash = f"<INVBANKTRAN>\n{transaction('100.00')}<SUBACCTFUND>CASH\n</INVBANKTRAN>\n"
    found = only(document(statement(trade, cash, trade, kind="INVSTMT", balance=""), message_set="INVSTMTMSGSRSV1"))
    assert ([str(line.amount) for line in found.lines], found.warnings) == (["100.00"], ["ofx.trades_left_out"])
    data = document(statement(trade, kind="INVSTMT", balance=""), message_set="INVSTMTMSGSRSV1")
    assert refused(data).code == "ofx.investments_only"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("-2000,00", "-2000.00"), ("+1 006,60", "1006.60"), ("1.234.567,8", "1234567.8"), ("1,234.50", "1234.50"),
        ("1'234.50", "1234.50"), ("-7", "-7"), ("12.34-", "-12.34"), ("0,125", "0.125"), ("1234,567", "1234.567"),
        ("-00000000000197.1063", "-197.1063"), (".5", "0.5"), ("1.234.567", "1234567"),
    ],
)  # fmt: skip
def test_point_and_comma_are_told_apart_by_the_amount(text: str, amount: str) -> None:
    (line,) = only(document(statement(transaction(text)))).lines
    assert line.amount == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "1e5",
        "NaN",
        "1,23,45",
        "1.23.456",
        "--1",
        "12 34",
        "99999999999999",
        "1.123456",
        "1,2.3,4",
        "١٢",
        ".",
        "+-1",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    refusal = refused(document(statement(transaction(text))))
    assert (refusal.code, refusal.values["entry"]) == ("ofx.amount", "1")


def test_thousands_or_decimals_are_asked_unless_the_file_shows_it() -> None:
    bare = statement(transaction("1,234"), balance="")
    assert refused(document(bare)).code == "ofx.decimal_sign"
    assert only(document(bare), Answers(decimal=",")).lines[0].amount == Decimal("1.234")
    assert only(document(bare), Answers(decimal=".")).lines[0].amount == Decimal("1234")
    shown = document(statement(transaction("-5,10"), transaction("1,234"), balance=""))
    assert [str(line.amount) for line in only(shown).lines] == ["-5.10", "1.234"]
    both = document(statement(transaction("-5,10"), transaction("1 000.00"), transaction("1,234"), balance=""))
    assert refused(both).code == "ofx.decimal_sign"


@pytest.mark.parametrize(
    "text",
    [
        "20240131",
        "20240131120000",
        "20240131235959.999[-12:EST]",
        "20240131000000[+14:X]",
        "20240131 ",
        "20240131[0:GMT]",
    ],
)
def test_a_date_is_the_one_that_is_written(text: str) -> None:
    assert only(document(statement(transaction(day=text)))).lines[0].date == date(2024, 1, 31)


@pytest.mark.parametrize("text", ["20240230", "2024-01-31", "today", "2024"])
def test_what_is_no_date_is_refused(text: str) -> None:
    assert refused(document(statement(transaction(day=text)))).code == "ofx.date"


def test_another_date_does_where_the_posting_date_is_zeros() -> None:
    found = only(document(statement(transaction(day="00000000", more="<DTUSER>20240129\n"))))
    assert found.lines[0].date == date(2024, 1, 29)


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("Café Ω", "Café Ω".encode()),
        ("Café €", "Café €".encode("cp1252")),
        ("Café", "Café".encode("latin-1")),
    ],
)
def test_eight_bit_bytes_are_read_whatever_is_declared(name: str, encoded: bytes) -> None:
    data = document(statement(transaction(), transaction(more="<NAME>Zoë\n"))).replace(b"Peeters BV", encoded)
    assert [line.counterparty for line in only(data).lines] == [name, "Zoë"]


def test_a_declared_charset_is_used_for_what_is_not_utf_8() -> None:
    data = document(statement(transaction())).replace(b"CHARSET:1252", b"CHARSET:8859-15")
    assert only(data.replace(b"Peeters BV", "50 €".encode("iso-8859-15"))).lines[0].counterparty == "50 €"


def test_what_is_not_booked_is_left_out_and_told() -> None:
    pending = transaction("9.00").replace("STMTTRN", "STMTTRNP")
    found = only(document(statement(transaction(), f"<BANKTRANLISTP>\n{pending}{pending}</BANKTRANLISTP>\n")))
    assert ([str(line.amount) for line in found.lines], found.warnings) == (["-12.34"], ["ofx.pending"])
    assert found.head.warnings[0].values == {"count": "2"}


def test_corrections_are_told_and_deletions_are_no_lines() -> None:
    first, second = (f"<CORRECTFITID>F0\n<CORRECTACTION>{action}\n" for action in ("REPLACE", "DELETE"))
    found = only(document(statement(transaction("1.00", more=first), transaction("2.00", more=second))))
    assert ([str(line.amount) for line in found.lines], found.warnings) == (["1.00"], ["ofx.corrections"])


def test_an_account_that_is_not_named_is_the_one_answered() -> None:
    data = document(statement(transaction(), account="", currency=""))
    assert (only(data).head.account, only(data).head.currency) == ("", "")
    head = only(data, Answers(account=IBAN, currency="EUR")).head
    assert (head.account, head.currency) == (IBAN, "EUR")
    named = only(document(statement(transaction())), Answers(account="BE71096123456769", currency="USD")).head
    assert (named.account, named.currency) == (IBAN, "EUR")


def test_the_parts_of_a_french_account_are_its_iban() -> None:
    account = "<BANKID>20041\n<BRANCHID>01005\n<ACCTID>0500013M026\n<ACCTKEY>06\n"
    assert only(document(statement(account=account))).head.account == "FR1420041010050500013M02606"
    assert french_iban("20041", "01005", "0500013M026") == "FR1420041010050500013M02606"
    assert french_iban("20041", "01005", "0500013M026", "07") == ""
    assert french_iban("20041", "01005", "0500013é026") == ""


def test_an_empty_statement_is_one() -> None:
    found = only(document(statement()))
    assert (found.lines, found.head.closing) == ([], Decimal("1091.05"))
    assert (
        only(document(statement(balance="<LEDGERBAL>\n<BALAMT>\n<DTASOF>20240131\n</LEDGERBAL>\n"))).head.closing
        is None
    )


ERROR = "<STATUS>\n<CODE>15500\n<SEVERITY>ERROR\n<MESSAGE>Wrong  password\n</STATUS>\n"


def test_an_error_of_the_bank_is_told_in_its_words() -> None:
    refusal = refused(document(f"<STMTTRNRS>\n{ERROR}</STMTTRNRS>\n"))
    assert (refusal.code, refusal.values) == ("ofx.bank_error", {"text": "Wrong password"})
    assert only(document(f"<STMTTRNRS>\n{ERROR}</STMTTRNRS>\n", statement())).warnings == ["ofx.error_beside"]


WHOLE = document(statement(transaction(), transaction("5.00")))


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("ofx.truncated", WHOLE[: WHOLE.index(b"5.00")]),
        ("ofx.truncated", WHOLE.replace(b"</OFX>", b"")),
        ("ofx.truncated", WHOLE.replace(b"</OFX>", b"<!-- </OFX>")),
        ("ofx.no_statement", b"OFXHEADER:100\n<OFX></OFX>"),
        ("ofx.doctype", WHOLE.replace(b"<OFX>", b'<!DOCTYPE OFX [<!ENTITY a "1.00">]><OFX>')),
        ("ofx.doctype", WHOLE.replace(b"<NAME>", b"<!ENTITY x 'y'><NAME>")),
        ("ofx.depth", WHOLE.replace(b"<NAME>", b"<A>" * 2000 + b"<NAME>")),
        ("ofx.missing", WHOLE.replace(b"<TRNAMT>-12.34\n", b"")),
        ("ofx.missing", WHOLE.replace(b"<DTPOSTED>20240131\n", b"")),
        ("ofx.structure", WHOLE.replace(b"</STMTTRN>\n<STMTTRN>\n", b"")),
        ("ofx.structure", WHOLE.replace(b"</BANKTRANLIST>", b"</BANKTRANLIST><BANKACCTFROM><ACCTID>1</BANKACCTFROM>")),
        ("ofx.structure", WHOLE.replace(b"</BANKTRANLIST>", b"</BANKTRANLIST><CURDEF>USD")),
        ("ofx.currency", WHOLE.replace(b"<NAME>", b"<CURRENCY><CURSYM>USD</CURRENCY><NAME>")),
    ],
)
def test_nonsense_is_refused(code: str, data: bytes) -> None:
    assert refused(data).code == code


def test_an_original_currency_beside_the_amount_is_no_matter() -> None:
    original = "<ORIGCURRENCY>\n<CURRATE>1.1\n<CURSYM>USD\n</ORIGCURRENCY>\n<MEMO>x\n"
    assert only(document(statement(transaction(more=original)))).lines[0].description == "x"


def test_limits_hold() -> None:
    assert refused(WHOLE, ReadLimits(entries=1)).code == "file.too_many_entries"
    assert refused(WHOLE.replace(b"factuur", b"x" * (1 << 20))).code == "ofx.too_wide"
    assert refused(WHOLE, ReadLimits(bytes=len(WHOLE) - 1)).code == "file.too_large"


@pytest.mark.parametrize("head", [b"<HTML>OFX", b"OFXHEADE", b"date;amount\n1;2", b"<OFXUSERKEY>"])
def test_other_files_are_not_taken_for_it(head: bytes) -> None:
    assert not parser.identify(head)


class Dribble:
    """Gives a file a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._stream = BytesIO(data)
        self._size = size

    def read(self, _: int, /) -> bytes:
        return self._stream.read(self._size)


TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30).map(lambda text: " ".join(text.split()))


@given(
    st.lists(st.tuples(st.integers(-(10**9), 10**9), st.dates(date(1990, 1, 1), date(2090, 1, 1)), TEXT), max_size=5),
    st.booleans(),
    st.integers(1, 400),
)
@example([(1, date(2024, 1, 31), "a < b & c > d")], True, 7)
def test_what_is_written_is_read_however_it_arrives(moves: list[tuple[int, date, str]], xml: bool, size: int) -> None:
    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;")

    data = document(*[statement(*[
        transaction(f"{Decimal(cents) / 100:.2f}", f"{day:%Y%m%d}", f"<NAME>{escaped(text)}\n<MEMO>m\n")
        for cents, day, text in moves
    ])])  # fmt: skip
    if xml:
        data = closed(data).replace(SGML.encode(), XML.encode())
    (found,) = (list(s.lines) for s in parser.parse(Dribble(data, size), UPLOAD))
    assert [(line.amount, line.date, line.counterparty) for line in found] == [
        (Decimal(cents) / 100, day, text) for cents, day, text in moves
    ]
