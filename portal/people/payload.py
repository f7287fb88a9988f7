"""Reading what an act is given: plain data out of a form, or out of a stored task months later."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from portal.kernel.errors import Invalid

Payload = Mapping[str, Any]  # strings, booleans, lists and mappings of these: what JSON holds


def an_id(value: object, field: str) -> uuid.UUID:
    """Raises Invalid for what is none."""
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))
    except ValueError:
        raise Invalid("people.choice", field=field) from None


def maybe_id(payload: Payload, field: str) -> uuid.UUID | None:
    value = payload.get(field)
    return an_id(value, field) if value else None


def ids(payload: Payload, field: str) -> list[uuid.UUID]:
    """Each once, in order."""
    return list(dict.fromkeys(an_id(value, field) for value in listed(payload, field)))


def listed(payload: Payload, field: str) -> Iterable[Any]:
    value = payload.get(field) or ()
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise Invalid("people.choice", field=field)
    return value


def a_name(payload: Payload, most: int) -> str:
    """The name without stray spaces. Raises Invalid for an empty or overlong one."""
    name = " ".join(str(payload.get("name") or "").split())
    if not name or len(name) > most or "\0" in name:
        raise Invalid("people.name", field="name", limit=most)
    return name
