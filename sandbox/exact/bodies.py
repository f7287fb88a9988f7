"""Reading a JSON body against the fields of an endpoint."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sandbox.exact import wire
from sandbox.exact.entities import Entity
from sandbox.exact.messages import bad_request


def load(body: bytes) -> dict[str, Any]:
    """The body as an object, numbers exact. Raises ApiError 400."""
    try:
        read = json.loads(body.decode("utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError):
        raise bad_request("The request body is not valid JSON.") from None
    if not isinstance(read, dict):
        raise bad_request("An object was expected.")
    return read


def values(entity: Entity, body: dict[str, Any]) -> dict[str, Any]:
    """The writable fields that were sent, as kept. Read-only ones are ignored, unknown ones refused (400)."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in entity.lists or name == "__metadata":
            continue
        field = entity.fields.get(name)
        if field is None:
            raise bad_request(
                f"The property name '{name}' specified for type 'Exact.Web.Api.Models.{entity.model}' is not valid."
            )
        if field.writable:
            found[name] = wire.inward(field.kind, name, value)
    return found


def children(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The lines sent inside a header, either bare or under `results`."""
    sent = body.get(name) or []
    if isinstance(sent, dict):
        sent = sent.get("results") or []
    if not isinstance(sent, list) or not all(isinstance(line, dict) for line in sent):
        raise bad_request(f"A list was expected for '{name}'.")
    return sent
