"""A stand-in for Dynamics 365 Business Central: API v2.0 over the shared books, and a log-in. See README.md."""

from __future__ import annotations

import json
import re

from flask import Request, Response

from sandbox.business_central import api, odata
from sandbox.packages.access import TokenRules
from sandbox.packages.package import Call, Package, Rules, bearer

COMPANY = re.compile(r"companies\(([0-9a-f-]{36})\)(?:/journals\([0-9a-f-]{36}\))?/?([A-Za-z.]*)")


def call(request: Request) -> Call:
    """Only posting is a write: batches and their lines are in no books. A $batch is about its first request."""
    address, token, endpoint = request.path, bearer(request), ""
    if address.endswith("/$batch"):
        address, endpoint = _first_address(request.get_data()), "batch"
    told = COMPANY.search(address)
    if told is None:
        return Call("", address.rpartition("/")[2], False, token, token)
    dossier, found = told.groups()
    write = found == "Microsoft.NAV.post"
    return Call(dossier, endpoint or ("post" if write else found), write, token, token)


def _first_address(body: bytes) -> str:
    try:
        return str(json.loads(body)["requests"][0]["url"])
    except (LookupError, TypeError, ValueError):
        return ""


def refusal(status: int, wait: float, limit: str) -> Response:
    words = {
        429: ("Application_TooManyRequests", "Too many requests have been sent."),
        503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    }
    answer = odata.error(status, *words.get(status, ("Internal_ServerError", "An unexpected error occurred.")))
    if status == 429:
        answer.headers["Retry-After"] = f"{max(wait, 1):.0f}"
    return answer


PACKAGE = Package(
    key="business_central",
    name="Dynamics 365 Business Central",
    country="NL",
    routes=api.routes,
    call=call,
    refusal=refusal,
    limits=Rules(per_window=6000, window=300, at_once=100),
    tokens=TokenRules(lifetime=3600, refresh_lifetime=90 * 86400, grace=90 * 86400),
    settings={"page_size": 20_000, "closed_environment": ""},  # the latter: one that is listed and opens to nobody
)
