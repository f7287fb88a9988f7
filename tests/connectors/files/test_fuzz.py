"""Five thousand damaged files of each format; `make fuzz` reads two hundred thousand."""

from __future__ import annotations

import time

import pytest

from portal.connectors import files
from portal.connectors.files import documents
from tests.connectors.files.fuzzing import SEEDS, attempt, damaged, seeds

INPUTS = 5_000
SECONDS = 2.0  # of processor time for one


def test_every_format_is_tried() -> None:
    assert SEEDS.keys() == {*(parser.FORMAT for parser in files.FORMATS), *documents.FORMATS}


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files_are_read_or_refused_with_words(name: str) -> None:
    outcomes: dict[str, int] = {}
    for number in range(INPUTS):
        began = time.process_time()
        outcome = attempt(name, number)
        assert time.process_time() - began < SECONDS, number
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert len(outcomes) > 5, outcomes  # the damage reaches into the parser
    assert outcomes[""] > INPUTS // 100


@pytest.mark.parametrize("name", SEEDS)
def test_a_number_always_makes_the_same_file(name: str) -> None:
    assert [damaged(name, number) for number in range(50)] == [damaged(name, number) for number in range(50)]
    assert len({damaged(name, number) for number in range(50)} - set(seeds(name))) > 40
