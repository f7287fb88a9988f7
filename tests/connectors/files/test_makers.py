"""The makers of big files, small: what is measured must be right first."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from bench.makers.camt import camt_file
from bench.makers.coda import coda_file
from bench.makers.ofx import ofx_file
from bench.makers.qif import qif_file
from tests.connectors.files.reading import read

MAKERS: dict[str, Callable[[Path], None]] = {
    "coda": lambda path: coda_file(path, 3, 40),
    "camt .02": lambda path: camt_file(path, 3, 40, "02"),
    "camt .08": lambda path: camt_file(path, 3, 40, "08"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_made_files_chain_and_are_the_same_each_time(name: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    MAKERS[name](one)
    MAKERS[name](two)
    assert one.read_bytes() == two.read_bytes()
    statements = read(one.read_bytes())
    assert [len(statement.lines) for statement in statements] == [40] * 3
    assert [s.head.closing for s in statements][:2] == [s.head.opening for s in statements][1:]


def test_both_formats_say_the_same(tmp_path: Path) -> None:
    said = []
    for name, make in MAKERS.items():
        make(tmp_path / name)
        said.append([
            (line.date, line.value_date, line.amount, line.description, line.counterparty, line.counterparty_account,
             line.counterparty_bic, line.reference, line.end_to_end_id, line.bank_reference)
            for statement in read((tmp_path / name).read_bytes()) for line in statement.lines
        ])  # fmt: skip
    assert said[0] == said[1] == said[2]
    assert len({line[2] for line in said[0]}) > 100
    assert any(isinstance(line[2], Decimal) and line[2] < 0 for line in said[0])


AT_HOME: dict[str, Callable[[Path], None]] = {
    "ofx 1": lambda path: ofx_file(path, 3, 40, "1"),
    "ofx 2": lambda path: ofx_file(path, 3, 40, "2"),
    "qif": lambda path: qif_file(path, 3, 40),
}


def test_files_for_programs_at_home_are_what_they_say(tmp_path: Path) -> None:
    said = []
    for name, make in AT_HOME.items():
        make(tmp_path / name)
        found = read((tmp_path / name).read_bytes())
        said.append([
            (line.date, line.amount, line.counterparty.replace("è", "e"), line.description, line.reference,
             line.bank_reference)
            for statement in found for line in statement.lines
        ])  # fmt: skip
        assert [statement.head.closing is None for statement in found] == [name == "qif"] * len(found)
    assert said[0] == said[1] == said[2]
    assert len(said[0]) == 120
