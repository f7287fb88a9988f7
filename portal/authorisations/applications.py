"""What we are at a provider: our own registration there, its hosts, and the address it sends people back to."""

from __future__ import annotations

from collections.abc import Mapping

from requests.auth import AuthBase

from config import Settings
from portal.connectors import registry, saltedge
from portal.connectors.base import Manifest, OAuth2
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


def application(settings: Settings, app: str) -> tuple[str, str]:
    """Our client id and secret at the provider. Raises Conflict when the installation has none."""
    registered = {
        "exact": (settings.exact_client_id, settings.exact_client_secret),
        "ponto": (settings.ponto_client_id, settings.ponto_client_secret),
        "saltedge": (settings.saltedge_app_id, settings.saltedge_secret),
    }
    client_id, secret = registered.get(app, ("", ""))
    if not client_id:
        raise Conflict("authorisation.app_not_registered", app=manifest_of(app).label)
    return client_id, secret


def host_of(settings: Settings, app: str, environment: str) -> str:
    """The provider's address, no slash at the end; the settings may put another in its place."""
    known = {**manifest_of(app).hosts, **_replaced(settings, app)}
    if environment not in known:
        raise Invalid("authorisation.environment_unknown", field="environment", environment=environment)
    return known[environment].rstrip("/")


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
    hosts = {"exact": settings.exact_hosts, "ponto": settings.ponto_hosts, "saltedge": settings.saltedge_hosts}
    return hosts.get(app, {})


def signature(settings: Settings, app: str) -> AuthBase | None:
    """How requests of ours show that they are ours where no log-in is asked for; None where nothing is.

    Raises Conflict where we are not registered, or the key that signs is missing or cannot be read.
    """
    if app != "saltedge":
        return None
    app_id, secret = application(settings, app)
    try:
        return saltedge.Signature(app_id, secret, settings.saltedge_signs_with())
    except (ValueError, TypeError):
        raise Conflict("authorisation.app_not_registered", app=manifest_of(app).label) from None


def callback_key(settings: Settings, app: str) -> bytes | None:
    """The public key of a provider that publishes it at no address, as PEM; None where it has an address."""
    return settings.saltedge_calls_with().encode() if app == "saltedge" else None


def called_by(settings: Settings, app: str) -> str:
    """How the provider's callbacks name us."""
    return {"ponto": settings.ponto_application_id, "saltedge": settings.saltedge_app_id}.get(app, "")


def redirect_uri(settings: Settings, app: str) -> str:
    """One per provider and without a tenant: providers compare it letter by letter."""
    return f"{settings.base_url}/oauth/{app}/callback"
