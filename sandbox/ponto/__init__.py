"""A faithful stand-in for Ponto Connect. See README.md.

In a test: `running = serve(port=0, data=tmp_path)`, talk to `running.url`, `running.stop()`.
"""

from __future__ import annotations

from pathlib import Path

from sandbox import wsgi
from sandbox.clock import Base
from sandbox.ponto.app import create_app, keep_time
from sandbox.ponto.core import Sandbox
from sandbox.wsgi import Running

__all__ = ["Running", "create_app", "serve"]


def serve(
    port: int = 0, data: Path | str = "var/sandbox-ponto", *, clock: Base | None = None, ticking: bool = True
) -> Running:
    """Serve on loopback in a thread of this process; port 0 picks a free one.

    Without `ticking` nothing happens between calls: webhooks go out when the control says so.
    """
    app = create_app(data, clock=clock)
    sandbox: Sandbox = app.extensions["sandbox"]
    running = wsgi.serve(app, port, "sandbox-ponto", sandbox.close)
    sandbox.stand_at(running.url)
    if ticking:
        keep_time(sandbox)
    return running
