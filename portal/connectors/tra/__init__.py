"""The TRA file of Cegid, for any package that reads one."""

from __future__ import annotations

import requests

from portal.connectors.base import Bookkeeping, Gate
from portal.connectors.file_apps import explanations, manifest
from portal.connectors.layouts import Paper
from portal.connectors.login import Form
from portal.connectors.tra import layout as LAYOUT

__all__ = ["EXPLANATIONS", "LAYOUT", "MANIFEST", "connect"]

MANIFEST = manifest("tra", "TRA (Cegid)", ("FR",))
EXPLANATIONS = explanations("tra")


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Bookkeeping:
    return Paper("tra")
