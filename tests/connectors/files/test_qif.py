from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.connectors.files import qif as parser
from portal.connectors.files.amounts import UNSETTLED, decimal_sign, read_amount
from portal.connectors.files.answers import Answers
from portal.connectors.files.limits import UPLOAD, ReadLimits
from tests.connectors.files.reading import Read, only, read, refused

IBAN = "BE68539007547034"


def entry(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows) + "^\n"


def bank(*entries: str, head: str = "!Type:Bank\n") -> bytes:
    return (head + "".join(entries)).encode()


def texts(found: Read) -> list[tuple[str, str]]:
    return [(line.date.isoformat(), str(line.amount)) for line in found.lines]


SETTLED = entry("D31/01/2024", "T-0,50")  # day first, comma before the cents


def test_an_entry_has_all_its_fields() -> None:
    found = only(bank(entry(
        "D31/01/24", "T-1.234,50", "U-1.234,50", "CX", "N1044", "PPeeters  BV", "MFactuur 17 +++090/9337/55493+++",
        "APlein 1", "A9000 Gent", "LKantoor",
    )))  # fmt: skip
    head, (line,) = found.head, found.lines
    assert (head.format, head.account, head.currency, head.opening, head.closing) == ("qif", "", "", None, None)
    assert (line.date, line.value_date, line.amount) == (date(2024, 1, 31), None, Decimal("-1234.50"))
    assert line.description == "Factuur 17 +++090/9337/55493+++ Plein 1 9000 Gent"
    assert (line.counterparty, line.reference, line.bank_reference) == ("Peeters BV", "090933755493", "1044")
    assert (line.details, found.warnings) == ((), [])


def test_the_category_stands_in_where_there_is_no_other_text() -> None:
    assert only(bank(entry("D31/01/24", "T1,00", "LRente"))).lines[0].description == "Rente"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("^", "^^"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace("!Type:Bank", "!type:bank "),
        lambda text: "# made by a program\n\n" + text,
        lambda text: "\ufeff" + text,
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("!Type", "^\n!Type"),
        lambda text: "!Option:AutoSwitch\n!Clear:AutoSwitch\n" + text + "!Type:Memorized\n",
    ],
)
def test_what_real_files_do_is_read(change: Callable[[str], str]) -> None:
    found = only(change(bank(SETTLED, entry("D1/2/24", "T7,00", "PCafé")).decode()).encode())
    assert texts(found) == [("2024-01-31", "-0.50"), ("2024-02-01", "7.00")]
    assert found.lines[1].counterparty == "Café"


def test_utf_16_is_read() -> None:
    assert texts(only(bank(SETTLED).decode().encode("utf-16"))) == [("2024-01-31", "-0.50")]


def test_lines_in_another_encoding_are_read_beside_utf_8() -> None:
    data = bank(SETTLED).replace(b"^", "PCafé\n^\nD31/01/2024\nT1,00\nPZoë\n^".encode("cp1252"), 1)
    data += bank(entry("D31/01/2024", "T1,00", "PΩ"), head="")
    assert [line.counterparty for line in only(data).lines] == ["Café", "Zoë", "Ω"]


# ------------------------------------------------------------------ dates


@pytest.mark.parametrize(
    ("text", "day_first", "found"),
    [
        ("9/15'18", None, date(2018, 9, 15)), ("15/9/2018", None, date(2018, 9, 15)),
        ("2/ 4'19", False, date(2019, 2, 4)), ("2/ 4'19", True, date(2019, 4, 2)),
        ("6/17/97", None, date(1997, 6, 17)), ("6/17/69", None, date(2069, 6, 17)),
        ("6/17'97", None, date(2097, 6, 17)),
        ("1/ 1' 1", None, date(2001, 1, 1)), ("2/10'2020", False, date(2020, 2, 10)),
        ("2022-09-08", None, date(2022, 9, 8)), ("2022-09-08 00:00:00", True, date(2022, 9, 8)),
        ("20220908", None, date(2022, 9, 8)), ("15.08.2013", None, date(2013, 8, 15)),
        ("3/3/13", None, date(2013, 3, 3)),
    ],
)  # fmt: skip
def test_dates_are_read(text: str, day_first: bool | None, found: date) -> None:
    (line,) = only(bank(entry(f"D{text}", "T1.00")), Answers(day_first=day_first)).lines
    assert line.date == found


