"""An app of the tests that is signed in by a key, or on a page of its own, and a server that knows its keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from requests.auth import AuthBase

from portal.connectors import base
from portal.connectors.base import (
    Bookkeeping,
    Dossier,
    DossierStatus,
    EntryKind,
    Gate,
    Identity,
    OutgoingEntry,
    RemoteEntry,
)
from portal.connectors.calls import Calls
from portal.connectors.errors import AuthorisationExpired, ConnectorError
from portal.connectors.login import Application, AuthMode, FieldKind, Form, FormField, HostedLogin
from portal.connectors.manifest import Capabilities, Explanation, Limits, Manifest
from portal.kernel import http

EXPLANATIONS: Mapping[str, Explanation] = {}
FORM = (
    FormField("url", "Server", FieldKind.URL, example="https://firm.example.com"),
    FormField("database", "Database", pattern="[a-z]+", example="firm"),
    FormField("key", "Key", FieldKind.SECRET),
    FormField("pin", "PIN", FieldKind.SECRET, required=False),
    FormField("expires_on", "Ends on", FieldKind.DATE, required=False),
)


def manifest(auth: AuthMode = AuthMode.KEY, *, typed_host: bool = True, idle_days: int | None = None) -> Manifest:
    return Manifest(
        key="keyed",
        label="Keyed Books",
        kind="bookkeeping",
        auth=auth,
        hosts={} if typed_host else {"live": "http://127.0.0.1:9"},
        reads=(),
        sends=(),
        never=(),
        capabilities=Capabilities(),
        limits=Limits(),
        countries=("BE",),
        maturity="sandbox",
        form=() if auth is AuthMode.HOSTED else FORM if typed_host else FORM[1:],
        host_field="url" if typed_host else "",
        idle_days=idle_days,
    )


MANIFEST = manifest()


def sign(form: Form, application: Application, host: str) -> AuthBase:
    return _Key(form.get("key", application.secret), host)


def open_login(session: requests.Session, host: str, name: str, email: str, return_to: str, form: Form) -> HostedLogin:
    reply = http.exchange(session, "POST", f"{host}/connections", body={"name": name, "return_to": return_to})
    made = json.loads(reply.body)
    return HostedLogin(made["url"], Form(key=made["key"]))


def connect(session: requests.Session, host: str, gate: Gate, form: Form) -> Bookkeeping:
    return Client(session, host, gate)


class _Key(AuthBase):
    def __init__(self, key: str, host: str) -> None:
        self._key, self._host = key, host

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not (request.url or "").startswith(self._host):
            raise ValueError("a key goes to its own provider only")
        request.headers["X-Key"] = self._key
        return request


class Client:
    def __init__(self, session: requests.Session, host: str, gate: Gate) -> None:
        self._calls = Calls("keyed", session, host, gate, _failure, sleep=lambda seconds: None)

    def identity(self) -> Identity:
        me = self._calls.json(self._calls.read("", "me", "me"))
        return Identity(me["id"], me["name"], "", me["name"], "")

    def dossiers(self) -> Sequence[Dossier]:
        code = self._calls.json(self._calls.read("", "dossiers", "me"))["dossier"]
        return [Dossier(code, "Bakkerij", code, DossierStatus.ACTIVE, "BE", "EUR")]

    def ledger_accounts(self, dossier: str) -> Sequence[base.LedgerAccount]:
        return []

    def journals(self, dossier: str) -> Sequence[base.Journal]:
        self._calls.read(dossier, "journals", "me")
        return []

    def vat_codes(self, dossier: str) -> Sequence[base.VatCode]:
        return []

    def relations(self, dossier: str) -> Sequence[base.Relation]:
        return []

    def periods(self, dossier: str) -> Sequence[base.Period]:
        return []

    def render(self, entry: OutgoingEntry, accounts: Mapping[str, base.LedgerAccount]) -> bytes:
        return b"{}"

    def post(self, dossier: str, kind: EntryKind, payload: bytes) -> RemoteEntry:
        raise NotImplementedError

    def find(self, dossier: str, kind: EntryKind, reference: str, journal: str, on: date) -> Sequence[RemoteEntry]:
        return []

    def entries(self, dossier: str, kind: EntryKind, journal: str, since: date, until: date) -> Iterator[RemoteEntry]:
        self._calls.read(dossier, "entries", "me")
        yield from ()


def _failure(reply: http.Reply) -> ConnectorError | None:
    if reply.status == 401:
        return AuthorisationExpired("keyed.key", provider_text=reply.body.decode())
    return None


class Books:
    """The server: whose key is which; "/8" is that of nobody, who sees dossier 8.

    It repeats a key that it does not know, as careless servers do.
    """

    def __init__(self) -> None:
        self.keys = {"key-of-anna": "anna", "other-key-of-anna": "anna", "key-of-piet": "piet"}
        self.calls = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(books) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                key = self.headers.get("X-Key", "")
                books.calls += 1
                who = books.keys.get(key)
                if who is None:
                    self._answer(401, f"unknown key {key}".encode())
                else:
                    name, _, dossier = who.partition("/")
                    me = {"id": name, "name": name.title(), "dossier": dossier or "7"}
                    self._answer(200, json.dumps(me).encode())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                made = {"url": f"{books.host}/page", "key": "key-of-anna"}
                self._answer(200, json.dumps(made).encode())

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return None

        return Handler
