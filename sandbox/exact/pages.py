"""The provider's log-in and consent page, and its token endpoint."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox import wsgi
from sandbox.exact.core import ENVIRONMENTS, Sandbox
from sandbox.exact.oauth import Consent, TokenError
from sandbox.oauth import back, basic
from sandbox.store import Row

COOKIE = "sandbox_exact_user"
_ENVIRONMENT = f"/<any({','.join(ENVIRONMENTS)}):environment>"


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("oauth", __name__)

    @routes.route("/api/oauth2/auth", methods=["GET", "POST"], defaults={"environment": "nl"})
    @routes.route(f"{_ENVIRONMENT}/api/oauth2/auth", methods=["GET", "POST"])
    def authorise(environment: str) -> AnyResponse:
        sandbox.record(request.method, request.path, 200, "")
        return _authorise(sandbox, environment)

    @routes.post("/api/oauth2/token", defaults={"environment": "nl"})
    @routes.post(f"{_ENVIRONMENT}/api/oauth2/token")
    def token(environment: str) -> Response:
        return _token(sandbox, environment)

    @routes.post("/api/oauth2/revoke", defaults={"environment": "nl"})
    @routes.post(f"{_ENVIRONMENT}/api/oauth2/revoke")
    def revoke(environment: str) -> Response:
        """The user's "Intrekken" in the security centre, by refresh or access token."""
        token = request.form.get("token", "")
        grant = sandbox.oauth.grant_of(environment, token)
        if grant:
            sandbox.oauth.revoke(grant)
        sandbox.record("POST", request.path, 200, "")
        return wsgi.json_answer({})

    return routes


def _authorise(sandbox: Sandbox, environment: str) -> AnyResponse:
    values = request.values
    client_id, redirect_uri = values.get("client_id", ""), values.get("redirect_uri", "")
    app = sandbox.oauth.app(client_id, redirect_uri)
    if app is None:
        return make_response(render_template("refused.html", client_id=client_id, redirect_uri=redirect_uri), 400)
    state = values.get("state")
    if values.get("response_type") != "code":
        return _back(redirect_uri, state, error="unsupported_response_type")
    asked = Consent(
        environment, client_id, redirect_uri, values.get("code_challenge", ""),
        values.get("code_challenge_method", "plain") if values.get("code_challenge") else "",
    )  # fmt: skip
    automatic = values.get("auto_approve") or sandbox.settings.auto_approve
    user = sandbox.oauth.user(environment, automatic) if automatic else None
    if user is not None:
        return _approve(sandbox, asked, user, None, state)
    if request.method == "POST":
        return _answered(sandbox, asked, app, state)
    force = values.get("force_login", "0").lower() in ("1", "true")
    signed_in = None if force else sandbox.oauth.signed_in(environment, request.cookies.get(COOKIE, ""))
    return _page(sandbox, asked, app, signed_in, "")


def _answered(sandbox: Sandbox, asked: Consent, app: Row, state: str | None) -> AnyResponse:
    """What the person on the page decided."""
    form = request.form
    if form.get("decision") == "deny":
        return _back(asked.redirect_uri, state, error="access_denied")
    signed_in = sandbox.oauth.signed_in(asked.environment, request.cookies.get(COOKIE, ""))
    if form.get("login") and not (signed_in and signed_in["login"] == form["login"] and not form.get("password")):
        user = sandbox.oauth.check_password(asked.environment, form["login"], form.get("password", ""))
    else:
        user = signed_in
    if user is None:
        return _page(sandbox, asked, app, None, "The user name or password is not right.")
    divisions = None
    if app["published"] and form.get("scope") == "chosen":
        divisions = [int(code) for code in form.getlist("divisions") if code.isdigit()]
    answer = _approve(sandbox, asked, user, divisions, state)
    answer.set_cookie(COOKIE, sandbox.oauth.sign_in(user), httponly=True, samesite="Lax", path="/")
    return answer


def _approve(
    sandbox: Sandbox, asked: Consent, user: Row, divisions: list[int] | None, state: str | None
) -> AnyResponse:
    _, code = sandbox.oauth.consent(asked, user, divisions, sandbox.settings)
    return _back(asked.redirect_uri, state, code=code)


def _back(redirect_uri: str, state: str | None, **values: str) -> AnyResponse:
    return back(redirect_uri, values if state is None else values | {"state": state}, 302)


def _page(sandbox: Sandbox, asked: Consent, app: Row, signed_in: Row | None, problem: str) -> AnyResponse:
    users = sandbox.store.all(
        "SELECT login, FullName, company FROM users WHERE environment = ? ORDER BY rowid", (asked.environment,)
    )
    divisions = (
        sandbox.store.all(
            "SELECT Code, Description FROM divisions WHERE environment = ? AND Status < 2 ORDER BY Description",
            (asked.environment,),
        )
        if app["published"]
        else []
    )
    kept = {name: value for name, value in request.args.items() if name not in ("login", "password")}
    page = render_template(
        "login.html", app=app, users=users, divisions=divisions, signed_in=signed_in, problem=problem, kept=kept,
        environment=asked.environment, chosen=request.form.get("login", ""),
    )  # fmt: skip
    return make_response(page, 200 if not problem else 403)


def _token(sandbox: Sandbox, environment: str) -> Response:
    form = dict(request.form.items())
    _basic(form)
    struck = sandbox.faults.strike("POST", "token")
    kinds = {fault.kind for fault in struck}
    if kinds & {"drop_before_commit", "commit_late"}:
        sandbox.record("POST", request.path, 0, ", ".join(kinds))
        return wsgi.dropped()
    for kind in ("429", "500", "503"):
        if kind in kinds:
            sandbox.record("POST", request.path, int(kind), kind)
            return Response("<html><body>Server error</body></html>", int(kind), content_type="text/html")
    answer = _exchange(sandbox, environment, form)
    if kinds & {"drop_after_commit", "token_answer_lost"}:
        answer = wsgi.dropped()
    elif "truncated" in kinds:
        answer = wsgi.truncated(answer)
    elif kinds & {"garbage", "500_after_commit"}:
        answer = Response("<html>\x00 not what you asked for", 200 if "garbage" in kinds else 500)
    sandbox.record("POST", request.path, answer.status_code, ", ".join(kinds))
    return answer


def _exchange(sandbox: Sandbox, environment: str, form: dict[str, str]) -> Response:
    try:
        tokens, grant = sandbox.oauth.token(environment, form, sandbox.settings)
    except TokenError as error:
        sandbox.oauth.count_call(form, None, error.description.split(" at ")[0][:60])
        answer = wsgi.json_answer({"error": error.error, "error_description": error.description}, error.status)
        if error.reason:
            answer.headers["Reason"] = error.reason
        return answer
    sandbox.oauth.count_call(form, grant, "issued")
    answer = wsgi.json_answer(tokens.body())
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _basic(form: dict[str, str]) -> None:
    """Credentials by HTTP Basic, which one published client uses."""
    told = basic(request.headers.get("Authorization", ""))
    if told is not None and form.get("client_id") in (None, "", told[0]):
        form["client_id"], form["client_secret"] = told
