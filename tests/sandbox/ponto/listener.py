"""Somebody who is called back."""

from __future__ import annotations

import http.server
import threading


class Listener:
    """Takes down what is posted."""

    def __init__(self, answer: int = 200) -> None:
        heard: list[tuple[dict[str, str], bytes]] = []
        self.heard, self.answer = heard, answer
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((dict(self.headers.items()), body))
                self.send_response(outer.answer)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                return None

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callbacks"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
