"""`python -m sandbox.packages`: serve until stopped."""

from __future__ import annotations

import sys

from sandbox.app import parser, run
from sandbox.packages import control
from sandbox.packages.app import create_app, keep_time
from sandbox.packages.core import Sandbox


def main() -> int:
    arguments = parser(
        "packages", "Stand-ins for bookkeeping packages.", 8110,
        demo="fill every empty package with a login and dossiers",
        app="PACKAGE,ID,SECRET,REDIRECT", about_app="register an app at a package; may be repeated",
    ).parse_args()  # fmt: skip
    app = create_app(arguments.data)
    sandbox: Sandbox = app.extensions["sandbox"]
    if arguments.seed_demo:
        control.fill(sandbox)
    for given in arguments.app:
        key, client_id, secret, redirect_uri = given.split(",", 3)
        if key in sandbox.stands:
            sandbox.stand(key).access.add_app(client_id, secret, [redirect_uri])
    keep_time(app)
    return run(app, arguments.host, arguments.port, "Packages on {}/<key>")


if __name__ == "__main__":
    sys.exit(main())
