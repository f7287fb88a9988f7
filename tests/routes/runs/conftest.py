from __future__ import annotations

from tests.routes.entries.conftest import _pretend, desk, moving

__all__ = ["_pretend", "desk", "moving"]
