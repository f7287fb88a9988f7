"""MT940 in the dialects of :86:, and files that are damaged or made to hurt."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest

from portal.connectors.errors import Refused
from portal.connectors.files.limits import ReadLimits
from portal.connectors.statement import StatementLine
from tests.connectors.files.reading import only, read, refused
from tests.connectors.files.test_hostile import Endless, consume, repeated

IBAN, OTHER = "NL91ABNA0417164300", "NL20INGB0001234567"


def statement(*entries: str, opening: str = "C240130EUR100,00", closing: str, account: str = IBAN) -> bytes:
    head = [":20:STARTUMS", f":25:{account}", ":28C:12/1", f":60F:{opening}"]
    return "\r\n".join([*head, *entries, f":62F:{closing}", "-", ""]).encode()


def entry(amount: str = "C12,50", line: str = "NTRFNONREF//B4E07", *told: str, below: str = "") -> str:
    lines = [f":61:2401310131{amount}{line}", *([below] if below else [])]
    return "\r\n".join([*lines, *([f":86:{told[0]}", *told[1:]] if told else [])])


def line_of(*told: str, line: str = "NTRFNONREF//B4E07", below: str = "") -> StatementLine:
    return only(statement(entry("C12,50", line, *told, below=below), closing="C240131EUR112,50")).lines[0]


def test_a_statement_and_its_balances() -> None:
    found = only(statement(entry("C12,5"), entry("D2,"), closing="C240131EUR110,50", account=f"{IBAN}EUR"))
    head = found.head
    assert (head.account, head.currency, head.number) == (IBAN, "EUR", "12/1")
    assert (str(head.opening), str(head.opening_date)) == ("100.00", "2024-01-30")
    assert (str(head.closing), str(head.closing_date)) == ("110.50", "2024-01-31")
    assert [str(line.amount) for line in found.lines] == ["12.5", "-2"]
    assert found.lines[0].bank_reference == "B4E07"
    assert (found.lines[0].transaction_code, str(found.lines[0].date)) == ("NTRF", "2024-01-31")


def test_statements_are_kept_apart() -> None:
    first = statement(entry("C1,00"), closing="C240131EUR101,00")
    second = statement(entry("D1,00"), opening="D240131EUR5,00", closing="D240201EUR6,00", account=OTHER)
    found = read(
        b"{1:F01INGBNL2ABXXX0000000000}{2:I940INGBNL2AXXXN}{4:\r\n" + first + b"-}{5:}\r\n{1:F01}{4:\r\n" + second
    )
    assert [(one.head.account, str(one.head.closing)) for one in found] == [(IBAN, "101.00"), (OTHER, "-6.00")]


@pytest.mark.parametrize(
    ("mark", "amount"), [("C", "12.50"), ("D", "-12.50"), ("RC", "-12.50"), ("RD", "12.50"), ("CR", "12.50")]
)
def test_marks(mark: str, amount: str) -> None:
    closing = "C240131EUR112,50" if amount == "12.50" else "C240131EUR87,50"
    assert str(only(statement(entry(f"{mark}12,50"), closing=closing)).lines[0].amount) == amount


def test_the_booking_day_may_be_of_another_year() -> None:
    found = only(statement(":61:2401011229C12,50NTRFNONREF", closing="C240131EUR112,50")).lines[0]
    assert (str(found.date), str(found.value_date)) == ("2023-12-29", "2024-01-01")


@pytest.mark.parametrize(
    "told",
    [
        (f"/EREF/E2E-1//CNTP/{OTHER}/INGBNL2A/Jansen Piet/AMSTER", "DAM//REMI/USTD//Bro", "od/"),
        (f"/TRTP/SEPA OVERBOEKING/IBAN/{OTHER}/BIC/INGBNL2A/NAME/Jansen Piet/REMI/Bro", "od/EREF/E2E-1"),
        ("166?00GUTSCHRIFT?20EREF+E2E-1?21SVWZ+Brood?30INGBNL2A?31NL20INGB", "0001234567?32Jansen ?33Piet"),
        ("SEPA OVERBOEKING                 IBAN: NL20INGB0001234567",
         "BIC: INGBNL2A                    NAAM: Jansen Piet", "OMSCHRIJVING: Brood", "KENMERK: E2E-1"),
    ],
    ids=["ING", "ABN AMRO, Rabobank, Knab", "German", "ABN AMRO"],
)  # fmt: skip
def test_dialects(told: tuple[str, ...]) -> None:
    found = line_of(*told)
    assert (found.counterparty, found.counterparty_account, found.counterparty_bic) == (
        "Jansen Piet", OTHER, "INGBNL2A",
    )  # fmt: skip
    assert (found.description, found.end_to_end_id) == ("Brood", "E2E-1")


def test_the_other_side_may_stand_in_the_entry() -> None:
    asn = line_of(f"{OTHER} jansen", "Brood", line=f"NOVB{OTHER}", below="jansen")
    assert (asn.counterparty, asn.counterparty_account, asn.description) == ("jansen", OTHER, "Brood")
    rabobank = line_of("/BENM//NAME/Jansen/REMI/Brood", line="N544EREF", below=OTHER)
    assert (rabobank.counterparty, rabobank.counterparty_account) == ("Jansen", OTHER)


def test_references() -> None:
    assert line_of("/REMI/STRD/CUR/5200150700013379/").reference == "5200150700013379"
    assert line_of("Facture +++090/9337/55493+++").reference == "090933755493"


def test_what_stands_behind_the_closing_balance_belongs_to_no_entry() -> None:
    data = statement(entry("C12,50", "NTRFNONREF", "Brood"), closing="C240131EUR112,50")
    found = only(data.replace(b"-\r\n", b":64:C240131EUR112,50\r\n:86:/SUM/1/0/\r\n-\r\n"))
    assert found.lines[0].description == "Brood"


GOOD = statement(entry("C12,50", "NTRFNONREF", "Brood"), closing="C240131EUR112,50")


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("mt940.balance", GOOD.replace(b"C12,50", b"C12,51")),
        ("mt940.entry", GOOD.replace(b"C12,50", b"X12,50")),
        ("mt940.entry", GOOD.replace(b"C12,50", b"C1.250,00")),
        ("mt940.entry", GOOD.replace(b":61:2401310131", b":61:2413310131")),
        ("mt940.balance_tag", GOOD.replace(b"C240130EUR100,00", b"nothing")),
        ("mt940.no_closing", GOOD.partition(b":62F:")[0]),
        ("mt940.no_opening", GOOD.replace(b":60F:C240130EUR100,00\r\n", b"")),
        ("mt940.account", GOOD.replace(f":25:{IBAN}\r\n".encode(), b"")),
        ("mt940.currency", GOOD.replace(b"C240131EUR", b"C240131USD")),
        ("mt940.order", GOOD + b":61:240131C1,00NTRF\r\n"),
        ("mt940.interim", GOOD.replace(b":60F:C240130EUR100,00", b":34F:EURD0,00")),
        ("mt940.too_wide", GOOD.replace(b"Brood", b"Brood\r\n" * 5_000)),
        ("file.binary", GOOD.replace(b"Brood", b"Br\0od")),
        ("file.too_large", GOOD),
    ],
)
def test_a_damaged_file_is_refused_and_nothing_of_it_is_logged(
    code: str, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    limits = ReadLimits(bytes=len(GOOD) - 1) if code == "file.too_large" else ReadLimits()
    with caplog.at_level(logging.DEBUG):
        assert refused(data, limits).code == code
    assert not caplog.records


def test_too_many_entries_are_refused() -> None:
    data = statement(*[entry("C1,00")] * 4, closing="C240131EUR104,00")
    assert refused(data, ReadLimits(entries=3)).code == "file.too_many_entries"


OPEN = GOOD.partition(b":61:")[0]
HOSTILE = {
    "entries": (OPEN, f"{entry('C1,00', 'NTRFNONREF', 'Brood')}\r\n".encode()),
    "text": (OPEN + entry().encode() + b"\r\n:86:", b"x" * 60 + b"\r\n"),
    "one line": (OPEN + b":61:", b"2" * 1000),
    "descriptions": (OPEN + entry().encode() + b"\r\n", b":86:x\r\n"),
    "statements": (b"", GOOD),
    "slashes": (OPEN + entry().encode() + b"\r\n:86:", b"/REMI/" * 10 + b"\r\n"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_memory_stays_flat(what: str) -> None:
    """Megabytes of one thing: refused or read, but never held."""
    head, piece = HOSTILE[what]
    stream = Endless(repeated(head, piece, 512 << 10))
    with suppress(Refused):  # a refusal is as good as an end
        consume(stream)
    assert stream.growth < 10 << 20, f"{stream.growth / (1 << 20):.1f} MiB"
