"""`python -m sandbox.exact`: serve until stopped."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sandbox.exact import seed
from sandbox.exact.app import create_app
from sandbox.exact.core import Sandbox
from sandbox.wsgi import bind


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.exact", description="A stand-in for Exact Online.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--data", type=Path, default=Path("var/sandbox-exact"), help="folder that keeps the state")
    parser.add_argument("--seed-demo", action="store_true", help="fill an empty sandbox with the demo divisions")
    parser.add_argument(
        "--app", action="append", default=[], metavar="ID,SECRET,REDIRECT", help="register an app; may be repeated"
    )
    arguments = parser.parse_args()
    app = create_app(arguments.data)
    sandbox: Sandbox = app.extensions["sandbox"]
    if arguments.seed_demo:
        seed.demo(sandbox.store, sandbox.clock)
    for given in arguments.app:
        client_id, secret, redirect_uri = given.split(",", 2)
        seed.add_app(sandbox.store, client_id, "Koppelpoort", secret, [redirect_uri])
    server = bind(app, arguments.host, arguments.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"Exact sandbox on http://{arguments.host}:{server.server_port} (control: /control)", flush=True)
    server.serve_forever()
    server.server_close()
    sandbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
