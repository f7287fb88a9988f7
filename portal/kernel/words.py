"""Marking of texts that are worded later, at the edge, in the reader's language."""

from __future__ import annotations


def N_(text: str) -> str:
    """Mark a message for translation where it is defined; it is translated where it is shown."""
    return text
