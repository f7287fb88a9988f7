"""Real and public examples of CSV and MT940, kept outside the project, against counts made by other readers."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest

from tests.connectors.files.test_samples import INDEX, SAMPLES, outcome

pytestmark = pytest.mark.skipif(not INDEX.exists(), reason="the example files are not here")

_CHANGED = "amounts were changed to make it anonymous"
_PART = "a part of a file: no statement begins in it"
# Files that are refused, each with the reason that was checked by hand.
REFUSED = {
    # tables
    "OCA-bank-statement-import__empty_activity.csv": ("csv.no_rows", "headings only"),
    "gpaulissen-ofxstatement-dutch__Knab_transactieoverzicht_no_lines.csv": ("csv.no_rows", "headings only"),
    "gpaulissen-ofxstatement-dutch__empty.csv": ("file.empty", "no byte in it"),
    "OCA-bank-statement-import__original_currency_no_header.csv": ("csv.unknown_header", "two amounts, no headings"),
    "OCA-bank-statement-import__statement_es.csv": ("csv.date_order", "2/1/2020 and 3/1/2020 only"),
    "bank2ynab-bank2ynab__W80844_EBH_201945.202122.csv": ("csv.unknown_header", "Hungarian"),
    "denilsonsa-abn-amro-statement-parser__TXT_SAMPLE.TAB": ("csv.balance", "3493.00 - 39.35 is not 3454.65"),
    "pypi-csv2ofx-0.34.2__ingesp.csv": ("csv.balance", "its maker shuffled rows of a whole year"),
    # MT940
    "OCA-bank-statement-import__test-sns.940": ("mt940.no_closing", "its third statement is cut off"),
    "WoLpH-mt940__currency_in_25.sta": ("file.unknown_format", _PART),
    "WoLpH-mt940__empty_entry_date.sta": ("file.unknown_format", _PART),
    "WoLpH-mt940__empty_non_swift.sta": ("file.unknown_format", _PART),
    "WoLpH-mt940__invalid_statement.sta": ("file.unknown_format", "ten numbers"),
    "WoLpH-mt940__sparkassen.sta": ("file.unknown_format", _PART),
    "WoLpH-mt940__ing.sta": ("mt940.balance", _CHANGED),
    "WoLpH-mt940__malformed_details.sta": ("mt940.balance", _CHANGED),
    "WoLpH-mt940__whitespace.sta": ("mt940.balance", "the same file"),
    "WoLpH-mt940__mt942.sta": ("mt940.interim", "a report of the running day"),
    "WoLpH-mt940__multiline.sta": ("mt940.order", "an entry stands behind the closing balance"),
    "WoLpH-mt940__rabobank.sta": ("mt940.balance", _CHANGED),
    "WoLpH-mt940__sepa_snippet.sta": ("mt940.balance", "a snippet: entries were left out"),
    "WoLpH-mt940__sepa_snippet_broken.sta": ("mt940.balance", "a snippet: entries were left out"),
    "gingerpayments-python-libmt94x__ming-ing-provided-example-single-message.txt": ("mt940.balance", "made up"),
    "sandermarechal-jejik-mt940__K4262927_20200905-080000-952.txt": ("mt940.no_closing", "ends in Dnullnull"),
    "sandermarechal-jejik-mt940__bug-core-5401.txt": ("mt940.balance", "0 + 50 is not 0"),
    "sandermarechal-jejik-mt940__ing-dos.txt": ("mt940.balance", "the same as ing.sta"),
    "sandermarechal-jejik-mt940__knab.txt": ("mt940.balance", _CHANGED),
    "sandermarechal-jejik-mt940__oldenburgischelandesbankmitbindestrich.txt": ("mt940.balance", _CHANGED),
    "sandermarechal-jejik-mt940__postfinance.txt": ("mt940.balance", "229.2 - 79.9 + 10.1 is not 159.6"),
    "sandermarechal-jejik-mt940__rabobank.txt": ("mt940.balance", _CHANGED),
    "sandermarechal-jejik-mt940__sparkasse3.txt": ("mt940.balance", _CHANGED),
    "sandermarechal-jejik-mt940__triodos.txt": ("mt940.balance", _CHANGED),
    "svenstaro-mt940-rs__unexpected_tag.sta": ("mt940.account", "no :25:"),
    "zilverline-mt940__abn_sepa_overboeking.txt": ("mt940.balance", "10000 + 10.5 is not 10010"),
    "zilverline-mt940__abn_structured_sepa_acceptgiro.txt": ("mt940.balance", "10000 + 10.5 is not 10010"),
    "zilverline-mt940__abn_structured_sepa_ideal.txt": ("mt940.balance", "10000 + 10.5 is not 10010"),
    "zilverline-mt940__anb_sepa_overboeking_belastingdienst.txt": ("mt940.balance", "9350 was written 95350"),
    "zilverline-mt940__deutsche_bank.txt": ("mt940.balance", _CHANGED),
    "zilverline-mt940__import-16-06-2014.txt": ("mt940.balance", "entries were left out"),
    "zilverline-mt940__ing_structured.txt": ("mt940.balance", _CHANGED),
    "zilverline-mt940__rabobank_mt940_structured_multi_line.txt": ("mt940.balance", _CHANGED),
    "zilverline-mt940__triodos_multiline_bug.txt": ("mt940.balance", _CHANGED),
}  # fmt: skip

# (statements, lines) where the index says something else, and why we stay with what we say.
DIFFERENT = {
    "OCA-bank-statement-import__multi_currency.csv": ((2, 2), "one statement a currency"),
    "OCA-bank-statement-import__sample_statement_credit_card_inverse_sign_en.csv": ((2, 2), "one a currency"),
    "OCA-bank-statement-import__statement_en.csv": ((2, 19), "one statement a currency"),
    "gpaulissen-ofxstatement-dutch__Knab_transactieoverzicht_ok.csv": ((1, 28), "two lines of headings, not one"),
    "gpaulissen-ofxstatement-dutch__transactie-historie_NL00ASNB9999999999_20220717204133.csv": (
        (1, 11), "no line of headings",
    ),
    "zilverline-mt940__two_accounts.txt": ((4, 3), "a control character hides the fourth from who counts :20:"),
}  # fmt: skip


def rows() -> list[dict[str, str]]:
    if not INDEX.exists():
        return []
    with INDEX.open(encoding="utf-8", newline="") as index:
        table = csv.DictReader(index, delimiter="\t")
        return [row for row in table if row["file"].startswith(("csv/", "mt940/"))]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_the_counts_and_balances_are_those_of_the_index(row: dict[str, str]) -> None:
    name = row["file"].partition("/")[2]
    found = outcome(SAMPLES / row["file"])
    if name in REFUSED:
        assert found == REFUSED[name][0]
        return
    assert isinstance(found, list), found
    counts = (len(found), sum(len(statement.lines) for statement in found))
    told = (int(row["statements"]), int(row["transactions"]))
    assert counts == (DIFFERENT[name][0] if name in DIFFERENT else told)
    assert name not in DIFFERENT or counts != told
    for field, statement in (("opening", found[0]), ("closing", found[-1])):
        if row[field]:
            assert getattr(statement.head, field) == Decimal(row[field])


def test_no_file_is_explained_that_is_not_there() -> None:
    names = {row["file"].partition("/")[2] for row in rows()}
    assert REFUSED.keys() | DIFFERENT.keys() <= names
