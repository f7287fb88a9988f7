"""`/ponto-connect`: what an app may ask with a token of a customer."""

from __future__ import annotations

import ipaddress
import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from sandbox import wsgi
from sandbox.ponto import bodies, fetching, trouble, webhooks
from sandbox.ponto.banks import BANKS, BY_ID
from sandbox.ponto.core import Sandbox, iso
from sandbox.store import Row

SUBTYPES = ("accountDetails", "accountTransactions", "accountTransactionsWithUnsettled")
DEFAULT_LIMIT, MAX_LIMIT = 10, 100
_EXPIRED = "The access token is missing, expired or was revoked"


class ApiError(Exception):
    """Answered as a list with one error."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("api", __name__, url_prefix="/ponto-connect")

    @routes.before_request
    def before() -> Response | None:
        refused = trouble.before(sandbox)
        if refused is None:
            fetching.settle(sandbox)
        return refused

    @routes.after_request
    def after(answer: Response) -> Response:
        return trouble.after(sandbox, answer)

    @routes.errorhandler(ApiError)
    def failed(error: ApiError) -> Response:
        return trouble.refusal(error.status, error.code, error.detail)

    for register in (_open_routes, _account_routes, _fetch_routes, _renewal_routes):
        register(routes, sandbox)
    return routes


def caller(sandbox: Sandbox) -> Row:
    """The grant of the token, one of a customer."""
    grant = sandbox.oauth.bearer(request.headers.get("Authorization", ""))
    if grant is None:
        raise ApiError(401, "unauthorized", _EXPIRED)
    if grant["organisation"] is None:
        raise ApiError(403, "forbidden", "This needs the token of a customer")
    return grant


def account_of(sandbox: Sandbox, identifier: str) -> Row:
    """An account that the caller's app may see."""
    grant = caller(sandbox)
    row = sandbox.store.one(
        "SELECT a.* FROM accounts a JOIN bank_accounts b ON b.iban = a.iban JOIN shared s ON s.account = a.id"
        " WHERE a.id = ? AND s.app = ? AND b.organisation = ?",
        (identifier, grant["app"], grant["organisation"]),
    )
    if row is None:
        raise ApiError(404, "resourceNotFound", "The requested resource does not exist")
    return row


def _sent(kind: str) -> dict[str, Any]:
    document: Any = request.get_json(silent=True, force=True)
    try:
        if document["data"]["type"] != kind:
            raise ApiError(400, "badRequest", f"data.type must be {kind}")
        return dict(document["data"]["attributes"])
    except (TypeError, KeyError, ValueError):
        raise ApiError(400, "badRequest", "The request body is not a resource") from None


def _limit(name: str) -> int:
    given = request.args.get(name, str(DEFAULT_LIMIT))
    if not given.isdigit() or not 1 <= int(given) <= MAX_LIMIT:
        raise ApiError(400, "badRequest", f"{name} must be between 1 and {MAX_LIMIT}")
    return int(given)


def _address(**query: str | int) -> str:
    return request.base_url + (f"?{urlencode(query)}" if query else "")


def _simple_list(rows: list[dict[str, Any]]) -> Response:
    """A page by `page[limit]` and `page[after]`, the id of the last row seen."""
    limit, after = _limit("page[limit]"), request.args.get("page[after]")
    start = 0
    if after is not None:
        places = [index for index, row in enumerate(rows) if row["id"] == after]
        if not places:
            raise ApiError(400, "badRequest", "page[after] is not known")
        start = places[0] + 1
    page = rows[start : start + limit]
    links = {"first": _address(**{"page[limit]": limit})}
    if start + limit < len(rows):
        links["next"] = _address(**{"page[limit]": limit, "page[after]": page[-1]["id"]})
    return wsgi.json_answer({"meta": {"paging": {"limit": limit}}, "links": links, "data": page})


