"""Which connectors there are: one line each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from portal.connectors.base import Connect, Explanation, Manifest

CONNECTORS = {
    "exact": "portal.connectors.exact",
}


class Connector(Protocol):
    """What the package of a connector offers."""

    MANIFEST: Manifest
    EXPLANATIONS: Mapping[str, Explanation]
    connect: Connect


def load(key: str) -> Connector:
    """The connector's package. Raises KeyError for a key that is not on the list."""
    return cast(Connector, import_module(CONNECTORS[key]))


def explain(code: str) -> Explanation | None:
    """The explanation of an error code such as "exact.period_closed"; None when nobody wrote one."""
    key = code.partition(".")[0]
    return load(key).EXPLANATIONS.get(code) if key in CONNECTORS else None
