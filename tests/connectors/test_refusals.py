"""Whatever a connector can refuse with is explained to people."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from types import ModuleType

import pytest

from portal.connectors import calls, failures, ledgers, paging, registry
from portal.connectors.chift import mapping as chift
from portal.connectors.minox import mapping as minox
from portal.connectors.myunisoft import mapping as myunisoft
from portal.connectors.refusals import explained

TRANSPORT = {"unreachable", "timeout", "cut_off", "too_large"}
MODULES = {
    "myunisoft": "myunisoft", "minox": "minox", "acd": "chift", "cegid_loop": "chift", "inqom": "chift",
}  # fmt: skip


def written(modules: list[ModuleType], key: str) -> set[str]:
    """Codes that stand in the text of modules."""
    pattern = re.compile(rf"""["'](?:{key}|\{{(?:self\._?)?key\}})\.(\w+)["']""")
    return {code for module in modules for code in pattern.findall(inspect.getsource(module))}


def told(key: str) -> set[str]:
    """Codes that are looked up in a table."""
    if key == "myunisoft":
        return set(vars(myunisoft)["_CODES"].values())
    if key == "minox":
        return set(vars(minox)["_REFUSALS"].codes)
    return set(vars(chift)["_CODES"].values())


@pytest.mark.parametrize("key", MODULES)
def test_every_code_has_an_explanation(key: str) -> None:
    folder = f"portal.connectors.{MODULES[key]}"
    names = ("client", "mapping", "signing") if MODULES[key] == "chift" else ("client", "mapping")
    modules = [calls, failures, ledgers, paging, *(import_module(f"{folder}.{name}") for name in names)]
    codes = written(modules, key) | told(key) | TRANSPORT | {"user_rights", "not_found", "refused"}
    assert len(codes) > 20
    assert codes - {code.partition(".")[2] for code in registry.load(key).EXPLANATIONS} == {"not_public"}


def test_an_own_explanation_stands_in_place_of_the_shared_one() -> None:
    shared = explained("a")
    own = explained("a", refused=shared["a.timeout"], extra=shared["a.timeout"])
    assert own["a.refused"] == own["a.extra"] == shared["a.timeout"]
    assert own["a.duplicate"] == shared["a.duplicate"]
