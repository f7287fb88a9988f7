"""The apps on offer, found and described from their manifests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.connectors import registry
from portal.connectors.login import AuthMode
from portal.connectors.manifest import Manifest
from portal.kernel.errors import NotFound

KINDS = ("bookkeeping", "file", "feed")
PROOFS = ("live", "official", "notes")


@dataclass(frozen=True, slots=True)
class App:
    key: str
    kind: str  # one of KINDS
    manifest: Manifest


def apps(find: str = "", country: str = "", kind: str = "") -> Sequence[App]:
    """Those that match, packages first, then files, then banks; by label within a kind."""
    words = find.lower().split()
    found = [_app(key) for key in registry.APPS]
    matching = [
        app
        for app in found
        if all(word in f"{app.manifest.label} {app.key}".lower() for word in words)
        and (not country or country in app.manifest.countries)
        and (not kind or app.kind == kind)
    ]
    return sorted(matching, key=lambda app: (KINDS.index(app.kind), app.manifest.label.lower()))


def app_of(key: str) -> App:
    """Raises NotFound."""
    if key not in registry.APPS:
        raise NotFound()
    return _app(key)


def _app(key: str) -> App:
    manifest = registry.app(key).MANIFEST
    kind = "file" if manifest.auth is AuthMode.FILE else manifest.kind
    return App(key, kind, manifest)
