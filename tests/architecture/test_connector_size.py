"""A connector stays small: it says what its package alone does, and shares the rest.

What is counted, and why, is decision 8.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest

from portal.connectors import registry
from portal.connectors.login import AuthMode

CONNECTORS = Path(registry.__file__).parent
MOST = 500  # lines of code that does something
# Two protocols, drafts that are booked in a second step, and documents. This may only become less.
LONGER = {"odoo": 663}
DATA = {"__init__.py", "explanations.py", "app.py"}  # manifests, and the words for refusals
NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


def folders() -> list[str]:
    """Of connectors to servers of packages; apps that go through Chift count with it."""
    keys = (key for key in registry.CONNECTORS if registry.load(key).MANIFEST.auth is not AuthMode.FILE)
    return sorted({*keys, "chift"})


def lines(folder: str) -> int:
    return sum(_code(path.read_text()) for path in (CONNECTORS / folder).rglob("*.py") if path.name not in DATA)


def _code(source: str) -> int:
    """Lines with a token on them that is neither comment nor docstring."""
    told: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            told |= _span(node.body[0].lineno, node.body[0].end_lineno)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = (_span(token.start[0], token.end[0]) for token in tokens if token.type not in NO_CODE)
    return len(set().union(*found) - told)


def _span(first: int, last: int | None) -> set[int]:
    return set(range(first, (last or first) + 1))


def test_what_is_counted() -> None:
    source = (
        '"""Told\n\nat length."""\n\n# why\nimport x\n\n\ndef f() -> str:\n    """Told."""\n    return """a\nb"""\n'
    )
    assert _code(source) == 4  # import, def, and the two lines of the text


@pytest.mark.parametrize("folder", folders())
def test_a_folder_is_no_longer_than_it_may_be(folder: str) -> None:
    assert lines(folder) <= LONGER.get(folder, MOST)


@pytest.mark.parametrize("folder", LONGER)
def test_a_folder_that_became_shorter_stays_so(folder: str) -> None:
    assert lines(folder) > max(MOST, LONGER[folder] - 40), "lower its number, or take it out of the list"
