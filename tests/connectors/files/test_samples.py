"""Real and public example files, kept outside the project, against counts made by other readers."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from pathlib import Path

import pytest

from portal.connectors.errors import Refused
from tests.connectors.files.reading import Read, read

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "bank"
INDEX = SAMPLES / "INDEX.tsv"

pytestmark = pytest.mark.skipif(not INDEX.exists(), reason="the example files are not here")

# Files that are refused, each with the reason that was checked by hand.
REFUSED = {
    "OCA-bank-statement-import__test-camt053.xml": ("camt.balance", "its maker left entries out"),
    "OCA-bank-statement-import__test-camt053_02.xml": ("camt.balance", "the same statement, other entries left out"),
    "genkgo-camt__camt053.v2.all-balance-types.xml": ("camt.balance", "one balance of each type, with made-up amounts"),
    "genkgo-camt__camt053.v2.five.decimals.xml": ("camt.balance", "18.150 + 8.850 is 27.000; it says 27.050"),
    "genkgo-camt__camt053.v2.with-party-ids.xml": ("camt.currency", "opens in EUR, closes in SEK"),
    "genkgo-camt__camt053.v4.xml": ("camt.currency", "opens in EUR, closes in SEK"),
    "genkgo-camt__camt052.v2.xml": ("camt.not_a_statement", "a report of the running day"),
    "kedder-ofxstatement-iso20022__camt052.xml": ("camt.not_a_statement", "a report of the running day"),
    "genkgo-camt__camt054.v4.xml": ("camt.not_a_statement", "a notification"),
    "sebastienrousseau-bankstatementparser__camt053_garbled_amount.xml": ("camt.amount", "12..34"),
    "Bluesmile82-coda_standard__coda.cod": ("coda.balance", "amounts were changed to make it anonymous"),
    "OCA-l10n-belgium__Ontvangen_CODA.2012-01-11-18.59.15.txt": ("coda.balance", "118.24 of movements were left out"),
    "TRIPTYK-typescript-coda-parser__sample2.cod": ("coda.balance", "amounts were changed to make it anonymous"),
    "TRIPTYK-typescript-coda-parser__sample6.cod": ("coda.balance", "amounts were changed to make it anonymous"),
    "supervos-coda-parser__sample2.cod": ("coda.balance", "the same file"),
    "supervos-coda-parser__sample6.cod": ("coda.balance", "the same file"),
    "wimverstuyf-php-coda-parser__sample4.cod": ("coda.balance", "both balances are 99999.99 around a movement"),
    "wimverstuyf-php-coda-parser__sample5.cod": ("coda.balance", "amounts were changed to make it anonymous"),
    "wimverstuyf-php-coda-parser__sample6.cod": ("coda.balance", "amounts were changed to make it anonymous"),
    "wimverstuyf-php-coda-parser__sample7.cod": ("coda.balance", "amounts were changed to make it anonymous"),
    "wimverstuyf-php-coda-parser__sample9.cod": ("coda.balance", "amounts were changed to make it anonymous"),
    "acsone-pycoda__Coda_v2_3_globalisation_2.txt": ("coda.count", "record 9 counts 23 records, 19 are left"),
}  # fmt: skip

# Where the other reader says something else, and why we stay with what we say.
DIFFERENT = {
    "prowide-prowide-iso20022__camt.053.001.07.xml": {
        "opening": (None, "234234", "OPAV is the available balance; only OPBD and PRCD are booked ones"),
    },
}


def rows() -> list[dict[str, str]]:
    if not INDEX.exists():
        return []
    with INDEX.open(encoding="utf-8", newline="") as index:
        table = csv.DictReader(index, delimiter="\t")
        return [row for row in table if row["file"].startswith(("coda/", "camt053/"))]


def outcome(path: Path) -> list[Read] | str:
    try:
        return read(path.read_bytes())
    except Refused as refusal:
        return refusal.code


def balances(text: str, count: int) -> list[Decimal | None]:
    return [Decimal(part) if part else None for part in (text.split("|") if text else [""] * count)]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_the_counts_and_balances_are_those_of_the_index(row: dict[str, str]) -> None:
    name = row["file"].partition("/")[2]
    found = outcome(SAMPLES / row["file"])
    if name in REFUSED:
        assert found == REFUSED[name][0]
        return
    assert isinstance(found, list), found
    assert len(found) == int(row["statements"])
    counts = [int(number) for number in re.findall(r"(\d+)\(\d+\)", row["transactions"])]
    assert [len(statement.lines) for statement in found] == counts
    for field in ("opening", "closing"):
        expected = balances(row[field], len(found))
        if field in DIFFERENT.get(name, {}):
            ours, theirs, _ = DIFFERENT[name][field]
            assert row[field] == theirs
            expected = [ours]
        assert [getattr(statement.head, field) for statement in found] == expected


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_only_files_that_do_not_add_up_or_are_something_else_are_refused(row: dict[str, str]) -> None:
    name = row["file"].partition("/")[2]
    note = row["numbers_from"]
    if name in REFUSED and REFUSED[name][0] in ("coda.balance", "camt.balance"):
        assert "NO" in note
    elif name not in REFUSED and "NO;" in note:
        assert row["closing"] == ""  # nothing to compare with


def test_three_months_chain_to_the_cent() -> None:
    if not INDEX.exists():
        pytest.skip("the example files are not here")
    names = ("account_statement-3", "BE68793230773034-202411", "BE68793230773034-202412")
    months = [read((SAMPLES / f"camt053/Subite-eu-camt-to-coda__{name}.xml").read_bytes())[0] for name in names]
    assert [len(month.lines) for month in months] == [314, 268, 264]
    assert [str(month.head.opening) for month in months] == ["33443.03", "59370.37", "87539.12"]
    assert [month.head.closing for month in months][:2] == [month.head.opening for month in months][1:]
    assert sum(line.amount for month in months for line in month.lines) == Decimal("8522.08")
