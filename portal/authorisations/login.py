"""Logging in at a provider: leave with a one-time state, come back with a code, and check who it is.

The state is bound to the browser's session, the tenant, the provider and the authorisation.
It starts with the tenant's id, because providers send people back to one exact address that
cannot name a tenant; the rest is random, and only its hash is stored.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import requests
from requests.auth import AuthBase
from sqlalchemy import func, or_, select

from config import Settings
from portal.access import Scope
from portal.authorisations import applications, connecting, replies
from portal.authorisations.custody import Means
from portal.authorisations.models import Authorisation, LoginState
from portal.authorisations.replies import Refused, Tokens
from portal.connectors import registry
from portal.connectors.base import Bookkeeping, Identity
from portal.connectors.errors import ConnectorError
from portal.connectors.feed import BankFeed
from portal.connectors.login import AuthMode, Form, HostedLogin
from portal.kernel import clock, http
from portal.kernel.db import Setting, uuid7
from portal.kernel.errors import PortalError
from portal.kernel.vault import Place
from portal.tenants.models import Tenant

STATE_LIVES = timedelta(minutes=10)


class LoginRefused(PortalError):
    """The way back from the provider does not fit the way out, or the provider said no. Nothing changed."""

    status = 400


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came back, with which tokens, for which authorisation."""

    authorisation_id: uuid.UUID
    environment: str
    identity: Identity
    tokens: Tokens | None = field(repr=False)  # of OAuth 2
    form: Form = field(default_factory=Form)  # what a log-in on the provider's own page left us


def begin(means: Means, scope: Scope, session_id: uuid.UUID, authorisation: Authorisation, form: Form) -> str:
    """The provider's address to send the browser to. `session_id` is the row of the signed-in browser.

    `form` is what was typed before. Raises LoginRefused when a provider that makes a page for each log-in does not.
    """
    state = f"{scope.tenant_id.hex}.{secrets.token_urlsafe(32)}"
    if applications.manifest_of(authorisation.app).auth is AuthMode.HOSTED:
        hosted = _hosted(means.settings, scope, authorisation, state, form)
        _leave(means, scope, session_id, authorisation, state, json.dumps(hosted.form))
        return hosted.url
    verifier = secrets.token_urlsafe(48)
    _leave(means, scope, session_id, authorisation, state, verifier)
    return _oauth_address(means.settings, authorisation, state, verifier)


def _leave(
    means: Means, scope: Scope, session_id: uuid.UUID, authorisation: Authorisation, state: str, secret: str
) -> None:
    """Remember who left with this state, and the secret for the way back."""
    row_id, now = uuid7(), clock.now()
    scope.session.add(
        LoginState(
            tenant_id=scope.tenant_id,
            id=row_id,
            state_hash=_hash(state),
            session_id=session_id,
            app=authorisation.app,
            environment=authorisation.environment,
            authorisation_id=authorisation.id,
            verifier=means.vault.seal(scope.session, _place(scope.tenant_id, row_id), secret),
            created_at=now,
            expires_at=now + STATE_LIVES,
        )
    )


def _hosted(settings: Settings, scope: Scope, authorisation: Authorisation, state: str, form: Form) -> HostedLogin:
    app = authorisation.app
    host = applications.host_of(settings, app, authorisation.environment)
    tenant = scope.session.get_one(Tenant, scope.tenant_id)
    return_to = f"{applications.redirect_uri(settings, app)}?{urlencode({'state': state})}"
    try:
        with connecting.session_of(settings, app, host, Form()) as session:
            return registry.opening(app)(session, host, tenant.name, tenant.email or "", return_to, form)
    except ConnectorError as error:
        raise LoginRefused("consent.provider_away", text=error.provider_text[:200], reason=error.code) from None


def _oauth_address(settings: Settings, authorisation: Authorisation, state: str, verifier: str) -> str:
    oauth = applications.oauth_of(authorisation.app)
    query = {
        "client_id": applications.application(settings, authorisation.app).id,
        "redirect_uri": applications.redirect_uri(settings, authorisation.app),
        "response_type": "code",
        "state": state,
        **oauth.authorise_params,
    }
    if oauth.pkce:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    host = applications.login_host(settings, authorisation.app, authorisation.environment)
    return f"{host}{oauth.authorise_path}?{urlencode(query)}"


def tenant_of(state: str) -> uuid.UUID | None:
    """The tenant that a state says it belongs to: where to look, proved by nothing yet."""
    try:
        return uuid.UUID(hex=state.partition(".")[0])
    except ValueError:
        return None


