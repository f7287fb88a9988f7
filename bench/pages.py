"""The home of a firm with 500 client accounts: CPU of a whole signed-in request, and its queries.

Requests go through the complete application (session, permission, row-level security, policy
headers, layout) to a real PostgreSQL; only the socket is left out. Three pages take turns, and
the medians are compared: the page itself; a page with the same queries and the barest table;
and a greeting to the same person, which costs what every signed-in answer costs. After the
warm-up the text of each row is kept, as it is for who reloads or turns the pages.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIEnvironment

import psycopg
from flask import Flask, Response, render_template
from jinja2 import ChoiceLoader, DictLoader
from sqlalchemy import event
from werkzeug.test import create_environ

from bench.makers.firm import Firm, make_firm
from bench.table import Row
from config import Settings
from portal import runtime
from portal.access import Permission, Right
from portal.activity import service as activity
from portal.app import create_app
from portal.kernel import migrate, queue
from portal.kernel.db import Database
from portal.kernel.roles import create_roles
from portal.kernel.services import start_postgres
from portal.kernel.vault import Kek, Vault
from portal.routes._access import public, require, scope
from portal.sync.board import Filter, board, nights

CLIENTS = 500
SHOWN = 50
ALLOWED_QUERIES = 4
TIMES_HELLO = 7
LEAST_OF_BARE = 0.4
WARM_UP = 30

_BARE = """<!doctype html><title>Clients</title><table>{% for row in board.rows %}
<tr><td>{{ row.name }}</td><td>{{ row.enterprise_number }}</td><td>{{ row.state }}</td><td>{{ row.code }}</td>
<td>{{ row.app }}</td><td>{{ row.dossier_number }}</td><td>{{ row.last_sync_at }}</td><td>{{ row.next_sync_at }}</td>
<td>{{ row.waiting_lines }}</td><td>{{ row.assigned_name }}</td></tr>{% endfor %}</table>"""


def rows(quick: bool = False) -> Iterator[Row]:
    with _place() as place:
        home, bare, hello = place.milliseconds(100 if quick else 400)
        work, ours = f"home of {CLIENTS} clients, {SHOWN} rows", f"{home:.2f} ms CPU"
        yield Row(work, ours, f"{TIMES_HELLO} greetings of {hello:.2f} ms", TIMES_HELLO * hello / home, 1.0)
        yield Row("the same, beside its bare table", ours, f"{bare:.2f} ms, same SQL", bare / home, LEAST_OF_BARE)
        queries = place.queries()
        yield Row("queries of that page", str(queries), f"{ALLOWED_QUERIES} allowed", ALLOWED_QUERIES / queries, 1.0)


@dataclass(frozen=True, slots=True)
class _Place:
    app: Flask
    database: Database
    firm: Firm

    def milliseconds(self, count: int) -> tuple[float, float, float]:
        """Median CPU milliseconds of (home, bare table, greeting), a request of each in turn."""
        asks = [self._asker(path) for path in (f"/p/{self.firm.portal}/", f"/p/{self.firm.portal}/bare", "/hello")]
        taken: list[list[float]] = [[] for _ in asks]
        for round_ in range(WARM_UP + count):
            for ask, times in zip(asks, taken, strict=True):
                started = time.process_time()
                ask()
                if round_ >= WARM_UP:
                    times.append(time.process_time() - started)
        home, bare, hello = (1000 * statistics.median(times) for times in taken)
        return home, bare, hello

    def queries(self) -> int:
        """Statements sent for one home page."""
        sent: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            sent.append(statement)

        event.listen(self.database.engine, "before_cursor_execute", note)
        self._asker(f"/p/{self.firm.portal}/")()
        event.remove(self.database.engine, "before_cursor_execute", note)
        return len(sent)

    def _asker(self, path: str) -> Callable[[], bytes]:
        """Ask for a page as a signed-in browser does; returns the body, refuses anything but 200."""
        cookies = f"kp={self.firm.token}"
        with self.app.test_client() as browser:
            kept = browser.get(f"/p/{self.firm.portal}/", headers={"Cookie": cookies}).headers.getlist("Set-Cookie")
        cookies = "; ".join([cookies, *(cookie.partition(";")[0] for cookie in kept)])
        asked = create_environ(path, headers={"Cookie": cookies, "Accept-Language": "nl-BE"})

        def ask() -> bytes:
            environ: WSGIEnvironment = asked | {"wsgi.input": BytesIO()}
            status: list[str] = []

            def start(said: str, headers: Any, failed: Any = None, /) -> Callable[[bytes], object]:
                status.append(said)
                return bytes

            body = self.app.wsgi_app(environ, start)
            whole = b"".join(body)
            _close(body)
            if not status[0].startswith("200"):
                raise RuntimeError(f"{path}: {status[0]}")
            return whole

        return ask


def _close(body: Iterable[bytes]) -> None:
    getattr(body, "close", lambda: None)()


@contextmanager
def _place() -> Iterator[_Place]:
    """The application on a server of its own, with one firm."""
    folder = Path(tempfile.mkdtemp(prefix="kp-bench-"))
    folder.chmod(0o755)
    server = start_postgres(folder / "postgres")
    try:
        urls = create_roles(server.url, "koppelpoort_bench", "owner-in-bench", "app-in-bench")
        migrate.upgrade(urls.owner_url)
        with psycopg.connect(server.url, dbname="koppelpoort_bench") as admin:
            firm = make_firm(admin, CLIENTS)
        database = Database(urls.app_url, pool_size=2)
        yield _Place(_app(folder, urls.app_url, database), database, firm)
        database.engine.dispose()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _app(folder: Path, url: str, database: Database) -> Flask:
    """The product, and two pages to compare with."""
    settings = Settings.from_env(
        {
            "KOPPELPOORT_HOME": str(folder),
            "DATABASE_URL": url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "LOG_LEVEL": "ERROR",
        }
    )
    activity.set_key(b"of the measurement")
    app = create_app(made=runtime.Runtime(settings, database, Vault([Kek("bench", bytes(32))])))
    queue.connect(None)

    loader = app.jinja_env.loader
    app.jinja_env.loader = ChoiceLoader([DictLoader({"bare.html": _BARE}), *([loader] if loader else [])])

    @app.get("/hello")
    @public
    def hello() -> Response:
        return Response("Hello")

    @app.get("/p/<uuid:portal>/bare")
    @require(Permission.OVERVIEW, Right.VIEW)
    def bare(portal: object) -> Response:
        found = board(scope(), Filter())
        nights(scope())
        return Response(render_template("bare.html", board=found))

    return app
