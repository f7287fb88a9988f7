"""Invoices, credit notes and takings as read; and what is refused."""

from __future__ import annotations

import io
import random
import re
import time
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.connectors import files
from portal.connectors.errors import Refused
from portal.connectors.files import document_words, refusals
from portal.connectors.files.document import Document
from portal.connectors.files.documents import open_documents
from portal.connectors.files.limits import ReadLimits
from portal.connectors.files.references import is_dutch, is_rf, structured
from tests.connectors.files.invoice_documents import MILL, SHOP, Invoice, Item, cii, factur_x, ubl

MIXED = Invoice(
    items=(
        Item("Bloem & gist", Decimal("2.5"), Decimal("18.4033"), Decimal(6)),
        Item("Huur <oven>", Decimal(1), Decimal("249.99"), Decimal(21)),
        Item("Levering", Decimal(1), Decimal("10.00"), Decimal(0), "Z"),
    ),
    allowance=Decimal("5.00"),
    prepaid=Decimal("20.00"),
)
WRITERS = {"ubl": ubl, "cii": cii, "factur-x": factur_x}
TAKINGS = """\ufeffDatum;Nummer;Omschrijving;Tarief;Netto;BTW;Bruto
31/03/2026;Z-214;Toog;6;100,00;6,00;106,00
31/03/2026;Z-214;Drank;21%;50,00;10,50;60,50

01-04-2026;Z-215;Toog;6;80.00;4.80;84.80
""".encode()


def read_all(data: bytes) -> list[Document]:
    return list(open_documents(io.BytesIO(data))[1])


def read(data: bytes) -> Document:
    (found,) = read_all(data)
    return found


