"""ACD (i-Suite Expert), through Chift: see `portal.connectors.chift`."""

from __future__ import annotations

from portal.connectors.chift.app import App

__all__ = ["EXPLANATIONS", "MANIFEST", "connect", "open_login", "sign"]

_APP = App("acd", "ACD", "ACD", finds=False)

MANIFEST = _APP.manifest()
EXPLANATIONS = _APP.explanations()
connect, sign, open_login = _APP.connect, _APP.sign, _APP.open_login
