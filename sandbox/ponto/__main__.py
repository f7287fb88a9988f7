"""`python -m sandbox.ponto`: serve until stopped."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sandbox.ponto import demo
from sandbox.ponto.app import create_app, keep_time
from sandbox.ponto.core import Sandbox
from sandbox.wsgi import bind


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.ponto", description="A stand-in for Ponto Connect.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8101)
    parser.add_argument("--data", type=Path, default=Path("var/sandbox-ponto"), help="folder that keeps the state")
    parser.add_argument(
        "--seed-demo", action="store_true", help="fill an empty sandbox with organisations and accounts"
    )
    parser.add_argument(
        "--app", action="append", default=[], metavar="ID,SECRET,REDIRECT[,WEBHOOK]",
        help="register an app; may be repeated; its application id is its client id",
    )  # fmt: skip
    arguments = parser.parse_args()
    app = create_app(arguments.data)
    sandbox: Sandbox = app.extensions["sandbox"]
    if arguments.seed_demo:
        demo.seed(sandbox)
    for given in arguments.app:
        client_id, secret, redirect_uri, *webhook = given.split(",", 3)
        sandbox.add_app(client_id, secret, [redirect_uri], webhook=webhook[0] if webhook else "")
    server = bind(app, arguments.host, arguments.port)
    sandbox.stand_at(f"http://{arguments.host}:{server.server_port}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    over = keep_time(sandbox)
    print(f"Ponto sandbox on http://{arguments.host}:{server.server_port} (control: /control)", flush=True)
    server.serve_forever()
    over.set()
    server.server_close()
    with sandbox.working:
        sandbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
