"""Settings, and the only reader of the environment.

Nothing happens on import. `Settings.from_env()` reads the variables listed in
docs/operations.md; what is not given comes from the data folder, where secrets and ports are
made on first use. In production nothing is made up: what is missing refuses the start.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from portal.kernel.roles import APP, OWNER
from portal.kernel.services import folder as kept

DATABASE = "koppelpoort"
REQUIRED_IN_PRODUCTION = ("DATABASE_URL", "REDIS_URL", "BASE_URL", "SECRET_KEY", "KEY_ENCRYPTION_KEYS", "AUDIT_KEY")
EVERY = "*"  # in place of an environment: the same host for all of them


class ConfigError(Exception):
    """The environment is incomplete or contradicts itself; the text names the variables."""


class Variables(NamedTuple):
    """What the variables of an app are called, and what a demo's own sandbox knows us by.

    The demo values are nothing secret: they exist on the machine of the demo only.
    """

    id: str
    secret: str
    hosts: str
    demo_id: str = "koppelpoort-demo"
    demo_secret: str = "demo-secret-packages"  # noqa: S105 (see above)


def _named(prefix: str, *demo: str, names: tuple[str, str] = ("CLIENT_ID", "CLIENT_SECRET")) -> Variables:
    return Variables(*(f"{prefix}_{name}" for name in (*names, "HOSTS_JSON")), *demo)


# Every app that we can be registered at, or whose hosts can be replaced, by its key.
APPS: Mapping[str, Variables] = {
    "exact": _named("EXACT", "6f1a1c0e-7d0b-4f55-9c0e-2f6d0b7f5a02", "demo-secret-published"),
    "xero": _named("XERO"),
    "business_central": _named("BUSINESS_CENTRAL"),
    "odoo": Variables("", "", "ODOO_HOSTS_JSON"),  # people give a key of their own
    "pennylane": Variables("", "", "PENNYLANE_HOSTS_JSON"),
    "myunisoft": Variables("", "MYUNISOFT_PARTNER_SECRET", "MYUNISOFT_HOSTS_JSON"),
    "minox": _named("MINOX"),
    "acd": _named("CHIFT"),
    "cegid_loop": _named("CHIFT"),
    "inqom": _named("CHIFT"),
    "ponto": _named("PONTO", "b7c1f5b2-3f0e-4a5e-9d5c-0c5a6f1e7a01", "demo-secret-ponto"),
    "saltedge": _named("SALTEDGE", "koppelpoort-demo", "demo-secret-saltedge", names=("APP_ID", "SECRET")),
}


@dataclass(frozen=True, slots=True)
class Registration:
    """What we are at the provider of an app; all empty when this installation is not registered there."""

    id: str = ""
    secret: str = field(default="", repr=False)
    # Environment key, or `EVERY`, → host, in place of the manifest's; empty: the real ones.
    hosts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Smtp:
    """Where mail goes out. `tls`: "starttls", "implicit" or "none"."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: str


class ClientCertificate(NamedTuple):
    """PEM files that say who we are on a connection; `password` opens the key, "" when it has none."""

    chain: Path
    key: Path
    password: str

    def __repr__(self) -> str:
        return f"ClientCertificate({self.chain})"


