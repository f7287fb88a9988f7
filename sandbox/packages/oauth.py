"""The log-in page and token endpoint of a package with OAuth 2, at the addresses that the package names."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox import wsgi
from sandbox.oauth import back, basic
from sandbox.packages.access import TokenError
from sandbox.packages.core import Stand


def add(routes: Blueprint, stand: Stand, authorise: str, token: str) -> None:
    """`authorise` and `token` are addresses below `/<key>`. Rules: `Package.tokens`; no page with `auto_approve`."""

    @routes.route(authorise, methods=["GET", "POST"])
    def ask() -> AnyResponse:
        return _authorise(stand)

    @routes.post(token)
    def give() -> Response:
        form = dict(request.form.items()) | _basic()
        try:
            answer = wsgi.json_answer(stand.access.exchange(form, stand.tokens))
        except TokenError as error:
            told = {"error": error.error, "error_description": error.description}
            answer = wsgi.json_answer({name: text for name, text in told.items() if text}, error.status)
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _basic() -> dict[str, str]:
    told = basic(request.headers.get("Authorization", ""))
    return {} if told is None else {"client_id": told[0], "client_secret": told[1]}


def _authorise(stand: Stand) -> AnyResponse:
    values = request.values
    client_id, address = values.get("client_id", ""), values.get("redirect_uri", "")
    if stand.access.app(client_id, address) is None:
        return make_response(render_template("refused.html", client_id=client_id, redirect_uri=address), 400)
    if values.get("response_type") != "code":
        return _back(address, error="unsupported_response_type")
    if request.method == "POST":
        chosen = request.form.get("login", "")
        if request.form.get("decision") != "allow":
            return _back(address, error="access_denied")
        return _approved(stand, chosen, request.form.getlist("dossiers") or None)
    automatic = values.get("auto_approve") or stand.settings["auto_approve"]
    if automatic:
        return _approved(stand, automatic, None)
    asked = [(name, value) for name, value in values.items() if name not in ("login", "dossiers", "decision")]
    return make_response(
        render_template(
            "consent.html", stand=stand, asked=asked, logins=stand.access.logins(), dossiers=stand.books.dossiers()[:50]
        )
    )


def _approved(stand: Stand, login: str, dossiers: list[str] | None) -> AnyResponse:
    values = request.values
    asked = {
        "client_id": values["client_id"], "redirect_uri": values["redirect_uri"],
        "challenge": values.get("code_challenge", ""),
    }  # fmt: skip
    try:
        code = stand.access.code(login, asked, stand.tokens, dossiers)
    except ValueError:
        return _back(asked["redirect_uri"], error="access_denied")
    return _back(asked["redirect_uri"], code=code)


def _back(address: str, **told: str) -> AnyResponse:
    return back(address, told | ({"state": request.values["state"]} if "state" in request.values else {}))
