"""Which connectors there are: one line each."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from portal.connectors.base import Connect
from portal.connectors.feed import Callbacks, ConnectFeed, OpenDirectory
from portal.connectors.layouts import Layout
from portal.connectors.login import OpenLogin, Sign
from portal.connectors.manifest import Explanation, Manifest

CONNECTORS = {
    "exact": "portal.connectors.exact",
    "odoo": "portal.connectors.odoo",
    "xero": "portal.connectors.xero",
    "myunisoft": "portal.connectors.myunisoft",
    "minox": "portal.connectors.minox",
    "acd": "portal.connectors.acd",
    "cegid_loop": "portal.connectors.cegid_loop",
    "inqom": "portal.connectors.inqom",
    "business_central": "portal.connectors.business_central",
    "pennylane": "portal.connectors.pennylane",
    "sage100": "portal.connectors.sage100",
    "tiime": "portal.connectors.tiime",
    "fec": "portal.connectors.fec",
    "csv": "portal.connectors.csv",
    "tra": "portal.connectors.tra",
}
FEEDS = {
    "ponto": "portal.connectors.ponto",
    "saltedge": "portal.connectors.saltedge",
}
APPS: Mapping[str, str] = ChainMap(CONNECTORS, FEEDS)  # as the two are now, tests add to them


class App(Protocol):
    """What every connector's package offers, whatever its kind."""

    MANIFEST: Manifest
    EXPLANATIONS: Mapping[str, Explanation]


class Connector(App, Protocol):
    """The package of a connector to bookkeeping."""

    connect: Connect


class FileConnector(Connector, Protocol):
    """The package of an app without a server."""

    LAYOUT: Layout


class FeedConnector(App, Protocol):
    """The package of a connector to a bank feed provider."""

    connect: ConnectFeed
    directory: OpenDirectory
    callbacks: Callbacks


def load(key: str) -> Connector:
    """The connector's package. Raises KeyError for a key that is not on the list."""
    return cast(Connector, import_module(CONNECTORS[key]))


def signing(key: str) -> Sign:
    """How an app of `AuthMode.KEY` or `HOSTED` signs. Raises KeyError as `load` does."""
    return cast(Sign, vars(load(key))["sign"])


def opening(key: str) -> OpenLogin:
    """How an app of `AuthMode.HOSTED` makes its page. Raises KeyError as `load` does."""
    return cast(OpenLogin, vars(load(key))["open_login"])


def load_layout(key: str) -> Layout:
    """How the files of an app without a server are written. Raises KeyError for a key that is not on the list."""
    return cast(FileConnector, import_module(CONNECTORS[key])).LAYOUT


def load_feed(key: str) -> FeedConnector:
    """The feed connector's package. Raises KeyError for a key that is not on the list."""
    return cast(FeedConnector, import_module(FEEDS[key]))


def app(key: str) -> App:
    """The package of any kind. Raises KeyError for a key that is on neither list."""
    return cast(App, import_module(APPS[key]))


def explain(code: str) -> Explanation | None:
    """The explanation of an error code such as "exact.period_closed"; None when nobody wrote one."""
    key = code.partition(".")[0]
    return app(key).EXPLANATIONS.get(code) if key in APPS else None
