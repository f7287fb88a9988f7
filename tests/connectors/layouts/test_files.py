"""The files of all apps without a server, read back by readers that know the forms and not the writers."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from fec_parser.parser import FECParser
from hypothesis import given
from hypothesis import strategies as st

from portal.connectors import registry
from portal.connectors.base import EntryKind, LedgerAccount, OutgoingLine
from portal.connectors.errors import Rejected
from portal.connectors.layouts import Book, Booked, read_back, render, sides
from portal.connectors.tables import COLUMNS, DATES, SEPARATORS, problem_with
from tests.connectors.layouts.bakery import ACCOUNTS, ENTRIES, GENERAL, MARCH, MOVED, TWO_MONTHS, bank_entry, book
from tests.connectors.layouts.readers import Seen, Unreadable, read_fec, read_pnm, read_table, read_tra

APPS = ("sage100", "tiime", "fec", "csv", "tra")
SAGE_TEXT = [
    "line_type", "journal", "date", "number", "account", "third_party", "description", "payment_mode", "due_date",
    "debit", "credit",
]  # fmt: skip
CSV = [
    "journal", "date", "number", "reference", "account", "account_name", "description", "debit", "credit", "currency",
]  # fmt: skip
SPECS = Path(__file__).parents[4] / "shared" / "specs"


def written(app: str, entries: Sequence[Booked] = ENTRIES, **settings: str) -> bytes:
    return registry.load_layout(app).write(book(app, **settings), entries)


def moved(lines: Sequence[Seen]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[line.account] += line.amount
    return dict(found)


def refused(app: str, entries: Sequence[Booked] = ENTRIES, **settings: str) -> Rejected:
    with pytest.raises(Rejected) as caught:
        written(app, entries, **settings)
    return caught.value


# ------------------------------------------------------------------------------ each form


def plain(entry: Booked) -> Booked:
    """Without the letters that ISO 8859-15 lacks."""
    lines = tuple(
        replace(line, description=line.description.replace("—", "-").replace("’", "'")) for line in entry.entry.lines
    )
    return Booked(entry.number, replace(entry.entry, lines=lines))


PLAIN = [plain(entry) for entry in ENTRIES]


def test_pnm_is_read_as_it_was_meant() -> None:
    company, lines = read_pnm(written("sage100"))
    assert company == "Boulangerie Léa Évrard et fils"
    assert moved(lines) == MOVED
    assert len(lines) == 12  # the line of nought is left out
    assert {line.reference for line in lines} == {"KP-7-41", "KP-7-42", "KP-7-43"}
    assert lines[0] == Seen(
        "BQ", date(2026, 3, 2), "411000", "KP-7-41", "Facture 2026-17 Café de l", Decimal("-1234.50"), "41"
    )
    assert lines[1] == Seen(
        "BQ", date(2026, 3, 2), "512100", "KP-7-41", "Facture 2026-17 Café de l", Decimal("1234.50"), "41"
    )
    assert lines[-2].text == "Solde du fournisseur"
    assert lines[-1].text == GENERAL.reference[:25]


def test_a_pnm_line_letter_by_letter() -> None:
    (line,) = written("sage100", [Booked(43, GENERAL)]).split(b"\r\n")[1:2]
    assert line.decode("cp1252") == (
        "OD 040526OD401000       G             KP-7-43      Solde du fournisseur            D               60.00N"
    )


def test_fec_is_read_as_it_was_meant() -> None:
    content = written("fec", PLAIN)
    lines = read_fec(content)
    assert moved(lines) == MOVED
    assert {line.reference for line in lines} == {entry.entry.reference for entry in ENTRIES}
    assert [line.number for line in lines] == ["41-1"] * 4 + ["41-2"] * 2 + ["42-1"] * 2 + ["42-2"] * 2 + ["43"] * 2


def test_fec_is_read_by_a_reader_of_others() -> None:
    parser = FECParser.from_bytesio(io.BytesIO(written("fec", PLAIN)), "732829320FEC20261231.txt")
    found = list(parser.get_ecritures())
    assert parser.parse() == []
    assert [(line.journal_lib, line.compte_lib) for line in found[:2]] == [
        ("Banque Crédit Agricole", "Clients"), ("Banque Crédit Agricole", "Crédit Agricole"),
    ]  # fmt: skip
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in found:
        sums[line.compte_num] += line.debit - line.credit
    assert dict(sums) == MOVED


def test_fec_has_no_line_after_the_last_and_the_name_of_the_law() -> None:
    content = written("fec", PLAIN)
    assert content.count(b"\r\n") == 12
    assert not content.endswith(b"\n")
    layout = registry.load_layout("fec")
    assert layout.file_name(book("fec")) == "732829320FEC20261231.txt"
    with pytest.raises(Rejected) as caught:
        layout.file_name(replace(book("fec"), siren="73282932"))
    assert caught.value.code == "fec.siren"


def test_fec_with_bars() -> None:
    assert moved(read_fec(written("fec", PLAIN, separator="bar"), separator="|")) == MOVED
    barred = Booked(1, bank_entry(("2026-03-02", "411000", "-1.00", "a|b")))
    assert refused("fec", [barred], separator="bar").code == "fec.separator"
    assert read_fec(written("fec", [barred]))[0].text == "a|b"


def test_tra_is_read_as_it_was_meant() -> None:
    kinds, lines = read_tra(written("tra"))
    assert kinds == {"BQ": "BQE", "OD": "OD"}
    assert moved(lines) == MOVED
    assert {line.reference for line in lines} == {entry.entry.reference for entry in ENTRIES}


def test_tra_of_another_currency_is_refused() -> None:
    assert refused("tra", [Booked(1, replace(MARCH, currency="CHF"))]).code == "tra.currency"


def test_csv_is_read_as_it_was_meant() -> None:
    lines = read_table(written("csv"), CSV, charset="utf-8", separator=";", dates="%Y-%m-%d")
    assert moved(lines) == MOVED
    assert lines[2].text == "Frais de tenue de compte — mars"


def test_csv_puts_what_would_break_it_between_quotes() -> None:
    entry = Booked(1, bank_entry(("2026-03-02", "411000", "-1.00", 'a;b "c"')))
    (line, _bank) = read_table(written("csv", [entry]), CSV, charset="utf-8", separator=";", dates="%Y-%m-%d")
    assert line.text == 'a;b "c"'


def test_the_mark_of_utf_8_stands_once() -> None:
    content = written("csv", charset="utf-8-bom")
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\xef\xbb\xbf") == 1


def test_the_text_import_of_sage() -> None:
    content = written("sage100", form="text")
    lines = read_table(content, SAGE_TEXT, charset="cp1252", separator="\t", dates="%d%m%y", header=False, quotes=False)
    assert moved(lines) == MOVED
    assert content.split(b"\r\n")[0].split(b"\t")[:5] == [b"G", b"BQ", b"020326", b"41-1", b"411000"]
    parted = Booked(1, bank_entry(("2026-03-02", "411000", "-1.00", "a;b")))
    assert refused("sage100", [parted], form="text", separator="semicolon").code == "sage100.separator"


def test_tiime_takes_a_fec_or_a_table() -> None:
    layout = registry.load_layout("tiime")
    assert moved(read_fec(written("tiime", PLAIN))) == MOVED
    assert layout.file_name(book("tiime")) == "732829320FEC20261231.txt"
    table = written("tiime", PLAIN, form="csv", charset="utf-8")
    assert moved(read_table(table, CSV, charset="utf-8", separator=";", dates="%d/%m/%Y")) == MOVED
    assert layout.file_name(book("tiime", form="csv")) == "F-017-b-0007.csv"


@pytest.mark.parametrize("separator", list(SEPARATORS))
@pytest.mark.parametrize("dates", list(DATES))
@pytest.mark.parametrize("amounts", ["debit,credit", "side,amount", "signed_amount"])
def test_columns_in_any_order(separator: str, dates: str, amounts: str) -> None:
    columns = f"{amounts},empty,account,description,date,reference,journal"
    content = written("csv", separator=separator, dates=dates, columns=columns, decimal="point", header="no")
    lines = read_table(
        content, columns.split(","), charset="utf-8", separator=SEPARATORS[separator], dates=DATES[dates], decimal=".",
        header=False,
    )  # fmt: skip
    assert moved(lines) == MOVED


def test_every_column_can_be_written() -> None:
    content = written("csv", columns=",".join(COLUMNS))
    assert moved(read_table(content, list(COLUMNS), charset="utf-8", separator=";", dates="%Y-%m-%d")) == MOVED


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (["journal", "date", "account", "debit", "credit"], ""),
        (["journal", "date", "account", "debit"], "exchange.columns_missing"),
        (["journal", "account", "signed_amount"], "exchange.columns_missing"),
        (["journal", "date", "account", "signed_amount", "colour"], "exchange.column_unknown"),
        (["journal", "date", "account", "signed_amount"] + ["empty"] * 17, "exchange.columns_many"),
    ],
)
def test_columns_that_are_no_file_are_told(columns: list[str], code: str) -> None:
    assert problem_with(columns) == code


# ------------------------------------------------------------------------------ what cannot be written


@pytest.mark.parametrize(
    ("app", "charset"),
    [("sage100", "windows-1252"), ("fec", "iso-8859-15"), ("tra", "windows-1252"), ("csv", "windows-1252"),
     ("sage100", "dos-850"), ("tiime", "ascii")],
)  # fmt: skip
def test_a_letter_that_the_set_lacks_is_named(app: str, charset: str) -> None:
    entry = Booked(9, bank_entry(("2026-03-02", "411000", "-1.00", "to Ωmega")))
    error = refused(app, [entry], charset=charset)
    letter = "é" if charset == "ascii" else "Ω"
    assert (error.code, error.values["character"]) == (f"{app}.character", letter)
    assert letter in error.provider_text


@pytest.mark.parametrize("charset", ["windows-1252", "iso-8859-15", "dos-850", "mac-roman", "utf-8"])
def test_pnm_in_each_set(charset: str) -> None:
    entry = Booked(1, bank_entry(("2026-03-02", "411000", "-1.00", "Théâtre à Nîmes")))
    named = {"windows-1252": "cp1252", "dos-850": "cp850"}.get(charset, charset)
    assert read_pnm(written("sage100", [entry], charset=charset), named)[1][0].text == "Théâtre à Nîmes"


@pytest.mark.parametrize(("app", "length"), [("sage100", 13), ("tra", 17)])
def test_a_code_is_refused_rather_than_cut(app: str, length: int) -> None:
    fits, long = "4" * length, "4" * (length + 1)
    assert written(app, [Booked(1, bank_entry(("2026-03-02", fits, "-1.00", "x")))])
    error = refused(app, [Booked(1, bank_entry(("2026-03-02", long, "-1.00", "x")))])
    assert (error.code, error.values["code"]) == (f"{app}.code_length", long)
    assert refused(app, [Booked(1, replace(MARCH, journal="BANQ"))]).code == f"{app}.code_length"


@pytest.mark.parametrize("app", APPS)
def test_the_largest_amount_fits_and_a_larger_one_is_refused(app: str) -> None:
    largest = Decimal("99999999999999.99")
    entry = bank_entry(("2026-03-02", "411000", str(largest), "x"))
    assert read_back(render(app, entry, ACCOUNTS)) == entry
    assert written(app, [Booked(1, entry)])
    for wrong in ("100000000000000.00", "1.001"):
        with pytest.raises(Rejected) as caught:
            render(app, bank_entry(("2026-03-02", "411000", wrong, "x")), ACCOUNTS)
        assert caught.value.code == f"{app}.amount"


# ------------------------------------------------------------------------------ all of them


@pytest.mark.parametrize("app", APPS)
def test_the_same_bytes_every_time(app: str) -> None:
    assert written(app, PLAIN) == written(app, PLAIN)


@pytest.mark.parametrize("app", APPS)
def test_what_is_approved_is_read_back(app: str) -> None:
    for entry in (MARCH, TWO_MONTHS, GENERAL):
        assert read_back(render(app, entry, ACCOUNTS)) == entry


def test_the_banks_side_stands_beside_each_line() -> None:
    assert [(side.on.month, side.account, str(side.amount)) for side in sides(TWO_MONTHS)] == [
        (3, "411000", "-10.00"), (3, "512100", "10.00"), (4, "401000", "10.00"), (4, "512100", "-10.00"),
    ]  # fmt: skip


TEXTS = st.text(st.characters(codec="cp1252"), max_size=60)
AMOUNTS = st.decimals("-999999.99", "999999.99", places=2).filter(bool)
LINES = st.lists(st.tuples(st.dates(date(2026, 1, 1), date(2026, 12, 31)), AMOUNTS, TEXTS), min_size=1, max_size=12)


@given(LINES)
def test_whatever_is_entered_balances_and_is_read_back(given_lines: list[tuple[date, Decimal, str]]) -> None:
    entry = bank_entry(*((day.isoformat(), "411000", str(amount), text) for day, amount, text in given_lines))
    total = sum(amount for _day, amount, _text in given_lines)
    expected = {"411000": total, "512100": -total}
    one = [Booked(1, entry)]
    assert moved(read_pnm(written("sage100", one))[1]) == expected
    assert moved(read_fec(written("fec", one, charset="windows-1252"), "cp1252")) == expected
    assert moved(read_tra(written("tra", one))[1]) == expected
    assert moved(read_table(written("csv", one), CSV, charset="utf-8", separator=";", dates="%Y-%m-%d")) == expected


def test_the_readers_refuse_what_is_wrong() -> None:
    """An oracle that takes everything proves nothing."""
    pnm, fec, tra = written("sage100"), written("fec", PLAIN), written("tra")
    for read, content in (
        (read_pnm, pnm.replace(b"1234.50N", b"1234.51N", 1)),
        (read_pnm, pnm.replace(b"OD", b"XX")),
        (read_pnm, pnm[:-3] + b"\r\n"),
        (read_fec, fec + b"\r\n"),
        (read_fec, fec.replace(b"JournalLib", b"Journal")),
        (read_fec, fec.replace(b"\t0,00\t", b"\t\t", 1)),
        (read_tra, tra.replace(b"E--", b"D--")),
        (read_tra, tra.replace(b"***JALBQ ", b"***JALXX ")),
    ):
        with pytest.raises(Unreadable):
            read(content)


# ------------------------------------------------------------------------------ the descriptions


@pytest.mark.skipif(not SPECS.is_dir(), reason="the descriptions are not beside this checkout")
class TestDescriptions:
    def test_fec_columns(self) -> None:
        told = json.loads((SPECS / "fec.json").read_text())
        assert written("fec", PLAIN).split(b"\r\n")[0].decode().split("\t") == told["columns"]

    def test_pnm_places(self) -> None:
        told = json.loads((SPECS / "sage100.pnm.json").read_text())
        rows = written("sage100").decode("cp1252").split("\r\n")[1:-1]
        assert {len(row) for row in rows} <= set(told["line_lengths_allowed"])
        places = {field["name"]: (field["from"] - 1, field["to"]) for field in told["fields"]}
        first, last = places["montant, right aligned"]
        assert all(Decimal(row[first:last].strip()) > 0 for row in rows)
        first, last = places["compte general"]
        assert {row[first:last].strip() for row in rows} == set(MOVED)

    def test_tra_places(self) -> None:
        told = json.loads((SPECS / "tra.json").read_text())
        header, *rows = written("tra").decode("cp1252").split("\r\n")[:-1]
        lines = [row for row in rows if not row.startswith("***")]
        for places, texts in ((told["header"], [header]), (told["entry"], lines)):
            for place in places:
                blank = place["name"].startswith(("TYPE CPTE", "N DOSSIER"))
                if place["required"] and not place["name"].startswith("[ETE") and not blank:
                    first = place["from"] - 1
                    assert all(text[first : first + place["length"]].strip() for text in texts), place["name"]


def test_a_foreign_account_is_told_before_anything_is_kept() -> None:
    with pytest.raises(Rejected) as caught:
        render("fec", MARCH, {"411000": LedgerAccount("411000", "Clients", "411000", "receivable")})
    assert caught.value.values == {"account": "627000"}


def test_an_entry_of_a_document_is_refused() -> None:
    sale = replace(GENERAL, kind=EntryKind.SALES, lines=(OutgoingLine(date(2026, 5, 4), "471000", Decimal(1), "x"),))
    with pytest.raises(Rejected) as caught:
        render("csv", sale, ACCOUNTS)
    assert caught.value.code == "csv.no_invoices"


def test_a_file_name_holds_nothing_that_a_disk_would_not() -> None:
    made: Book = replace(book("csv"), number="../è:x")
    assert registry.load_layout("csv").file_name(made) == "x-0007.csv"
