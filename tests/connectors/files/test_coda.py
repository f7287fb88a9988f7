from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest

from portal.connectors.errors import Refused
from portal.connectors.files import coda as parser
from tests.connectors.files.coda_records import (
    IBAN,
    coda,
    header,
    information,
    message,
    movement,
    new_balance,
    old_balance,
    second,
    simple,
    third,
    trailer,
)
from tests.connectors.files.reading import only, read, refused


def test_a_movement_has_all_its_fields() -> None:
    data = simple(
        movement(1, "12.34", "factuur 2024-17 van janu", following="1"),
        second(1, "ari", end_to_end="E2E-1", bic="KREDBEBB"),
        third(1, f"{'BE71096123456769':<34}EUR", "PEETERS BV", "slot"),
        closing="112.34",
        credit="12.34",
    )
    statement = only(data)
    assert statement.head.account == IBAN
    assert statement.head.currency == "EUR"
    assert statement.head.number == "012"
    assert (statement.head.opening, statement.head.closing) == (Decimal("100.00"), Decimal("112.34"))
    assert (statement.head.opening_date, statement.head.closing_date) == (date(2024, 1, 30), date(2024, 1, 31))
    assert (statement.head.holder, statement.head.bic) == ("ATELIER NOORD BV", "KREDBEBB")
    (line,) = statement.lines
    assert (line.date, line.value_date, line.amount) == (date(2024, 1, 31), date(2024, 1, 30), Decimal("12.34"))
    # Record 21 has 53 characters of text; the next record goes on where it stops.
    assert line.description == "factuur 2024-17 van janu ari slot"
    assert (line.counterparty, line.counterparty_account, line.counterparty_bic) == (
        "PEETERS BV", "BE71096123456769", "KREDBEBB",
    )  # fmt: skip
    assert (line.end_to_end_id, line.bank_reference, line.transaction_code) == ("E2E-1", "BANKREF1", "00150000")


def test_a_word_runs_on_from_one_record_to_the_next() -> None:
    full = "x" * 50 + "fac"
    data = simple(movement(1, "1.00", full), second(1, "tuur 17"), closing="101.00", credit="1.00")
    assert only(data).lines[0].description == "x" * 50 + "factuur 17"


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0.01", "0.01"), ("-5", "-5.00"), ("1.005", "1.005"), ("999999999999.999", "999999999999.999"), ("0", "0.00")],
)
def test_amounts_are_exact(amount: str, shown: str) -> None:
    value = Decimal(amount)
    data = simple(
        movement(1, amount),
        opening="0",
        closing=amount,
        debit=str(-value if value < 0 else 0),
        credit=str(value if value > 0 else 0),
    )
    assert str(only(data).lines[0].amount) == shown


def test_details_are_kept_and_not_booked() -> None:
    data = simple(
        movement(1, "30.00", "VERZAMELING", code="10150000"),
        movement(1, "10.00", "een", detail=1, code="50150000"),
        third(1, f"{'BE71096123456769':<34}EUR", "EEN BV", detail=1),
        information(1, "meer over een", detail=2),
        movement(1, "20.00", "twee", detail=3, code="50150000"),
        closing="130.00",
        credit="30.00",
    )
    (line,) = only(data).lines
    assert line.amount == Decimal("30.00")
    assert [(d.amount, d.description, d.counterparty) for d in line.details] == [
        (Decimal("10.00"), "een meer over een", "EEN BV"),
        (Decimal("20.00"), "twee", ""),
    ]


def test_a_subtotal_gives_way_to_its_own_details() -> None:
    data = simple(
        movement(1, "30.00", code="20150000"),
        movement(1, "10.00", detail=1, code="60150000"),
        movement(1, "20.00", detail=2, code="70150000"),
        movement(1, "15.00", detail=3, code="90150000"),
        movement(1, "5.00", detail=4, code="90150000"),
        closing="130.00",
        credit="30.00",
    )
    (line,) = only(data).lines
    assert [str(detail.amount) for detail in line.details] == ["10.00", "15.00", "5.00"]
    assert sum(detail.amount for detail in line.details) == line.amount


