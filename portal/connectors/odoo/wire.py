"""How a method of an Odoo model is called: JSON-2 where the server has it (19 on), XML-RPC where it has not."""

from __future__ import annotations

from typing import Any

from portal.connectors.calls import Calls, encode
from portal.connectors.errors import AuthorisationExpired, Rejected
from portal.connectors.login import Form
from portal.connectors.xml_rpc import marshalled, unmarshalled
from portal.kernel import http

JSON = {"Content-Type": "application/json"}
XML = {"Content-Type": "text/xml", "Accept": "text/xml"}
JSON2_SINCE = 19
VERSION = "web/version"


class Wire:
    """Keeps which protocol the server speaks and, for XML-RPC, who we are there."""

    def __init__(self, calls: Calls, form: Form) -> None:
        self._calls = calls
        self._form = form
        self._json2: bool | None = None
        self._uid = 0

    def read(self, dossier: str, model: str, method: str, ids: list[int] | None = None, **named: Any) -> Any:
        """A question, repeated when it was lost. `named`: the method's arguments, `context` among them."""
        return self._called(dossier, model, method, ids, named, books=None)

    def write(
        self, dossier: str, model: str, method: str, ids: list[int] | None = None, *, books: bool, **named: Any
    ) -> Any:
        """Called once. `books`: the books are another after it; of a draft they are not."""
        return self._called(dossier, model, method, ids, named, books=books)

    def _called(
        self, dossier: str, model: str, method: str, ids: list[int] | None, named: dict[str, Any], *, books: bool | None
    ) -> Any:
        endpoint = f"{model}/{method}"
        if self.speaks_json2(dossier):
            body = encode(named if ids is None else {"ids": ids, **named})
            return self._calls.json(self._sent(dossier, endpoint, f"json/2/{endpoint}", body, JSON, books))
        form, user = self._form, self._user(dossier)
        call = (form["database"], user, form["key"], model, method, *_positional(method, ids, named))
        body = marshalled("execute_kw", call)
        return self._value(self._sent(dossier, endpoint, "xmlrpc/2/object", body, XML, books))

    def speaks_json2(self, dossier: str) -> bool:
        """Asked of the server, once. Those before 19 tell a lower version, or know no such address."""
        if self._json2 is None:
            try:
                reply = self._calls.read(dossier, VERSION, VERSION)
            except Rejected as unknown:
                if unknown.status != 404:
                    raise
                self._json2 = False
                return False
            told = self._calls.json(reply)
            with self._calls.reading(reply):  # 19, or "saas~19"
                self._json2 = int(str(told["version_info"][0]).rpartition("~")[2]) >= JSON2_SINCE
        return self._json2

    def _user(self, dossier: str) -> int:
        if not self._uid:
            body = marshalled("authenticate", (self._form["database"], self._form["user"], self._form["key"], {}))
            reply = self._sent(dossier, "authenticate", "xmlrpc/2/common", body, XML, None)
            told = self._value(reply)
            if not told:
                raise AuthorisationExpired("odoo.authorisation_expired")
            with self._calls.reading(reply):
                self._uid = int(told)
        return self._uid

    def _sent(
        self, dossier: str, endpoint: str, path: str, body: bytes, headers: dict[str, str], books: bool | None
    ) -> http.Reply:
        if books is None:
            return self._calls.read(dossier, endpoint, path, method="POST", body=body, headers=headers)
        return self._calls.write(dossier, endpoint, path, body, headers=headers, books=books)

    def _value(self, reply: http.Reply) -> Any:
        with self._calls.reading(reply):
            return unmarshalled(reply.body)


def _positional(method: str, ids: list[int] | None, named: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """XML-RPC wants the records first, or what `create` is to make of them."""
    if method == "create":
        return [named["vals_list"]], {name: value for name, value in named.items() if name != "vals_list"}
    return ([] if ids is None else [ids]), named
