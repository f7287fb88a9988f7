"""Every connector keeps the contract against its stand-in, by the command people run; the page about it says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from portal import conformance
from portal.conformance import BadOption, Row
from portal.connectors import registry
from scripts import connectors_page

pytestmark = pytest.mark.xdist_group("conformance")


@pytest.fixture(scope="module")
def results() -> Mapping[str, Sequence[Row]]:
    return {key: connectors_page.results_of(key) for key in registry.CONNECTORS}


@pytest.mark.parametrize("key", registry.CONNECTORS)
def test_no_row_fails(results: Mapping[str, Sequence[Row]], key: str) -> None:
    assert [(row.name, row.detail) for row in results[key] if row.result == "failed"] == []
    booked = {row.name: row.result for row in results[key]}
    assert {booked[name] for name in ("post", "find again", "repeat", "refuse an unbalanced entry")} == {"ok"}


def test_the_page_is_as_it_is_made(results: Mapping[str, Sequence[Row]]) -> None:
    made = connectors_page.page(results)
    assert connectors_page.PAGE.read_text(encoding="utf-8") == made, "run: python -m scripts.connectors_page"


@pytest.mark.parametrize(
    ("key", "options", "complaint"),
    [
        ("odoo", {"database": "firm"}, "'url' is needed"),
        ("odoo", {"url": "https://x", "host": "y"}, "no option 'host'"),
        ("odoo", {"url": "https://x", "database": "d", "user": "u", "key": "@/nowhere"}, "cannot read the key"),
        ("myunisoft", {"host": "mars", "key": "k"}, "neither an address"),
        ("acd", {"host": "fr", "kept": "[1, 2]"}, "not JSON of names and texts"),
        ("fec", {"token": "x"}, "no option 'token'"),
    ],
)
def test_options_are_asked_for_by_name(key: str, options: dict[str, str], complaint: str) -> None:
    with pytest.raises(BadOption, match=complaint):
        conformance.try_all(key, options)
