"""Stand-ins for the bookkeeping packages, in one process, each under `/<key>`. See README.md.

In a test: `running = serve(port=0, data=tmp_path)`, talk to `running.url + "/<key>"`, `running.stop()`.
"""

from __future__ import annotations

from pathlib import Path

from sandbox import wsgi
from sandbox.clock import Base
from sandbox.packages.app import create_app, keep_time
from sandbox.packages.core import Sandbox
from sandbox.wsgi import Running

__all__ = ["Running", "create_app", "serve"]


def serve(port: int = 0, data: Path | str = "var/sandbox-packages", *, clock: Base | None = None) -> Running:
    """Serve on loopback in a thread of this process; port 0 picks a free one."""
    app = create_app(data, clock=clock)
    sandbox: Sandbox = app.extensions["sandbox"]
    keep_time(app)
    return wsgi.serve(app, port, "sandbox-packages", sandbox.close)
