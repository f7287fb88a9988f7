"""The FEC as a file for any package that reads one."""

from __future__ import annotations

import requests

from portal.connectors.base import Bookkeeping, Gate
from portal.connectors.fec import layout as LAYOUT
from portal.connectors.file_apps import explanations, manifest
from portal.connectors.layouts import Paper
from portal.connectors.login import Form

__all__ = ["EXPLANATIONS", "LAYOUT", "MANIFEST", "connect"]

MANIFEST = manifest("fec", "FEC", ("FR",))
EXPLANATIONS = explanations("fec")


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Bookkeeping:
    return Paper("fec")
