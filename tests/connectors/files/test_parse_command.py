from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.parse_command import parse_file
from tests.connectors.files.camt_documents import balance, document, entry, statement
from tests.connectors.files.coda_records import movement, simple
from tests.connectors.files.golden import FILES, FOLDER, parsed


@pytest.mark.parametrize("name", FILES)
def test_the_output_for_our_own_files_is_known(name: str) -> None:
    data = FILES[name]()
    assert data == (FOLDER / name).read_bytes()
    assert parsed(data) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def run(path: Path, *, as_json: bool) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    return parse_file(path, as_json, out, err), out.getvalue(), err.getvalue()


def test_json_is_an_array_of_statements(tmp_path: Path) -> None:
    path = tmp_path / "two.xml"
    path.write_bytes(document(statement(entry("1.50")), statement(number="13")))
    status, out, err = run(path, as_json=True)
    first, second = json.loads(out)
    assert (status, err) == (0, "")
    assert {"format", "account", "currency", "number", "opening", "closing", "lines"} <= first.keys()
    assert first["lines"][0] | {"date": "2024-01-31", "value_date": "2024-01-30", "amount": "1.50"} == first["lines"][0]
    assert {"description", "counterparty", "reference"} <= first["lines"][0].keys()
    assert (second["number"], second["lines"]) == ("13", [])


def test_a_row_a_statement_for_people(tmp_path: Path) -> None:
    path = tmp_path / "any-name"
    path.write_bytes(simple(movement(1, "1.00"), closing="101.00", credit="1.00"))
    assert run(path, as_json=False) == (0, "coda  BE68539007547034  EUR  012  1 line  100.00 → 101.00\n", "")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_refused_file_gives_its_reason_and_no_output(tmp_path: Path, as_json: bool) -> None:
    path = tmp_path / "bad.coda"
    path.write_bytes(simple(movement(1, "1.00"), movement(2, "2.00"), closing="101.00", credit="3.00"))
    status, out, err = run(path, as_json=as_json)
    assert (status, out) == (2, "")
    assert err.startswith("bad.coda: Line 5: The statement of BE68539007547034 does not add up: 100.00 plus")
    assert err.endswith("(coda.balance)\n")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    status, out, err = run(tmp_path / "none", as_json=True)
    assert (status, out) == (2, "")
    assert err.endswith("none: No such file or directory\n")


def test_reversals_that_mean_the_original_direction_are_turned(tmp_path: Path) -> None:
    path = tmp_path / "turned.xml"
    turned = entry("2.00", reversal="<RvslInd>true</RvslInd>")
    path.write_bytes(document(statement(balance("OPBD", "5.00"), balance("CLBD", "3.00"), turned)))
    status, out, _ = run(path, as_json=True)
    (found,) = json.loads(out)
    assert (status, found["lines"][0]["amount"]) == (0, "-2.00")
    assert [warning["code"] for warning in found["warnings"]] == ["camt.reversals_inverted"]


def test_what_a_file_leaves_open_is_asked_and_answered(tmp_path: Path) -> None:
    path = tmp_path / "open.qif"
    path.write_bytes(b"!Type:Bank\nD3/4/24\nT1,234\nPx\n^\n")

    def parse(*options: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(main, ["parse", str(path), *options])
        return done.exit_code, done.stdout, done.stderr

    assert parse() == (
        2, "", "open.qif: “3/4/24” may be two dates. Say whether the day or the month comes first. (qif.date_order)\n",
    )  # fmt: skip
    status, out, err = parse("--month-first")
    assert (status, out, err[-19:]) == (2, "", "(qif.decimal_sign)\n")
    status, out, _ = parse(
        "--day-first", "--decimal", ".", "--account", "BE68 5390 0754 7034", "--currency", "eur", "--json"
    )
    (found,) = json.loads(out)
    assert (status, found["account"], found["currency"]) == (0, "BE68539007547034", "EUR")
    assert (found["lines"][0]["date"], found["lines"][0]["amount"]) == ("2024-04-03", "1234")
