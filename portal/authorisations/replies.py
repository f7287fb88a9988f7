"""The token endpoint of a provider: one bounded call, and what its reply means for the grant.

RFC 6749 §5 with what Exact Online makes of it: a refresh that comes too early is an
`access_denied` with a `Reason` header, a spent refresh token an `unauthorized_client`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from requests.auth import HTTPBasicAuth

from config import Settings
from portal.authorisations import applications, steady
from portal.kernel import clock, crash, http
from portal.kernel.errors import Conflict

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
LONGEST_CALL = CONNECT_SECONDS + 2 * READ_SECONDS
MAX_BYTES = 64 * 1024
_REFUSALS = ("invalid_grant", "unauthorized_client", "invalid_request")


@dataclass(frozen=True, slots=True)
class Receipt:
    """When we received something: our own wall clock, and the steady one with the machine it counts on."""

    at: datetime
    machine: str
    tick: float

    @classmethod
    def now(cls) -> Receipt:
        return cls(clock.now(), steady.machine(), steady.tick())


@dataclass(frozen=True, slots=True)
class Tokens:
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lifetime: float  # seconds the access token lives
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider's last word on this grant. `code` has a wording, `text` is the provider's own."""

    code: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Silent:
    """No word on the grant: try again later. `early`: the present access token still works."""

    code: str
    retry_after: float | None = None
    early: bool = False


Answer = Tokens | Refused | Silent


def ask(settings: Settings, app: str, environment: str, form: Mapping[str, str]) -> Answer:
    """Post `form` with our registration to the token endpoint. Raises Invalid for an unknown app or environment."""
    oauth = applications.oauth_of(app)
    try:
        ours = applications.application(settings, app)
    except Conflict as missing:
        return Silent(missing.code)
    url = applications.token_url(settings, app, environment)
    body = {**form, **oauth.token_params, "client_id": ours.id, "client_secret": ours.secret}
    shown = applications.certificate(settings, app)
    made = http.session(connect=CONNECT_SECONDS, read=READ_SECONDS, max_bytes=MAX_BYTES, pool=1, certificate=shown)
    with made as session:
        session.masked = [ours.secret]
        session.auth = HTTPBasicAuth(ours.id, ours.secret) if oauth.basic else None
        try:
            crash.point("token.before_call")
            headers = {"Accept": "application/json"}
            reply = http.exchange(session, "POST", url, body=body, headers=headers, out_of_turn=True)
        except http.TransportError as failure:
            return Silent(f"authorisation.{failure.code}")
    crash.point("token.answered")
    return read(reply, form, oauth.lifetime)


def read(reply: http.Reply, form: Mapping[str, str], lifetime: float) -> Answer:
    """Pure but for the clock. `lifetime` in seconds counts where the reply does not say."""
    document = _document(reply.body)
    if 200 <= reply.status < 300:
        access = document.get("access_token")
        if not isinstance(access, str) or not access:
            return Silent("authorisation.unreadable")
        refresh = document.get("refresh_token") or form.get("refresh_token", "")
        return Tokens(access, str(refresh), _seconds(document.get("expires_in"), lifetime), Receipt.now())
    error, text = str(document.get("error", "")), str(document.get("error_description", ""))
    reason = reply.headers.get("Reason", "")
    if "tooearly" in reason.lower() or "not expired" in text.lower():
        return Silent("authorisation.too_early", early=True)
    if reply.status in (400, 401) and error in _REFUSALS:
        return Refused(_refusal(text), _without_secrets(text, form)[:300])
    if error == "invalid_client":
        return Silent("authorisation.client_refused")
    if reply.status == 429:
        return Silent("authorisation.rate_limited", retry_after=_seconds(reply.headers.get("Retry-After"), 60.0))
    return Silent("authorisation.server_error" if reply.status >= 500 else "authorisation.unreadable")


def _refusal(text: str) -> str:
    lowered = text.lower()
    if "old refresh token" in lowered:
        return "authorisation.token_used"
    return "authorisation.token_expired" if "expired" in lowered else "authorisation.consent_withdrawn"


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _seconds(value: object, otherwise: float) -> float:
    """Providers write seconds as a number or as text; nonsense counts as not said."""
    try:
        seconds = float(str(value))
    except ValueError:
        return otherwise
    return seconds if 0 < seconds < 10**8 else otherwise


def _without_secrets(text: str, form: Mapping[str, str]) -> str:
    for name in ("refresh_token", "code", "code_verifier"):
        for written in http.ways_to_write(form.get(name, "")):
            text = text.replace(written, "[secret]")
    return text
