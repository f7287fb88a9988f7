"""Puts the server together: every package under its key, and one control for all."""

from __future__ import annotations

import threading
from pathlib import Path

from flask import Flask

from sandbox import wsgi
from sandbox.clock import Base
from sandbox.packages import control, control_page, trouble
from sandbox.packages.core import Sandbox

TICK = 0.1  # seconds between looks at what time has brought


def create_app(data_dir: Path | str, *, clock: Base | None = None) -> Flask:
    """`clock` returns aware UTC and stands in for real time. The state is `app.extensions["sandbox"]`."""
    app = Flask(__name__, static_folder="../static")
    app.config["MAX_CONTENT_LENGTH"] = wsgi.MAX_BODY
    app.config["PROPAGATE_EXCEPTIONS"] = False
    sandbox = Sandbox(Path(data_dir), clock)
    app.extensions["sandbox"] = sandbox
    trouble.attach(app, sandbox)
    for key, stand in sandbox.stands.items():
        app.register_blueprint(stand.package.routes(stand), url_prefix=f"/{key}")
    app.register_blueprint(control.blueprint(app, sandbox))
    app.register_blueprint(control_page.blueprint(app, sandbox))
    return app


def keep_time(app: Flask) -> threading.Event:
    """A thread that does late calls when they are due, until the event is set."""
    over, sandbox = threading.Event(), app.extensions["sandbox"]

    def run() -> None:
        while not over.wait(TICK):
            trouble.finish_late_calls(app, sandbox)

    threading.Thread(target=run, name="sandbox-packages-time", daemon=True).start()
    return over
