"""Failures as other software reads them: application/problem+json (RFC 9457), in English, with the remedy."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, json, request
from flask_babel import force_locale

from portal.kernel.errors import PortalError
from portal.routes import wording

MIMETYPE = "application/problem+json"
PREFIX = "/api/"


def is_asked_for() -> bool:
    """Whether this address is for other software."""
    return request.path.startswith(PREFIX)


def of_error(error: PortalError) -> Response:
    """The sentence of a code says what is wrong and how to put it right."""
    with force_locale("en"):
        detail = wording.of_error(error.code, error.values)
    return problem(error.status, error.code, detail, {k: v for k, v in error.values.items() if k == "seconds"})


def problem(status: int, code: str, detail: str = "", more: dict[str, Any] | None = None) -> Response:
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail or title}
    return Response(json.dumps(body | (more or {})), status, mimetype=MIMETYPE)
