"""Puts the sandbox together: provider pages, API, control."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from sandbox import wsgi
from sandbox.clock import Base
from sandbox.exact import api, control, control_page, pages
from sandbox.exact.core import Sandbox


def create_app(data_dir: Path | str, *, clock: Base | None = None) -> Flask:
    """`clock` returns aware UTC and stands in for real time. The state is `app.extensions["sandbox"]`."""
    app = Flask(__name__, static_folder="../static")
    app.config["MAX_CONTENT_LENGTH"] = wsgi.MAX_BODY
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.url_map.redirect_defaults = False  # /nl/… is answered where it was asked, though / means the same
    sandbox = Sandbox(Path(data_dir), clock)
    app.extensions["sandbox"] = sandbox
    app.register_blueprint(api.blueprint(sandbox))
    app.register_blueprint(pages.blueprint(sandbox))
    app.register_blueprint(control.blueprint(sandbox))
    app.register_blueprint(control_page.blueprint(sandbox))
    return app
