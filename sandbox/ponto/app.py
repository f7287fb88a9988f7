"""Puts the sandbox together: pages of the provider, API, control."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, request

from sandbox import app as apps
from sandbox.clock import Base
from sandbox.ponto import api, control, control_page, fetching, pages, webhooks
from sandbox.ponto.core import TICK, Sandbox

WARNING = "not the real Ponto. No bank is behind this page."


def create_app(data_dir: Path | str, *, clock: Base | None = None) -> Flask:
    """`clock` returns aware UTC and stands in for real time. The state is `app.extensions["sandbox"]`."""
    sandbox = Sandbox(Path(data_dir), clock)
    app = apps.make(__name__, sandbox, "Ponto sandbox", WARNING)

    @app.before_request
    def stand() -> None:
        if not sandbox.origin:
            sandbox.stand_at(request.host_url.rstrip("/"))

    for part in (api, pages, control, control_page):
        app.register_blueprint(part.blueprint(sandbox))
    return app


def keep_time(sandbox: Sandbox) -> None:
    """Begin a thread that works out what time brings and posts webhooks."""

    def work() -> None:
        fetching.settle(sandbox)
        webhooks.deliver(sandbox)

    sandbox.keep_time(work, TICK)