def _open_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.get("/financial-institutions")
    def institutions() -> Response:
        return _simple_list([bodies.institution(bank) for bank in BANKS])

    @routes.get("/financial-institutions/<identifier>")
    def institution(identifier: str) -> Response:
        if identifier not in BY_ID:
            raise ApiError(404, "resourceNotFound", "The requested resource does not exist")
        return wsgi.json_answer({"data": bodies.institution(BY_ID[identifier])})

    @routes.get("/userinfo")
    def userinfo() -> Response:
        grant = caller(sandbox)
        row = sandbox.store.one("SELECT * FROM organisations WHERE id = ?", (grant["organisation"],))
        told = {
            "sub": grant["organisation"], "name": row["name"] if row else "", "paymentsActivated": False,
            "paymentsActivationRequested": False, "onboardingComplete": True,
        }  # fmt: skip
        return wsgi.json_answer(told)

    @routes.post("/onboarding-details")
    def onboarding() -> Response:
        grant = sandbox.oauth.bearer(request.headers.get("Authorization", ""))
        if grant is None:
            raise ApiError(401, "unauthorized", _EXPIRED)
        attributes, identifier = _sent("onboardingDetails"), str(uuid.uuid4())
        sandbox.store.insert("onboarding", id=identifier, attributes=json.dumps(attributes))
        return wsgi.json_answer({"data": {"type": "onboardingDetails", "id": identifier, "attributes": {}}}, 201)


def _account_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    store = sandbox.store

    @routes.get("/accounts")
    def accounts() -> Response:
        grant = caller(sandbox)
        rows = store.all(
            f"{bodies.ACCOUNT} JOIN shared s ON s.account = a.id WHERE s.app = ? AND b.organisation = ?"
            " ORDER BY a.authorised, a.id",
            (grant["app"], grant["organisation"]),
        )
        return _simple_list([bodies.account(sandbox, row) for row in rows])

    @routes.get("/accounts/<identifier>")
    def account(identifier: str) -> Response:
        row = store.one(bodies.ACCOUNT + " WHERE a.id = ?", (account_of(sandbox, identifier)["id"],))
        if row is None:
            raise ApiError(404, "resourceNotFound", "The requested resource does not exist")
        return wsgi.json_answer({"data": bodies.account(sandbox, row)})

    @routes.delete("/accounts/<identifier>")
    def revoke(identifier: str) -> Response:
        row, grant = account_of(sandbox, identifier), caller(sandbox)
        webhooks.tell(sandbox, "integration.accountRevoked", identifier, sandbox.clock.ms())
        store.run("DELETE FROM shared WHERE account = ? AND app = ?", (row["id"], grant["app"]))
        return wsgi.json_answer({"data": {"type": "account", "id": identifier}})

    @routes.get("/accounts/<identifier>/transactions")
    def transactions(identifier: str) -> Response:
        row = account_of(sandbox, identifier)
        return _newest_first(sandbox, row, bodies.TRANSACTION + " WHERE t.account = ?", bodies.transaction)

    @routes.get("/accounts/<identifier>/pending-transactions")
    def pending(identifier: str) -> Response:
        row = account_of(sandbox, identifier)
        seen = row["synchronised"] or 0
        announced = store.all(
            "SELECT * FROM bank_rows WHERE iban = ? AND announced <= ? AND booked > ? ORDER BY id DESC",
            (row["iban"], seen, seen),
        )
        return wsgi.json_answer(_page([bodies.pending(identifier, one) for one in announced], MAX_LIMIT, {}))


def _newest_first(sandbox: Sandbox, account: Row, query: str, body: Callable[[Row], dict[str, Any]]) -> Response:
    """Transactions, newest created first: `after` gives older ones, `before` those just newer."""
    limit, after, before = _limit("limit"), request.args.get("after"), request.args.get("before")
    sql, values, backwards = query, [account["id"]], before is not None
    for name, given, sign in (("after", after, "<"), ("before", before, ">")):
        if given is not None:
            row = sandbox.store.one("SELECT seq FROM transactions WHERE id = ? AND account = ?", (given, account["id"]))
            if row is None:
                raise ApiError(400, "badRequest", f"{name} is not known")
            sql, values = f"{sql} AND t.seq {sign} ?", [*values, row["seq"]]
    order = "ASC" if backwards else "DESC"
    found = sandbox.store.all(f"{sql} ORDER BY t.seq {order} LIMIT ?", (*values, limit + 1))
    page = [body(row) for row in found[:limit]]
    if backwards:
        page.reverse()
    older = backwards or len(found) > limit
    links = {"next": _address(after=page[-1]["id"], limit=limit)} if page and older else {}
    document = _page(page, limit, links)
    document["meta"]["synchronizedAt"] = iso(account["synchronised"])
    document["meta"]["latestSynchronization"] = bodies.latest(sandbox, account["id"])
    return wsgi.json_answer(document)


