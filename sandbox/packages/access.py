"""Who may come in: apps, logins, consents, tokens and keys. Only hashes of secrets are kept.

A grant is one consent of one login to one app, or one key (`app` is ""). What it may see are the
dossiers of the login's licence, or fewer.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.oauth import base64url, hashed, is_registered, proves, same
from sandbox.store import Row, Store


class TokenError(Exception):
    """A refusal of a token endpoint, in the words of RFC 6749."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error, self.description, self.status = error, description, status


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Seconds. `grace`: how long a used refresh token still works. `rotates`: each use gives a new one.

    With `claims` the access token is a JWT that tells these of the login (a row of `logins`).
    """

    lifetime: int = 1800
    refresh_lifetime: int = 60 * 86400
    code_lifetime: int = 300
    grace: int = 0
    rotates: bool = True
    scope: str = ""
    claims: Callable[[Row], Mapping[str, object]] | None = None


@dataclass(frozen=True, slots=True)
class Who:
    """A login that came in, and the dossiers its consent names (None: all of its licence)."""

    grant: int
    login: str
    id: str
    name: str
    email: str
    company: str
    licence: str
    dossiers: tuple[str, ...] | None


class Access:
    """Apps, logins, consents and keys of one package."""

    def __init__(self, store: Store, clock: Clock, package: str) -> None:
        self._store, self._clock, self.package = store, clock, package

    # -------------------------------------------------------------------------- made by hand

    def add_app(self, id: str, secret: str, redirect_uris: Sequence[str]) -> None:
        """Register an app, or register it anew. An address that ends in `*` matches by prefix."""
        self._store.run(
            "INSERT OR REPLACE INTO apps (package, id, secret_hash, redirect_uris) VALUES (?, ?, ?, ?)",
            (self.package, id, hashed(secret), json.dumps(list(redirect_uris))),
        )

    def add_login(self, login: str, name: str = "", email: str = "", company: str = "", licence: str = "firm") -> None:
        """A login that sees the dossiers of its licence; one that is there gets another licence."""
        guid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.package}/login/{login}"))
        self._store.run(
            "INSERT INTO logins (package, login, id, name, email, company, licence) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (package, login) DO UPDATE SET licence = excluded.licence",
            (self.package, login, guid, name or login.title(), email or f"{login}@example.com", company, licence),
        )

    def add_key(self, login: str, secret: str = "", dossiers: Sequence[str] | None = None) -> str:
        """An API key of a login: the one given, or a new one. Raises ValueError."""
        secret = secret or secrets.token_urlsafe(30)
        with self._store.transaction():
            self._keep("key", secret, self._grant("", login, dossiers), None)
        return secret

    def mint(
        self, login: str, rules: TokenRules, app: str = "control", dossiers: Sequence[str] | None = None
    ) -> dict[str, object]:
        """A consent and its tokens without pages. Raises ValueError."""
        with self._store.transaction():
            return self.issue(self._grant(app, login, dossiers), rules)

    # -------------------------------------------------------------------------- OAuth 2

    def app(self, client_id: str, redirect_uri: str) -> Row | None:
        """The app, when the address is registered for it."""
        row = self._store.one("SELECT * FROM apps WHERE package = ? AND id = ?", (self.package, client_id))
        return row if row is not None and is_registered(row, redirect_uri) else None

    def client(self, client_id: str, secret: str) -> bool:
        row = self._store.one("SELECT * FROM apps WHERE package = ? AND id = ?", (self.package, client_id))
        return row is not None and same(row["secret_hash"], hashed(secret))

    def logins(self) -> list[Row]:
        return self._store.all("SELECT * FROM logins WHERE package = ? ORDER BY seq", (self.package,))

    def code(self, login: str, asked: Mapping[str, str], rules: TokenRules, dossiers: Sequence[str] | None) -> str:
        """Record a consent; `asked`: client_id, redirect_uri, challenge. Raises ValueError."""
        code = secrets.token_urlsafe(24)
        with self._store.transaction():
            grant = self._grant(asked["client_id"], login, dossiers)
            self._keep("code", code, grant, rules.code_lifetime, asked)
        return code

    def exchange(self, form: Mapping[str, str], rules: TokenRules) -> dict[str, object]:
        """One call of the token endpoint: a code or a refresh token. Raises TokenError."""
        if not self.client(form.get("client_id", ""), form.get("client_secret", "")):
            raise TokenError("invalid_client", "The client is unknown or its secret is wrong.", 401)
        with self._store.transaction():
            if form.get("grant_type") == "authorization_code":
                return self.issue(self._by_code(form), rules)
            if form.get("grant_type") == "refresh_token":
                return self.issue(self._by_refresh(form, rules), rules)
        raise TokenError("unsupported_grant_type")

    def _by_code(self, form: Mapping[str, str]) -> int:
        row = self._secret(form.get("code", ""), "code")
        asked = json.loads(row["details"]) if row else {}
        fits = {name: asked.get(name) for name in ("client_id", "redirect_uri")}
        if row is None or row["used"] or row["expires"] < self._clock.ms() or row["state"] != "active":
            raise TokenError("invalid_grant", "The code is not known, used or expired.")
        if any(form.get(name) != value for name, value in fits.items()):
            raise TokenError("invalid_grant", "The code was given to another client or address.")
        if asked.get("challenge") and not proves(form.get("code_verifier", ""), asked["challenge"]):
            raise TokenError("invalid_grant", "The code verifier does not match.")
        self._use(row)
        return int(row["grant_seq"])

    def _by_refresh(self, form: Mapping[str, str], rules: TokenRules) -> int:
        row, now = self._secret(form.get("refresh_token", ""), "refresh"), self._clock.ms()
        if row is None or row["state"] != "active" or row["app"] != form["client_id"]:
            raise TokenError("invalid_grant", "The refresh token is not known or withdrawn.")
        if row["expires"] < now or (row["used"] and now - row["used"] >= rules.grace * 1000):
            raise TokenError("invalid_grant", "The refresh token is used or expired.")
        if rules.rotates and not row["used"]:
            self._use(row)
        return int(row["grant_seq"])

    def issue(self, grant: int, rules: TokenRules) -> dict[str, object]:
        """New tokens of a grant, as a token endpoint answers."""
        access, refresh = self._access_token(grant, rules), secrets.token_urlsafe(40)
        with self._store.transaction():
            self._keep("access", access, grant, rules.lifetime)
            self._keep("refresh", refresh, grant, rules.refresh_lifetime)
        body: dict[str, object] = {"access_token": access, "token_type": "Bearer", "expires_in": rules.lifetime}
        return body | {"refresh_token": refresh} | ({"scope": rules.scope} if rules.scope else {})

    def _access_token(self, grant: int, rules: TokenRules) -> str:
        random = secrets.token_urlsafe(40)
        if rules.claims is None:
            return random
        login = self._store.one(
            "SELECT l.* FROM logins l JOIN grants g ON g.package = l.package AND g.login = l.login WHERE g.seq = ?",
            (grant,),
        )
        claims = {} if login is None else dict(rules.claims(login))
        expires = self._clock.ms() // 1000 + rules.lifetime
        parts = ({"alg": "RS256", "typ": "JWT"}, claims | {"exp": expires})
        return ".".join((*(base64url(json.dumps(part).encode()) for part in parts), random))

    # -------------------------------------------------------------------------- coming in and out

    def who(self, secret: str) -> Who | None:
        """Whose access token or key this is, while it holds."""
        row = self._secret(secret, "access") or self._secret(secret, "key")
        if row is None or row["state"] != "active" or (row["expires"] and row["expires"] <= self._clock.ms()):
            return None
        login = self._store.one("SELECT * FROM logins WHERE package = ? AND login = ?", (self.package, row["login"]))
        if login is None:
            return None
        named = None if row["dossiers"] is None else tuple(json.loads(row["dossiers"]))
        return Who(
            int(row["grant_seq"]), login["login"], login["id"], login["name"], login["email"], login["company"],
            login["licence"], named,
        )  # fmt: skip

    def withdraw(self, *, secret: str = "", login: str = "") -> int:
        """End the grants behind a secret or of a login (all logins when both are ""). Returns how many."""
        return self._store.run(
            "UPDATE grants SET state = 'withdrawn' WHERE package = ? AND state = 'active' AND (? = '' OR login = ?)"
            " AND (? = '' OR seq IN (SELECT grant_seq FROM secrets WHERE hash = ?))",
            (self.package, login, login, secret, hashed(secret)),
        )

    def expire(self, secret: str = "") -> int:
        """End access tokens: this one, or all of them. Refresh tokens go on."""
        return self._store.run(
            "UPDATE secrets SET expires = ? WHERE package = ? AND kind = 'access' AND (? = '' OR hash = ?)",
            (self._clock.ms() - 1, self.package, secret, hashed(secret)),
        )

    # -------------------------------------------------------------------------- inside

    def _grant(self, app: str, login: str, dossiers: Sequence[str] | None) -> int:
        known = self._store.one("SELECT 1 FROM logins WHERE package = ? AND login = ?", (self.package, login))
        if known is None:
            raise ValueError(f"no login {login!r} at {self.package}")
        with self._store.transaction() as db:
            made = db.execute(
                "INSERT INTO grants (package, app, login, state, dossiers, created) VALUES (?, ?, ?, 'active', ?, ?)",
                (self.package, app, login, None if dossiers is None else json.dumps(list(dossiers)), self._clock.ms()),
            )
        return int(made.lastrowid or 0)

    def _keep(
        self, kind: str, secret: str, grant: int, lifetime: int | None, details: Mapping[str, str] | None = None
    ) -> None:
        now = self._clock.ms()
        expires = None if lifetime is None else now + lifetime * 1000
        self._store.run(
            "INSERT OR REPLACE INTO secrets (hash, package, kind, grant_seq, issued, expires, details)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (hashed(secret), self.package, kind, grant, now, expires, json.dumps(dict(details or {}))),
        )

    def _secret(self, secret: str, kind: str) -> Row | None:
        return self._store.one(
            "SELECT s.*, g.app, g.login, g.state, g.dossiers FROM secrets s JOIN grants g ON g.seq = s.grant_seq"
            " WHERE s.hash = ? AND s.package = ? AND s.kind = ?",
            (hashed(secret), self.package, kind),
        )

    def _use(self, row: Row) -> None:
        self._store.run("UPDATE secrets SET used = ? WHERE hash = ?", (self._clock.ms(), row["hash"]))
