"""The provider's log-in and consent pages, its token endpoint and its public keys."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox import wsgi
from sandbox.oauth import back, basic
from sandbox.ponto import consents, trouble
from sandbox.ponto.banks import BANKS
from sandbox.ponto.books import numbers_of
from sandbox.ponto.core import Sandbox
from sandbox.ponto.oauth import Asked, TokenError
from sandbox.store import Row

CHOSEN = ("organisation", "accounts", "decision")


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("pages", __name__)

    @routes.route("/oauth2/auth", methods=["GET", "POST"])
    @routes.route("/ponto-connect/oauth2/auth", methods=["GET", "POST"], endpoint="authorise_there")
    def authorise() -> AnyResponse:
        sandbox.record(request.method, request.path, 200, "")
        return _authorise(sandbox)

    @routes.post("/ponto-connect/oauth2/token")
    def token() -> Response:
        return trouble.before(sandbox) or _token(sandbox)

    @routes.post("/ponto-connect/oauth2/revoke")
    def revoke() -> Response:
        try:
            _client(sandbox)
        except TokenError as error:
            return _refusal(error)
        grant = sandbox.oauth.grant_of(request.form.get("token", ""))
        if grant:
            sandbox.oauth.revoke(grant)
        return wsgi.json_answer({})

    @routes.after_request
    def after(answer: Response) -> Response:
        return trouble.after(sandbox, answer) if request.path.endswith(("/token", "/revoke")) else answer

    @routes.get("/webhooks/keys")
    def keys() -> Response:
        return wsgi.json_answer(sandbox.key.public())

    @routes.route("/reauthorizations/<identifier>", methods=["GET", "POST"])
    def reauthorise(identifier: str) -> AnyResponse:
        return _reauthorise(sandbox, identifier)

    return routes


def _authorise(sandbox: Sandbox) -> AnyResponse:
    values = request.values
    client_id, address = values.get("client_id", ""), values.get("redirect_uri", "")
    app = sandbox.oauth.app(client_id, address)
    if app is None:
        return make_response(render_template("refused.html", client_id=client_id, redirect_uri=address), 400)
    state = values.get("state", "")
    if values.get("response_type") != "code":
        return _back(address, state, error="unsupported_response_type", error_description="response_type must be code")
    if values.get("code_challenge_method") != "S256" or not values.get("code_challenge"):
        return _back(address, state, error="invalid_request", error_description="PKCE with S256 is required")
    if len(state) < 8:
        return _back(address, state, error="invalid_state", error_description="The state is missing or too short")
    asked = Asked(client_id, address, values["code_challenge"])
    automatic = sandbox.organisation(values.get("auto_approve") or sandbox.settings.auto_approve)
    if automatic is not None:
        return _approved(sandbox, asked, automatic, state, numbers_of(sandbox, automatic["id"]))
    if request.method == "POST":
        return _answered(sandbox, asked, state)
    return _consent_page(sandbox, app)


def _answered(sandbox: Sandbox, asked: Asked, state: str) -> AnyResponse:
    form = request.form
    if form.get("decision") == "deny":
        return _back(asked.redirect_uri, state, error="access_denied", error_description="The resource owner refused")
    organisation = sandbox.organisation(form.get("organisation", ""))
    app = sandbox.oauth.app(asked.client_id, asked.redirect_uri)
    if app is None or organisation is None:
        return make_response(render_template("refused.html", client_id=asked.client_id, redirect_uri=""), 400)
    wanted = set(form.getlist("accounts"))
    chosen = [number for number in numbers_of(sandbox, organisation["id"]) if number in wanted]
    if form.get("decision") != "allow" or not chosen:
        problem = "Choose at least one account." if form.get("decision") == "allow" else ""
        return _consent_page(sandbox, app, organisation, problem)
    return _approved(sandbox, asked, organisation, state, chosen)


def _approved(sandbox: Sandbox, asked: Asked, organisation: Row, state: str, numbers: list[str]) -> AnyResponse:
    consents.share(sandbox, asked.client_id, numbers)
    code = sandbox.oauth.consent(asked, organisation["id"], sandbox.settings)
    return _back(asked.redirect_uri, state, code=code, scope="offline_access ai")


def _consent_page(sandbox: Sandbox, app: Row, organisation: Row | None = None, problem: str = "") -> AnyResponse:
    """First who somebody is, then which bank and which accounts there."""
    accounts = sandbox.store.all(
        "SELECT * FROM bank_accounts WHERE organisation = ? ORDER BY bank, rowid",
        (organisation["id"] if organisation else "",),
    )
    order = [bank.name for bank in BANKS]
    banks: dict[str, list[Row]] = {}
    for row in sorted(accounts, key=lambda row: order.index(row["bank"])):
        banks.setdefault(row["bank"], []).append(row)
    kept = {name: value for name, value in request.values.items() if name not in CHOSEN}
    page = render_template(
        "consent.html", app=app, organisation=organisation, banks=banks, kept=kept, problem=problem,
        organisations=sandbox.store.all("SELECT * FROM organisations ORDER BY name"),
        days=sandbox.settings.consent_days,
    )  # fmt: skip
    return make_response(page, 422 if problem else 200)


def _back(address: str, state: str, **values: str) -> AnyResponse:
    return back(address, values | ({"state": state} if state else {}))


def _reauthorise(sandbox: Sandbox, identifier: str) -> AnyResponse:
    row = sandbox.store.one(
        "SELECT r.*, b.bank, b.holder, b.iban FROM reauthorizations r JOIN accounts a ON a.id = r.account"
        " JOIN bank_accounts b ON b.iban = a.iban WHERE r.id = ?",
        (identifier,),
    )
    if row is None or row["done"]:
        return make_response(render_template("over.html"), 404 if row is None else 410)
    decision = request.form.get("decision") or (request.args.get("auto_approve") and "allow")
    if not decision:
        return make_response(render_template("renew.html", row=row, days=sandbox.settings.consent_days))
    sandbox.store.run("UPDATE reauthorizations SET done = ? WHERE id = ?", (decision, identifier))
    if decision == "allow":
        consents.renew(sandbox, row["account"])
        return redirect(row["redirect_uri"], 303)
    return back(row["redirect_uri"], {"error": "access_denied"})


def _token(sandbox: Sandbox) -> Response:
    try:
        answer = wsgi.json_answer(sandbox.oauth.token(_client(sandbox), dict(request.form.items()), sandbox.settings))
    except TokenError as error:
        return _refusal(error)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _client(sandbox: Sandbox) -> Row:
    """The app by HTTP Basic. Raises TokenError."""
    return sandbox.oauth.client(*(basic(request.headers.get("Authorization", "")) or ("", "")))


def _refusal(error: TokenError) -> Response:
    return wsgi.json_answer({"error": error.error, "error_description": error.description}, error.status)
