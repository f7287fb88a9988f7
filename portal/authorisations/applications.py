"""What we are at a provider: our own registration there, its hosts, and the address it sends people back to."""

from __future__ import annotations

from collections.abc import Mapping

from requests.auth import AuthBase

from config import EVERY, Settings
from portal.connectors import registry, saltedge
from portal.connectors.login import Application, AuthMode, OAuth2
from portal.connectors.manifest import Manifest
from portal.kernel import http
from portal.kernel.errors import Conflict, Invalid


def manifest_of(app: str) -> Manifest:
    """Raises Invalid for an app that does not exist."""
    try:
        return registry.app(app).MANIFEST
    except KeyError:
        raise Invalid("authorisation.app_unknown", app=app) from None


def oauth_of(app: str) -> OAuth2:
    """How this app logs in. Raises Invalid for one that does not do so by OAuth 2."""
    oauth = manifest_of(app).oauth
    if oauth is None:
        raise Invalid("authorisation.app_unknown", app=app)
    return oauth


def application(settings: Settings, app: str) -> Application:
    """What we are at the provider. Raises Conflict when we must be registered there and are not."""
    ours, manifest = settings.registration(app), manifest_of(app)
    # A feed that is opened with a key is opened with our own.
    wanted = manifest.registered or manifest.auth in (AuthMode.OAUTH2, AuthMode.HOSTED) or app in registry.FEEDS
    if wanted and not (ours.id or ours.secret):
        raise Conflict("authorisation.app_not_registered", app=manifest.label)
    return Application(ours.id, ours.secret)


def host_of(settings: Settings, app: str, environment: str) -> str:
    """The provider's address, no slash at the end; the settings may put another in its place.

    Where people name the server, `environment` is its address. Raises Invalid for an unknown one.
    """
    manifest = manifest_of(app)
    if manifest.host_field:
        return environment
    known = {**manifest.hosts, **_replaced(settings, app)}
    if environment not in known:
        raise Invalid("authorisation.environment_unknown", field="environment", environment=environment)
    return known[environment].rstrip("/")


def is_ours(settings: Settings, app: str, host: str) -> bool:
    """Whether this address is one that the settings name for the app, such as a demo's own sandbox."""
    return host in {known.rstrip("/") for known in settings.registration(app).hosts.values()}


def login_host(settings: Settings, app: str, environment: str) -> str:
    """Where people log in: the provider's address, or another that it keeps for that."""
    host = host_of(settings, app, environment)
    return host if environment in _replaced(settings, app) else oauth_of(app).authorise_hosts.get(environment, host)


def token_url(settings: Settings, app: str, environment: str) -> str:
    """Where tokens are given: at the provider's address, or at another that it keeps for that."""
    host, oauth = host_of(settings, app, environment), oauth_of(app)
    if environment not in _replaced(settings, app):
        host = oauth.token_hosts.get(environment, host)
    return host.rstrip("/") + oauth.token_path


def certificate(settings: Settings, app: str) -> http.Certificate | None:
    """What we show on connections to this provider; None where none is asked for or none is set."""
    wanted = manifest_of(app).client_certificate
    known = {"ponto": settings.ponto_certificate}
    found = known.get(app) if wanted else None
    return http.Certificate(*found) if found is not None else None


def _replaced(settings: Settings, app: str) -> Mapping[str, str]:
    """The hosts of the settings by environment; one that is given for every environment, for each of them."""
    given = settings.registration(app).hosts
    every = given.get(EVERY)
    return given if every is None else {**dict.fromkeys(manifest_of(app).hosts, every), **given}


def signature(settings: Settings, app: str) -> AuthBase | None:
    """How requests of ours show that they are ours where no log-in is asked for; None where nothing is.

    Raises Conflict where we are not registered, or the key that signs is missing or cannot be read.
    """
    if app != "saltedge":
        return None
    ours = application(settings, app)
    try:
        return saltedge.Signature(ours.id, ours.secret, settings.saltedge_signs_with())
    except (ValueError, TypeError):
        raise Conflict("authorisation.app_not_registered", app=manifest_of(app).label) from None


def callback_key(settings: Settings, app: str) -> bytes | None:
    """The public key of a provider that publishes it at no address, as PEM; None where it has an address."""
    return settings.saltedge_calls_with().encode() if app == "saltedge" else None


def called_by(settings: Settings, app: str) -> str:
    """How the provider's callbacks name us."""
    return {"ponto": settings.ponto_application_id, "saltedge": settings.registration("saltedge").id}.get(app, "")


def redirect_uri(settings: Settings, app: str) -> str:
    """One per provider and without a tenant: providers compare it letter by letter."""
    return f"{settings.base_url}/oauth/{app}/callback"
