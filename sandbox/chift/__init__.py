"""Chift with one package behind it. README.md tells what is known and what is assumed.

`sandbox/acd`, `sandbox/cegid_loop` and `sandbox/inqom` are the packages.
"""

from __future__ import annotations

from functools import partial

from flask import Request

from sandbox.chift import answers, api
from sandbox.packages.package import Call, Package, bearer

__all__ = ["package"]


def call(request: Request) -> Call:
    """What is asked stands behind `accounting/`, or behind the consumer for all that is not about books."""
    _, _, place = request.path.strip("/").partition("/")
    endpoint = place.partition("/accounting/")[2] or place
    write = request.method == "POST" and endpoint == "journal-entries"
    return Call(request.args.get("folder_id", ""), endpoint, write, secret=bearer(request))


def package(key: str, name: str, integration: int, number_length: int = 0) -> Package:
    """`integration`: its number at Chift. `number_length`: of an entry's number; 0: any."""
    return Package(
        key=key,
        name=f"Chift, {name}",
        country="FR",
        routes=partial(api.blueprint, api.Behind(name, integration, number_length)),
        call=call,
        refusal=answers.refusal,
        # A package may keep only the number of an entry, or neither, give it no id, and not show it by itself.
        settings={
            "keeps_reference": True,
            "keeps_number": True,
            "tells_id": True,
            "shows_one": True,
            "switched_on": True,
        },
    )
