"""Structured communications of CODA (record 21, type at 63–65) as readable text.

Source: Febelfin CODA standard 2.6, annex 2. What a type holds beyond the fields named here is
kept as it stands.
"""

from __future__ import annotations

from collections.abc import Callable

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
    "111": _terminal_total,
    "113": _card,
    "114": _terminal,
    "127": _direct_debit,
}
_BELGIAN = ("101", "102")  # ten digits and their check; a text like any other when the check fails


def structured(kind: str, content: str) -> tuple[str, str]:
    """(readable text, reference) of a structured communication of type `kind`."""
    if kind in _BELGIAN and is_belgian(content[:12]):
        return " ".join(content[12:].split()), content[:12]
    reader = _READERS.get(kind)
    return reader(content) if reader else (_squeezed(content), "")
