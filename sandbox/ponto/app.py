"""Puts the sandbox together: pages of the provider, API, control."""

from __future__ import annotations

import threading
from pathlib import Path

from flask import Flask, request

from sandbox import wsgi
from sandbox.clock import Base
from sandbox.ponto import api, control, control_page, fetching, pages, webhooks
from sandbox.ponto.core import TICK, Sandbox


def create_app(data_dir: Path | str, *, clock: Base | None = None) -> Flask:
    """`clock` returns aware UTC and stands in for real time. The state is `app.extensions["sandbox"]`."""
    app = Flask(__name__, static_folder="../static")
    app.config["MAX_CONTENT_LENGTH"] = wsgi.MAX_BODY
    app.config["PROPAGATE_EXCEPTIONS"] = False
    sandbox = Sandbox(Path(data_dir), clock)
    app.extensions["sandbox"] = sandbox

    @app.before_request
    def stand() -> None:
        if not sandbox.origin:
            sandbox.stand_at(request.host_url.rstrip("/"))

    for part in (api, pages, control, control_page):
        app.register_blueprint(part.blueprint(sandbox))
    return app


def keep_time(sandbox: Sandbox) -> threading.Event:
    """A thread that works out what time brings and posts webhooks, until the event is set."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(TICK):
            fetching.settle(sandbox)
            webhooks.deliver(sandbox)

    threading.Thread(target=run, name="sandbox-ponto-time", daemon=True).start()
    return over
