"""Access tokens for whoever makes a call: asked for each request, held in memory only."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from typing import Any

import requests
from requests.auth import AuthBase
from sqlalchemy import delete, update

from portal.authorisations import renewal
from portal.authorisations.custody import Busy, Custody
from portal.authorisations.models import Credential, RefreshAttempt
from portal.connectors.errors import AuthorisationExpired, Temporary
from portal.kernel import clock, http

PATIENCE = 5.0  # seconds that a process waits for another one's renewal
KEEP_ATTEMPTS = timedelta(days=30)


def access_token(custody: Custody, *, stale: str | None = None) -> str:
    """A token that works now. `stale` is one that the provider just refused.

    Raises AuthorisationExpired when a person has to act, Temporary(sent=False) when time will
    do. Calls the token endpoint only when the token is due, and then in one process only.
    """
    deadline, pause = time.monotonic() + PATIENCE, 0.05
    while True:
        pair = custody.current()
        if pair.access != stale and not pair.is_due():
            return pair.access
        try:
            return renewal.renew(custody, stale)
        except Busy:
            if time.monotonic() > deadline:
                raise Temporary("authorisation.renewing", sent=False, retry_after=2) from None
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  (spreads load, guards nothing)
            pause = min(2 * pause, 0.4)


def session_for(custody: Custody, host: str, certificate: http.Certificate | None = None) -> requests.Session:
    """A bounded session that signs its requests to `host`, and to nowhere else."""
    made = http.session(certificate=certificate)
    made.auth = _Signature(custody, host.rstrip("/") + "/")
    return made


def keep_alive(custody: Custody) -> None:
    """Renew a pair that would die of disuse, and settle what a crash left open. Safe to run twice."""
    try:
        access_token(custody)
    except (AuthorisationExpired, Temporary):
        return  # told to people, or put off, where it happened
    finally:
        _tidy(custody)


def _tidy(custody: Custody) -> None:
    with custody.session() as session, session.begin():
        key = (custody.tenant_id, custody.authorisation_id)
        pair = session.get(Credential, key)
        mine = (RefreshAttempt.tenant_id == key[0], RefreshAttempt.authorisation_id == key[1])
        if pair is not None:
            past = update(RefreshAttempt).where(
                *mine, RefreshAttempt.outcome == "open", RefreshAttempt.generation < pair.generation
            )
            session.execute(past.values(outcome="unknown", finished_at=clock.now()))
        old = RefreshAttempt.started_at < clock.now() - KEEP_ATTEMPTS
        session.execute(delete(RefreshAttempt).where(*mine, old, RefreshAttempt.outcome != "open"))


class _Signature(AuthBase):
    """Signs each request anew. A refused token is read again once; only a read is repeated with the new one."""

    def __init__(self, custody: Custody, root: str) -> None:
        self._custody = custody
        self._root = root

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not (request.url or "").startswith(self._root):
            raise ValueError("a token goes to its own provider only")
        token = access_token(self._custody)
        request.headers["Authorization"] = f"Bearer {token}"
        request.hooks["response"].append(lambda reply, **how: self._answered(reply, token, how))
        return request

    def _answered(self, reply: requests.Response, token: str, how: dict[str, Any]) -> requests.Response:
        if reply.status_code != 401:
            return reply
        try:
            newer = access_token(self._custody, stale=token)
        except AuthorisationExpired:
            return reply  # the provider said it itself: its reply tells why
        except Temporary:
            reply.close()
            raise
        reply.close()
        if reply.request.method not in ("GET", "HEAD"):
            # A 401 was not acted upon, so sending later is safe; whether to is for the sender to say.
            raise Temporary("authorisation.token_replaced", sent=False, retry_after=1, status=401)
        again = reply.request.copy()
        again.headers["Authorization"] = f"Bearer {newer}"
        connection: requests.adapters.HTTPAdapter = reply.connection
        second = connection.send(again, **how)
        second.request = again
        return second