@dataclass(frozen=True, slots=True)
class Settings:
    """All that differs from one machine to another. Secrets stay out of `repr`."""

    home: Path  # the data folder
    environment: str  # "development" or "production"
    demo: bool  # demo data, the sandbox provider and the outbox page
    port: int  # where the web server listens
    bind: str  # the address it listens on
    base_url: str  # how people reach it, no slash at the end
    database_url: str = field(repr=False)  # as koppelpoort_app
    owner_database_url: str = field(repr=False)  # as koppelpoort_owner; "" where migrations are not run from
    redis_url: str = field(repr=False)
    embedded_postgres: bool
    embedded_redis: bool
    secret_key: str = field(repr=False)
    secret_key_fallbacks: tuple[str, ...] = field(repr=False)  # older ones, still accepted
    key_encryption_keys: Mapping[str, bytes] = field(repr=False)  # id → 32 bytes; the first one encrypts
    audit_key: bytes = field(repr=False)
    smtp: Smtp | None  # None: mail goes to the outbox
    mail_from: str
    registrations: Mapping[str, Registration]  # by the key of the app, for those in APPS
    ponto_application_id: str  # as its callbacks name us; the client id when not told
    ponto_certificate: ClientCertificate | None  # what Ponto knows our connections by
    sandbox_port: int
    ponto_sandbox_port: int
    saltedge_sandbox_port: int
    packages_sandbox_port: int
    saltedge_private_key: str = field(repr=False)  # PEM, signs our requests; "" in a demo: see `saltedge_signs_with`
    saltedge_public_key: str  # PEM, Salt Edge signs its callbacks with the other half; "" in a demo
    proxies: int  # how many reverse proxies stand before the web server
    crash_at: str  # name of a point at which a process kills itself, for tests
    settle_seconds: float | None  # in place of the manifests' settle time, for trials; None: as published
    log_level: str

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def public_host(self) -> str:
        """The host name in `base_url`, with its port when it has one."""
        return urlsplit(self.base_url).netloc

    def saltedge_signs_with(self) -> str:
        """PEM of the key that signs our requests. For the sandbox one of our own, made on first use."""
        return self.saltedge_private_key or (kept.rsa_key(self.home, "saltedge-key") if self.demo else "")

    def saltedge_calls_with(self) -> str:
        """PEM of the public key that its callbacks are checked with; in a demo that of the sandbox."""
        if self.saltedge_public_key or not self.demo:
            return self.saltedge_public_key
        return kept.public_key(kept.rsa_key(self.home, "saltedge-callback-key"))

    def registration(self, app: str) -> Registration:
        """An empty one for an app that is not in APPS."""
        return self.registrations.get(app, Registration())

    @property
    def secure_cookies(self) -> bool:
        return self.base_url.startswith("https://")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raises `ConfigError`; may make secrets and ports in the data folder."""
        env = os.environ if environ is None else environ
        environment = env.get("KOPPELPOORT_ENV", "development")
        if environment not in ("development", "production"):
            raise ConfigError('KOPPELPOORT_ENV is "development" or "production"')
        if environment == "production" and (missing := [name for name in REQUIRED_IN_PRODUCTION if not env.get(name)]):
            raise ConfigError(f"in production these must be set: {', '.join(missing)}")
        if environment == "production" and env.get("CRASH_AT"):
            raise ConfigError("CRASH_AT is for tests; it is refused in production")
        if environment == "production" and env.get("SETTLE_SECONDS"):
            raise ConfigError("SETTLE_SECONDS is for trials; it is refused in production")
        home = Path(env.get("KOPPELPOORT_HOME") or "var").resolve()
        port = _number(env, "PORT", 8000)
        sandbox_port = _number(env, "SANDBOX_PORT", port + 100)
        sandboxes = {
            "exact": sandbox_port,
            "ponto": _number(env, "PONTO_SANDBOX_PORT", sandbox_port + 1),
            "saltedge": _number(env, "SALTEDGE_SANDBOX_PORT", sandbox_port + 2),
            "packages": _number(env, "PACKAGES_SANDBOX_PORT", sandbox_port + 3),
        }
        demo = _flag(env, "DEMO", environment == "development")
        registrations = {app: _registration(env, app, sandboxes if demo else {}) for app in APPS}
        return cls(
            home=home,
            environment=environment,
            demo=demo,
            port=port,
            bind=env.get("BIND", "127.0.0.1"),
            base_url=_base_url(env, environment, port),
            database_url=_with_driver(env.get("DATABASE_URL", "")) or _embedded_database(home, APP),
            owner_database_url=_owner_url(env, home),
            redis_url=env.get("REDIS_URL") or _embedded_redis(home),
            embedded_postgres=not env.get("DATABASE_URL"),
            embedded_redis=not env.get("REDIS_URL"),
            secret_key=env.get("SECRET_KEY") or kept.secret(home, "secret-key"),
            secret_key_fallbacks=tuple(filter(None, env.get("SECRET_KEY_FALLBACKS", "").split(","))),
            key_encryption_keys=_key_encryption_keys(env, home),
            audit_key=(env.get("AUDIT_KEY") or kept.secret(home, "audit-key")).encode(),
            smtp=_smtp(env.get("SMTP_URL", "")),
            mail_from=env.get("MAIL_FROM", "Koppelpoort <no-reply@koppelpoort.example>"),
            registrations=registrations,
            ponto_application_id=env.get("PONTO_APPLICATION_ID", registrations["ponto"].id),
            ponto_certificate=_certificate(
                home,
                "ponto",
                env.get("PONTO_CERTIFICATE", ""),
                env.get("PONTO_KEY", ""),
                env.get("PONTO_KEY_PASSWORD", ""),
            ),
            sandbox_port=sandbox_port,
            ponto_sandbox_port=sandboxes["ponto"],
            saltedge_sandbox_port=sandboxes["saltedge"],
            packages_sandbox_port=sandboxes["packages"],
            saltedge_private_key=_text("SALTEDGE_PRIVATE_KEY", env.get("SALTEDGE_PRIVATE_KEY", "")),
            saltedge_public_key=_text("SALTEDGE_PUBLIC_KEY", env.get("SALTEDGE_PUBLIC_KEY", "")),
            proxies=_number(env, "TRUSTED_PROXIES", 0),
            crash_at=env.get("CRASH_AT", ""),
            settle_seconds=float(_number(env, "SETTLE_SECONDS", 0)) if env.get("SETTLE_SECONDS") else None,
            log_level=env.get("LOG_LEVEL", "INFO").upper(),
        )


def child_environment(settings: Settings) -> dict[str, str]:
    """What a process started by us gets: our own environment, with the data folder and port made explicit."""
    return {
        **os.environ,
        "KOPPELPOORT_HOME": str(settings.home),
        "PORT": str(settings.port),
        "SANDBOX_PORT": str(settings.sandbox_port),
        "PONTO_SANDBOX_PORT": str(settings.ponto_sandbox_port),
        "SALTEDGE_SANDBOX_PORT": str(settings.saltedge_sandbox_port),
        "PACKAGES_SANDBOX_PORT": str(settings.packages_sandbox_port),
        "PYTHONUNBUFFERED": "1",
    }


def _registration(env: Mapping[str, str], app: str, sandboxes: Mapping[str, int]) -> Registration:
    """As the variables say. What they leave out comes from the demo's sandboxes, given by their ports."""
    names = APPS[app]
    hosts = _hosts(env.get(names.hosts, ""), names.hosts)
    ours = bool(sandboxes) and not hosts
    client_id = env.get(names.id, names.demo_id if ours else "")
    secret = env.get(names.secret, names.demo_secret if ours else "")
    return Registration(client_id, secret, hosts or (_demo_hosts(app, sandboxes) if ours else {}))


