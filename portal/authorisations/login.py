"""Logging in at a provider: leave with a one-time state, come back with a code, and check who it is.

The state is bound to the browser's session, the tenant, the provider and the authorisation.
It starts with the tenant's id, because providers send people back to one exact address that
cannot name a tenant; the rest is random, and only its hash is stored.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import requests
from requests.auth import AuthBase
from sqlalchemy import func, or_, select

from portal.access import Scope
from portal.authorisations import applications, replies
from portal.authorisations.custody import Means
from portal.authorisations.models import Authorisation, LoginState
from portal.authorisations.replies import Refused, Tokens
from portal.connectors import registry
from portal.connectors.base import Form, Identity
from portal.connectors.errors import ConnectorError
from portal.kernel import clock, http
from portal.kernel.db import Setting, uuid7
from portal.kernel.errors import PortalError
from portal.kernel.vault import Place

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
    tokens: Tokens = field(repr=False)


def begin(means: Means, scope: Scope, session_id: uuid.UUID, authorisation: Authorisation) -> str:
    """The provider's address to send the browser to. `session_id` is the row of the signed-in browser."""
    oauth = applications.oauth_of(authorisation.app)
    settings = means.settings
    client_id = applications.application(settings, authorisation.app).id
    state = f"{scope.tenant_id.hex}.{secrets.token_urlsafe(32)}"
    verifier, row_id, now = secrets.token_urlsafe(48), uuid7(), clock.now()
    scope.session.add(
        LoginState(
            tenant_id=scope.tenant_id,
            id=row_id,
            state_hash=_hash(state),
            session_id=session_id,
            app=authorisation.app,
            environment=authorisation.environment,
            authorisation_id=authorisation.id,
            verifier=means.vault.seal(scope.session, _place(scope.tenant_id, row_id), verifier),
            created_at=now,
            expires_at=now + STATE_LIVES,
        )
    )
    query = {
        "client_id": client_id,
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
    row, verifier = _claimed(means, tenant_id, session_id, app, given)
    settings = means.settings
    host = applications.host_of(settings, app, row.environment)
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
        "code_verifier": verifier,
    }
    answer = replies.ask(settings, app, row.environment, form)
    if not isinstance(answer, Tokens):
        text = answer.text if isinstance(answer, Refused) else ""
        raise LoginRefused("consent.code_refused" if text else "consent.provider_away", text=text)
    if row.authorisation_id is None:
        raise LoginRefused("consent.state_unknown")
    identity = _who(host, app, answer, applications.certificate(settings, app))
    return Arrival(row.authorisation_id, row.environment, identity, answer)


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


def _claimed(
    means: Means, tenant_id: uuid.UUID, session_id: uuid.UUID, app: str, given: Mapping[str, str]
) -> tuple[LoginState, str]:
    """The row of this state, used up as of now, and its verifier. A stranger's try uses up nothing."""
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
        return row, means.vault.open(session, _place(tenant_id, row.id), row.verifier)


def _who(host: str, app: str, tokens: Tokens, certificate: http.Certificate | None) -> Identity:
    with http.session(pool=1, certificate=certificate) as session:
        session.auth = _Bearer(tokens.access)
        try:
            if app in registry.FEEDS:
                return registry.load_feed(app).connect(session, host, _Open()).identity()
            return registry.load(app).connect(session, host, _Open(), Form()).identity()
        except ConnectorError as error:
            raise LoginRefused("consent.nobody", text=error.provider_text[:200], reason=error.code) from None


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


class _Open:
    """No budget yet: the one call that asks who logged in."""

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        return None

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        return None
