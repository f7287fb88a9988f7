"""A faithful stand-in for Salt Edge's account information API, v6. See README.md.

In a test: `running = serve(port=0, data=tmp_path)`, talk to `running.url`, `running.stop()`.
"""

from __future__ import annotations

from pathlib import Path

from sandbox import wsgi
from sandbox.clock import Base
from sandbox.saltedge.app import create_app
from sandbox.saltedge.core import Sandbox
from sandbox.wsgi import Running

__all__ = ["Running", "create_app", "serve"]


def serve(
    port: int = 0, data: Path | str = "var/sandbox-saltedge", *, clock: Base | None = None, key: Path | None = None
) -> Running:
    """Serve on loopback in a thread of this process; port 0 picks a free one."""
    app = create_app(data, clock=clock, key=key)
    sandbox: Sandbox = app.extensions["sandbox"]
    return wsgi.serve(app, port, "sandbox-saltedge", sandbox.close)
