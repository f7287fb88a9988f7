"""A faithful stand-in for Exact Online's REST API. See README.md.

In a test: `running = serve(port=0, data=tmp_path)`, talk to `running.url`, `running.stop()`.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sandbox.clock import Base
from sandbox.exact.app import create_app
from sandbox.exact.core import Sandbox
from sandbox.wsgi import Running, bind

__all__ = ["Running", "create_app", "serve"]


def serve(port: int = 0, data: Path | str = "var/sandbox-exact", *, clock: Base | None = None) -> Running:
    """Serve on loopback in a thread of this process; port 0 picks a free one."""
    app = create_app(data, clock=clock)
    sandbox: Sandbox = app.extensions["sandbox"]
    server = bind(app, "127.0.0.1", port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="sandbox-exact", daemon=True)
    thread.start()
    return Running(f"http://127.0.0.1:{server.server_port}", server, thread, sandbox.close)
