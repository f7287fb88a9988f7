"""Consents and tokens. Only hashes of secrets are kept.

Tokens behave as those of a common OAuth server: a refresh token works once, and one that is used
again ends the whole chain. Who calls the token endpoint shows id and secret by HTTP Basic.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.oauth import hashed, is_registered, proves, same
from sandbox.ponto.settings import Settings
from sandbox.store import Row, Store

_INVALID = "The provided authorization grant or refresh token is invalid, revoked or was issued to another client."


class TokenError(Exception):
    """A refusal of the token endpoint, in the words of RFC 6749."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for at the authorisation page."""

    client_id: str
    redirect_uri: str
    challenge: str


class OAuth:
    """Apps, consents and chains of tokens; moments are those of the clock."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def app(self, client_id: str, redirect_uri: str) -> Row | None:
        """The app, when the redirect URI is registered for it."""
        row = self._store.one("SELECT * FROM apps WHERE client_id = ?", (client_id,))
        return row if row is not None and is_registered(row, redirect_uri) else None

    def client(self, client_id: str, secret: str) -> Row:
        """Raises TokenError."""
        app = self._store.one("SELECT * FROM apps WHERE client_id = ?", (client_id,))
        if app is None or not same(app["secret_hash"], hashed(secret)):
            raise TokenError(401, "invalid_client", "Client authentication failed.")
        return app

    def consent(self, asked: Asked, organisation: str, settings: Settings) -> str:
        """An authorisation code for a new chain of tokens."""
        now, grant, code = self._clock.ms(), str(uuid.uuid4()), secrets.token_urlsafe(32)
        with self._store.transaction():
            self._grant(grant, asked.client_id, organisation, "consented")
            self._store.insert(
                "codes", code_hash=hashed(code), grant_id=grant, redirect_uri=asked.redirect_uri,
                challenge=asked.challenge, expires=now + settings.code_lifetime * 1000,
            )  # fmt: skip
        return code

    def token(self, app: Row, form: dict[str, str], settings: Settings) -> dict[str, Any]:
        """One call of the token endpoint. Raises TokenError."""
        kind = form.get("grant_type", "")
        if kind == "authorization_code":
            with self._store.transaction():
                return self._issue(self._by_code(app, form), settings)
        if kind == "refresh_token":
            with self._store.transaction():
                grant = self._by_refresh(app, form.get("refresh_token", ""))
                if grant is not None:
                    return self._issue(grant, settings)
            raise TokenError(400, "invalid_grant", _INVALID)
        if kind == "client_credentials":
            grant_id = str(uuid.uuid4())
            self._grant(grant_id, app["client_id"], None, "active")
            return self._issue(grant_id, settings, refreshable=False)
        raise TokenError(400, "unsupported_grant_type", "The authorization grant type is not supported.")

    def mint(self, client_id: str, organisation: str, settings: Settings) -> dict[str, Any]:
        """Tokens without pages, for tests."""
        grant = str(uuid.uuid4())
        self._grant(grant, client_id, organisation, "active")
        return self._issue(grant, settings)

    def _grant(self, grant: str, app: str, organisation: str | None, state: str) -> None:
        self._store.insert(
            "grants", id=grant, app=app, organisation=organisation, state=state, created=self._clock.ms()
        )

    def _by_code(self, app: Row, form: dict[str, str]) -> str:
        code = self._store.one(
            "SELECT c.*, g.app FROM codes c JOIN grants g ON g.id = c.grant_id WHERE code_hash = ?",
            (hashed(form.get("code", "")),),
        )
        if code is None or code["app"] != app["client_id"] or code["used"] or code["expires"] < self._clock.ms():
            raise TokenError(400, "invalid_grant", _INVALID)
        if code["redirect_uri"] != form.get("redirect_uri", ""):
            raise TokenError(400, "invalid_grant", "The redirect URI is not that of the authorization request.")
        if not proves(form.get("code_verifier", ""), code["challenge"]):
            raise TokenError(400, "invalid_grant", "The PKCE code challenge did not match the code verifier.")
        self._store.run("UPDATE codes SET used = ? WHERE code_hash = ?", (self._clock.ms(), code["code_hash"]))
        self._store.run("UPDATE grants SET state = 'active' WHERE id = ?", (code["grant_id"],))
        return str(code["grant_id"])

    def _by_refresh(self, app: Row, token: str) -> str | None:
        row = self._store.one(
            "SELECT r.*, g.app, g.state FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id WHERE token_hash = ?",
            (hashed(token),),
        )
        if row is None or row["app"] != app["client_id"] or row["state"] != "active":
            return None
        if row["used"]:
            self.revoke(row["grant_id"])  # somebody copied it: nobody may go on
            return None
        if row["expires"] <= self._clock.ms():
            return None
        self._store.run("UPDATE refresh_tokens SET used = ? WHERE token_hash = ?", (self._clock.ms(), hashed(token)))
        self._store.run("UPDATE grants SET refreshes = refreshes + 1 WHERE id = ?", (row["grant_id"],))
        return str(row["grant_id"])

    def _issue(self, grant: str, settings: Settings, *, refreshable: bool = True) -> dict[str, Any]:
        now = self._clock.ms()
        access, refresh = secrets.token_urlsafe(48), secrets.token_urlsafe(40)
        self._store.run("DELETE FROM access_tokens WHERE grant_id = ? AND expires < ?", (grant, now))
        self._store.insert(
            "access_tokens", token_hash=hashed(access), grant_id=grant, expires=now + settings.token_lifetime * 1000
        )
        answer = {"access_token": access, "expires_in": settings.token_lifetime, "token_type": "bearer"}
        if not refreshable:
            return answer | {"scope": ""}
        self._store.insert(
            "refresh_tokens", token_hash=hashed(refresh), grant_id=grant,
            expires=now + settings.refresh_lifetime * 1000,
        )  # fmt: skip
        return answer | {"refresh_token": refresh, "scope": "offline_access ai"}

    def bearer(self, header: str) -> Row | None:
        """Grant, app and organisation of a valid access token, else None."""
        kind, _, token = header.partition(" ")
        row = self._store.one(
            "SELECT k.expires, g.* FROM access_tokens k JOIN grants g ON g.id = k.grant_id WHERE token_hash = ?",
            (hashed(token.strip()),),
        )
        fits = row is not None and kind.lower() == "bearer" and row["state"] == "active"
        return row if row is not None and fits and row["expires"] > self._clock.ms() else None

    def grant_of(self, token: str) -> str | None:
        row = self._store.one(
            "SELECT grant_id FROM refresh_tokens WHERE token_hash = ? UNION"
            " SELECT grant_id FROM access_tokens WHERE token_hash = ?",
            (hashed(token), hashed(token)),
        )
        return str(row["grant_id"]) if row else None

    def revoke(self, grant: str) -> int:
        return self._store.run("UPDATE grants SET state = 'revoked' WHERE id = ?", (grant,))

    def expire_access(self, grant: str) -> None:
        self._store.run("UPDATE access_tokens SET expires = 0 WHERE grant_id = ?", (grant,))
