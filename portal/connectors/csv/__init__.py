"""A table of columns that the firm chooses, for any package that reads one."""

from __future__ import annotations

import requests

from portal.connectors.base import Bookkeeping, Gate
from portal.connectors.csv import layout as LAYOUT
from portal.connectors.file_apps import explanations, manifest
from portal.connectors.layouts import Paper
from portal.connectors.login import Form

__all__ = ["EXPLANATIONS", "LAYOUT", "MANIFEST", "connect"]

MANIFEST = manifest("csv", "CSV", ("BE", "NL", "FR"))
EXPLANATIONS = explanations("csv")


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Bookkeeping:
    return Paper("csv")
