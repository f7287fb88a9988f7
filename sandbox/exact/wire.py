"""How values look on the wire, both ways. Kinds of field:

G GUID · S text · P text padded right to 3 · I small integer · L Int64 (a string) · D double ·
A amount (kept as whole cents) · B boolean · T moment (`/Date(ms)/`, kept as epoch ms) · Z ISO moment
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sandbox.exact.messages import bad_request

_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\}?")
_LIMIT = Decimal(10) ** 13


def outward(kind: str, value: Any) -> Any:
    """A kept value as JSON."""
    if value is None:
        return None
    if kind == "A":
        return value / 100
    if kind == "T":
        return f"/Date({value})/"
    if kind == "L":
        return str(value)
    if kind == "B":
        return bool(value)
    if kind == "P":
        return str(value).ljust(3)
    if kind == "Z":
        return iso(value)
    return value


def inward(kind: str, name: str, value: Any) -> Any:
    """A value from a JSON body as it is kept. Raises ApiError 400 when it is not of that kind."""
    if value is None:
        return None
    if kind == "G":
        return guid(value, name)
    if kind == "A":
        return cents(value, name)
    if kind == "T":
        return moment(value, name)
    if kind == "B":
        if not isinstance(value, bool | int):
            raise _wrong(name)
        return int(value)
    if kind in "IL":
        return _integer(value, name)
    if kind == "D":
        return float(_number(value, name))
    if not isinstance(value, str):
        raise _wrong(name)
    return value.rstrip() if kind == "P" else value


def guid(value: Any, name: str = "") -> str:
    if not isinstance(value, str) or not _GUID.fullmatch(value.strip()):
        raise _wrong(name)
    return str(uuid.UUID(value.strip()))


def new_guid() -> str:
    return str(uuid.uuid4())


def cents(value: Any, name: str = "") -> int:
    """Whole cents, half up: the provider keeps two decimals."""
    number = _number(value, name)
    if abs(number) >= _LIMIT:
        raise _wrong(name)
    return int((number * 100).to_integral_value(ROUND_HALF_UP))


def _number(value: Any, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise _wrong(name)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise _wrong(name) from None
    if not number.is_finite():
        raise _wrong(name)
    return number


def _integer(value: Any, name: str) -> int:
    number = _number(value, name)
    if number != number.to_integral_value() or abs(number) >= 2**63:
        raise _wrong(name)
    return int(number)


def moment(value: Any, name: str = "") -> int:
    """Epoch ms of an ISO date or date-time; `/Date(ms)/` is refused, as the provider does."""
    if not isinstance(value, str):
        raise _wrong(name)
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        raise _wrong(name) from None
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)


def day_ms(day: date) -> int:
    """Epoch ms of midnight UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def iso(ms: int, timespec: str = "seconds") -> str:
    """`2024-05-30T00:00:00`, without a zone."""
    return datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None).isoformat(timespec=timespec)


def _wrong(name: str) -> Exception:
    return bad_request(f"Error encountered in converting the value of property '{name}'." if name else "Invalid value.")
