"""`/api/v1`: who may, how often, and then the work."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from sandbox import wsgi
from sandbox.exact import atom, writes
from sandbox.exact.core import ENVIRONMENTS, Sandbox
from sandbox.exact.entities import Entity
from sandbox.exact.faults import Fault
from sandbox.exact.lists import Parent, Query, Reader
from sandbox.exact.messages import ApiError
from sandbox.exact.registry import ENTITIES
from sandbox.exact.writes import Write
from sandbox.store import Row

_SEGMENT = re.compile(r"(?P<name>\w+)(?:\((?P<key>.+)\))?")
_LETTER = {"GET": "G", "POST": "P", "PUT": "U", "DELETE": "D"}
_SCOPE = "Forbidden - User division is not within division scope."


@dataclass(frozen=True, slots=True)
class Target:
    """What a path points at. `division` is 0 for `current/Me`."""

    entity: Entity
    division: int
    key: str = ""
    lines: tuple[Entity, str, str] | None = None  # child, its parent field, the segment's name
    count: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A request that came in with a valid token. `base` is the absolute URL up to and including `/api/v1`."""

    sandbox: Sandbox
    environment: str
    base: str
    target: Target
    grant: Row

    @property
    def scope(self) -> list[int] | None:
        """The divisions the consent is limited to; self-registered apps have no such limit."""
        chosen = self.grant["divisions"]
        return json.loads(chosen) if self.grant["published"] and chosen is not None else None

    def reader(self) -> Reader:
        grant = self.grant
        scope = self.scope
        caller = {
            "division": self.target.division, "environment": self.environment, "user": grant["UserID"],
            "role": grant["role"], "licence": grant["licence"], "current": grant["CurrentDivision"],
            "scope": None if scope is None else json.dumps(scope), "now": self.sandbox.clock.ms(),
        }  # fmt: skip
        return Reader(self.sandbox.store, self.sandbox.settings, self.base, caller)

    def write(self) -> Write:
        return Write(
            self.target.division, self.target.entity, self.grant["UserID"], self.grant["role"], self.grant["Language"],
            request.get_data(),
        )  # fmt: skip


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("api", __name__)
    methods = ["GET", "POST", "PUT", "DELETE"]

    @routes.route("/api/v1/<path:path>", methods=methods, defaults={"environment": "nl"})
    @routes.route(f"/<any({','.join(ENVIRONMENTS)}):environment>/api/v1/<path:path>", methods=methods)
    def api(environment: str, path: str) -> Response:
        struck: list[Fault] = []
        answer = _answer(sandbox, environment, path, struck)
        breaking = {"drop_before_commit", "drop_after_commit", "commit_late"} & {fault.kind for fault in struck}
        status = 0 if breaking else answer.status_code
        sandbox.record(request.method, request.full_path.rstrip("?"), status, ", ".join(f.kind for f in struck))
        return answer

    return routes


def _answer(sandbox: Sandbox, environment: str, path: str, struck: list[Fault]) -> Response:
    as_json = "application/json" in request.headers.get("Accept", "") or b"$format=json" in request.query_string
    headers: dict[str, str] = {}
    if sandbox.settings.latency_ms:
        time.sleep(sandbox.settings.latency_ms / 1000)
    try:
        answer = _serve(sandbox, environment, path, as_json, struck, headers)
    except ApiError as error:
        _count_error(sandbox, path, error)
        answer = _refusal(error, as_json)
    answer.headers.update(headers)
    return answer


def _serve(
    sandbox: Sandbox, environment: str, path: str, as_json: bool, struck: list[Fault], headers: dict[str, str]
) -> Response:
    target = _target(path)
    grant = sandbox.oauth.bearer(environment, request.headers.get("Authorization", ""))
    if grant is None:
        raise ApiError(401, "Unauthorized", reason="The access token is invalid or has expired.")
    prefix = "" if not request.path.startswith(f"/{environment}/") else f"/{environment}"
    call = Call(sandbox, environment, f"{request.host_url.rstrip('/')}{prefix}/api/v1", target, grant)
    if sandbox.limits.blocked(grant["app"], grant["UserID"], target.division, target.entity.path):
        return Response(status=sandbox.settings.error_block_status)
    verdict = sandbox.limits.count(grant["app"], target.division, sandbox.settings)
    headers |= verdict.headers
    if not verdict.allowed:
        return Response(status=429)
    struck += sandbox.faults.strike(request.method, target.entity.path, target.division)
    if any(fault.kind == "429" for fault in struck):
        for name in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"):
            headers.pop(name, None)
        if headers:
            headers["X-RateLimit-Minutely-Remaining"] = "0"
    answer = _before(call, struck)
    if answer is None:
        answer = _after(_done(call, path, as_json), struck)
    return answer


