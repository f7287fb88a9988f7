"""How gunicorn serves the pages: `gunicorn -c python:portal.serving`."""

from __future__ import annotations

from pathlib import Path

from config import Settings
from portal import runtime

_settings = Settings.from_env()

wsgi_app = "portal.app:create_app()"
bind = f"{_settings.bind}:{_settings.port}"
worker_class = "gthread"
workers = 2
threads = 8
preload_app = True  # imported once, before the fork
timeout = 60
graceful_timeout = 10
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - heartbeat files, nothing to read
loglevel = "warning"
accesslog = "-"
# The path without its query, which may hold one-time codes.
access_log_format = "%(s)s %(m)s %(U)s %(M)s ms"


def post_fork(server: object, worker: object) -> None:
    """Connections of the parent are not the child's to use, nor to close."""
    runtime.get().database.engine.dispose(close=False)
