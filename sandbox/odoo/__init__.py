"""Odoo: version 19 with JSON-2 and XML-RPC, or 17 with the latter alone. README.md tells what real ones do."""

from __future__ import annotations

import json
import xmlrpc.client
from typing import Any

from flask import Request

from sandbox.odoo import answers, server
from sandbox.packages.core import Stand
from sandbox.packages.package import Call, Package, bearer

__all__ = ["PACKAGE"]

DEMO_KEY = "demo-key-odoo-0123456789abcdef"


def call(request: Request) -> Call:
    """A company is named by the context or, where all of them are asked for, by the first condition."""
    try:
        model, method, named, secret = _told(request)
        named = {str(name): value for name, value in named.items()}
        company = (named.get("context") or {}).get("allowed_company_ids") or _first_condition(named.get("domain"))
        dossier = str(company[0]) if company else ""
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, xmlrpc.client.Error):
        return Call()
    return Call(dossier, f"{model}/{method}", method == "action_post", limited_by=secret, secret=secret)


def _told(request: Request) -> tuple[str, str, dict[str, Any], str]:
    if request.path.endswith("/xmlrpc/2/object"):
        _, _, key, model, method, _, *named = answers.parameters()
        return model, method, dict(named[0] if named else {}), key
    *_, model, method = request.path.split("/")
    return model, method, json.loads(request.get_data() or b"{}"), bearer(request)


def _first_condition(domain: Any) -> list[Any]:
    return list(domain[0][2]) if domain and domain[0][0] == "id" else []


def seed(stand: Stand) -> None:
    stand.access.add_key("kantoor", DEMO_KEY)


PACKAGE = Package(
    key="odoo",
    name="Odoo",
    country="BE",
    routes=server.blueprint,
    call=call,
    refusal=answers.refusal,
    # `returns_none`: booking answers nothing, which XML-RPC cannot say. `account_taxes`: revenue accounts bring 21 %
    # of their own. `may_book`: the user has the rights of a bookkeeper. `approval`: booking only opens a question.
    settings={
        "version": 19, "database": "kantoor", "returns_none": False, "account_taxes": False, "may_book": True,
        "approval": False,
    },
    seed=seed,
)  # fmt: skip
