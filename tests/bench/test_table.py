"""Every measurement runs in a process of its own; one that fails says so and is not left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.table import Row, measured


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "measured_in_a_test.py"


def test_the_rows_of_another_process_arrive(module: Path) -> None:
    module.write_text(
        "import os\nfrom bench.table import Row\n"
        "def rows(quick):\n    yield Row('work', str(os.getpid()), str(quick), 2.0, 1.0)\n"
    )
    (row,) = measured(module.stem, True)
    assert row.ours != str(os.getpid())
    assert (row.work, row.reference, row.reached) == ("work", "True", True)
    assert isinstance(row, Row)


def test_a_measurement_that_fails_is_no_empty_one(module: Path) -> None:
    module.write_text("def rows(quick):\n    raise ValueError('broken')\n")
    with pytest.raises(RuntimeError, match="failed"):
        list(measured(module.stem, False))


def test_a_module_that_measures_nothing_has_no_rows() -> None:
    assert list(measured("bench.virtual", False)) == []
