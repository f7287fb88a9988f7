"""Sage 100: a PNM file, or a text import with columns of your own. README.md tells its quirks."""

from __future__ import annotations

import requests

from portal.connectors.base import Bookkeeping, Gate
from portal.connectors.file_apps import explanations, manifest
from portal.connectors.layouts import Paper
from portal.connectors.login import Form
from portal.connectors.sage100 import layout as LAYOUT

__all__ = ["EXPLANATIONS", "LAYOUT", "MANIFEST", "connect"]

MANIFEST = manifest("sage100", "Sage 100", ("FR",))
EXPLANATIONS = explanations("sage100")


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Bookkeeping:
    return Paper("sage100")