def test_sequence_numbers_start_again_after_9999() -> None:
    moves = [movement(n % 10_000, "1.00") for n in range(9_998, 10_003)]
    data = simple(*moves, closing="105.00", credit="5.00")
    assert len(only(data).lines) == 5


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1"])
def test_the_encoding_is_found(encoding: str) -> None:
    lines = [
        header(),
        old_balance("0"),
        movement(1, "1.00", "café à Liège"),
        new_balance("1.00"),
        trailer(3, "0", "1.00"),
    ]
    assert only(coda(lines, encoding=encoding)).lines[0].description == "café à Liège"


def test_utf8_that_was_padded_by_bytes_keeps_its_columns() -> None:
    narrow = movement(1, "1.00", "café à Liège")
    at = narrow.index("Liège") + 5
    lines = [header(), old_balance("0"), narrow[:at] + narrow[at + 3 :], new_balance("1.00"), trailer(3, "0", "1.00")]
    assert len(lines[2].encode()) == 128
    (line,) = only(coda(lines, encoding="utf-8")).lines
    assert (line.date, line.description) == (date(2024, 1, 31), "café à Liège")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_blank_lines_and_short_lines_do_not_matter(newline: str) -> None:
    lines = [header(), old_balance("0"), "", movement(1, "1.00"), third(1, IBAN).rstrip(), new_balance("1.00")]
    data = coda([*lines, trailer(4, "0", "1.00").rstrip(), "", "\x1a"], newline=newline)
    assert len(only(data).lines) == 1


def test_several_runs_and_several_statements_in_a_run() -> None:
    run = [
        header(), old_balance("0"), movement(1, "1.00"), new_balance("1.00"),
        old_balance("5.00", number="013"), movement(1, "-2.00"), new_balance("3.00"),
    ]  # fmt: skip
    data = coda([*run, trailer(6, "2.00", "1.00", another=True), *run, trailer(6, "2.00", "1.00")])
    found = [(s.head.number, str(s.head.opening), str(s.head.closing), len(s.lines)) for s in read(data)]
    assert found == [("012", "0.00", "1.00", 1), ("013", "5.00", "3.00", 1)] * 2


def test_lines_that_were_not_asked_for_are_still_checked() -> None:
    bad = coda([header(), old_balance("0"), movement(1, "1.00"), new_balance("2.00"), trailer(3, "0", "1.00")])
    with pytest.raises(Refused, match=r"coda\.balance"):
        for _ in parser.parse(BytesIO(bad)):
            pass


def test_an_empty_statement_needs_no_new_balance() -> None:
    statement = only(coda([header(), old_balance("7.50"), trailer(1, "0", "0")]))
    assert (statement.head.opening, statement.head.closing, statement.lines) == (Decimal("7.50"), None, [])


def test_a_message_of_the_bank_becomes_a_warning() -> None:
    lines = [header(), old_balance("1.00"), new_balance("1.00"), message("Nieuw tarief"), message(" op 1 mei")]
    statement = only(coda([*lines, trailer(2, "0", "0")]))
    assert [dict(w.values) for w in statement.head.warnings] == [{"text": "Nieuw tarief op 1 mei"}]
    counted = only(coda([*lines, trailer(4, "0", "0")]))  # as some banks count
    assert counted.warnings == ["coda.message"]


def test_a_duplicate_is_told() -> None:
    data = coda([header(duplicate=True), old_balance("1.00"), new_balance("1.00"), trailer(2, "0", "0")])
    assert only(data).warnings == ["coda.duplicate"]


def test_a_file_with_a_part_of_the_movements_has_no_balances() -> None:
    data = coda([
        header(part="00001"), old_balance("0"), movement(1, "1.00"), new_balance("0"), trailer(3, "0", "1.00"),
    ])  # fmt: skip
    statement = only(data)
    assert (statement.head.opening, statement.head.closing) == (None, None)
    assert statement.warnings == ["coda.part"]