def _page(rows: list[dict[str, Any]], limit: int, links: dict[str, str]) -> dict[str, Any]:
    return {"meta": {"paging": {"limit": limit}}, "links": {"first": request.base_url} | links, "data": rows}


def _fetch_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.post("/synchronizations")
    def synchronise() -> Response:
        sent = _sent("synchronization")
        row = account_of(sandbox, str(sent.get("resourceId", "")))
        if sent.get("resourceType") != "account" or sent.get("subtype") not in SUBTYPES:
            raise ApiError(400, "badRequest", "resourceType or subtype is not known")
        try:
            address = str(ipaddress.ip_address(str(sent.get("customerIpAddress", ""))))
        except ValueError:
            raise ApiError(400, "badRequest", "customerIpAddress must be the address of the customer") from None
        try:
            identifier = fetching.begin(sandbox, row, str(sent["subtype"]), address)
        except fetching.TooSoon:
            raise ApiError(
                400, "accountRecentlySynchronized", "This type of synchronization took place recently for the account"
            ) from None
        return wsgi.json_answer({"data": bodies.synchronization(sandbox, _fetch(sandbox, identifier))}, 201)

    @routes.get("/synchronizations/<identifier>")
    def synchronization(identifier: str) -> Response:
        return wsgi.json_answer({"data": bodies.synchronization(sandbox, _fetch(sandbox, identifier))})

    @routes.get("/synchronizations/<identifier>/updated-transactions")
    def updated(identifier: str) -> Response:
        row = _fetch(sandbox, identifier)
        query = bodies.TRANSACTION + " WHERE t.id IN (SELECT value FROM json_each(?)) ORDER BY t.seq DESC"  # noqa: S608 - own text
        rows = sandbox.store.all(query, (row["updated"],))
        changed = [bodies.transaction(one) for one in rows]
        return wsgi.json_answer(_page(changed, MAX_LIMIT, {}))


def _fetch(sandbox: Sandbox, identifier: str) -> Row:
    row = sandbox.store.one("SELECT * FROM synchronizations WHERE id = ?", (identifier,))
    if row is None:
        raise ApiError(404, "resourceNotFound", "The requested resource does not exist")
    account_of(sandbox, row["account"])
    return row


def _renewal_routes(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.post("/accounts/<identifier>/reauthorization-requests")
    def reauthorise(identifier: str) -> Response:
        row, address = account_of(sandbox, identifier), str(_sent("reauthorizationRequest").get("redirectUri", ""))
        if not address.startswith(("http://", "https://")):
            raise ApiError(400, "badRequest", "redirectUri must be an address")
        request_id = str(uuid.uuid4())
        sandbox.store.insert("reauthorizations", id=request_id, account=row["id"], redirect_uri=address)
        redirect = f"{request.host_url.rstrip('/')}/reauthorizations/{request_id}"
        told = {"type": "reauthorizationRequest", "id": request_id, "links": {"redirect": redirect}, "attributes": {}}
        return wsgi.json_answer({"data": told}, 201)

    @routes.delete("/organizations/<identifier>/integration")
    def disconnect(identifier: str) -> Response:
        """By our own token: the whole integration of one customer ends."""
        grant = sandbox.oauth.bearer(request.headers.get("Authorization", ""))
        if grant is None or grant["organisation"] is not None:
            raise ApiError(403, "forbidden", "This needs the token of the application")
        ended = sandbox.store.run(
            "UPDATE grants SET state = 'revoked' WHERE app = ? AND organisation = ? AND state = 'active'",
            (grant["app"], identifier),
        )
        if not ended:
            raise ApiError(404, "resourceNotFound", "The requested resource does not exist")
        webhooks.write(
            sandbox, grant["app"], "integration.revoked", sandbox.clock.ms(), {}, {"organization": identifier}
        )
        return wsgi.json_answer({"data": {"type": "integration", "id": identifier}})
