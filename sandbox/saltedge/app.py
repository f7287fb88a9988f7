"""Puts the sandbox together: pages of the provider, API, control."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from sandbox import app as apps
from sandbox.clock import Base
from sandbox.saltedge import api, attempts, callbacks, control, control_page, pages
from sandbox.saltedge.core import TICK, Sandbox

WARNING = "not the real Salt Edge, and no real bank."


def create_app(data_dir: Path | str, *, clock: Base | None = None, key: Path | None = None) -> Flask:
    """`clock` returns aware UTC and stands in for real time. The state is `app.extensions["sandbox"]`."""
    sandbox = Sandbox(Path(data_dir), clock, key)
    app = apps.make(__name__, sandbox, "Salt Edge sandbox", WARNING)
    for part in (api, pages, control, control_page):
        app.register_blueprint(part.blueprint(sandbox))

    def work() -> None:
        attempts.catch_up(sandbox)
        if sandbox.settings.deliver:
            callbacks.deliver(sandbox)

    sandbox.keep_time(work, TICK)
    return app