@pytest.mark.parametrize(
    ("structure", "account", "found"),
    [
        ("0", "539007547034 EUR0BE", "BE68539007547034"),
        ("0", "539007547027 EUR0BE", "539007547027"),  # its check digits are wrong
        ("1", f"{'NL12 0612 345':<34}USD", "NL120612345"),
        ("2", f"{IBAN:<34}EUR", IBAN),
        ("3", f"{'FR7630006000011234567890189':<34}EUR", "FR7630006000011234567890189"),
    ],
)
def test_every_account_structure_is_read(structure: str, account: str, found: str) -> None:
    data = coda([header(), old_balance("0", account=account, structure=structure), trailer(1, "0", "0")])
    head = only(data).head
    assert (head.account, head.currency) == (found, "USD" if structure == "1" else "EUR")


@pytest.mark.parametrize(
    ("account", "found"),
    [("539007547027 EUR", "539007547027"), ("BE71 0961 2345 6769", "BE71096123456769"), ("", "")],
)
def test_the_counterparty_account_has_no_spaces(account: str, found: str) -> None:
    data = simple(movement(1, "1.00"), third(1, account), closing="101.00", credit="1.00")
    assert only(data).lines[0].counterparty_account == found


def test_unknown_dates() -> None:
    data = simple(movement(1, "1.00", day="000000", value_day="000000"), closing="101.00", credit="1.00")
    (line,) = only(data).lines
    assert (line.date, line.value_date) == (date(2024, 1, 31), None)  # the day the file was made


def test_a_reason_and_a_full_name_are_read() -> None:
    data = simple(
        movement(1, "-1.00", "terug"),
        second(1, reason="MD01", end_to_end="NOTPROVIDED"),
        third(1, IBAN, "BOUWBEDRIJF VOOR GROTE"),
        information(1, "001BOUWBEDRIJF VOOR GROTE WERKEN", structured=True),
        information(1, "KERKSTRAAT 1", kind="32"),
        closing="99.00",
        debit="1.00",
    )
    (line,) = only(data).lines
    assert line.description == "terug MD01"
    assert line.counterparty == "BOUWBEDRIJF VOOR GROTE WERKEN"
    assert line.end_to_end_id == ""


@pytest.mark.parametrize(
    ("content", "description", "reference"),
    [
        ("101090933755493", "", "090933755493"),
        ("102000000009797", "", "000000009797"),  # remainder 0 is written 97
        ("101090933755494", "090933755494", ""),  # a wrong check is only a text
        ("100RF18539007547034", "", "RF18539007547034"),
        (
            "105" + "000000050000000" * 2 + "000110000000" + "USD" + "090933755493" + "US",
            "50000.00 USD (1.1) US",
            "090933755493",
        ),
        ("106" + "000000000001680" + "000000000008000" + "002100000000", "8.00 × 21 % = 1.68", ""),
        (
            "108" + "000000000001500" + "000000001000000" + "000150000000" + "010124310124",
            "1.50 (1.5 %) 01/01/24 - 31/01/24",
            "",
        ),
        ("999vrij veld", "vrij veld", ""),
    ],
)
def test_structured_communications(content: str, description: str, reference: str) -> None:
    head, tail = content[:53], content[53:]
    data = simple(movement(1, "1.00", head, structured=True), second(1, tail), closing="101.00", credit="1.00")
    (line,) = only(data).lines
    assert (line.description, line.reference) == (description, reference)


def test_a_card_payment_reads_as_words() -> None:
    content = f"113{'6703041234567890':<16}1{'012345'}{'000017'}2401241805" + "0" + f"{'DELHAIZE':<16}{'GENT':<10}"
    data = simple(
        movement(1, "-9.99", content[:53], structured=True), second(1, content[53:]), closing="90.01", debit="9.99"
    )
    assert only(data).lines[0].description == "DELHAIZE GENT 24/01/24 18:05 6703041234567890"


