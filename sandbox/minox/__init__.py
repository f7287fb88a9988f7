"""Minox, as far as others have met it. README.md tells what is known and what is assumed."""

from __future__ import annotations

from flask import Request

from sandbox.minox import answers, api
from sandbox.packages.access import TokenRules
from sandbox.packages.package import Call, Package, Rules, bearer

__all__ = ["PACKAGE"]


def call(request: Request) -> Call:
    _, _, place = request.path.partition("/administration/")
    dossier, _, endpoint = place.partition("/")
    if endpoint.startswith("transaction_line_batch/"):
        endpoint = "transaction_line_batch"
    token = bearer(request)
    return Call(dossier, endpoint or "administration", request.method == "PUT", limited_by=token, secret=token)


PACKAGE = Package(
    key="minox",
    name="Minox",
    country="NL",
    routes=api.blueprint,
    call=call,
    refusal=answers.refusal,
    limits=Rules(per_window=20, window=120),
    tokens=TokenRules(lifetime=3600, refresh_lifetime=30 * 86400),
    settings={"tenant": "12345", "page": 50, "empty_echo": False},
)
