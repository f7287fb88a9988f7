"""Chift knows us as an application: our id and secret buy a token for half an hour."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import requests
from requests.auth import AuthBase

from portal.connectors.calls import UNREADABLE, decode, encode
from portal.connectors.errors import Rejected, Temporary
from portal.connectors.login import Application
from portal.kernel import http

MARGIN = 60.0  # seconds before its end at which a token is bought anew
HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
Buyer = tuple[str, str, str]  # address, id, secret


@dataclass(slots=True)
class Tokens:
    """The tokens of a process, in memory only, one for each application and address. `tick` counts seconds."""

    tick: Callable[[], float] = time.monotonic
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _held: dict[Buyer, tuple[str, float]] = field(default_factory=dict, repr=False)

    def get(self, buyer: Buyer, buy: Callable[[], tuple[str, float]]) -> str:
        """One that works now. `buy` gives a new one and the seconds it lives; only one thread does."""
        with self.lock:
            token, until = self._held.get(buyer, ("", 0.0))
            if not token or self.tick() >= until:
                asked = self.tick()
                token, lives = buy()
                self._held[buyer] = token, asked + lives - MARGIN
            return token

    def forget(self, buyer: Buyer, token: str) -> None:
        with self.lock:
            if self._held.get(buyer, ("", 0.0))[0] == token:
                del self._held[buyer]


SHARED = Tokens()


class Signature(AuthBase):
    """Signs with a token; a refused one is forgotten, so that the next call has a new one.

    `Application.id` is our account at Chift and our client id, with a slash between them; without a
    slash they are the same. Raises Rejected when Chift does not know us, Temporary(sent=False) when
    no token could be had.
    """

    def __init__(self, key: str, application: Application, host: str, tokens: Tokens = SHARED) -> None:
        self._key, self._application, self._root = key, application, host.rstrip("/") + "/"
        self._buyer, self._tokens = (self._root, application.id, application.secret), tokens

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not (request.url or "").startswith(self._root):
            raise ValueError("a token goes to its own provider only")
        token = self._tokens.get(self._buyer, self._bought)
        request.headers["Authorization"] = f"Bearer {token}"
        request.hooks["response"].append(lambda reply, **how: self._answered(reply, token))
        return request

    def _bought(self) -> tuple[str, float]:
        account, _, client = self._application.id.rpartition("/")
        asked = {"clientId": client, "clientSecret": self._application.secret, "accountId": account or client}
        try:
            with http.session(pool=1) as session:
                address = f"{self._root}token"
                reply = http.exchange(session, "POST", address, body=encode(asked), headers=HEADERS, out_of_turn=True)
        except http.TransportError as failure:  # whatever became of it, what it was for was not sent
            raise Temporary(f"{self._key}.{failure.code}", sent=False) from None
        if reply.status in (401, 403, 422):
            raise Rejected(f"{self._key}.application_refused", status=reply.status)
        try:
            answer = decode(reply.body) if reply.status == 200 else {}
            return str(answer["access_token"]), float(answer["expires_in"])
        except UNREADABLE:
            raise Temporary(f"{self._key}.server_error", sent=False, status=reply.status) from None

    def _answered(self, reply: requests.Response, token: str) -> requests.Response:
        if reply.status_code == 401:
            self._tokens.forget(self._buyer, token)
        return reply
