"""How a stand-in is put together as an app, and served from the command line."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import FileSystemLoader

from sandbox.world import World
from sandbox.wsgi import MAX_BODY, bind

HERE = Path(__file__).parent


def make(import_name: str, world: World[Any, Any], title: str, warning: str) -> Flask:
    """An app without routes. Pages come from its own `templates`, then from those all share.

    `title` and `warning` stand on every page. The state is `app.extensions["sandbox"]`.
    """
    app = Flask(import_name, static_folder=str(HERE / "static"))
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.jinja_loader = FileSystemLoader([Path(app.root_path) / "templates", HERE / "templates"])
    app.jinja_env.globals |= {"sandbox_title": title, "sandbox_warning": warning}
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["sandbox"] = world
    return app


def parser(name: str, description: str, port: int, app: str, about_app: str, demo: str) -> argparse.ArgumentParser:
    """The arguments every stand-in takes; `app` names the parts of what registers one."""
    made = argparse.ArgumentParser(prog=f"python -m sandbox.{name}", description=description)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=port)
    made.add_argument("--data", type=Path, default=Path(f"var/sandbox-{name}"), help="folder that keeps the state")
    made.add_argument("--seed-demo", action="store_true", help=demo)
    made.add_argument("--app", action="append", default=[], metavar=app, help=about_app)
    return made


def run(app: Flask, host: str, port: int, line: str, ready: Callable[[str], object] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    `line` is printed with the address in its {}; `ready` is told it before the first call.
    """
    world: World[Any, Any] = app.extensions["sandbox"]
    server = bind(app, host, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    url = f"http://{host}:{server.server_port}"
    if ready is not None:
        ready(url)
    print(f"{line.format(url)} (control: /control)", flush=True)
    server.serve_forever()
    server.server_close()
    world.close()
    return 0
