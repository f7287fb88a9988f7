"""A provider on loopback that keeps Exact's token rules to the letter and fails when told to.

Smaller and meaner than the sandbox: single-use refresh tokens, the 570-second rule, and a
script of faults for the coming token calls.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Grant:
    user: dict[str, str]
    access: str = ""
    refresh: str = ""
    issued: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)  # old refresh token → when it was spent
    revoked: bool = False


def flat_error(status: int, error: str, text: str, reason: str = "") -> Reply:
    headers = {"Reason": reason} if reason else {}
    return status, headers, json.dumps({"error": error, "error_description": text}).encode()


class Provider:
    """`now` is the provider's clock. `faults` are used up by the next token calls, one each:

    "drop_before" (nothing happens, the line is cut), "drop_after" (the tokens change, the
    answer is lost), "500", "503", "429", "garbage" (changes, unreadable answer).
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.grace = 0.0
        self.min_age = 570.0
        self.faults: deque[str] = deque()
        self.grants: list[Grant] = []
        self.codes: dict[str, tuple[Grant, str]] = {}  # code → (grant, PKCE challenge)
        self.token_calls: list[str] = []  # what came of each
        self.api_calls: list[tuple[str, str, int]] = []  # method, path, status
        self.hold: threading.Event | None = None  # token calls wait for it before they answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.host = f"http://127.0.0.1:{self._server.server_port}/be"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # ------------------------------------------------------------- what a person does there

    def connect(self, user: dict[str, str]) -> Grant:
        """A grant with its first pair, as after a log-in."""
        grant = Grant(user)
        self._issue(grant)
        self.grants.append(grant)
        return grant

    def consent(self, url: str, user: dict[str, str]) -> dict[str, str]:
        """Log in and allow: the query with which the browser comes back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        grant, code = Grant(user), secrets.token_urlsafe(16)
        self.grants.append(grant)
        self.codes[code] = (grant, query.get("code_challenge", ""))
        return {"code": code, "state": query["state"]}

    # ------------------------------------------------------------- its endpoints

    def token(self, form: dict[str, str]) -> Reply | None:
        """None: the line is cut."""
        with self._lock:
            fault = self.faults.popleft() if self.faults else ""
            if fault in ("drop_before", "500", "503", "429"):
                self.token_calls.append(fault)
                return None if fault == "drop_before" else (int(fault), {}, b"")
            reply = self._exchange(form) if form.get("grant_type") == "authorization_code" else self._refresh(form)
            outcome = "ok" if reply[0] == 200 else json.loads(reply[2])["error_description"]
            self.token_calls.append(fault or outcome)
        if fault == "drop_after":
            return None
        return (200, {}, b"<html>") if fault == "garbage" else reply

    def api(self, method: str, path: str, token: str) -> Reply:
        with self._lock:
            grant = next((g for g in self.grants if g.access == token and not g.revoked), None)
            reply = self._answer(path, grant)
            self.api_calls.append((method, path, reply[0]))
            return reply

    def _exchange(self, form: dict[str, str]) -> Reply:
        grant, challenge = self.codes.pop(form.get("code", ""), (None, ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if grant is None or challenge != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
            return flat_error(400, "invalid_grant", "Token is not allowed, because of invalid or empty chainId")
        return self._issue(grant)

    def _refresh(self, form: dict[str, str]) -> Reply:
        token, now = form.get("refresh_token", ""), self._now().timestamp()
        grant = next((g for g in self.grants if token == g.refresh or token in g.spent), None)
        if grant is None or grant.revoked:
            return flat_error(400, "invalid_grant", "The consent was withdrawn")
        if token in grant.spent and now > grant.spent[token] + self.grace:
            return flat_error(401, "unauthorized_client", "Old refresh token used.")
        if token not in grant.spent and now - grant.issued < self.min_age:
            text = "Rate limit exceeded: access_token not expired"
            return flat_error(400, "access_denied", text, "TooEarlyToRefreshTokens: wait")
        grant.spent.setdefault(token, now)
        return self._issue(grant)

    def _issue(self, grant: Grant) -> Reply:
        grant.access, grant.refresh = f"access-{secrets.token_hex(12)}", f"refresh-{secrets.token_hex(12)}"
        grant.issued = self._now().timestamp()
        told = {
            "access_token": grant.access,
            "refresh_token": grant.refresh,
            "token_type": "bearer",
            "expires_in": "600",
        }
        return 200, {}, json.dumps(told).encode()

    def _answer(self, path: str, grant: Grant | None) -> Reply:
        if grant is None or self._now().timestamp() - grant.issued > 600:
            return 401, {}, b""
        rows: list[dict[str, Any]] = [grant.user]
        if not path.endswith("current/Me"):
            rows = [{"Code": code, "Description": f"Dossier {code}", "Hid": str(code), "Status": 1, "BlockingStatus": 0,
                     "Country": "BE ", "Currency": "EUR"} for code in (101, 102)]  # fmt: skip
        return 200, {"Content-Type": "application/json"}, json.dumps({"d": {"results": rows}}).encode()


def person(name: str, key: str = "") -> dict[str, str]:
    """A user of the provider, as current/Me tells it."""
    return {
        "UserID": key or secrets.token_hex(16), "UserName": name, "Email": f"{name.split()[0].lower()}@firm.example",
        "DivisionCustomerName": "Peeters Lambrechts", "CurrentDivision": "101", "AccountingDivision": "101",
        "DossierDivision": "101",
    }  # fmt: skip


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            self._send(provider.api(self.command, urlsplit(self.path).path, token))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            if not self.path.endswith("/api/oauth2/token"):
                self.do_GET()
                return
            reply = provider.token({name: values[0] for name, values in parse_qs(body).items()})
            if provider.hold is not None:
                provider.hold.wait(10)
            self._send(reply)

        def _send(self, reply: Reply | None) -> None:
            self.close_connection = reply is None
            if reply is None:
                return
            status, headers, body = reply
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """The tests print what they need themselves."""

    return Handler
