"""Puts the sandbox together: provider pages, API, control."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from sandbox import app as apps
from sandbox.clock import Base
from sandbox.exact import api, control, control_page, pages
from sandbox.exact.core import Sandbox

WARNING = "not the real Exact Online. Nothing here reaches anybody's books."


def create_app(data_dir: Path | str, *, clock: Base | None = None) -> Flask:
    """`clock` returns aware UTC and stands in for real time. The state is `app.extensions["sandbox"]`."""
    sandbox = Sandbox(Path(data_dir), clock)
    app = apps.make(__name__, sandbox, "Exact sandbox", WARNING)
    app.url_map.redirect_defaults = False  # /nl/… is answered where it was asked, though / means the same
    for part in (api, pages, control, control_page):
        app.register_blueprint(part.blueprint(sandbox))
    return app
