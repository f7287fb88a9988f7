"""Chift knows us as an application: our id and secret buy a token for half an hour."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import requests
from requests.auth import AuthBase

from portal.connectors.base import Application
from portal.connectors.calls import UNREADABLE, decode, encode
from portal.connectors.errors import Rejected, Temporary
from portal.kernel import http

MARGIN = 60.0  # seconds before its end at which a token is bought anew
HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}


class Signature(AuthBase):
    """Signs with a token that is held in memory only. A refused token is forgotten.

    `Application.id` is our account at Chift and our client id, with a slash between them; without a
    slash they are the same. Raises Rejected when Chift does not know us, Temporary(sent=False) when
    no token could be had.
    """

    def __init__(
        self,
        key: str,
        application: Application,
        host: str,
        *,
        session: requests.Session | None = None,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key, self._application, self._root = key, application, host.rstrip("/") + "/"
        self._session, self._tick = session or http.session(), tick
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not (request.url or "").startswith(self._root):
            raise ValueError("a token goes to its own provider only")
        token = self._valid()
        request.headers["Authorization"] = f"Bearer {token}"
        request.hooks["response"].append(lambda reply, **how: self._answered(reply, token))
        return request

    def _valid(self) -> str:
        with self._lock:
            if not self._token or self._tick() >= self._until:
                self._token, self._until = self._bought()
            return self._token

    def _bought(self) -> tuple[str, float]:
        account, _, client = self._application.id.rpartition("/")
        asked = {"clientId": client, "clientSecret": self._application.secret, "accountId": account or client}
        asked_at = self._tick()
        try:
            reply = http.exchange(self._session, "POST", f"{self._root}token", body=encode(asked), headers=HEADERS)
        except http.TransportError as failure:  # whatever became of it, what it was for was not sent
            raise Temporary(f"{self._key}.{failure.code}", sent=False) from None
        if reply.status in (401, 403, 422):
            raise Rejected(f"{self._key}.application_refused", status=reply.status)
        if reply.status != 200:
            raise Temporary(f"{self._key}.server_error", sent=False, status=reply.status)
        try:
            answer = decode(reply.body)
            return str(answer["access_token"]), asked_at + float(answer["expires_in"]) - MARGIN
        except UNREADABLE:
            raise Temporary(f"{self._key}.server_error", sent=False, status=reply.status) from None

    def _answered(self, reply: requests.Response, token: str) -> requests.Response:
        if reply.status_code == 401:
            with self._lock:
                if self._token == token:
                    self._token = ""
        return reply
