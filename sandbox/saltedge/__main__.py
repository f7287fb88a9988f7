"""`python -m sandbox.saltedge`: serve until stopped."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.app import parser, run
from sandbox.saltedge import demo
from sandbox.saltedge.app import create_app
from sandbox.saltedge.core import Sandbox


def main() -> int:
    taken = parser(
        "saltedge", "A stand-in for Salt Edge.", 8102, demo="fill an empty sandbox with accounts of the demo",
        app="ID,SECRET,PUBLIC_KEY_FILE,CALLBACKS",
        about_app="register an app; an empty file name: it need not sign; an empty address: it is called by nobody",
    )  # fmt: skip
    taken.add_argument("--key", type=Path, help="PEM file with the key that signs callbacks; made when absent")
    arguments = taken.parse_args()
    app = create_app(arguments.data, key=arguments.key)
    sandbox: Sandbox = app.extensions["sandbox"]
    for given in arguments.app:
        app_id, secret, key_file, called = given.split(",", 3)
        sandbox.add_app(app_id, secret, Path(key_file).read_text() if key_file else "", called)
    if arguments.seed_demo:
        demo.seed(sandbox)
    return run(app, arguments.host, arguments.port, "Salt Edge sandbox on {}")


if __name__ == "__main__":
    sys.exit(main())
