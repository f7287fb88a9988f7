"""A stand-in for Pennylane: the company's interface v2 and the firm's v1, over the shared books. See README.md."""

from __future__ import annotations

from flask import Request, Response

from sandbox.packages.package import Call, Package, Rules, bearer
from sandbox.pennylane import api, wire

FIRM = ["api", "external", "firm", "v1", "companies"]


def call(request: Request) -> Call:
    """A company's token is counted for itself; which company it is of stands nowhere in the address."""
    parts = request.path.strip("/").split("/")[1:]
    token, write = bearer(request), request.method == "POST"
    if parts[:5] == FIRM:
        dossier, endpoint = "".join(parts[5:6]), "".join(parts[6:7]) or "companies"
    else:
        dossier, endpoint = "", "ledger_entry_lines" if "ledger_entry_lines" in parts else "".join(parts[3:4])
    return Call(dossier, endpoint, write, token, token)


def refusal(status: int, wait: float, limit: str) -> Response:
    if status != 429:
        return wire.error(status, "Internal server error" if status == 500 else "Service unavailable")
    answer = wire.error(429, f"You made too many requests. Retry in {wait:.0f}s !")
    answer.headers["retry-after"] = f"{max(wait, 1):.0f}"
    return answer


PACKAGE = Package(
    key="pennylane",
    name="Pennylane",
    country="FR",
    routes=api.routes,
    call=call,
    refusal=refusal,
    limits=Rules(per_window=25, window=5),
)
