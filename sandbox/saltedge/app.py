"""Puts the sandbox together: pages of the provider, API, control."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from sandbox import wsgi
from sandbox.clock import Base
from sandbox.saltedge import api, attempts, callbacks, control, control_page, pages
from sandbox.saltedge.core import Sandbox


def create_app(data_dir: Path | str, *, clock: Base | None = None, key: Path | None = None) -> Flask:
    """`clock` returns aware UTC and stands in for real time. The state is `app.extensions["sandbox"]`."""
    app = Flask(__name__, static_folder="../static")
    app.config["MAX_CONTENT_LENGTH"] = wsgi.MAX_BODY
    app.config["PROPAGATE_EXCEPTIONS"] = False
    sandbox = Sandbox(Path(data_dir), clock, key)
    app.extensions["sandbox"] = sandbox
    for room in (api, pages, control, control_page):
        app.register_blueprint(room.blueprint(sandbox))
    sandbox.start(tick)
    return app


def tick(sandbox: Sandbox) -> None:
    attempts.catch_up(sandbox)
    if sandbox.settings.deliver:
        callbacks.deliver(sandbox)
