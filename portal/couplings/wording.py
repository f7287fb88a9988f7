"""Sentences for the codes and tags of this room."""

from __future__ import annotations

ERRORS: dict[str, str] = {}
TAGS: dict[str, str] = {}