def refusal(data: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        read_all(data)
    return caught.value


@pytest.mark.parametrize("writer", WRITERS)
def test_everything_of_an_invoice_is_read(writer: str) -> None:
    found = read(WRITERS[writer](MIXED))
    assert (found.kind, found.number, found.date, found.due_date) == (
        "invoice", "2026-0042", date(2026, 3, 17), date(2026, 4, 16),
    )  # fmt: skip
    assert (found.supplier.name, found.supplier.vat_number, found.supplier.enterprise_number) == (
        MILL.name, MILL.vat, MILL.enterprise,
    )  # fmt: skip
    assert (found.customer.name, found.customer.country) == ("Bakkerij De Molen", "BE")
    assert (found.iban, found.payment_reference) == ("BE68539007547034", "090933755493")
    assert [(row.category, row.rate, row.net, row.vat) for row in found.vat] == [
        ("S", Decimal("0.06"), Decimal("41.01"), Decimal("2.46")),
        ("S", Decimal("0.21"), Decimal("249.99"), Decimal("52.50")),
        ("Z", Decimal(0), Decimal("10.00"), Decimal("0.00")),
    ]
    assert (found.totals.net, found.totals.vat, found.totals.gross, found.totals.payable) == (
        Decimal("301.00"), Decimal("54.96"), Decimal("355.96"), Decimal("335.96"),
    )  # fmt: skip
    assert [line.description for line in found.lines] == ["Bloem & gist", "Huur <oven>", "Levering"]
    assert found.lines[0].quantity == Decimal("2.5")
    assert found.warnings == ()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_credit_note_is_one_and_its_amounts_are_as_printed(writer: str) -> None:
    found = read(WRITERS[writer](Invoice(credit=True)))
    assert (found.kind, found.totals.gross) == ("credit", Decimal("195.04"))


def test_ubl_and_cii_of_one_invoice_say_the_same() -> None:
    one, other = read(ubl(MIXED)), read(cii(MIXED))
    assert one == other


def test_totals_without_lines_are_read() -> None:
    """BASIC WL and MINIMUM."""
    found = read(cii(MIXED, lines=False))
    assert (found.lines, found.totals.gross, len(found.vat)) == ((), Decimal("355.96"), 3)
    least = read(cii(Invoice(), rates=False, lines=False))
    assert [(row.rate, row.net) for row in least.vat] == [(Decimal("0.06"), Decimal("184.00"))]
    assert refusal(cii(MIXED, lines=False, rates=False)).code == "document.no_rates"


amounts = st.decimals(min_value=Decimal("-99999.99"), max_value=Decimal("99999.99"), places=2)
items = st.builds(
    Item,
    text=st.just("x"),
    quantity=st.decimals(min_value=Decimal("-999"), max_value=Decimal("999"), places=3),
    price=st.decimals(min_value=Decimal("0.0001"), max_value=Decimal("9999"), places=4),
    rate=st.sampled_from([Decimal(0), Decimal("5.5"), Decimal(6), Decimal(9), Decimal(12), Decimal(20), Decimal(21)]),
)


@given(st.lists(items, min_size=1, max_size=8), st.booleans(), st.sampled_from(["ubl", "cii"]))
def test_whatever_adds_up_is_read_to_the_cent(some: list[Item], credit: bool, writer: str) -> None:
    invoice = Invoice(items=tuple(some), credit=credit)
    found = read(WRITERS[writer](invoice))
    assert (found.totals.net, found.totals.vat, found.totals.gross) == (invoice.net, invoice.vat, invoice.gross)
    assert sum((row.net + row.vat for row in found.vat), Decimal(0)) == found.totals.gross
    assert sum((line.net for line in found.lines), Decimal(0)) == found.totals.net
    assert not found.warnings


@given(amounts.filter(bool), st.sampled_from(
    ["LineExtensionAmount", "TaxExclusiveAmount", "TaxInclusiveAmount", "PayableAmount", "TaxAmount", "TaxableAmount"]
))  # fmt: skip
def test_a_cent_beside_it_is_refused(off: Decimal, where: str) -> None:
    """Whichever total is changed, by whatever amount."""
    invoice = Invoice()
    right = {
        "LineExtensionAmount": invoice.lines, "TaxExclusiveAmount": invoice.net, "TaxInclusiveAmount": invoice.gross,
        "PayableAmount": invoice.gross, "TaxAmount": invoice.vat, "TaxableAmount": invoice.net,
    }[where]  # fmt: skip
    found = refusal(ubl(replace(invoice, changed={where: f"{right + off:.2f}"})))
    assert found.code == "document.sum"
    assert found.values["rule"].startswith("BR-CO-")


def test_vat_that_was_rounded_by_line_is_told_and_one_that_is_wrong_refused() -> None:
    told = {"SubtotalTax": "11.06", "TaxAmount": "11.06", "TaxInclusiveAmount": "195.06", "PayableAmount": "195.06"}
    found = read(ubl(Invoice(changed=told)))
    assert [(warning.code, warning.values["counted"]) for warning in found.warnings] == [
        ("document.vat_rounded", "11.04")
    ]
    wrong = {"SubtotalTax": "38.64", "TaxAmount": "38.64", "TaxInclusiveAmount": "222.64", "PayableAmount": "222.64"}
    assert refusal(ubl(Invoice(changed=wrong))).code == "document.vat"


def test_bases_that_are_swapped_between_rates_are_refused() -> None:
    data = ubl(Invoice(items=(Item("a", Decimal(1), Decimal(100), Decimal(6)),
                              Item("b", Decimal(1), Decimal(300), Decimal(21)))))  # fmt: skip
    marked = data.replace(b"<cbc:Percent>6</cbc:Percent>", b"<cbc:Percent>#</cbc:Percent>", 1)
    swapped = marked.replace(b"<cbc:Percent>21</cbc:Percent>", b"<cbc:Percent>6</cbc:Percent>", 1)
    assert refusal(swapped.replace(b"#", b"21")).code in ("document.vat", "document.base")


def test_a_line_that_is_not_quantity_times_price_is_told() -> None:
    data = ubl(Invoice()).replace(b">18.40<", b">18.30<")
    assert [warning.code for warning in read(data).warnings] == ["document.line"]


def test_a_supplier_abroad_and_one_without_numbers() -> None:
    found = read(ubl(Invoice(supplier=SHOP)))
    assert (found.supplier.vat_number, found.supplier.enterprise_number) == ("NL004495445B01", "27124700")
    bare = read(cii(Invoice(supplier=replace(MILL, vat="", enterprise=""))))
    assert (bare.supplier.vat_number, bare.supplier.enterprise_number) == ("", "")


def test_a_zone_behind_a_date_moves_nothing() -> None:
    data = ubl(Invoice()).replace(b"<cbc:IssueDate>2026-03-17<", b"<cbc:IssueDate>2026-03-17+14:00<")
    assert read(data).date == date(2026, 3, 17)


# ------------------------------------------------------------------ takings


def test_takings_are_one_document_for_each_day_and_number() -> None:
    one, two = read_all(TAKINGS)
    assert (one.kind, one.number, one.date) == ("takings", "Z-214", date(2026, 3, 31))
    assert (one.totals.net, one.totals.vat, one.totals.gross) == (
        Decimal("150.00"), Decimal("16.50"), Decimal("166.50"),
    )  # fmt: skip
    assert [(row.rate, row.vat) for row in one.vat] == [
        (Decimal("0.06"), Decimal("6.00")), (Decimal("0.21"), Decimal("10.50")),
    ]  # fmt: skip
    assert (two.date, two.totals.gross) == (date(2026, 4, 1), Decimal("84.80"))


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("31/03/2026;1;x;6;1.000;60,00;1060,00", "document.plain_amount"),  # a thousand or one? nobody guesses
        ("31/03/2026;1;x;6;1.000,00;60,00;1060,00", "document.plain_amount"),
        ("03/31/2026;1;x;6;100,00;6,00;106,00", "document.date"),
        ("31/03/2026;1;x;6;100,00;6,00;107,00", "document.sum"),
        ("31/03/2026;1;x;6;100,00;21,00;121,00", "document.vat"),
        ("31/03/2026;1;x;6;100,00;6,00", "document.columns"),
        ("31/03/2026;1;x;six;100,00;6,00;106,00", "document.rate"),
        ("", "document.no_takings"),
    ],
)
def test_takings_that_leave_a_doubt_are_refused(row: str, code: str) -> None:
    found = refusal(f"date;number;description;rate;net;vat;gross\n{row}\n".encode())
    assert found.code == code
    assert found.line in (2, None)


