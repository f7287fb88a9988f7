"""What a person sees when something does not work. Details stay in the log, under a code to quote."""

from __future__ import annotations

import secrets

import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask_babel import gettext as _
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException

from portal.access import Permission, Right
from portal.kernel.errors import Forbidden, NotFound, PortalError
from portal.permissions.wording import PERMISSIONS, RIGHTS
from portal.routes import _problem_json, wording
from portal.tenants import matrix

log = structlog.get_logger()


def register(app: Flask) -> None:
    app.register_error_handler(PortalError, _refused)
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(RateLimitExceeded, _too_many)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _failed)


def _answer(status: int, message: str = "", code: str = "", **more: object) -> Response:
    if _problem_json.is_asked_for():
        return _problem_json.problem(status, code or "http")
    g.error_page = True
    return make_response(
        render_template("errors/error.html", status=status, message=message, code=code, **more), status
    )


def _refused(error: PortalError) -> Response:
    if isinstance(error, NotFound) and error.code == NotFound.code:
        # The very page of an address that does not exist: nobody learns which it was.
        return _answer(404)
    if isinstance(error, Forbidden) and "permission" in error.values:
        return _answer_whom_to_ask(Permission(str(error.values["permission"])), Right(str(error.values["right"])))
    return _answer(error.status, wording.of_error(error.code, error.values), ask=error.values.get("ask"))


def _answer_whom_to_ask(permission: Permission, right: Right) -> Response:
    """Which right is missing, and who here holds it."""
    names = {"permission": _(PERMISSIONS[permission]), "right": _(RIGHTS[right])}
    message = _("This needs the right “%(right)s” on “%(permission)s”. Nothing was changed.", **names)
    return _answer(403, message, ask=matrix.holders(g.scope, permission, right))


def _forged(error: CSRFError) -> Response:
    return _answer(400)


def _too_many(error: RateLimitExceeded) -> Response:
    return _answer(429)


def _http(error: HTTPException) -> Response:
    response = _answer(error.code or 500)
    for header, value in error.get_headers():
        if header in ("Allow", "Retry-After", "Location"):
            response.headers[header] = value
    return response


def _failed(error: Exception) -> Response:
    if isinstance(error, DataError) and _holds_nul():
        return _answer(400)
    code = "KP-" + secrets.token_hex(4).upper()
    log.error("request.failed", code=code, method=request.method, endpoint=request.endpoint, exc_info=error)
    response = _answer(500, code=code)
    response.headers["X-Request-ID"] = code
    return response


def _holds_nul() -> bool:
    """Whether what was sent holds a zero byte, which no text of PostgreSQL can: that is no fault of ours."""
    sent = (request.args, request.form)
    return any("\x00" in value for values in sent for _key, value in values.items(multi=True))
