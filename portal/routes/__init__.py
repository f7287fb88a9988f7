"""The web: one file a noun, one blueprint a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from flask import Blueprint


def blueprints() -> Iterator[Blueprint]:
    """The blueprint of every file whose name has no underscore in front; a noun in several files shares one."""
    seen: dict[str, Blueprint] = {}
    for module in pkgutil.iter_modules(__path__):
        found = getattr(importlib.import_module(f"{__name__}.{module.name}"), "blueprint", None)
        if isinstance(found, Blueprint):
            seen[found.name] = found
    yield from seen.values()
