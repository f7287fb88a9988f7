"""The number of a document, and the reference to pay it with.

Sources: Febelfin (structured communication: ten digits and their remainder by 97), ISO 11649 (RF).
"""

from __future__ import annotations

SERIALS = 1_000_000  # a year


def document_number(prefix: str, year: int, serial: int) -> str:
    """Like "KP-2026-00042"."""
    return f"{prefix}-{year}-{serial:05d}"


def payment_reference(country: str, year: int, serial: int) -> str:
    """Bare: 12 digits for a firm in Belgium, else RF with check digits."""
    number = f"{year:04d}{serial:06d}"
    if country == "BE":
        return f"{number}{int(number) % 97 or 97:02d}"
    return f"RF{98 - int(number + '271500') % 97:02d}{number}"


def printed_reference(reference: str) -> str:
    """As people copy it: "+++202/6000/04207+++", "RF18 2026 0000 42"."""
    if reference.startswith("RF"):
        return " ".join(reference[at : at + 4] for at in range(0, len(reference), 4))
    return f"+++{reference[:3]}/{reference[3:7]}/{reference[7:]}+++"
