"""How Odoo answers and refuses, over JSON-2 and over XML-RPC."""

from __future__ import annotations

import traceback
import xmlrpc.client
from typing import Any

from flask import Response, g, request

from sandbox.wsgi import json_answer

FAULTS = {401: 3, 403: 4, 404: 2, 422: 2}  # by the state that JSON-2 has for it; all others are 1
NO_DATABASE = (
    "<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No database is selected and the requested "
    "URL was not found in the server-wide controllers.</p>"
)
NOT_FOUND = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>"


class Failed(Exception):
    """`name` of the exception in Odoo, and the state that JSON-2 gives it."""

    def __init__(self, name: str, message: str, status: int) -> None:
        super().__init__(message)
        self.name, self.message, self.status = name, message, status


def user_error(message: str) -> Failed:
    return Failed("odoo.exceptions.UserError", message, 422)


def invalid(message: str) -> Failed:
    return Failed("odoo.exceptions.ValidationError", message, 422)


def missing(model: str, number: int) -> Failed:
    words = f"Record does not exist or has been deleted.\n(Record: {model}({number},), User: 5)"
    return Failed("odoo.exceptions.MissingError", words, 404)


def no_access(message: str) -> Failed:
    return Failed("odoo.exceptions.AccessError", message, 403)


def hidden(model: str, title: str) -> Failed:
    return no_access(
        "Uh-oh! Looks like you have stumbled upon some top-secret records.\n\n"
        f"Sorry, koppelpoort (id=5) doesn't have 'read' access to:\n- {title} ({model})"
    )


def unauthorized() -> Failed:
    return Failed("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)


def not_found(message: str) -> Failed:
    return Failed("werkzeug.exceptions.NotFound", message, 404)


def json_error(failed: Failed) -> Response:
    body = {
        "name": failed.name, "message": failed.message, "arguments": [failed.message], "context": {},
        "debug": f"Traceback (most recent call last):\n{failed.name}: {failed.message}\n",
    }  # fmt: skip
    return json_answer(body, failed.status)


def page(body: str, status: int) -> Response:
    return Response(body, status, content_type="text/html; charset=utf-8")


def xml(value: Any) -> Response:
    """A method that returned nothing cannot be told, and becomes a fault after its work is done."""
    try:
        body = xmlrpc.client.dumps((value,), methodresponse=True)
    except TypeError:
        return fault(1, traceback.format_exc())
    return Response(body, content_type="text/xml; charset=utf-8")


def fault(code: int, words: str) -> Response:
    return Response(xmlrpc.client.dumps(xmlrpc.client.Fault(code, words)), content_type="text/xml; charset=utf-8")


def xml_error(failed: Failed) -> Response:
    code = FAULTS.get(failed.status, 1)
    return fault(code, "Access Denied" if code == 3 else failed.message)


def parameters() -> Any:
    """Of an XML-RPC call, read once for a request."""
    if "parameters" not in g:
        g.parameters = xmlrpc.client.loads(request.get_data())[0]
    return g.parameters


def refusal(status: int, seconds: float, which: str) -> Response:
    """429 and 503 come from what stands before Odoo; a fault of Odoo itself is a traceback."""
    if status == 500:
        failed = Failed("builtins.RuntimeError", "can't start new thread", 500)
        return xml_error(failed) if "/xmlrpc/" in request.path else json_error(failed)
    words = {429: "Too Many Requests", 503: "Service Unavailable"}[status]
    answer = page(f"<html><head><title>{status} {words}</title></head></html>", status)
    if seconds:
        answer.headers["Retry-After"] = str(int(seconds) or 1)
    return answer
