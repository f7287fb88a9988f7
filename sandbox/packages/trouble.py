"""Around every call of a package: limits, scripted trouble, and calls that are done after their caller has gone."""

from __future__ import annotations

import json
import time

from flask import Flask, Response, g, request

from sandbox import wsgi
from sandbox.packages.core import Sandbox, Stand
from sandbox.packages.limits import Usage
from sandbox.packages.package import Call

LATE = "sandbox.late"  # in the environment of a call that is done late: it was counted and troubled before


def attach(app: Flask, sandbox: Sandbox) -> None:
    app.before_request(lambda: before(sandbox))
    app.after_request(lambda answer: after(sandbox, answer))
    app.teardown_request(lambda error: leave(sandbox))


def usage() -> Usage:
    """What is left of the limits after this call."""
    found: Usage = g.get("usage") or Usage()
    return found


def before(sandbox: Sandbox) -> Response | None:
    """An answer instead of the work, or None."""
    stand = sandbox.stands.get(request.path.split("/", 2)[1])
    g.stand, g.struck = stand, []
    if stand is None or request.environ.get(LATE):
        return None
    call = g.call = stand.package.call(request)
    if stand.settings["latency_ms"]:
        time.sleep(stand.settings["latency_ms"] / 1000)
    limited = call.limited_by or call.dossier
    if limited:
        g.limited = (stand.key, limited)
        g.usage = sandbox.limits.enter(g.limited, stand.rules)
        if g.usage.refused:
            return stand.package.refusal(429, g.usage.retry_after, g.usage.refused)
    g.struck = sandbox.faults.strike("WRITE" if call.write else "READ", f"{stand.key}/{call.dossier}/{call.endpoint}")
    return _instead(sandbox, stand, call)


def _instead(sandbox: Sandbox, stand: Stand, call: Call) -> Response | None:
    for fault in g.struck:
        if fault.kind == "drop_before_commit":
            return wsgi.dropped()
        if fault.kind == "commit_late":
            _postpone(sandbox, fault.seconds)
            return wsgi.dropped()
        if fault.kind in ("429", "500", "503"):
            return stand.package.refusal(int(fault.kind), fault.seconds, "window" if fault.kind == "429" else "")
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        elif fault.kind == "revoke" and call.secret:
            stand.access.withdraw(secret=call.secret)
        elif fault.kind == "expire" and call.secret:
            stand.access.expire(call.secret)
        elif fault.kind == "close_period":
            for dossier in _dossiers(stand, call):
                lock(stand, dossier, str(fault.details["until"]))
    return None


def _dossiers(stand: Stand, call: Call) -> list[str]:
    """That of the call, else all that its token or key sees."""
    if call.dossier:
        return [call.dossier] if stand.books.dossier(call.dossier) else []
    who = stand.access.who(call.secret)
    return [row["id"] for row in stand.books.dossiers(who.licence, who.dossiers)] if who else []


def lock(stand: Stand, dossier: str, until: str) -> None:
    """Lock the books of a dossier up to a day (ISO), or "" to open them. Raises ValueError."""
    row = stand.books.dossier(dossier)
    if row is None:
        raise ValueError(f"no dossier {dossier}")
    stand.store.run("UPDATE dossiers SET locked_until = ? WHERE seq = ?", (until, row["seq"]))


def after(sandbox: Sandbox, answer: Response) -> Response:
    """What becomes of the answer, once the work is done."""
    stand: Stand | None = g.get("stand")
    if stand is None:
        return answer
    kinds = {fault.kind: fault for fault in g.struck}
    status = answer.status_code
    if "slow_after" in kinds:
        time.sleep(kinds["slow_after"].seconds)
    if "drop_after_commit" in kinds:
        answer = wsgi.dropped()
    elif "500_after_commit" in kinds:
        answer = stand.package.refusal(500, 0.0, "")
    elif "truncated" in kinds:
        answer = wsgi.truncated(answer)
    elif "garbage" in kinds:
        answer = Response("<html>\x00 not what you asked for", 200, content_type="text/html")
    dropped = {"drop_before_commit", "drop_after_commit", "commit_late"} & set(kinds)
    sandbox.record(request.method, request.path, 0 if dropped else status, ", ".join(kinds))
    return answer


def leave(sandbox: Sandbox) -> None:
    limited = g.pop("limited", None)
    if limited is not None:
        sandbox.limits.leave(limited)


def _postpone(sandbox: Sandbox, seconds: float) -> None:
    sandbox.store.insert(
        "late_calls", due=sandbox.clock.ms() + int(seconds * 1000), method=request.method,
        path=request.full_path, headers=json.dumps(list(request.headers)), body=request.get_data(),
    )  # fmt: skip


def finish_late_calls(app: Flask, sandbox: Sandbox) -> None:
    """Do the postponed calls that are due; what is refused now is refused silently."""
    with sandbox.working:
        due = sandbox.store.all(
            "SELECT * FROM late_calls WHERE status IS NULL AND due <= ? ORDER BY due", (sandbox.clock.ms(),)
        )
        for row in due:
            with sandbox.store.transaction():
                answer = app.test_client().open(
                    row["path"], method=row["method"], headers=json.loads(row["headers"]), data=row["body"],
                    environ_overrides={LATE: True},
                )  # fmt: skip
                sandbox.store.run("UPDATE late_calls SET status = ? WHERE seq = ?", (answer.status_code, row["seq"]))