@pytest.mark.parametrize(
    "text", ["31/31/24", "0/1/24", "2024-13-01", "tomorrow", "1/2", "1/2/345", "95/03/12", "١/2/24", "3/0/24"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    refusal = refused(bank(entry(f"D{text}", "T1.00")), answers=Answers(day_first=True))
    assert (refusal.code, refusal.values["entry"]) == ("qif.date", "1")


def test_one_date_settles_the_order_of_all() -> None:
    data = bank(entry("D3/4/24", "T1"), entry("D1/13/24", "T1"), entry("D5/6/24", "T1"))
    assert [line.date.month for line in only(data).lines] == [3, 1, 5]
    assert [line.date.month for line in only(data, Answers(day_first=True)).lines] == [3, 1, 5]


def test_a_file_whose_dates_have_two_readings_asks() -> None:
    data = bank(entry("D5/5/24", "T1"), entry("D3/4/24", "T1"))
    refusal = refused(data)
    assert (refusal.code, refusal.values) == ("qif.date_order", {"text": "3/4/24"})
    assert only(data, Answers(day_first=True)).lines[1].date == date(2024, 4, 3)
    assert only(data, Answers(day_first=False)).lines[1].date == date(2024, 3, 4)


def test_a_file_that_changes_its_order_is_refused() -> None:
    refusal = refused(bank(entry("D31/1/24", "T1"), entry("D3/4/24", "T1"), entry("D1/31/24", "T1")))
    assert (refusal.code, refusal.values["entry"]) == ("qif.date", "3")


# ------------------------------------------------------------------ amounts


@pytest.mark.parametrize(
    ("texts", "amounts"),
    [
        (["1,234.56", "1,234"], ["1234.56", "1234"]),
        (["1,234", "-5.1"], ["1234", "-5.1"]),
        (["1.234", "-5,1"], ["1234", "-5.1"]),
        (["1 234,50", "+12"], ["1234.50", "12"]),
        (["12", "-7"], ["12", "-7"]),
        (["1.234.567", "1.234"], ["1234567", "1234"]),
    ],
)
def test_one_amount_settles_the_decimal_sign_of_all(texts: list[str], amounts: list[str]) -> None:
    found = only(bank(*(entry("D2024-01-31", f"T{text}") for text in texts)))
    assert [str(line.amount) for line in found.lines] == amounts


def test_thousands_or_decimals_are_asked() -> None:
    data = bank(entry("D2024-01-31", "T1,234"), entry("D2024-01-31", "T12"))
    refusal = refused(data)
    assert (refusal.code, refusal.values) == ("qif.decimal_sign", {"text": "1,234"})
    assert only(data, Answers(decimal=",")).lines[0].amount == Decimal("1.234")
    assert only(data, Answers(decimal=".")).lines[0].amount == Decimal("1234")


@pytest.mark.parametrize("text", ["5,10", "1,23", "x", "1.2.3", "12,3456", ""])
def test_an_amount_in_another_way_than_those_before_is_refused(text: str) -> None:
    refusal = refused(bank(entry("D2024-01-31", "T1.50"), entry("D2024-01-31", f"T{text}", "Px")))
    assert refusal.code == ("qif.amount" if text else "qif.missing")


@given(st.integers(-(10**12), 10**12), st.sampled_from([".", ","]), st.booleans())
def test_an_amount_never_changes_by_a_power_of_ten(cents: int, sign: str, grouped: bool) -> None:
    """Read as it was written, or told to be unsettled."""
    text = f"{Decimal(cents) / 100:,.2f}" if grouped else f"{Decimal(cents) / 100:.2f}"
    if sign == ",":
        text = text.translate(str.maketrans(",.", ".,"))
    assert decimal_sign(text) == sign
    assert read_amount(text, sign) == Decimal(cents) / 100


@given(st.text("0123456789.,-+ '", max_size=12))
@example("0.001")  # no thousand is grouped after a nought: never 1
@example("-0,250")
def test_any_text_is_an_amount_in_one_way_or_a_question(text: str) -> None:
    readings = set()
    for sign in ".,":
        try:
            readings.add(read_amount(text, sign))
        except ValueError:
            continue
    sign = decimal_sign(text)
    if len(readings) == 2:
        assert sign == UNSETTLED
    elif readings and sign not in ("", UNSETTLED):
        assert read_amount(text, sign) in readings


# ------------------------------------------------------------------ splits, sections, accounts


def test_a_split_is_the_details_of_one_line() -> None:
    split = ("SEten", "Ebrood", "$-1,000.00", "SDrank", "$-234.50", "SOverig", "D1/10'2020", "$0.00")
    found = only(bank(entry("D1/15'24", "T-1,234.50", "PWinkel", *split), entry("D1/16'24", "T1.00")))
    assert texts(found) == [("2024-01-15", "-1234.50"), ("2024-01-16", "1.00")]
    assert [(str(detail.amount), detail.description) for detail in found.lines[0].details] == [
        ("-1000.00", "brood"), ("-234.50", "Drank"), ("0.00", "Overig"),
    ]  # fmt: skip
    assert found.lines[1].details == ()


def test_two_entries_whose_end_was_lost_are_refused() -> None:
    one = ("D31/01/24", "T-1,00", "SEten", "$-1,00")
    for rows in ((*one, "D30/01/24", "T-2,00"), ("D31/01/24", "T-1,00", "D30/01/24")):
        assert refused(bank(entry(*rows))).code == "qif.missing"


def test_other_sections_are_left_out_and_told() -> None:
    lists = "!Type:Cat\nNEten\nDEten\nE\n^\n!Type:Class\nNx\n^\n"
    invested = "!Type:Invst\nD1/2/24\nNBuy\nYx\nT9.999,00\n^\n"
    found = only(bank(SETTLED, head=lists + "!Type:Bank\n") + invested.encode())
    assert texts(found) == [("2024-01-31", "-0.50")]
    assert [(w.code, w.values) for w in found.head.warnings] == [("qif.left_out", {"sections": "Cat, Class, Invst"})]
    refusal = refused((lists + invested).encode())
    assert (refusal.code, refusal.values) == ("qif.no_statement", {"sections": "Cat, Class, Invst"})


def account(*names: str) -> str:
    return "!Account\n" + "".join(entry(f"N{name}", "TBank") for name in names)


def test_each_account_with_a_number_is_a_statement() -> None:
    data = b"".join(
        bank(SETTLED, head=account(name) + "!Type:Bank\n") for name in ("BE68 5390 0754 7034", "0123 45678901.23A")
    )
    found = read(data, UPLOAD, Answers(account="BE71096123456769", currency="EUR"))
    assert [(x.head.account, x.head.currency, len(x.lines)) for x in found] == [
        (IBAN, "EUR", 1), ("012345678901.23A", "EUR", 1),
    ]  # fmt: skip


def test_a_name_gives_way_to_the_account_that_was_answered() -> None:
    data = bank(SETTLED, head=account("Zichtrekening") + "!Type:Bank\n")
    assert only(data).head.account == "Zichtrekening"
    assert only(data, Answers(account=IBAN)).head.account == IBAN


def test_a_list_of_accounts_names_none() -> None:
    data = bank(SETTLED, head=account("Zicht", "Spaar") + "!Type:Bank\n")
    assert only(data).head.account == ""


@pytest.mark.parametrize(("first", "second"), [("Zicht", "Spaar"), ("", "")])
def test_two_accounts_never_fall_together(first: str, second: str) -> None:
    data = b"".join(
        bank(SETTLED, head=(account(name) if name else "") + head)
        for name, head in ((first, "!Type:Bank\n"), (second, "!Type:CCard\n"))
    )
    assert refused(data, answers=Answers(account=IBAN)).code == "qif.several_accounts"


def test_a_section_that_is_begun_again_goes_on() -> None:
    assert len(only(bank(SETTLED) * 3).lines) == 3


def test_an_opening_balance_is_told() -> None:
    found = only(bank(entry("D31/01/24", "T100,00", "POpening Balance", "L[Zicht]"), SETTLED))
    assert [(w.code, w.values) for w in found.head.warnings] == [("qif.opening_balance", {"amount": "100.00"})]
    assert len(found.lines) == 2


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("qif.truncated", bank(SETTLED)[:-3]),
        ("qif.truncated", bank(SETTLED, "D31/01/24\n")),
        ("qif.truncated", b"!Type:Cat\nNx\n^\n!Type:Bank\nD31/01/24\nT1,00\n"),
        ("qif.binary", bank(SETTLED).replace(b"T-", b"T\0")),
        ("qif.missing", bank(entry("D31/01/24"))),
        ("qif.missing", bank(entry("T1.00"))),
        ("qif.too_wide", bank(entry("D31/01/24", "T1.00", "M" + "x" * (1 << 20)))),
    ],
)
def test_nonsense_is_refused(code: str, data: bytes) -> None:
    assert refused(data).code == code


