"""Answers that break off, and the threaded server that can send them."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

MAX_BODY = 10 * 1024 * 1024


class Handler(WSGIRequestHandler):
    """Keeps connections open and sends each answer in one piece; requests are logged elsewhere."""

    disable_nagle_algorithm = True
    wbufsize = 65536
    timeout = 75  # seconds an idle connection is kept
    protocol_version = "HTTP/1.1"

    def run_wsgi(self) -> None:
        try:
            self._respond()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _respond(self) -> None:
        if getattr(self.server, "stopped", False):
            raise ConnectionAbortedError("stopped")
        environ = self.make_environ()
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        else:
            environ["wsgi.input"] = io.BytesIO(self.rfile.read(length))
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            begun[:] = [(status, headers)]
            return self.wfile.write

        parts = self.server.app(environ, start_response)
        try:
            head_sent = False
            for part in parts:
                if not head_sent:
                    self._send_head(*begun[0])
                    head_sent = True
                self.wfile.write(part)
            if not head_sent:
                self._send_head(*begun[0])
        finally:
            self.wfile.flush()
            if hasattr(parts, "close"):
                parts.close()

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        if self.close_connection or not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Connection", "close")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The control page shows the requests."""


def bind(app: Flask, host: str, port: int) -> BaseWSGIServer:
    return make_server(host, port, app, threaded=True, request_handler=Handler)


def dropped() -> Response:
    """No answer at all: the client sees the connection close."""
    answer = Response(_broken(b""), status=200)
    answer.headers.remove("Content-Type")
    return answer


def truncated(answer: Response) -> Response:
    """The first half of an answer whose length announces the whole."""
    body = answer.get_data()
    broken = Response(_broken(body[: len(body) // 2]), status=answer.status_code)
    broken.headers.update(answer.headers)
    broken.headers["Content-Length"] = str(len(body))
    return broken


def _broken(start: bytes) -> Iterator[bytes]:
    if start:
        yield start
    raise ConnectionAbortedError("scripted")  # the handler closes the connection


def json_answer(body: Any, status: int = 200) -> Response:
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(raw, status=status, content_type="application/json; charset=utf-8")


@dataclass(slots=True)
class Running:
    """A server in a thread of this process. `url` has no slash at the end."""

    url: str
    _server: BaseWSGIServer
    _thread: threading.Thread
    _close: Any

    def stop(self) -> None:
        vars(self._server)["stopped"] = True  # connections that clients keep open are answered no more
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()
        self._close()


def serve(app: Flask, port: int, name: str, close: Any) -> Running:
    """Serve on loopback in a thread of this process; port 0 picks a free one. `close` is called after the end."""
    server = bind(app, "127.0.0.1", port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name=name, daemon=True)
    thread.start()
    return Running(f"http://127.0.0.1:{server.server_port}", server, thread, close)
