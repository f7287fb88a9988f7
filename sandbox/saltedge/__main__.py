"""`python -m sandbox.saltedge`: serve until stopped."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sandbox.saltedge import demo
from sandbox.saltedge.app import create_app
from sandbox.saltedge.core import Sandbox
from sandbox.wsgi import bind


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.saltedge", description="A stand-in for Salt Edge.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8102)
    parser.add_argument("--data", type=Path, default=Path("var/sandbox-saltedge"), help="folder that keeps the state")
    parser.add_argument("--seed-demo", action="store_true", help="fill an empty sandbox with accounts of the demo")
    parser.add_argument("--key", type=Path, help="PEM file with the key that signs callbacks; made when absent")
    parser.add_argument(
        "--app", action="append", default=[], metavar="ID,SECRET,PUBLIC_KEY_FILE,CALLBACKS",
        help="register an app; an empty file name: it need not sign; an empty address: it is called by nobody",
    )  # fmt: skip
    arguments = parser.parse_args()
    app = create_app(arguments.data, key=arguments.key)
    sandbox: Sandbox = app.extensions["sandbox"]
    for given in arguments.app:
        app_id, secret, key_file, called = given.split(",", 3)
        sandbox.add_app(app_id, secret, Path(key_file).read_text() if key_file else "", called)
    if arguments.seed_demo:
        demo.seed(sandbox)
    server = bind(app, arguments.host, arguments.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"Salt Edge sandbox on http://{arguments.host}:{server.server_port} (control: /control)", flush=True)
    server.serve_forever()
    server.server_close()
    sandbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