def _demo_hosts(app: str, sandboxes: Mapping[str, int]) -> Mapping[str, str]:
    root = f"http://127.0.0.1:{sandboxes.get(app, sandboxes['packages'])}"
    if app == "exact":
        return {country: f"{root}/{country}" for country in ("be", "nl", "fr")}
    return {EVERY: root + {"ponto": "/ponto-connect", "saltedge": ""}.get(app, f"/{app}")}


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(env.get(name) or default)
    except ValueError:
        raise ConfigError(f"{name} must be a whole number") from None


def _flag(env: Mapping[str, str], name: str, default: bool) -> bool:
    text = env.get(name, "").lower()
    if text not in ("", "0", "1", "false", "true", "no", "yes"):
        raise ConfigError(f"{name} must be 0 or 1")
    return text in ("1", "true", "yes") if text else default


def _base_url(env: Mapping[str, str], environment: str, port: int) -> str:
    url = (env.get("BASE_URL") or f"http://127.0.0.1:{port}").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
        raise ConfigError("BASE_URL is a scheme and a host only, as in https://portal.example.com")
    if environment == "production" and parts.scheme != "https":
        raise ConfigError("in production BASE_URL must start with https://")
    return url


def _with_driver(url: str) -> str:
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _embedded_database(home: Path, role: str) -> str:
    password = kept.secret(home, f"{role}-password")
    return f"postgresql+psycopg://{role}:{password}@127.0.0.1:{kept.port(home / 'postgres')}/{DATABASE}"


