"""Structured communications of CODA (record 21, type at 63–65) as readable text.

Source: Febelfin CODA standard 2.6, annex 2. What a type holds beyond the fields named here is
kept as it stands.
"""

from __future__ import annotations

from collections.abc import Callable

from portal.connectors.files.coda_values import decimal
from portal.connectors.files.references import is_belgian


def _squeezed(*parts: str) -> str:
    return " ".join(" ".join(parts).split())


def _creditor_reference(content: str) -> tuple[str, str]:
    """100: an ISO 11649 reference of at most 25 characters."""
    return _squeezed(content[25:]), "".join(content[:25].split())


def _card(content: str) -> tuple[str, str]:
    """113: card, scheme, terminal, sequence, date, hour, type, terminal's name and town, …"""
    when = _moment(content[29:35], content[35:39])
    return _squeezed(content[40:56], content[56:66], when, content[:16]), ""


def _terminal(content: str) -> tuple[str, str]:
    """114: scheme, point of sale, period, sequence, date, hour, type, name, town, reference."""
    when = _moment(content[16:22], content[22:26])
    return _squeezed(content[27:43], content[43:53], when, content[53:69]), ""


def _terminal_total(content: str) -> tuple[str, str]:
    """111: scheme, point of sale, period, first and last sequence with dates, type, name, town."""
    span = f"{_moment(content[16:22], '')} {_moment(content[28:34], '')}"
    return _squeezed(content[35:51], content[51:61], span, content[1:7]), ""


def _direct_debit(content: str) -> tuple[str, str]:
    """127: settlement date, type, scheme, reason, creditor (35), mandate (35), text (62), R-type, reason."""
    return _squeezed(content[79:141], content[44:79], content[9:44], content[142:146]), ""


def _foreign(content: str) -> tuple[str, str]:
    """105: amount in the account's currency, in the original one, rate (4 + 8), currency, reference, country."""
    original, rate, currency = _amount(content[15:30]), _rate(content[30:42]), content[42:45]
    reference = content[45:57] if is_belgian(content[45:57]) else ""
    other = "" if reference else content[45:57]
    return _squeezed(original, currency, f"({rate})" if rate not in ("", "1") else "", content[57:59], other), reference


def _calculated(content: str) -> tuple[str, str]:
    """106: VAT, commission and the like: amount, amount it is taken of, percentage (4 + 8)."""
    return _squeezed(_amount(content[15:30]), f"× {_rate(content[30:42])} % =", _amount(content[:15])), ""


def _interest(content: str) -> tuple[str, str]:
    """108: closing of an account: amount, balance it is taken of, rate (4 + 8), first and last day."""
    span = f"{_moment(content[42:48], '')} - {_moment(content[48:54], '')}".strip(" -")
    return _squeezed(_amount(content[:15]), f"({_rate(content[30:42])} %)", span), ""


def _amount(digits: str) -> str:
    """Fifteen digits, the last three decimals; as they stand when they are something else."""
    return str(decimal(int(digits))) if digits.isascii() and digits.isdigit() else digits


def _rate(digits: str) -> str:
    """Twelve digits, the last eight decimals, without idle zeros."""
    if not (digits.isascii() and digits.isdigit()):
        return digits.strip()
    return f"{int(digits[:4])}.{digits[4:]}".rstrip("0").rstrip(".")


def _moment(day: str, hour: str) -> str:
    """DDMMYY and HHMM as 24/12/13 18:05; "" where unknown."""
    parts = []
    if day.isdigit() and day != "000000":
        parts.append(f"{day[:2]}/{day[2:4]}/{day[4:]}")
        if hour.isdigit():
            parts.append(f"{hour[:2]}:{hour[2:]}")
    return " ".join(parts)


_READERS: dict[str, Callable[[str], tuple[str, str]]] = {
    "100": _creditor_reference,
    "105": _foreign,
    "106": _calculated,
    "108": _interest,
    "111": _terminal_total,
    "113": _card,
    "114": _terminal,
    "127": _direct_debit,
}
_BELGIAN = ("101", "102")  # ten digits and their check; a text like any other when the check fails


def structured(text: str) -> tuple[str, str]:
    """(readable text, reference) of a structured communication: its type, then its fields."""
    kind, digits = text[:3], text[3:15]
    if kind in _BELGIAN and is_belgian(digits):
        return " ".join(text[15:].split()), digits
    reader = _READERS.get(kind)
    return reader(text[3:]) if reader else (_squeezed(text[3:]), "")
