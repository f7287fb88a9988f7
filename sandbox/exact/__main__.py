"""`python -m sandbox.exact`: serve until stopped."""

from __future__ import annotations

import sys

from sandbox.app import parser, run
from sandbox.exact import seed
from sandbox.exact.app import create_app
from sandbox.exact.core import Sandbox


def main() -> int:
    arguments = parser(
        "exact", "A stand-in for Exact Online.", 8100, demo="fill an empty sandbox with the demo divisions",
        app="ID,SECRET,REDIRECT", about_app="register an app; may be repeated",
    ).parse_args()  # fmt: skip
    app = create_app(arguments.data)
    sandbox: Sandbox = app.extensions["sandbox"]
    if arguments.seed_demo:
        seed.demo(sandbox.store, sandbox.clock)
    for given in arguments.app:
        client_id, secret, redirect_uri = given.split(",", 2)
        seed.add_app(sandbox.store, client_id, "Koppelpoort", secret, [redirect_uri])
    return run(app, arguments.host, arguments.port, "Exact sandbox on {}")


if __name__ == "__main__":
    sys.exit(main())
