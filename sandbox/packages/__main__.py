"""`python -m sandbox.packages`: serve until stopped."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sandbox.packages import seed
from sandbox.packages.app import create_app, keep_time
from sandbox.packages.core import Sandbox
from sandbox.wsgi import bind


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.packages", description="Stand-ins for bookkeeping packages."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8110)
    parser.add_argument("--data", type=Path, default=Path("var/sandbox-packages"), help="folder that keeps the state")
    parser.add_argument("--seed-demo", action="store_true", help="fill every empty package with a login and dossiers")
    parser.add_argument(
        "--app", action="append", default=[], metavar="PACKAGE,ID,SECRET,REDIRECT",
        help="register an app at a package; may be repeated",
    )  # fmt: skip
    arguments = parser.parse_args()
    app = create_app(arguments.data)
    sandbox: Sandbox = app.extensions["sandbox"]
    if arguments.seed_demo:
        for stand in sandbox.stands.values():
            seed.demo(stand)
    for given in arguments.app:
        key, client_id, secret, redirect_uri = given.split(",", 3)
        if key in sandbox.stands:
            sandbox.stand(key).access.add_app(client_id, secret, [redirect_uri])
    server = bind(app, arguments.host, arguments.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    over = keep_time(app)
    print(f"Packages on http://{arguments.host}:{server.server_port}/<key> (control: /control)", flush=True)
    server.serve_forever()
    over.set()
    server.server_close()
    with sandbox.working:
        sandbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
