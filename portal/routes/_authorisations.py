"""What the pages of authorisations share: their blueprint, their addresses, and the app they are about."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint

from portal.access import Permission, Right
from portal.connectors import registry
from portal.connectors.manifest import Manifest
from portal.kernel.errors import NotFound, PortalError
from portal.routes import _both, wording
from portal.routes._access import scope
from portal.routes.forms.authorisations import PLACES

blueprint = Blueprint("authorisations", __name__)
both = partial(_both.both, blueprint, "/p/<uuid:portal>/authorisations", "/c/<uuid:client>/authorisations")


def address(endpoint: str, **values: Any) -> str:
    return _both.address(f"authorisations.{endpoint}", **values)


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
