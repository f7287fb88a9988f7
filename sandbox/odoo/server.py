"""The addresses of Odoo: who may come in, and which method of which model is meant."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from sandbox.odoo import answers, moves, records
from sandbox.odoo.answers import Failed
from sandbox.packages.access import Who
from sandbox.packages.core import Stand
from sandbox.packages.package import bearer
from sandbox.wsgi import json_answer

ARGUMENTS = {
    "context_get": (), "read": ("fields",), "fields_get": ("allfields", "attributes"),
    "search_read": ("domain", "fields", "offset", "limit", "order"), "create": ("vals_list",), "action_post": (),
    "unlink": (),
}  # fmt: skip


def blueprint(stand: Stand) -> Blueprint:
    routes = Blueprint("odoo", __name__)

    @routes.get("/web/version")
    def version() -> Response:
        number = stand.settings["version"]
        if number < 19:
            return answers.page(answers.NOT_FOUND, 404)
        return json_answer({"version_info": [number, 0, 0, "final", 0, ""], "version": f"{number}.0"})

    @routes.post("/json/2/<model>/<method>")
    def json2(model: str, method: str) -> Response:
        if stand.settings["version"] < 19:
            return answers.page(answers.NOT_FOUND, 404)
        if request.headers.get("X-Odoo-Database") != stand.settings["database"]:
            return answers.page(answers.NO_DATABASE, 404)
        try:
            who = stand.access.who(bearer(request))
            if who is None:
                raise answers.unauthorized()
            body = request.get_json()
            ids, context = body.pop("ids", []), body.pop("context", {})
            return json_answer(called(stand, who, model, method, ids, body, context))
        except Failed as failed:
            return answers.json_error(failed)
        except (KeyError, TypeError, ValueError) as wrong:
            return answers.json_error(Failed(f"builtins.{type(wrong).__name__}", str(wrong), 500))

    @routes.post("/xmlrpc/2/common")
    def common() -> Response:
        database, login, key, _ = answers.parameters()
        if database != stand.settings["database"]:
            return _no_database(database)
        who = stand.access.who(key)
        return answers.xml(number_of(stand, who) if who is not None and who.login == login else False)

    @routes.post("/xmlrpc/2/object")
    def execute() -> Response:
        database, uid, key, model, method, given, named = (*answers.parameters(), {})[:7]
        if database != stand.settings["database"]:
            return _no_database(database)
        try:
            who = stand.access.who(key)
            if who is None or number_of(stand, who) != uid:
                raise answers.unauthorized()
            ids, first = _first(method, list(given))
            context = named.get("context", {})
            named = {name: value for name, value in named.items() if name != "context"}
            return answers.xml(called(stand, who, model, method, ids, first | named, context))
        except Failed as failed:
            return answers.xml_error(failed)
        except (KeyError, TypeError, ValueError):
            return answers.fault(1, traceback.format_exc())

    return routes


def _no_database(name: str) -> Response:
    words = f'psycopg2.OperationalError: connection to server failed: FATAL:  database "{name}" does not exist\n'
    return answers.fault(1, f"Traceback (most recent call last):\n{words}")


def _first(method: str, given: list[Any]) -> tuple[list[int], dict[str, Any]]:
    """Records come first, but for methods of a whole model; the others take their arguments in order."""
    of_records = method in ("read", "action_post", "unlink")
    ids = given.pop(0) if of_records and given else []
    return ids, dict(zip(ARGUMENTS.get(method, ()), given, strict=False))


def number_of(stand: Stand, who: Who) -> int:
    return next(int(row["seq"]) for row in stand.access.logins() if row["login"] == who.login)


def called(
    stand: Stand, who: Who, model: str, method: str, ids: list[int], named: dict[str, Any], context: Mapping[str, Any]
) -> Any:
    """What the method returns. Raises Failed."""
    own = [int(row["seq"]) for row in stand.books.dossiers(who.licence, who.dossiers)]
    companies = list(context.get("allowed_company_ids") or own)
    if not set(companies) <= set(own):
        raise answers.no_access("Access to unauthorized or invalid companies.")
    if model == "res.users":
        return _of_user(stand, who, method, own, context)
    if model not in records.MODELS:
        raise answers.not_found(f"the model {model!r} does not exist")
    for name in named:
        if name not in ARGUMENTS.get(method, ()):
            raise TypeError(f"BaseModel.{method}() got an unexpected keyword argument {name!r}")
    if method == "search_read":
        found = records.MODELS[model](stand, own if model == "res.company" else companies, named["domain"])
        in_use = [row for row in found if row.get("active", True) or context.get("active_test") is False]
        return records.search(in_use, named["domain"], named["fields"], int(named.get("limit") or 0))
    if method == "fields_get":
        known = next(iter(records.MODELS[model](stand, own, [])), {})
        return {name: {"type": "char"} for name in named["allfields"] if name in known}
    if model == "account.move" and method == "create":
        return moves.create(stand, companies[0], named["vals_list"])
    if model == "account.move" and method == "action_post":
        return moves.post(stand, companies, ids)
    if model == "account.move" and method == "unlink":
        return moves.unlink(stand, companies, ids)
    raise answers.not_found(f"The method '{model}.{method}' does not exist")


def _of_user(stand: Stand, who: Who, method: str, own: list[int], context: Mapping[str, Any]) -> Any:
    number = number_of(stand, who)
    if method == "context_get":
        return {"lang": "en_US", "tz": "Europe/Brussels", "uid": number}
    first = stand.books.dossier(own[0]) if own else None
    return [{
        "id": number, "name": who.name, "login": who.login, "email": who.email,
        "company_id": [first["seq"], first["name"]] if first else False,
    }]  # fmt: skip
