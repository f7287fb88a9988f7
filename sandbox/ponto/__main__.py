"""`python -m sandbox.ponto`: serve until stopped."""

from __future__ import annotations

import sys

from sandbox.app import parser, run
from sandbox.ponto import demo
from sandbox.ponto.app import create_app, keep_time
from sandbox.ponto.core import Sandbox


def main() -> int:
    arguments = parser(
        "ponto", "A stand-in for Ponto Connect.", 8101, demo="fill an empty sandbox with organisations and accounts",
        app="ID,SECRET,REDIRECT[,WEBHOOK]",
        about_app="register an app; may be repeated; its application id is its client id",
    ).parse_args()  # fmt: skip
    app = create_app(arguments.data)
    sandbox: Sandbox = app.extensions["sandbox"]
    if arguments.seed_demo:
        demo.seed(sandbox)
    for given in arguments.app:
        client_id, secret, redirect_uri, *webhook = given.split(",", 3)
        sandbox.add_app(client_id, secret, [redirect_uri], webhook=webhook[0] if webhook else "")

    def ready(url: str) -> None:
        sandbox.stand_at(url)
        keep_time(sandbox)

    return run(app, arguments.host, arguments.port, "Ponto sandbox on {}", ready)


if __name__ == "__main__":
    sys.exit(main())