def test_limits_hold() -> None:
    data = bank(SETTLED, SETTLED)
    assert refused(data, ReadLimits(entries=1)).code == "file.too_many_entries"
    assert refused(data, ReadLimits(bytes=len(data) - 1)).code == "file.too_large"
    wide = bank(entry("D31/01/24", "T-3,00", *["SEten", "$-1,00"] * 3))
    assert refused(wide, ReadLimits(width=2)).code == "qif.too_wide"
    (found,) = read(wide, ReadLimits(details=2))
    assert (len(found.lines[0].details), found.warnings) == (2, ["qif.details_left_out"])


@pytest.mark.parametrize("head", [b"!Typo:Bank", b"Type:Bank", b"a !Type:Bank", b"!Accountant\n", b"D1/2/24\nT1\n^\n"])
def test_other_files_are_not_taken_for_it(head: bytes) -> None:
    assert not parser.identify(head)


class Dribble:
    """Gives a file a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._stream = BytesIO(data)
        self._size = size

    def read(self, _: int, /) -> bytes:
        return self._stream.read(self._size)


TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=30).map(
    lambda text: " ".join(text.split())
)


@given(
    st.lists(st.tuples(st.integers(-(10**9), 10**9), st.dates(date(1990, 1, 1), date(2069, 1, 1)), TEXT), max_size=6),
    st.sampled_from(["%d/%m/%Y", "%m/%d'%Y", "%Y-%m-%d"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 300),
)
def test_what_is_written_is_read_however_it_arrives(
    moves: list[tuple[int, date, str]], form: str, end: str, size: int
) -> None:
    rows = [entry(f"D{day.strftime(form)}", f"T{cents / 100:,.2f}", f"P{text}") for cents, day, text in moves]
    data = bank(*rows).replace(b"\n", end.encode())
    answers = Answers(day_first=form.startswith("%d"), decimal=".")
    (found,) = (list(s.lines) for s in parser.parse(Dribble(data, size), UPLOAD, answers))
    assert [(line.amount, line.date, line.counterparty) for line in found] == [
        (Decimal(cents) / 100, day, text) for cents, day, text in moves
    ]
