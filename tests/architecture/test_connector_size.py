"""A connector stays small: it says what its package alone does, and shares the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.connectors import registry
from portal.connectors.base import AuthMode

CONNECTORS = Path(registry.__file__).parent
MOST = 500  # lines of Python in a folder: manifest, client, mapping and explanations together
# What was reached where a package takes more, rounded up to tens. These may only become less.
LONGER = {
    "business_central": 800, "chift": 750, "exact": 940, "minox": 530, "myunisoft": 580, "odoo": 940,
    "pennylane": 640, "xero": 690,
}  # fmt: skip


def folders() -> list[str]:
    """Of connectors to servers of packages; apps that go through Chift count with it."""
    keys = (key for key in registry.CONNECTORS if registry.load(key).MANIFEST.auth is not AuthMode.FILE)
    return sorted({*keys, "chift"})


def lines(folder: str) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (CONNECTORS / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", folders())
def test_a_folder_is_no_longer_than_it_was(folder: str) -> None:
    assert lines(folder) <= LONGER.get(folder, MOST)


@pytest.mark.parametrize("folder", LONGER)
def test_a_folder_that_became_shorter_stays_so(folder: str) -> None:
    assert lines(folder) > max(MOST, LONGER[folder] - 40), "lower its number, or take it out of the list"
