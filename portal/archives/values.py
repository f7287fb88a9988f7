"""A value of a column as JSON says it, and back. Amounts stay decimal, bytes become base64."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Date, DateTime, LargeBinary, Numeric, Time, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from portal.kernel.money import Amount

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def told(value: Any) -> Any:
    """For JSON: what is neither text, number nor list becomes text."""
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, Decimal)):
        return str(value)
    return [told(item) for item in value] if isinstance(value, list) else value


def line(row: Mapping[str, Any]) -> str:
    """One row, always the same text for the same values."""
    return json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def cell(value: Any) -> str:
    """For CSV: as in JSON, and no text that a spreadsheet would run as a formula (ASVS 1.2.10)."""
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    text = str(told(value))
    free = isinstance(value, str) and text.startswith(_FORMULA)
    return "'" + text if free else text


def understood(column: Column[Any], value: Any) -> Any:
    """Back from JSON. Raises ValueError for what the column cannot hold."""
    if value is None:
        return None
    kind = column.type
    if isinstance(kind, ARRAY):
        inner: Column[Any] = Column(column.name, kind.item_type)
        return [understood(inner, item) for item in value]
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value, validate=True)
    if isinstance(kind, Uuid):
        return uuid.UUID(value)
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    if isinstance(kind, Time):
        return time.fromisoformat(value)
    if isinstance(kind, (Numeric, Amount)) and isinstance(value, str):
        return Decimal(value)
    return value
