"""Real and public OFX and QIF files, kept outside the project, against counts of tags and of other readers."""

from __future__ import annotations

import csv
import re

import pytest

from portal.connectors.errors import Refused
from portal.connectors.files.refusals import refusal_text
from tests.connectors.files.reading import Read, read
from tests.connectors.files.test_samples import INDEX, SAMPLES

pytestmark = pytest.mark.skipif(not INDEX.exists(), reason="the example files are not here")

# Files that are refused, each with the reason that was checked by hand.
REFUSED = {
    "OCA-bank-statement-import__test_ofx_wrong.ofx": ("ofx.missing", "its maker put the amount in a comment"),
    "csingley-ofxtools__profrs.ofx": ("ofx.bank_error", "a profile, with a refused log-in"),
    "jseutter-ofxparse__bank_small.ofx": ("ofx.no_statement", "<OFX></OFX> and nothing in it"),
    "jseutter-ofxparse__error_message.ofx": ("ofx.bank_error", "General Server Error"),
    "jseutter-ofxparse__signon_fail.ofx": ("ofx.bank_error", "a refused log-in"),
    "jseutter-ofxparse__investment_401k.ofx": ("ofx.investments_only", "trades and no cash entries"),
    "jseutter-ofxparse__tiaacref.ofx": ("ofx.investments_only", "trades and no cash entries"),
    "jseutter-ofxparse__vanguard.ofx": ("ofx.investments_only", "trades and no cash entries"),
    "jseutter-ofxparse__vanguard401k.ofx": ("ofx.investments_only", "trades and no cash entries"),
    "libofx-libofx__ofx-2.1.1-sect-13.13.ofx": ("ofx.investments_only", "trades and no cash entries"),
    "libofx-libofx__ofx-2.1.1-sect-8.5.5.ofx": ("ofx.no_statement", "a list of accounts"),
    "libofx-libofx__failing-ofx-file1.xml": ("file.unknown_format", "says itself that it is not OFX"),
    "libofx-libofx__heap-buffer-overflow-2.ofx": ("file.unknown_format", "made to crash a reader"),
    "libofx-libofx__null-ptr-deref-2.ofx": ("ofx.truncated", "made to crash a reader"),
    "Gnucash-gnucash__Money95mfunds_fr.qif": ("qif.no_statement", "trades only"),
    "Gnucash-gnucash__Money95stocks_fr.qif": ("qif.no_statement", "trades only"),
    "Gnucash-gnucash__every.qif": ("qif.no_statement", "lists and trades only"),
    "Gnucash-gnucash__quicktest.qif": ("qif.no_statement", "lists and trades only"),
    "isaacharrisholt-quiffen__invalid.txt": ("file.unknown_format", "says itself that it is not QIF"),
    "isaacharrisholt-quiffen__test_category_inherit.qif": ("qif.no_statement", "categories only"),
    "isaacharrisholt-quiffen__test_nosymbol.qif": ("qif.no_statement", "a security"),
    "isaacharrisholt-quiffen__test_option_autoswitch.qif": ("qif.no_statement", "a list of accounts"),
    "isaacharrisholt-quiffen__test_unknown_account_type.qif": ("qif.no_statement", "a trade"),
}

# Where the index says something else than (statements, lines): what we say, and why.
DIFFERENT = {
    "csingley-ofxtools__invstmtrs.ofx": (
        (1, 1),
        "the index counts no investment statements; we read their cash entries",
    ),
    "jseutter-ofxparse__fidelity-savings.ofx": ((1, 4), "the same"),
    "jseutter-ofxparse__fidelity.ofx": ((1, 3), "the same"),
    "libofx-libofx__ofx-2.1.1-sect-13.12.ofx": ((1, 1), "the same"),
    "Gnucash-gnucash__Money95invst_fr.qif": ((1, 10), "the index has no count; ten entries end with ^"),
    "Gnucash-gnucash__bogus.qif": ((1, 8), "the index counts lists as statements and has no count of lines"),
    "isaacharrisholt-quiffen__test.qif": ((1, 6), "the index counts lists as statements, and a trade as a line"),
}

# Balances that the index does not have.
MORE = {"libofx-libofx__ofx_spec201_stmtrs_example.xml": ("200.29", "comments stand behind the balance")}


def rows() -> list[dict[str, str]]:
    if not INDEX.exists():
        return []
    with INDEX.open(encoding="utf-8", newline="") as index:
        table = csv.DictReader(index, delimiter="\t")
        return [row for row in table if row["file"].startswith(("ofx/", "qif/"))]


def outcome(file: str) -> list[Read] | Refused:
    try:
        return read((SAMPLES / file).read_bytes())
    except Refused as refusal:
        return refusal


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_the_counts_and_balances_are_those_of_the_index(row: dict[str, str]) -> None:
    name = row["file"].partition("/")[2]
    found = outcome(row["file"])
    if name in REFUSED:
        assert isinstance(found, Refused)
        assert found.code == REFUSED[name][0]
        assert refusal_text(found)
        return
    assert isinstance(found, list), found
    counts = (len(found), sum(len(statement.lines) for statement in found))
    if name in DIFFERENT:
        assert counts == DIFFERENT[name][0]
        assert counts != (int(row["statements"]), int(row["transactions"] or -1))
    else:
        assert counts == (int(row["statements"]), int(row["transactions"]))
    closing = [statement.head.closing for statement in found]
    told = MORE[name][0] if name in MORE else row["closing"].replace(",", ".")
    expected = told.split("|") if told else [""] * len(found)
    assert [f"{balance:.2f}" if balance is not None else "" for balance in closing] == [
        f"{float(text):.2f}" if text else "" for text in expected
    ]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_what_is_refused_has_no_bank_entries_or_says_so_itself(row: dict[str, str]) -> None:
    name = row["file"].partition("/")[2]
    if name in REFUSED and row["file"].startswith("ofx/") and REFUSED[name][0] != "ofx.missing":
        assert (row["transactions"], row["closing"]) == ("0", "")
    elif name in REFUSED and row["file"].startswith("qif/"):
        kinds = re.search(r"types ([\w,]*)", row["numbers_from"])
        assert kinds is not None
        assert not {"Bank", "CCard", "Cash"} & set(kinds[1].split(","))


def test_one_file_read_by_day_and_by_month_says_the_same() -> None:
    if not INDEX.exists():
        pytest.skip("the example files are not here")
    (month_first,), (day_first,) = (
        read((SAMPLES / f"qif/OCA-bank-statement-import__{name}.qif").read_bytes())
        for name in ("test_qif", "test_qif_dmy")
    )
    assert [(line.date, line.amount) for line in month_first.lines] == [
        (line.date, line.amount) for line in day_first.lines
    ]
    assert str(month_first.lines[0].date) == "2013-08-12"
