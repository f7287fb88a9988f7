"""`/api/v6`: what an app may ask, signed and counted."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from sandbox import wsgi
from sandbox.saltedge import attempts, lists, signatures, visits
from sandbox.saltedge.core import Fault, Sandbox, iso
from sandbox.saltedge.errors import ApiError
from sandbox.store import Row

View = Callable[[Row], Any]


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("api", __name__, url_prefix="/api/v6")
    _reading(routes, sandbox)
    _writing(routes, sandbox)

    @routes.route("/<path:unknown>", methods=["GET", "POST", "PUT", "DELETE"])
    def nowhere(unknown: str) -> Response:
        def view(_: Row) -> Any:
            raise ApiError("RouteNotFound", f"There is nothing at {unknown}.")

        return answer(sandbox, view)

    return routes


def _reading(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.get("/customers")
    def customers() -> Response:
        return answer(sandbox, lambda app: lists.customers(sandbox, app["app_id"], request.args))

    @routes.get("/providers")
    def providers() -> Response:
        return answer(sandbox, lambda app: lists.providers(request.args))

    @routes.get("/connections")
    def connections() -> Response:
        return answer(sandbox, lambda app: lists.connections(sandbox, app["app_id"], request.args))

    @routes.get("/connections/<int:number>")
    def connection(number: int) -> Response:
        return answer(
            sandbox,
            lambda app: {"data": lists.connection_body(sandbox, lists.connection(sandbox, app["app_id"], number))},
        )

    @routes.get("/consents")
    def consents() -> Response:
        return answer(sandbox, lambda app: lists.consents(sandbox, app["app_id"], request.args))

    @routes.get("/accounts")
    def accounts() -> Response:
        return answer(sandbox, lambda app: lists.accounts(sandbox, app["app_id"], request.args))

    @routes.get("/transactions")
    def transactions() -> Response:
        return answer(sandbox, lambda app: lists.transactions(sandbox, app["app_id"], request.args))


def _writing(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.post("/customers")
    def add_customer() -> Response:
        return answer(sandbox, lambda app: _add_customer(sandbox, app))

    @routes.post("/connections/connect")
    def connect() -> Response:
        def view(app: Row) -> Any:
            data = _data()
            customer = lists.customer(sandbox, app["app_id"], data.get("customer_id"))
            return _page(sandbox, visits.open_visit(sandbox, customer["id"], None, data))

        return answer(sandbox, view)

    @routes.post("/connections/<int:number>/reconnect")
    def reconnect(number: int) -> Response:
        def view(app: Row) -> Any:
            row = lists.connection(sandbox, app["app_id"], number)
            return _page(sandbox, visits.open_visit(sandbox, row["customer"], row, _data()))

        return answer(sandbox, view)

    @routes.route("/connections/<int:number>/refresh", methods=["POST", "PUT"])
    def refresh(number: int) -> Response:
        return answer(sandbox, lambda app: _refresh(sandbox, lists.connection(sandbox, app["app_id"], number)))

    @routes.delete("/connections/<int:number>")
    def remove(number: int) -> Response:
        return answer(sandbox, lambda app: _remove(sandbox, lists.connection(sandbox, app["app_id"], number)))

    @routes.put("/consents/<int:number>/revoke")
    def revoke(number: int) -> Response:
        return answer(sandbox, lambda app: _revoke(sandbox, app["app_id"], number))


# --------------------------------------------------------------------------- one call


def answer(sandbox: Sandbox, view: View) -> Response:
    """Who asks, whether trouble was scripted, what became due, and then the work."""
    endpoint = request.path.removeprefix("/api/v6/")
    struck = {fault.kind: fault for fault in sandbox.faults.strike(request.method, endpoint)}
    pause = struck["slow"].seconds if "slow" in struck else sandbox.settings.latency_ms / 1000
    if pause and not sandbox.wait(pause):
        return wsgi.dropped()
    made = _refused(struck) or _worked(sandbox, view)
    if "drop_after" in struck:
        made = wsgi.dropped()
    elif "truncated" in struck:
        made = wsgi.truncated(made)
    elif "garbage" in struck:
        made = Response("<html>\x00 not what you asked for", 200)
    dropped = "drop" in struck or "drop_after" in struck
    sandbox.record(request.method, request.path, 0 if dropped else made.status_code, ", ".join(struck))
    return made


def _refused(struck: dict[str, Fault]) -> Response | None:
    if "drop" in struck:
        return wsgi.dropped()
    if "429" in struck:
        return _error(ApiError("TooManyRequests", "Too many requests in a short time."))
    for kind in ("500", "503"):
        if kind in struck:
            return Response("<html><body>Server error</body></html>", int(kind), content_type="text/html")
    return None


def _worked(sandbox: Sandbox, view: View) -> Response:
    try:
        app = _app(sandbox)
        _limit(sandbox, app)
        attempts.catch_up(sandbox)
        with sandbox.store.transaction():
            return wsgi.json_answer(view(app))
    except ApiError as error:
        return _error(error)


def _error(error: ApiError) -> Response:
    body = {"error": {"class": error.kind, "message": error.message, "documentation_url": ""}, "request": {}}
    return wsgi.json_answer(body, error.status)


def _app(sandbox: Sandbox) -> Row:
    """The app that asks. One without a public key is in test mode and signs nothing."""
    headers = request.headers
    app = sandbox.app(headers.get("App-id", ""))
    if app is None or not hmac.compare_digest(app["secret"].encode(), headers.get("Secret", "").encode()):
        raise ApiError("ApiKeyNotFound", "The App-id or Secret is wrong.")
    if app["public_key"]:
        asked = f"{request.scheme}://{request.host}{request.environ['REQUEST_URI']}"
        signatures.check(
            app["public_key"], headers.get("Signature", ""), headers.get("Expires-at", ""), request.method, asked,
            request.get_data(), (datetime.now(UTC), sandbox.clock.now()),
        )  # fmt: skip
    return app


def _limit(sandbox: Sandbox, app: Row) -> None:
    if not sandbox.settings.per_minute:
        return
    name = f"calls/{app['app_id']}/{sandbox.clock.ms() // 60_000}"
    if sandbox.store.next_number(name) > sandbox.settings.per_minute:
        raise ApiError("TooManyRequests", "Too many requests in a short time.")


def _data() -> dict[str, Any]:
    try:
        data = json.loads(request.get_data())["data"]
    except (ValueError, KeyError, TypeError):
        raise ApiError("WrongRequestFormat", "The body must be an object with data.") from None
    if not isinstance(data, dict):
        raise ApiError("WrongRequestFormat", "data must be an object.")
    return data


# --------------------------------------------------------------------------- the work


def _add_customer(sandbox: Sandbox, app: Row) -> Any:
    identifier = str(_data().get("identifier") or "")
    if not identifier:
        raise ApiError("WrongRequestFormat", "identifier is missing.")
    if sandbox.store.one("SELECT 1 FROM customers WHERE app = ? AND identifier = ?", (app["app_id"], identifier)):
        raise ApiError("DuplicatedCustomer", f"Customer with identifier: '{identifier}' already exists.")
    number = sandbox.new_id()
    sandbox.store.insert("customers", id=number, app=app["app_id"], identifier=identifier, created=sandbox.clock.ms())
    return {"data": lists.customer_body(lists.customer(sandbox, app["app_id"], number))}


def _page(sandbox: Sandbox, row: Row) -> Any:
    return {
        "data": {
            "connect_url": f"{request.host_url}connect/{row['token']}",
            "expires_at": iso(row["expires"]), "customer_id": str(row["customer"]),
        }
    }  # fmt: skip


def _refresh(sandbox: Sandbox, row: Row) -> Any:
    lists.in_force(sandbox, row)
    now = sandbox.clock.ms()
    present = bool((_data().get("attempt") or {}).get("user_present"))
    if sandbox.store.one("SELECT 1 FROM attempts WHERE connection = ? AND finished = 0", (row["id"],)):
        raise ApiError("ConnectionAlreadyProcessing", "The connection is already processing.")
    if row["next_refresh"] and row["next_refresh"] > now:
        when = iso(row["next_refresh"])
        raise ApiError("ConnectionCannotBeRefreshed", f"The connection can be refreshed at {when}.")
    if not present:
        _background(sandbox, row, now)
    ip = str((_data().get("attempt") or {}).get("remote_ip") or "")
    attempt = attempts.begin(sandbox, row, now, background=not present, remote_ip=ip)
    if attempt["ends"] <= now:
        attempts.finish(sandbox, attempt)
    fresh = sandbox.store.all("SELECT * FROM connections WHERE id = ?", (row["id"],))[0]
    return {"data": lists.connection_body(sandbox, fresh)}


def _background(sandbox: Sandbox, row: Row, now: int) -> None:
    """The bank allows so many looks a day at which nobody is present."""
    most = sandbox.settings.background_per_day
    counted = sandbox.store.all(
        "SELECT 1 FROM attempts WHERE connection = ? AND background = 1 AND begun > ?",
        (row["id"], now - 24 * attempts.HOUR),
    )
    if most and len(counted) >= most:
        raise ApiError("BackgroundFetchLimitExceeded", f"Only {most} background fetches within 24 hours are allowed.")


def _remove(sandbox: Sandbox, row: Row) -> Any:
    store = sandbox.store
    store.run("DELETE FROM transactions WHERE account IN (SELECT id FROM accounts WHERE connection = ?)", (row["id"],))
    for table in ("accounts", "consents", "attempts"):
        store.run(f"DELETE FROM {table} WHERE connection = ?", (row["id"],))  # noqa: S608 - own names
    store.run("DELETE FROM connections WHERE id = ?", (row["id"],))
    return {"data": {"removed": True, "id": str(row["id"])}}


def _revoke(sandbox: Sandbox, app: str, number: int) -> Any:
    row = sandbox.store.one("SELECT * FROM consents WHERE id = ?", (number,))
    if row is None:
        raise ApiError("ConnectionNotFound", f"Consent with id: '{number}' was not found.")
    connection = lists.connection(sandbox, app, row["connection"])
    if row["revoked"] is None:
        attempts.end_consent(sandbox, row, "client", sandbox.clock.ms())
    found = sandbox.store.all("SELECT * FROM consents WHERE id = ?", (number,))[0]
    return {"data": lists.consent_body(found, connection)}
