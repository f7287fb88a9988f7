"""What the pages of authorisations share: their blueprint, their addresses, and the app they are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, url_for

from portal.access import Permission, Right
from portal.connectors import registry
from portal.connectors.manifest import Manifest
from portal.kernel.errors import NotFound, PortalError
from portal.routes import wording
from portal.routes._access import View, scope
from portal.routes.forms.authorisations import PLACES

blueprint = Blueprint("authorisations", __name__)
PORTAL, CLIENT = "/p/<uuid:portal>/authorisations", "/c/<uuid:client>/authorisations"


def place(**values: Any) -> dict[str, Any]:
    """The tenant of this page, for url_for: authorisations live in portals and in client accounts."""
    return {scope().kind: scope().tenant_id, **values}


def address(endpoint: str, **values: Any) -> str:
    kind = "client_" if scope().kind == "client" else ""
    return url_for(f"authorisations.{kind}{endpoint}", **place(**values))


def both(rule: str, name: str, **options: Any) -> Callable[[View], View]:
    """One view under the address of a portal and under that of a client account."""

    def add(view: View) -> View:
        blueprint.add_url_rule(PORTAL + rule, name, view, **options)
        blueprint.add_url_rule(CLIENT + rule, f"client_{name}", view, **options)
        return view

    return add


def may_edit() -> bool:
    return scope().may(Permission.AUTHORISATIONS, Right.EDIT)


def manifest_of(app: str) -> Manifest:
    """Of an app for bookkeeping. Raises NotFound."""
    if app not in registry.CONNECTORS:
        raise NotFound()
    return registry.load(app).MANIFEST


def where(environment: str) -> str:
    """A country or environment in words, or the server that people named."""
    return str(PLACES.get(environment) or environment.removeprefix("https://"))


def told(error: PortalError) -> str:
    """The sentence of a refusal, and what its reason is called; where the provider said nothing, what that means."""
    own, known = wording.of_error(error.code, error.values), registry.explain(str(error.values.get("reason", "")))
    if known is None or error.values.get("text"):
        return own
    if error.code == "authorisation.refused":
        texts = [wording.filled(text, error.values) for text in (known.title, known.happened, *known.steps[:1])]
    else:
        texts = [wording.filled(known.title, error.values), own]
    return " ".join(text if text.endswith(".") else f"{text}." for text in texts if text)