def _done(call: Call, path: str, as_json: bool) -> Response:
    """The work, or its refusal, as the client asked to see it."""
    try:
        _check_rights(call)
        answer = _work(call)
    except ApiError as error:
        _count_error(call.sandbox, path, error)
        return _refusal(error, as_json)
    return answer if as_json or answer.mimetype != "application/json" else atom.convert(answer)


def _target(path: str) -> Target:
    """Raises ApiError 400 or 404."""
    parts = path.strip("/").split("/")
    division = 0
    if parts[0] != "current":
        if not parts[0].isdigit():
            raise ApiError(400, "Bad Request - Error in query syntax.")
        division = int(parts.pop(0))
        if "/".join(parts).lower() == "system/users":
            raise ApiError(501, "This resource is not available with a division.")
    for size in (3, 2):
        match = _SEGMENT.fullmatch("/".join(parts[size - 1 : size]))
        if len(parts) < size or match is None:
            continue
        entity = ENTITIES.get("/".join([*parts[: size - 1], match["name"]]).lower())
        if entity is not None:
            return _below(entity, division, match["key"] or "", parts[size:])
    raise ApiError(404, f"Resource not found for the segment '{parts[-1]}'.")


def _below(entity: Entity, division: int, key: str, rest: list[str]) -> Target:
    """The part of a path after the endpoint: nothing, `$count`, or the lines of a record."""
    if not rest:
        return Target(entity, division, key)
    count = rest[-1] == "$count"
    if count:
        rest = rest[:-1]
    if not rest:
        return Target(entity, division, key, count=True)
    for name, (child, parent_field) in entity.lists.items():
        if key and len(rest) == 1 and rest[0].lower() == name.lower():
            return Target(entity, division, key, (ENTITIES[child.lower()], parent_field, name), count)
    raise ApiError(404, f"Resource not found for the segment '{rest[-1]}'.")


def _check_rights(call: Call) -> None:
    """Raises ApiError 403."""
    entity, grant = call.target.entity, call.grant
    if grant["scopes"] is not None and entity.scope not in json.loads(grant["scopes"]):
        verb = "read" if request.method == "GET" else "manage"
        raise ApiError(403, f"Forbidden - Application Scope Violated. Cannot {verb} '{entity.scope}' scope.")
    if entity.path == "current/Me":
        return
    row = call.sandbox.store.one(
        "SELECT d.*, EXISTS (SELECT 1 FROM rights WHERE user = ? AND division = d.Code) AS named FROM divisions d"
        " WHERE Code = ? AND environment = ?",
        (grant["UserID"], call.target.division, call.environment),
    )
    if row is not None and call.scope is not None and row["Code"] not in call.scope:
        raise ApiError(403, _SCOPE)
    if entity.any_division:
        return
    if row is None or not (row["named"] or (grant["role"] == "firm" and row["licence"] == grant["licence"])):
        raise ApiError(403, "Forbidden")
    if row["Status"] != 1 or row["BlockingStatus"]:
        raise ApiError(403, "Forbidden")


def _work(call: Call) -> Response:
    target, sandbox = call.target, call.sandbox
    entity = target.lines[0] if target.lines else target.entity
    if _LETTER[request.method] not in entity.methods or (target.lines and request.method != "GET"):
        raise ApiError(405, "Method not allowed.")
    if request.method == "GET":
        return _read(call)
    at = sandbox.clock.ms()
    if request.method == "POST":
        key = writes.create(sandbox.store, call.write(), at)
        return _created(call, key)
    record = call.reader().exists(target.entity, target.key)
    if request.method == "PUT":
        writes.change(sandbox.store, call.write(), record, at)
    else:
        writes.delete(sandbox.store, call.write(), record, at)
    return Response(status=204)