def _owner_url(env: Mapping[str, str], home: Path) -> str:
    given = _with_driver(env.get("OWNER_DATABASE_URL", ""))
    return given if given or env.get("DATABASE_URL") else _embedded_database(home, OWNER)


def _embedded_redis(home: Path) -> str:
    password = kept.password(home / "valkey")
    return f"redis://:{password}@127.0.0.1:{kept.port(home / 'valkey')}/0"


def _key_encryption_keys(env: Mapping[str, str], home: Path) -> dict[str, bytes]:
    """`KEY_ENCRYPTION_KEYS=id:base64,older:base64`; each key 32 bytes, the first one encrypts."""
    given = env.get("KEY_ENCRYPTION_KEYS", "")
    if not given:
        return {"local": bytes.fromhex(kept.secret(home, "key-encryption-key"))}
    keys: dict[str, bytes] = {}
    for part in given.split(","):
        name, _, text = part.strip().partition(":")
        try:
            keys[name] = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ConfigError(f"KEY_ENCRYPTION_KEYS: the key {name!r} is not base64") from None
        if not name or len(keys[name]) != 32:
            raise ConfigError(f"KEY_ENCRYPTION_KEYS: {name!r} needs an id and 32 bytes, as in 2026a:<base64>")
    return keys


def _smtp(url: str) -> Smtp | None:
    """`smtp://user:password@host:587` (STARTTLS), `smtps://…:465`, `smtp+plain://host:25` (no TLS)."""
    if not url:
        return None
    parts = urlsplit(url)
    kinds = {"smtp": ("starttls", 587), "smtps": ("implicit", 465), "smtp+plain": ("none", 25)}
    if parts.scheme not in kinds or not parts.hostname:
        raise ConfigError("SMTP_URL looks like smtp://user:password@host:587, smtps://… or smtp+plain://host:25")
    tls, port = kinds[parts.scheme]
    return Smtp(parts.hostname, parts.port or port, unquote(parts.username or ""), unquote(parts.password or ""), tls)


def _hosts(given: str, name: str) -> dict[str, str]:
    """What the variable `name` says; {} when it says nothing."""
    try:
        return {str(key): str(host) for key, host in json.loads(given or "{}").items()}
    except (ValueError, AttributeError):
        raise ConfigError(f'{name} looks like {{"environment": "https://host"}}') from None


def _certificate(home: Path, name: str, chain: str, key: str, password: str) -> ClientCertificate | None:
    """Each part is a path or the PEM text itself, which goes to a file: TLS libraries read no others."""
    if not (chain and key):
        if chain or key:
            raise ConfigError(f"{name.upper()}_CERTIFICATE and {name.upper()}_KEY go together")
        return None
    return ClientCertificate(_pem(home, f"{name}-certificate", chain), _pem(home, f"{name}-key", key), password)


def _text(name: str, given: str) -> str:
    """The PEM text itself, or the path of the file that holds it."""
    if not given or given.lstrip().startswith("-----BEGIN"):
        return given
    try:
        return Path(given).read_text()
    except (OSError, ValueError):
        raise ConfigError(f"{name} is neither a PEM text nor the path of one") from None


def _pem(home: Path, name: str, given: str) -> Path:
    if not given.lstrip().startswith("-----BEGIN"):
        return Path(given).resolve()
    text = given.replace("\\n", "\n").strip()
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]  # another text is another file: `keep` never replaces
    (home / "secrets").mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / "secrets" / f"{name}-{digest}.pem"
    kept.keep(path, lambda: text)
    return path
