"""Scripted trouble around a call: before the work, and between the work and the answer."""

from __future__ import annotations

import time
import uuid

from flask import Response, g, request

from sandbox import wsgi
from sandbox.ponto.core import Sandbox

PREFIX = "/ponto-connect/"
REFUSALS = {
    "429": (429, "tooManyRequests", "Too many requests, please slow down"),
    "500": (500, "internalServerError", "An internal error occurred"),
    "503": (503, "serviceUnavailable", "The service is not available"),
}


def before(sandbox: Sandbox) -> Response | None:
    """An answer instead of the work, or None."""
    if sandbox.settings.latency_ms:
        time.sleep(sandbox.settings.latency_ms / 1000)
    g.struck = sandbox.faults.strike(request.method, request.path.removeprefix(PREFIX))
    for fault in g.struck:
        if fault.kind == "drop":
            return wsgi.dropped()
        if fault.kind in REFUSALS:
            status, code, detail = REFUSALS[fault.kind]
            return refusal(status, code, detail)
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        elif fault.kind == "unauthorized":
            grant = sandbox.oauth.bearer(request.headers.get("Authorization", ""))
            if grant is not None:
                sandbox.oauth.expire_access(grant["id"])
    return None


def after(sandbox: Sandbox, answer: Response) -> Response:
    """What becomes of the answer, once the work is done."""
    kinds = [fault.kind for fault in getattr(g, "struck", [])]
    answer.headers["ibanity-request-id"] = str(uuid.uuid4())
    status = answer.status_code
    if "slow_after" in kinds:
        time.sleep(next(fault.seconds for fault in g.struck if fault.kind == "slow_after"))
    if "drop_after" in kinds:
        answer = wsgi.dropped()
    elif "truncated" in kinds:
        answer = wsgi.truncated(answer)
    elif "garbage" in kinds:
        answer = Response("<html>\x00 not what you asked for", 200, content_type="text/html")
    dropped = {"drop", "drop_after"} & set(kinds)
    sandbox.record(request.method, request.path, 0 if dropped else status, ", ".join(kinds))
    return answer


def refusal(status: int, code: str, detail: str) -> Response:
    return wsgi.json_answer({"errors": [{"code": code, "detail": detail, "meta": {}}]}, status)
