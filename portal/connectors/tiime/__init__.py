"""Tiime: a FEC or CSV file for the accountant. README.md tells why."""

from __future__ import annotations

import requests

from portal.connectors.base import Bookkeeping, Gate
from portal.connectors.file_apps import explanations, manifest
from portal.connectors.layouts import Paper
from portal.connectors.login import Form
from portal.connectors.tiime import layout as LAYOUT

__all__ = ["EXPLANATIONS", "LAYOUT", "MANIFEST", "connect"]

MANIFEST = manifest("tiime", "Tiime", ("FR",))
EXPLANATIONS = explanations("tiime")


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Bookkeeping:
    return Paper("tiime")
