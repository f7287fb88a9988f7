"""Puts the server together: every package under its key, and one control for all."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from sandbox import app as apps
from sandbox.clock import Base
from sandbox.packages import control, control_page, trouble
from sandbox.packages.core import Sandbox

TICK = 0.1  # seconds between looks at what time has brought
WARNING = "none of these is the real package. Nothing here is anybody's books."


def create_app(data_dir: Path | str, *, clock: Base | None = None) -> Flask:
    """`clock` returns aware UTC and stands in for real time. The state is `app.extensions["sandbox"]`."""
    sandbox = Sandbox(Path(data_dir), clock)
    app = apps.make(__name__, sandbox, "Packages sandbox", WARNING)
    trouble.attach(app, sandbox)
    for key, stand in sandbox.stands.items():
        app.register_blueprint(stand.package.routes(stand), url_prefix=f"/{key}")
    for part in (control, control_page):
        app.register_blueprint(part.blueprint(app, sandbox))
    return app


def keep_time(app: Flask) -> None:
    """Begin a thread that does late calls when they are due."""
    sandbox: Sandbox = app.extensions["sandbox"]
    sandbox.keep_time(lambda: trouble.finish_late_calls(app, sandbox), TICK)
