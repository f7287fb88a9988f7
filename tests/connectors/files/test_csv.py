"""Tables of bank lines: each bank's, those of nobody known, and what is asked or refused."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from io import BytesIO

import pytest

from portal.connectors.errors import Refused
from portal.connectors.files import csv_layout
from portal.connectors.files.answers import Answers
from portal.connectors.files.csv_bank import look_at
from portal.connectors.files.csv_layout import Layout
from portal.connectors.files.csv_mapping import CsvMapping
from portal.connectors.files.limits import UPLOAD, ReadLimits
from tests.connectors.files.csv_tables import ABN_AMRO, BNP, CREDIT_AGRICOLE, ING_NL, KBC, RABOBANK, TABLES
from tests.connectors.files.reading import only, read, refused
from tests.connectors.files.test_hostile import Endless, consume, repeated

IBAN = "BE68539007547034"


def table(*rows: str, head: str = "Datum;Omschrijving;Bedrag;IBAN") -> bytes:
    return "\n".join((head, *rows, "")).encode()


def day(text: str, amount: str = "-12,50") -> str:
    return f"{text};Brood;{amount};{IBAN}"


@pytest.mark.parametrize("bank", TABLES)
def test_the_table_of_a_bank_is_read_without_a_question(bank: str) -> None:
    text, encoding, account, currency, lines, balances = TABLES[bank]
    found = only(text.encode(encoding), Answers(currency="EUR"))
    assert (found.head.account, found.head.currency) == (account, currency)
    told = [
        (str(line.date), str(line.value_date), str(line.amount), line.counterparty, line.counterparty_account)
        for line in found.lines
    ]
    assert told == lines
    known = (str(found.head.opening), str(found.head.closing)) if found.head.closing is not None else None
    assert known == balances


def test_a_bank_is_known_whatever_stands_between_its_lines_and_around_its_letters() -> None:
    plain = [line.amount for line in only(KBC.encode("cp1252")).lines]
    for data in (
        KBC.replace("\n", "\r").encode("cp1252"),
        KBC.replace("\n", "\r\n").encode("cp1252"),
        codecs.BOM_UTF8 + KBC.encode(),
        KBC.encode("utf-16"),
        KBC.encode("utf-16-le"),
        KBC.upper().encode(),
        KBC.encode() + b"\n\n",
    ):
        assert [line.amount for line in only(data).lines] == plain


def test_texts_are_put_together_and_references_found() -> None:
    first, second = only(KBC.encode()).lines
    assert (first.description, second.reference) == ("OVERSCHRIJVING NAAR Brood", "090933755493")
    overboeking, slashed = only(ABN_AMRO.encode()).lines
    assert (overboeking.description, slashed.description, slashed.end_to_end_id) == ("Brood", "Rekening", "E2E-2")
    assert only(CREDIT_AGRICOLE.encode()).lines[0].description == "PAIEMENT PAR CARTE BOULANGERIE"


def test_rows_that_were_refused_are_left_out_and_told() -> None:
    found = only(BNP.encode())
    assert len(found.lines) == 1
    assert found.warnings == ["csv.not_booked"]


def test_each_account_of_a_file_is_a_statement() -> None:
    first, second = read(RABOBANK.encode())
    assert [one.head.account[:8] for one in (first, second)] == ["NL91ABNA", "NL20INGB"]
    assert [str(one.head.closing) for one in (first, second)] == ["1087.50", "5.00"]
    assert first.lines[0].end_to_end_id == "E2E-1"


# ------------------------------------------------------------------ unknown headings


@pytest.mark.parametrize(
    "head",
    [
        "Booking date;Description;Amount;IBAN",
        "Date;Libellé;Montant;IBAN",
        "Buchungstag;Verwendungszweck;Betrag;IBAN",
        "Boekingsdatum;Mededeling;Bedrag (EUR);Rekening",
        "Date opération;Libellé;Montant en €;Numéro de compte",
    ],
)
def test_headings_that_leave_one_reading_need_no_mapping(head: str) -> None:
    found = only(table(day("31/01/2024"), day("01/02/2024"), head=head))
    assert (found.head.account, str(found.lines[0].amount), found.lines[0].description) == (IBAN, "-12.50", "Brood")


def test_a_line_above_the_headings_may_hold_a_day_and_a_balance() -> None:
    data = (
        '="0300300012345678";01/01/2024;31/01/2024;2;31/01/2024;1200,50 EUR;\n\n'
        "Date de l'opération;Libellé;Détail de l'écriture;Montant de l'opération;Devise\n"
        "15/01/2024;CARTE;CARREFOUR 13/01;-45,20;EUR\n16/01/2024;VIR RECU;FACTURE 12;1200,00;EUR\n"
    )
    found = only(data.encode())
    assert [(line.date.day, str(line.amount)) for line in found.lines] == [(15, "-45.20"), (16, "1200.00")]


def test_a_first_row_that_is_cut_off_is_not_passed_over() -> None:
    head = "Date;Libellé;Montant;Devise;Note"
    rows = ("15/01/2024;CARTE;-45,20", "16/01/2024;VIR;12,00;EUR;x", "17/01/2024;VIR;13,00;EUR;x")
    assert refused(table(*rows, head=head)).code == "csv.width"


def test_columns_for_both_sides() -> None:
    found = only(table("31/01/2024;Brood;12,50;", "01/02/2024;Loon;;1100,00", head="Datum;Tekst;Debet;Credit"))
    assert [str(line.amount) for line in found.lines] == ["-12.50", "1100.00"]


def test_unknown_headings_are_asked_with_what_is_needed_to_learn_them() -> None:
    data = table(day("31/01/2024"), head="Wanneer;Wat;Hoeveel;Waarvan")
    refusal = refused(data)
    assert (refusal.code, refusal.values["header"]) == ("csv.unknown_header", "Wanneer · Wat · Hoeveel · Waarvan")
    mapping = CsvMapping("learnt", ";", date="wanneer", amount="hoeveel", account="waarvan", description=("wat",))
    answers = Answers(mappings={refusal.values["fingerprint"]: mapping})
    (line,) = only(data, answers).lines
    assert (str(line.amount), line.description) == ("-12.50", "Brood")
    assert CsvMapping.from_json(mapping.to_json()) == mapping


def test_a_fingerprint_is_of_the_headings_in_their_order() -> None:
    def print_of(head: str) -> str:
        return refused(table(day("31/01/2024"), head=head)).values["fingerprint"]

    same = print_of("Wanneer;Wat;Hoeveel;Waarvan")
    assert print_of("WANNEER; wat ;Hoeveel;Waarvan;") == same
    assert print_of("Wat;Wanneer;Hoeveel;Waarvan") != same


def test_a_column_of_several_accounts_may_be_the_other_side() -> None:
    data = table("31/01/2024;a;-1,00;BE68539007547034", "31/01/2024;b;-1,00;BE71096123456769")
    assert refused(data).code == "csv.unknown_header"


def test_without_headings_the_columns_are_asked() -> None:
    data = b'"12/15/2018","Your payment","EUR","1,525.00","-1,000.00"\n'
    assert refused(data).code == "csv.unknown_header"
    layout = look_at_bytes(data)
    mapping = CsvMapping("learnt", ",", width=5, date="#1", amount="#4", currency="#3", description=("#2",))
    (line,) = only(data, Answers(mappings={layout.fingerprint: mapping})).lines
    assert (str(line.date), str(line.amount)) == ("2018-12-15", "1525.00")


def look_at_bytes(data: bytes) -> Layout:
    found = look_at(BytesIO(data))
    assert found is not None
    return found


# ------------------------------------------------------------------ what is open


def test_dates_that_can_be_two_are_asked_and_the_answer_is_used() -> None:
    data = table(day("03/04/2024"), day("05/06/2024"))
    refusal = refused(data)
    assert (refusal.code, refusal.values["text"], refusal.values["account"]) == ("csv.date_order", "03/04/2024", IBAN)
    assert str(only(data, Answers(day_first=True)).lines[0].date) == "2024-04-03"
    assert str(only(data, Answers(day_first=False)).lines[0].date) == "2024-03-04"


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (("03/04/2024", "13/04/2024"), "2024-04-03"),
        (("03/04/2024", "04/13/2024"), "2024-03-04"),
        (("03.04.2024", "04.05.2024"), "2024-04-03"),
        (("2024-03-04", "2024-05-06"), "2024-03-04"),
        (("20240304", "20240506"), "2024-03-04"),
        (("3 April 2024", "4 mei 2024"), "2024-04-03"),
        (("31/01/24", "28/02/24"), "2024-01-31"),
        (("03/04/2024 10:11:12", "13/04/2024 00:00"), "2024-04-03"),
    ],
)
def test_dates_that_show_their_order_are_not_asked(texts: tuple[str, str], first: str) -> None:
    assert str(only(table(*map(day, texts))).lines[0].date) == first


def test_an_answer_does_not_overrule_what_the_file_shows() -> None:
    data = table(day("03/04/2024"), day("13/04/2024"))
    assert str(only(data, Answers(day_first=False)).lines[0].date) == "2024-04-03"


def test_day_and_month_that_change_places_are_refused() -> None:
    refusal = refused(table(day("13/04/2024"), day("04/14/2024")))
    assert (refusal.code, refusal.line) == ("csv.date_mixed", 3)
    many = [day("13/04/2024")] * 30
    refusal = refused(table(*many, day("04/14/2024")))
    assert (refusal.code, refusal.line) == ("csv.date_mixed", 32)


def test_amounts_that_can_be_two_are_asked_and_the_answer_is_used() -> None:
    data = table(day("31/01/2024", "1,234"))
    assert refused(data).code == "csv.decimal"
    assert str(only(data, Answers(decimal=",")).lines[0].amount) == "1.234"
    assert str(only(data, Answers(decimal=".")).lines[0].amount) == "1234"


@pytest.mark.parametrize("texts", [("12,50", "1.50"), ("1.234,56", "1,234.56"), ("12.5", "12,5")])
def test_a_mark_that_changes_is_refused_with_its_row(texts: tuple[str, str]) -> None:
    refusal = refused(table(*(day("31/01/2024", text) for text in texts)))
    assert (refusal.code, refusal.line) == ("csv.decimal_mixed", 3)


def test_one_amount_tells_the_mark_of_all() -> None:
    found = only(table(day("31/01/2024", "1.234"), day("31/01/2024", "0,50")))
    assert [str(line.amount) for line in found.lines] == ["1234", "0.50"]


# ------------------------------------------------------------------ balances

HEAD = "Datum;Tekst;Bedrag;Saldo"


@pytest.mark.parametrize(
    ("rows", "opening", "closing"),
    [
        (("31/01/2024;a;-1,00;99,00", "01/02/2024;b;2,00;101,00"), "100.00", "101.00"),
        (("01/02/2024;b;2,00;101,00", "31/01/2024;a;-1,00;99,00"), "100.00", "101.00"),
        (("31/01/2024;a;-1,00;99,00", "31/01/2024;b;1,00;", "01/02/2024;c;2,00;102,00"), "100.00", "102.00"),
        (("31/01/2024;a;-1,00;99,00",), "100.00", "99.00"),
    ],
)
def test_balances_confirm_the_amounts_in_either_order(rows: tuple[str, ...], opening: str, closing: str) -> None:
    found = only(table(*rows, head=HEAD))
    assert (str(found.head.opening), str(found.head.closing)) == (opening, closing)


def test_a_balance_that_does_not_follow_is_refused_with_its_row() -> None:
    rows = ("31/01/2024;a;-1,00;99,00", "01/02/2024;b;2,00;101,00", "02/02/2024;c;3,00;140,00")
    refusal = refused(table(*rows, head=HEAD))
    assert (refusal.code, refusal.line) == ("csv.balance", 4)


def test_an_amount_a_hundred_times_too_large_is_found_out() -> None:
    assert refused(table("31/01/2024;a;-1,00;99,00", "01/02/2024;b;200;101,00", head=HEAD)).code == "csv.balance"


def test_rows_missing_between_rows_that_prove_themselves_begin_a_statement() -> None:
    first, second = ABN_AMRO.splitlines(keepends=True)
    jump = second.replace("1087,50\t2187,50", "2000,00\t3100,00")
    statements = read((first + jump).encode())
    assert [(str(s.head.opening), str(s.head.closing)) for s in statements] == [
        ("1100.00", "1087.50"), ("2000.00", "3100.00"),
    ]  # fmt: skip
    assert refused((first.replace("-12,50", "-13,50") + second).encode()).code == "csv.balance"


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("csv.no_rows", table()),
        ("csv.date", table(day("31/01/2024"), "gisteren;Brood;-1,00;x")),
        ("csv.date", table(day("31/01/2024"), day("31/02/2024"))),
        ("csv.amount", table(day("31/01/2024"), day("31/01/2024", "veel"))),
        ("csv.amount", table(day("31/01/2024"), day("31/01/2024", ""))),
        ("csv.decimals", table(day("31/01/2024"), day("31/01/2024", "1,1234567"))),
        ("csv.width", table(day("31/01/2024"), "31/01/2024;Brood")),
        ("csv.width", (KBC + KBC.splitlines()[1].replace("OVERSCHRIJVING NAAR", "A;B")).encode()),
        ("csv.sign", ING_NL.replace('"Bij"', '"Misschien"').encode()),
        ("csv.sides", table("31/01/2024;a;1,00;2,00", head="Datum;Tekst;Debet;Credit")),
        ("csv.sides", table("31/01/2024;a;;1,00", "31/01/2024;a;;", head="Datum;Tekst;Debet;Credit")),
        ("csv.currency", KBC.replace(";EUR;", ";Euro;").encode()),
        ("csv.table", table(day("31/01/2024"), '31/01/2024;"' + "x" * 200_000)),
        ("file.binary", table(*[day("31/01/2024")] * 200) + b"\0\0"),
        ("file.line_too_long", table(day("31/01/2024")) + b"x" * (3 << 20)),
    ],
)
def test_a_damaged_table_is_refused(code: str, data: bytes) -> None:
    assert refused(data).code == code


def test_a_total_below_the_rows_is_no_movement() -> None:
    assert len(only(table(day("31/01/2024"), "Totaal;;-12,50;", "", "Saldo;;100,00;")).lines) == 1


def test_limits_hold() -> None:
    data = table(*[day("31/01/2024")] * 4)
    assert refused(data, ReadLimits(entries=3)).code == "file.too_many_entries"
    assert refused(data, ReadLimits(bytes=len(data) - 1)).code == "file.too_large"
    assert read(data, replace(UPLOAD, bytes=len(data)))


HOSTILE = {
    "rows": (KBC.encode(), KBC.splitlines(keepends=True)[1].replace("1.087,50", "").encode()),
    "empty rows": (table(day("31/01/2024")), b"\n"),
    "separators": (table(day("31/01/2024")), b";;;\n"),
    "dates with two readings": (table(day("01/02/2024")), f"{day('03/04/2024')}\n".encode()),
    "rows before the headings": (b"x;y\n", b"x;y\n"),
    "distinct amounts": (
        table(day("31/01/2024")), b"".join(f"{day('31/01/2024', f'{n},00')}\n".encode() for n in range(20_000)),
    ),
    "accounts": (
        b"IBAN;Datum;Tekst;Bedrag;Rekening tegenpartij\n",
        b"".join(f"A{n};31/01/2024;x;1,00;y\n".encode() for n in range(2_000)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_memory_stays_flat(what: str) -> None:
    """10 MiB of one thing: refused or read, but never held."""
    stream = Endless(repeated(*HOSTILE[what]))
    with suppress(Refused):  # a refusal is as good as an end
        consume(stream)
    assert stream.growth < 12 << 20, f"{stream.growth / (1 << 20):.1f} MiB"


def test_each_row_of_a_wide_table_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each of its columns: two kilobytes took a second and a half so."""
    judged = Counter[str]()
    is_data = csv_layout.is_data

    def counted(row: Sequence[str]) -> bool:
        judged[";".join(row)] += 1
        return is_data(row)

    monkeypatch.setattr(csv_layout, "is_data", counted)
    rows = [f"04/04/2024;{n},50;" + ";".join("x" * 400) for n in range(1, 30)]
    assert csv_layout.find_layout(["vandaag;iets", *rows]) is not None
    assert max(judged.values()) < 12
