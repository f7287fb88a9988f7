"""Consents and tokens. Only hashes of secrets are kept.

A grant is one consent of one user to one app: a chain of refresh tokens of which the last one
works, once. The same user consenting to the same app again ends the older chain.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.clock import Clock
from sandbox.exact import wire
from sandbox.exact.settings import Settings
from sandbox.oauth import base64url, hashed, is_registered, proves, same
from sandbox.store import Row, Store

_TOO_EARLY = "Rate limit exceeded: access_token not expired"
_CHAIN = "Token is not allowed, because of invalid or empty chainId"


class TokenError(Exception):
    """A refusal of the token endpoint: flat JSON, not the OData shape."""

    def __init__(self, status: int, error: str, description: str, *, reason: str = "") -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.error = error
        self.description = description
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Consent:
    """What was asked for at the authorisation page."""

    environment: str
    client_id: str
    redirect_uri: str
    challenge: str = ""
    challenge_method: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """`expires_in` is in seconds."""

    access: str
    refresh: str
    expires_in: int

    def body(self) -> dict[str, str]:
        return {
            "access_token": self.access,
            "token_type": "bearer",
            "expires_in": str(self.expires_in),  # a string, as recorded
            "refresh_token": self.refresh,
        }


def normal_id(client_id: str) -> str:
    """Client ids may be written with braces and in capitals."""
    return client_id.strip().strip("{}").lower()


class OAuth:
    """Apps, consents and tokens of all environments; moments are those of the clock."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._key = (store.value("oauth.key") or secrets.token_hex(32)).encode()
        store.keep("oauth.key", self._key.decode())

    def app(self, client_id: str, redirect_uri: str) -> Row | None:
        """The app, when the redirect URI is registered for it."""
        row = self._store.one("SELECT * FROM apps WHERE client_id = ?", (normal_id(client_id),))
        return row if row is not None and is_registered(row, redirect_uri) else None

    def user(self, environment: str, login: str) -> Row | None:
        return self._store.one("SELECT * FROM users WHERE environment = ? AND login = ?", (environment, login))

    def check_password(self, environment: str, login: str, password: str) -> Row | None:
        user = self.user(environment, login)
        return user if user and same(user["password_hash"], hashed(password)) else None

    def consent(self, asked: Consent, user: Row, divisions: list[int] | None, settings: Settings) -> tuple[str, str]:
        """Record a consent; returns grant and authorisation code. `divisions` None: all, now and later."""
        now = self._clock.ms()
        grant = wire.new_guid()
        code = self._code(asked, grant, now, settings)
        with self._store.transaction():
            self._end_older(normal_id(asked.client_id), user["UserID"], settings)
            self._store.insert(
                "grants", id=grant, app=normal_id(asked.client_id), user=user["UserID"], environment=asked.environment,
                divisions=None if divisions is None else json.dumps(divisions), state="consented", created=now,
            )  # fmt: skip
            self._store.insert(
                "codes", code_hash=hashed(code), grant_id=grant, redirect_uri=asked.redirect_uri,
                challenge=asked.challenge, challenge_method=asked.challenge_method,
                expires=now + settings.code_lifetime * 1000,
            )  # fmt: skip
        return grant, code

    def _end_older(self, app: str, user: str, settings: Settings) -> None:
        if settings.reconnect_kills == "refresh":
            self._store.run("UPDATE grants SET superseded = 1 WHERE app = ? AND user = ?", (app, user))
        else:
            self._store.run(
                "UPDATE grants SET state = 'replaced' WHERE app = ? AND user = ? AND state IN ('consented', 'active')",
                (app, user),
            )

    def _code(self, asked: Consent, grant: str, now: int, settings: Settings) -> str:
        """A JWT, signed with this server's key."""
        claims = {
            "iss": f"sandbox/{asked.environment}", "aud": normal_id(asked.client_id), "chainId": grant,
            "jti": secrets.token_hex(8), "iat": now // 1000, "exp": now // 1000 + settings.code_lifetime,
        }  # fmt: skip
        head = base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        body = base64url(json.dumps(claims).encode())
        return f"{head}.{body}.{base64url(hmac.digest(self._key, f'{head}.{body}'.encode(), 'sha256'))}"

    def token(self, environment: str, form: dict[str, str], settings: Settings) -> tuple[Tokens, str]:
        """One call of the token endpoint; returns the tokens and the grant. Raises TokenError."""
        app = self._client(form)
        kind = form.get("grant_type", "")
        with self._store.transaction():
            if kind == "authorization_code":
                grant = self._by_code(environment, app, form)
            elif kind == "refresh_token":
                grant = self._by_refresh(environment, app, form.get("refresh_token", ""), settings)
            else:
                raise TokenError(400, "unsupported_grant_type", "The grant type is not supported.")
            self._check_daily(app["client_id"], grant["user"], settings)
            return self._issue(grant["id"], settings), str(grant["id"])

    def _client(self, form: dict[str, str]) -> Row:
        app = self._store.one("SELECT * FROM apps WHERE client_id = ?", (normal_id(form.get("client_id", "")),))
        if app is None or not same(app["secret_hash"], hashed(form.get("client_secret", ""))):
            raise TokenError(400, "invalid_client", "The client credentials are invalid.")
        return app

    def _by_code(self, environment: str, app: Row, form: dict[str, str]) -> Row:
        code = self._store.one("SELECT * FROM codes WHERE code_hash = ?", (hashed(form.get("code", "")),))
        grant = self._grant(code["grant_id"]) if code else None
        if code is None or grant is None or grant["app"] != app["client_id"] or grant["environment"] != environment:
            raise TokenError(400, "invalid_grant", _CHAIN)
        if code["used"] or grant["state"] != "consented" or code["redirect_uri"] != form.get("redirect_uri", ""):
            raise TokenError(400, "invalid_grant", _CHAIN)
        if code["expires"] < self._clock.ms():
            raise TokenError(400, "invalid_grant", self._expired("authorization code", code["expires"]))
        verifier = form.get("code_verifier", "")
        if code["challenge"] and not proves(verifier, code["challenge"], code["challenge_method"]):
            raise TokenError(400, "invalid_grant", "The code verifier does not match the code challenge.")
        self._store.run("UPDATE codes SET used = ? WHERE code_hash = ?", (self._clock.ms(), code["code_hash"]))
        self._store.run("UPDATE grants SET state = 'active' WHERE id = ?", (grant["id"],))
        return grant

    def _by_refresh(self, environment: str, app: Row, token: str, settings: Settings) -> Row:
        now = self._clock.ms()
        row = self._store.one("SELECT * FROM refresh_tokens WHERE token_hash = ?", (hashed(token),))
        grant = self._grant(row["grant_id"]) if row else None
        if row is None or grant is None or grant["app"] != app["client_id"] or grant["environment"] != environment:
            raise TokenError(400, "invalid_grant", _CHAIN)
        if grant["state"] != "active" or grant["superseded"]:
            raise TokenError(400, "invalid_grant", _CHAIN)
        if row["expires"] <= now:
            raise TokenError(400, "invalid_request", self._expired("refresh token", row["expires"]))
        if row["used"]:
            if now - row["used"] > settings.refresh_grace * 1000 or not settings.refresh_grace:
                raise TokenError(401, "unauthorized_client", "Old refresh token used.")
        elif now - self._last_issue(grant["id"]) < settings.token_min_age * 1000:
            reason = f"TooEarlyToRefreshTokens: {_TOO_EARLY}"
            raise TokenError(400, "access_denied", _TOO_EARLY, reason=reason)
        self._store.run(
            "UPDATE refresh_tokens SET used = coalesce(used, ?) WHERE grant_id = ? AND used IS NULL", (now, grant["id"])
        )
        self._store.run("UPDATE grants SET refreshed = ?, refreshes = refreshes + 1 WHERE id = ?", (now, grant["id"]))
        return grant

    def _check_daily(self, app: str, user: str, settings: Settings) -> None:
        if not settings.token_calls_per_day:
            return
        row = self._store.one(
            "SELECT sum(calls) AS calls FROM token_calls WHERE app = ? AND user = ? AND day = ?",
            (app, user, self._day()),
        )
        if row and (row["calls"] or 0) >= settings.token_calls_per_day:
            raise TokenError(400, "access_denied", "Rate limit exceeded: token calls per day")

    def _issue(self, grant: str, settings: Settings) -> Tokens:
        now = self._clock.ms()
        tokens = Tokens(
            f"stampNL001.{secrets.token_urlsafe(48)}",
            f"stampNL001.{secrets.token_urlsafe(32)}",
            settings.token_lifetime,
        )
        if settings.single_access_token:
            self._store.run("DELETE FROM access_tokens WHERE grant_id = ?", (grant,))
        self._store.run("DELETE FROM access_tokens WHERE grant_id = ? AND expires < ?", (grant, now - 3_600_000))
        self._store.insert(
            "access_tokens", token_hash=hashed(tokens.access), grant_id=grant, issued=now,
            expires=now + settings.token_lifetime * 1000,
        )  # fmt: skip
        self._store.insert(
            "refresh_tokens", token_hash=hashed(tokens.refresh), grant_id=grant, issued=now,
            expires=now + settings.refresh_lifetime * 1000,
        )  # fmt: skip
        return tokens

    def mint(self, environment: str, app: str, user: Row, divisions: list[int] | None, settings: Settings) -> Tokens:
        """A consent and its tokens without pages, for tests and demos. Ends the older chain like any other."""
        asked = Consent(environment, app, "control")
        with self._store.transaction():
            grant, _ = self.consent(asked, user, divisions, settings)
            self._store.run("UPDATE grants SET state = 'active' WHERE id = ?", (grant,))
            return self._issue(grant, settings)

    def count_call(self, form: dict[str, str], grant: str | None, outcome: str) -> None:
        """Every token call is counted, for the user when the token is known."""
        if grant is None:
            row = self._store.one(
                "SELECT grant_id FROM refresh_tokens WHERE token_hash = ? UNION SELECT grant_id FROM codes WHERE "
                "code_hash = ?",
                (hashed(form.get("refresh_token", "")), hashed(form.get("code", ""))),
            )
            grant = row["grant_id"] if row else None
        known = self._grant(grant) if grant else None
        self._store.run(
            "INSERT INTO token_calls (app, user, day, outcome, calls) VALUES (?, ?, ?, ?, 1)"
            " ON CONFLICT DO UPDATE SET calls = calls + 1",
            (normal_id(form.get("client_id", "")), known["user"] if known else "", self._day(), outcome),
        )

    def bearer(self, environment: str, header: str) -> Row | None:
        """Grant, user and app of a valid access token, else None."""
        kind, _, token = header.partition(" ")
        if kind.lower() != "bearer":
            return None
        row = self._bearer(token.strip())
        if row is None or row["expires"] <= self._clock.ms() or row["state"] not in ("active", "consented"):
            return None
        return row if row["environment"] == environment else None

    def known_bearer(self, header: str) -> Row | None:
        """Whose token this is or was, valid or not: errors are counted per key."""
        return self._bearer(header.partition(" ")[2].strip())

    def _bearer(self, token: str) -> Row | None:
        return self._store.one(
            "SELECT k.token_hash, k.expires, g.id AS grant_id, g.app, g.environment, g.divisions, g.state, "
            "u.UserID, u.role,"
            " u.licence, u.Language, u.CurrentDivision, a.published, a.scopes FROM access_tokens k"
            " JOIN grants g ON g.id = k.grant_id JOIN users u ON u.UserID = g.user JOIN apps a ON a.client_id = g.app"
            " WHERE k.token_hash = ?",
            (hashed(token),),
        )

    def grant_of(self, environment: str, token: str) -> str | None:
        """The grant that a refresh or access token belongs to."""
        row = self._store.one(
            "SELECT g.id FROM grants g WHERE g.environment = ? AND g.id IN (SELECT grant_id FROM refresh_tokens"
            " WHERE token_hash = ? UNION SELECT grant_id FROM access_tokens WHERE token_hash = ?)",
            (environment, hashed(token), hashed(token)),
        )
        return str(row["id"]) if row else None

    def revoke(self, grant: str) -> int:
        """The user withdraws a consent ("Intrekken"): all its tokens die. Returns the number ended."""
        return self._store.run("UPDATE grants SET state = 'revoked' WHERE id = ?", (grant,))

    def expire_access(self, grant: str) -> None:
        self._store.run("UPDATE access_tokens SET expires = ? WHERE grant_id = ?", (self._clock.ms() - 1, grant))

    def sign_in(self, user: Row) -> str:
        """Remember the browser for a day; returns the cookie's value."""
        token = secrets.token_urlsafe(24)
        self._store.insert(
            "web_sessions", token_hash=hashed(token), user=user["UserID"], expires=self._clock.ms() + 86_400_000
        )
        return token

    def signed_in(self, environment: str, cookie: str) -> Row | None:
        return self._store.one(
            "SELECT u.* FROM web_sessions s JOIN users u ON u.UserID = s.user"
            " WHERE s.token_hash = ? AND s.expires > ? AND u.environment = ?",
            (hashed(cookie), self._clock.ms(), environment),
        )

    def _grant(self, grant: str) -> Row | None:
        return self._store.one("SELECT * FROM grants WHERE id = ?", (grant,))

    def _last_issue(self, grant: str) -> int:
        row = self._store.one("SELECT max(issued) AS last FROM refresh_tokens WHERE grant_id = ?", (grant,))
        return int(row["last"] or 0) if row else 0

    def _day(self) -> str:
        return self._clock.now().date().isoformat()

    def _expired(self, what: str, at: int) -> str:
        ended = datetime.fromtimestamp(at / 1000, UTC)
        return f"The {what} expired at {_american(ended)} and it is now {_american(self._clock.now())}."


def _american(moment: datetime) -> str:
    """5/3/2026 2:05:09 PM."""
    hour = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    return f"{moment.month}/{moment.day}/{moment.year} {hour}:{moment:%M:%S} {half}"