def _read(call: Call) -> Response:
    target, reader = call.target, call.reader()
    query = Query.read(request.query_string.decode("utf-8", "replace"))
    entity, parent = target.entity, None
    if target.lines:
        head = reader.exists(entity, target.key)
        uri = f"{call.base}/{target.division}/{entity.path}({target.key})/{target.lines[2]}"
        parent = Parent(target.lines[1], head[entity.key[0]], uri)
        entity = target.lines[0]
    elif target.key:
        return wsgi.json_answer({"d": reader.by_key(entity, target.key, query)})
    if target.count:
        return Response(str(reader.count(entity, query, parent)), content_type="text/plain; charset=utf-8")
    return wsgi.json_answer({"d": reader.page(entity, query, parent)})


def _created(call: Call, key: str) -> Response:
    """201 with the new record, or with all but its key null when so switched."""
    settings = call.sandbox.settings
    entity = call.target.entity
    record = call.reader().by_key(entity, f"guid'{key}'", Query())
    if settings.post_echo == "nulls" and "return=representation" not in request.headers.get("Prefer", ""):
        kept = {"__metadata", *entity.key}
        record = {name: value if name in kept else None for name, value in record.items()}
    return wsgi.json_answer({"d": record}, settings.post_status)


def _before(call: Call, struck: list[Fault]) -> Response | None:
    """Faults that keep the work from being done, or change the world just before it."""
    sandbox = call.sandbox
    for fault in struck:
        if fault.kind == "slow" and fault.phase == "before":
            time.sleep(fault.seconds)
        elif fault.kind == "close_period":
            _close_periods(call)
        elif fault.kind in ("revoke_grant", "expire_token"):
            end = sandbox.oauth.revoke if fault.kind == "revoke_grant" else sandbox.oauth.expire_access
            end(call.grant["grant_id"])
            raise ApiError(401, "Unauthorized", reason="The access token is invalid or has expired.")
        elif fault.kind == "drop_before_commit":
            return wsgi.dropped()
        elif fault.kind == "commit_late":
            if request.method == "POST":
                sandbox.postpone(call.write(), fault.seconds)
            return wsgi.dropped()
        elif fault.kind == "429":
            return Response(status=429)
        elif fault.kind in ("500", "503"):
            return Response("<html><body>Server error</body></html>", int(fault.kind), content_type="text/html")
    return None


def _after(answer: Response, struck: list[Fault]) -> Response:
    """Faults between the work done and the answer received."""
    for fault in struck:
        if fault.kind == "slow" and fault.phase == "after":
            time.sleep(fault.seconds)
        elif fault.kind in _SPOILERS:
            answer = _SPOILERS[fault.kind](answer)
    return answer


def _garbage(answer: Response) -> Response:
    return Response(b"<html>\x00\xff not what you asked for", answer.status_code, content_type="application/json")


def _internal_error(answer: Response) -> Response:
    return Response("<html><body>Server error</body></html>", 500, content_type="text/html")


_SPOILERS: dict[str, Callable[[Response], Response]] = {
    "drop_after_commit": lambda answer: wsgi.dropped(),
    "500_after_commit": _internal_error,
    "garbage": _garbage,
    "truncated": wsgi.truncated,
}


def _close_periods(call: Call) -> None:
    try:
        body: Any = json.loads(request.get_data() or b"{}")
    except ValueError:
        return
    journal = body.get("JournalCode") or body.get("Journal") if isinstance(body, dict) else None
    if journal is None:
        return
    call.sandbox.store.run(
        "INSERT OR IGNORE INTO closed_periods SELECT Division, ?, FinYear, FinPeriod FROM periods WHERE Division = ?",
        (str(journal), call.target.division),
    )


def _count_error(sandbox: Sandbox, path: str, error: ApiError) -> None:
    if error.status not in (400, 401, 403, 404):
        return
    known = sandbox.oauth.known_bearer(request.headers.get("Authorization", ""))
    if known is None:
        return
    try:
        target = _target(path)
        division, endpoint = target.division, target.entity.path
    except ApiError:
        division, endpoint = 0, path.partition("?")[0]
    sandbox.limits.error(known["app"], known["UserID"], division, endpoint, sandbox.settings)


def _refusal(error: ApiError, as_json: bool) -> Response:
    body = {"error": {"code": "", "message": {"lang": "", "value": error.text}}}
    answer = wsgi.json_answer(body, error.status) if as_json else atom.refusal(error.text, error.status)
    if error.reason:
        answer.headers["Reason"] = error.reason
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