# ------------------------------------------------------------------ hostile


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file.empty"),
        (b"just some text", "document.unknown_format"),
        (b"date;rate\rnet;vat;gross", "document.unknown_format"),
        (b"<html><body/></html>", "document.not_an_invoice"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Invoice/>', "document.doctype"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><Invoice/>', "document.doctype"),
        (b"<Invoice", "document.xml"),
        (b"<a>" * 100, "document.depth"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "document.xml"),
        (b"%PDF-1.7 and nothing else", "document.pdf"),
        (b"%PDF-1.7\nstartxref\n99999999999999999999\n%%EOF", "document.pdf"),
        (ubl(Invoice()).replace(b"EUR</cbc:DocumentCurrencyCode>", b"USD</cbc:DocumentCurrencyCode>"),
         "document.currency"),
        (ubl(Invoice()).replace(b">184.00<", b">184.001<"), "document.decimals"),
        (ubl(Invoice()).replace(b">184.00<", b">NaN<"), "document.amount"),
        (ubl(Invoice()).replace(b"2026-03-17", b"2026-13-17"), "document.date"),
        (ubl(Invoice()).replace(b">2026-0042<", b"><"), "document.missing"),
        (ubl(Invoice()).replace(b">6<", b">600<"), "document.rate"),
        (factur_x(Invoice(), name="notes.xml"), "document.pdf_without_invoice"),
        (factur_x(Invoice(), password="secret"), "document.pdf_locked"),
    ],
)  # fmt: skip
def test_what_is_no_invoice_is_refused_with_words(data: bytes, code: str) -> None:
    found = refusal(data)
    assert found.code == code
    texts = refusals.REFUSALS | document_words.REFUSALS
    assert "{" not in texts[code].format(**found.values)


def test_a_large_file_is_not_read_to_its_end() -> None:
    with pytest.raises(Refused) as caught:
        open_documents(io.BytesIO(b"<a>" + b" " * 3000), ReadLimits(bytes=1024))
    assert caught.value.code == "file.too_large"


def damaged(chance: random.Random, seed: bytes) -> bytes:
    """Digits that changed, mostly; else a piece that is missing or something else."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data))
        if chance.random() < 0.8:
            places = [place for place in range(at, len(data)) if 48 <= data[place] <= 57] or [at]
            data[places[0]] = chance.choice(b"0123456789-. ")
        else:
            pieces = (b"", bytes([chance.randrange(256)]), b"<", b"9" * 30, b"-", b"\x00")
            data[at : at + chance.randint(0, 12)] = chance.choice(pieces)
    return bytes(data)


@pytest.mark.parametrize("name", [*WRITERS, "takings"])
def test_damaged_files_end_in_documents_or_refusals(name: str) -> None:
    seed = TAKINGS if name == "takings" else WRITERS[name](MIXED)
    chance, codes = random.Random(20260317), set[str]()
    for _ in range(300 if name == "factur-x" else 1500):
        data = damaged(chance, seed)
        started = time.process_time()
        try:
            read_all(data)
        except Refused as told:
            codes.add(told.code)
        assert time.process_time() - started < 2
    assert len(codes) > 3


def test_every_code_in_the_source_has_words_and_every_wording_a_use() -> None:
    source = "".join(
        path.read_text("utf-8") for path in Path(files.__file__).parent.glob("*.py") if path.stem != "document_words"
    )
    used = set(re.findall(r'"(document\.[a-z_]+)"', source))
    assert used == document_words.REFUSALS.keys() | document_words.WARNINGS.keys()


# ------------------------------------------------------------------ references


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("+++090/9337/55493+++", "090933755493"),
        ("090 9337 55493", "090933755493"),
        ("RF18 5390 0754 7034", "RF18539007547034"),
        ("rf18539007547034", "RF18539007547034"),
        ("RF19539007547034", ""),
        ("Factuur 2026-0042", ""),
        ("+++090/9337/55494+++", ""),
        ("", ""),
    ],
)
def test_structured_references_are_bare_and_checked(text: str, bare: str) -> None:
    assert structured(text) == bare


@given(st.text("0123456789", min_size=15, max_size=15))
def test_a_dutch_reference_has_one_check_digit(rest: str) -> None:
    assert sum(is_dutch(f"{first}{rest}") for first in range(10)) == 1


def test_a_dutch_reference_counts_from_the_right() -> None:
    """Its last digit weighs 2: 11 - 2 = 9."""
    assert structured("9000 0000 0000 0001") == "9000000000000001"
    assert structured("9000 0000 0000 0010") == ""
    assert not is_rf("9000000000000001")
