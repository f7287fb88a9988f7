"""MyUnisoft, as a partner sees it. README.md tells what is known and what is assumed."""

from __future__ import annotations

from flask import Request

from sandbox.myunisoft import answers, api
from sandbox.packages.core import Stand
from sandbox.packages.package import Call, Package, Rules, bearer

__all__ = ["PACKAGE"]

DEMO_KEY = "demo-key-myunisoft"
WRITES = ("entry", "entry/temp")


def call(request: Request) -> Call:
    endpoint = request.path.partition("/v1/")[2]
    key = bearer(request)
    write = request.method == "POST" and endpoint in WRITES
    return Call(request.headers.get("society-id", ""), endpoint, write, limited_by=key, secret=key)


def seed(stand: Stand) -> None:
    stand.access.add_key("kantoor", DEMO_KEY)


PACKAGE = Package(
    key="myunisoft",
    name="MyUnisoft",
    country="FR",
    routes=api.blueprint,
    call=call,
    refusal=answers.refusal,
    limits=Rules(per_window=20, window=10, at_once=10),
    # How a look-up of an unknown reference answers is written nowhere: an empty body, or 404.
    settings={"unknown_is_404": False, "missing_route": "", "lists_nothing": False},
    seed=seed,
)