def arrive(means: Means, tenant_id: uuid.UUID, session_id: uuid.UUID, app: str, given: Mapping[str, str]) -> Arrival:
    """Check the way back, exchange the code, ask who it is. `given` is the query of the call-back.

    The state is used up, and that is committed, before anything is sent. Raises LoginRefused.
    """
    left = _claimed(means, tenant_id, session_id, app, given)
    if left.row.authorisation_id is None:
        raise LoginRefused("consent.state_unknown")
    settings, environment = means.settings, left.row.environment
    if applications.manifest_of(app).auth is AuthMode.HOSTED:
        answer, form = None, Form(json.loads(left.secret))
        identity = _who(lambda: connecting.keyed(settings, app, environment, form, connecting.Unlimited()))
    else:
        answer, form = _tokens(settings, app, left, given), left.form
        identity = _who(lambda: _signed_in(settings, app, environment, answer, form))
    return Arrival(left.row.authorisation_id, environment, identity, answer, form)


def _tokens(settings: Settings, app: str, left: _Left, given: Mapping[str, str]) -> Tokens:
    row = left.row
    if given.get("iss") and _origin(given["iss"]) != _origin(applications.login_host(settings, app, row.environment)):
        raise LoginRefused("consent.other_issuer")
    if given.get("error"):
        code = "consent.denied" if given["error"] == "access_denied" else "consent.provider_error"
        raise LoginRefused(code, text=given.get("error_description", given["error"])[:200])
    if not given.get("code"):
        raise LoginRefused("consent.no_code")
    form = {
        "grant_type": "authorization_code",
        "code": given["code"],
        "redirect_uri": applications.redirect_uri(settings, app),
        "code_verifier": left.secret,
    }
    answer = replies.ask(settings, app, row.environment, form)
    if not isinstance(answer, Tokens):
        text = answer.text if isinstance(answer, Refused) else ""
        raise LoginRefused("consent.code_refused" if text else "consent.provider_away", text=text)
    return answer


def recognise(scope: Scope, app: str, environment: str, login: str) -> Authorisation | None:
    """The authorisation that this login (its e-mail address or name at the provider) has here already."""
    wanted = login.strip().lower()
    if not wanted:
        return None
    query = select(Authorisation).where(
        Authorisation.tenant_id == scope.tenant_id,
        Authorisation.app == app,
        Authorisation.environment == environment,
        Authorisation.removed_at.is_(None),
        Authorisation.remote_user_id != "",
        or_(func.lower(Authorisation.remote_email) == wanted, func.lower(Authorisation.remote_user_name) == wanted),
    )
    return scope.session.scalars(query.order_by(Authorisation.created_at).limit(1)).one_or_none()


def _claimed(means: Means, tenant_id: uuid.UUID, session_id: uuid.UUID, app: str, given: Mapping[str, str]) -> _Left:
    """The row of this state, used up as of now, with its secret. A stranger's try uses up nothing."""
    state = given.get("state", "")
    if not state:
        raise LoginRefused("consent.state_missing")
    if tenant_of(state) != tenant_id:
        raise LoginRefused("consent.state_unknown")
    with means.database.scoped(Setting(tenant=tenant_id)) as session:
        query = select(LoginState).where(LoginState.tenant_id == tenant_id, LoginState.state_hash == _hash(state))
        row = session.scalars(query.with_for_update()).one_or_none()
        if row is None:
            raise LoginRefused("consent.state_unknown")
        if row.session_id != session_id:
            raise LoginRefused("consent.other_session")
        if row.app != app:
            raise LoginRefused("consent.other_app")
        if row.used_at is not None:
            raise LoginRefused("consent.state_used")
        if row.expires_at <= clock.now():
            raise LoginRefused("consent.state_expired")
        row.used_at = clock.now()
        typed_before = session.get(Authorisation, (tenant_id, row.authorisation_id))
        form = Form(typed_before.form) if typed_before is not None else Form()
        return _Left(row, means.vault.open(session, _place(tenant_id, row.id), row.verifier), form)


@dataclass(frozen=True, slots=True)
class _Left:
    """Somebody who left for the provider: the PKCE verifier or what its page left us, and what was typed before."""

    row: LoginState
    secret: str = field(repr=False)
    form: Form


def _signed_in(settings: Settings, app: str, environment: str, tokens: Tokens, form: Form) -> Bookkeeping | BankFeed:
    session = http.session(pool=1, certificate=applications.certificate(settings, app))
    session.auth = _Bearer(tokens.access)
    host = applications.host_of(settings, app, environment)
    if app in registry.FEEDS:
        return registry.load_feed(app).connect(session, host, connecting.Unlimited())
    return registry.load(app).connect(session, host, connecting.Unlimited(), form)


def _who(connect: Callable[[], Bookkeeping | BankFeed]) -> Identity:
    try:
        found = connect().identity()
    except ConnectorError as error:
        raise LoginRefused("consent.nobody", text=error.provider_text[:200], reason=error.code) from None
    if not found.user_id:
        raise LoginRefused("consent.nobody")
    return found


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()


def _place(tenant_id: uuid.UUID, row_id: uuid.UUID) -> Place:
    return Place("login_states", tenant_id, row_id, "verifier")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