def test_a_direct_debit_reads_as_words() -> None:
    content = f"127{'310124'}110{'BE69ZZZ050D000000008':<35}{'MANDATE-7':<35}{'abonnement januari':<62}"
    data = simple(
        movement(1, "-9.99", content[:53], structured=True), second(1, content[53:106]),
        third(1, IBAN, "TELECOM NV", content[106:]), closing="90.01", debit="9.99",
    )  # fmt: skip
    assert only(data).lines[0].description == "abonnement januari MANDATE-7 BE69ZZZ050D000000008"


def test_a_printed_reference_in_a_free_text_is_found() -> None:
    data = simple(movement(1, "1.00", "+++090/9337/55493+++ dank"), closing="101.00", credit="1.00")
    assert only(data).lines[0].reference == "090933755493"


LINES = [header(), old_balance("100.00"), movement(1, "10.00"), new_balance("110.00"), trailer(3, "0", "10.00")]


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("coda.balance", [*LINES[:3], new_balance("110.01"), LINES[4]]),
        ("coda.count", [*LINES[:4], trailer(4, "0", "10.00")]),
        ("coda.debit", [*LINES[:4], trailer(3, "1.00", "10.00")]),
        ("coda.credit", [*LINES[:4], trailer(3, "0", "10.001")]),
        ("coda.truncated", LINES[:4]),
        ("coda.truncated", LINES[:3]),
        ("coda.truncated", LINES[:1]),
        ("coda.no_closing", [*LINES[:3], trailer(2, "0", "10.00")]),
        ("coda.no_closing", [*LINES[:2], *LINES[1:]]),
        ("coda.order", [LINES[0], *LINES[2:]]),
        ("coda.order", [*LINES[:2], second(1), *LINES[2:]]),
        ("coda.order", [*LINES[:3], second(2), *LINES[3:]]),
        ("coda.order", [*LINES[:2], movement(1, "1.00", detail=1), *LINES[2:]]),
        ("coda.order", [*LINES[:4], movement(1, "1.00"), LINES[4]]),
        ("coda.order", [*LINES[:3], header(), *LINES[3:]]),
        ("coda.order", [*LINES[:4], *LINES[3:]]),
        ("coda.record", [*LINES[:3], record_ := "7" + "x" * 127, *LINES[3:]]),
        ("coda.record", [*LINES[:3], "24" + record_[2:], *LINES[3:]]),
        ("coda.width", [LINES[0], LINES[1] + "1", *LINES[2:]]),
        ("coda.version", [header(version="1"), *LINES[1:]]),
        ("coda.account", [LINES[0], old_balance("100.00", account=""), *LINES[2:]]),
        ("coda.amount", [*LINES[:2], LINES[2].replace("010000", "01O000"), *LINES[3:]]),
        ("coda.amount", [*LINES[:4], LINES[4].replace("010000", "-10000")]),
        ("coda.sign", [*LINES[:2], LINES[2][:31] + "2" + LINES[2][32:], *LINES[3:]]),
        ("coda.sign", [LINES[0], LINES[1][:42] + "C" + LINES[1][43:], *LINES[2:]]),
        ("coda.date", [*LINES[:2], movement(1, "10.00", day="310224"), *LINES[3:]]),
        ("coda.date", [*LINES[:2], movement(1, "10.00", value_day="٣١0124"), *LINES[3:]]),
    ],
)
def test_what_makes_no_sense_is_refused(code: str, lines: list[str]) -> None:
    refusal = refused(coda(lines, encoding="utf-8"))
    assert refusal.code == code
    assert refusal.line is not None or code == "coda.truncated"


def test_other_formats_are_not_taken_for_coda() -> None:
    assert not parser.identify(b"")
    assert not parser.identify(b":20:STARTUMSE\r\n")
    assert not parser.identify(b"0000" * 32)
    assert parser.identify(b"\xef\xbb\xbf" + header().encode())
