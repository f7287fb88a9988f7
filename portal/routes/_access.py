"""Who may come to a route. Every view says so, or the app refuses to start.

`@public`: anybody. `@signed_in`: anybody with a living session, on pages of their own.
`@require(permission, right)`: the role in the tenant that the URL names. A stranger gets
404, as if nothing were there; a role that is too weak gets 403.
`@with_key`: other software, by a key of the client account that the URL names; 401 otherwise.
`@with_user_code`: accounting software, by user code and password; 401 otherwise.
`@software_itself`: accounting software in the browser, on the one page it has; nobody else.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, jsonify, request, url_for
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import runtime
from portal.access import Actor, Permission, Right, Scope, role_in_client
from portal.apikeys.models import ApiKey
from portal.apikeys.service import find_key, note_use
from portal.identity import sessions
from portal.identity.sessions import Entered
from portal.kernel.db import Setting, set_scope
from portal.kernel.errors import Forbidden, NotFound
from portal.permissions.deciding import JobRole
from portal.routes import _user_code
from portal.routes._htmx import go_to
from portal.tenants import matrix

View = TypeVar("View", bound=Callable[..., Any])
TENANT_ARGUMENTS = {"portal": "portal", "client": "client"}
_NOT_ASSIGNED_BY = text("SELECT not_assigned_by(:client)")
KEY_ARGUMENT = "client_account"  # on addresses for other software


@dataclass(frozen=True, slots=True)
class Access:
    """What a view declares about itself."""

    kind: str  # "public", "signed_in", "tenant", "key", "user_code", "software"
    permission: Permission | None = None
    right: Right | None = None
    callback: bool = False  # a POST that no browser sends: it is judged by its signature
    fresh: bool = False  # only for who confirmed a few minutes ago that it is them
    get_writes: bool = False  # a GET that must write: the way back from a provider, with its one-time state


def _mark(access: Access) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]  # read by guard() and by the checks
        return view

    return decorate


def public(view: View) -> View:
    return _mark(Access("public"))(view)


def signed_in(view: View) -> View:
    return _mark(Access("signed_in"))(view)


def require(permission: Permission, right: Right) -> Callable[[View], View]:
    return _mark(Access("tenant", permission, right))


def with_key(view: View) -> View:
    return _mark(Access("key"))(view)


def with_user_code(view: View) -> View:
    return _mark(Access("user_code"))(view)


def software_itself(view: View) -> View:
    return _mark(Access("software"))(view)


def callback(view: View) -> View:
    """Put above @public."""
    return _mark(replace(access_of(view), callback=True))(view)


def get_writes(view: View) -> View:
    """Put above @public or @signed_in."""
    return _mark(replace(access_of(view), get_writes=True))(view)


def fresh(view: View) -> View:
    """For what hurts: who did not give the password of late is asked for it first. Put above @require or @signed_in."""
    return _mark(replace(access_of(view), fresh=True))(view)


def access_of(view: Any) -> Access:
    access = getattr(view, "access", None)
    if access is None:
        raise RuntimeError(f"{getattr(view, '__qualname__', view)} declares no permission")
    return cast(Access, access)


def scope() -> Scope:
    """The scope of this request, on routes under @require."""
    return cast(Scope, g.scope)


def entered() -> Entered:
    """Who is signed in, on routes under @signed_in and @require."""
    return cast(Entered, g.entered)


def api_key() -> ApiKey:
    """The key of this request, on routes under @with_key."""
    return cast(ApiKey, g.api_key)


def db() -> Session:
    """The session of this request; read-only in a GET."""
    return cast(Session, g.session)


def as_id(value: str) -> uuid.UUID:
    """An id out of a form; what is none is nobody's."""
    try:
        return uuid.UUID(value)
    except ValueError:
        raise NotFound() from None


def cookie_name() -> str:
    return "__Host-kp" if runtime.get().settings.secure_cookies else "kp"


def register(app: Flask) -> None:
    """Guard every route, and refuse to start when one declares nothing."""
    app.before_request(_guard)
    app.teardown_request(_close)


def check_declared(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue  # the files of the look, the same for everybody
        access = access_of(app.view_functions[rule.endpoint])
        if (access.kind == "key") != (KEY_ARGUMENT in rule.arguments):
            raise RuntimeError(f"{rule.endpoint}: who comes with a key names the client account in the URL")
        if access.kind == "key" or access.callback:
            # No browser sends a key or a signature by itself, so nothing can be forged with one.
            app.extensions["csrf"].exempt(app.view_functions[rule.endpoint])
        tenants = set(rule.arguments) & set(TENANT_ARGUMENTS)
        if (access.kind == "tenant") != (len(tenants) == 1):
            raise RuntimeError(f"{rule.endpoint}: a tenant route names one tenant in its URL, and only such a route")


def _guard() -> Response | None:
    if request.endpoint is None or request.endpoint == "static":
        return None
    access = access_of(current_app.view_functions[request.endpoint])
    g.session, g.entered, g.scope, g.reads = runtime.get().database.session(), None, None, False
    if access.kind == "key":
        return _enter_with_key()
    if access.kind == "user_code":
        return _user_code.enter(g.session)
    tenant_id, kind = _tenant_of_url()
    _enter(tenant_id, read_only=request.method in ("GET", "HEAD") and not access.get_writes)
    if access.kind == "public":
        return None
    if g.entered is None:
        return to_sign_in()
    if g.entered.second_factor_due:
        return go_to(url_for("auth.second_factor", next=_here()))
    if g.entered.is_software or access.kind == "software":
        return _only_itself(g.entered, access)
    if access.kind == "tenant":
        _take_scope(g.entered, kind, access)
    if access.fresh and not sessions.is_fresh(g.entered):
        return go_to(url_for("me.confirm", next=_page_before()))
    return None


def _only_itself(who: Entered, access: Access) -> Response | None:
    """Software has one page, which is nobody else's; every other is not there for it."""
    if who.is_software and access.kind == "software":
        return None
    if who.is_software and access.kind == "signed_in" and request.method == "GET":
        return go_to(url_for("software_itself.show"))
    raise NotFound()


def _tenant_of_url() -> tuple[uuid.UUID | None, str]:
    for argument, kind in TENANT_ARGUMENTS.items():
        if request.view_args and argument in request.view_args:
            return request.view_args[argument], kind
    return None, ""


def _enter(tenant_id: uuid.UUID | None, *, read_only: bool) -> None:
    token = request.cookies.get(cookie_name(), "")
    found = sessions.enter(g.session, token, tenant_id, read_only=read_only) if token else None
    if found is None:
        return
    _note_life(found)
    g.entered, g.theme, g.reads = found, found.theme, read_only
    g.session.info["setting"] = Setting(
        tenant=found.tenant_id,
        portal=found.tenant_id if found.kind == "portal" else None,
        via=found.via_id,
        user=found.user_id,
    )


def _take_scope(who: Entered, kind: str, access: Access) -> None:
    if who.tenant_id is None or who.kind != kind or who.role is None:
        _tell_unassigned(who, kind)
        raise NotFound()
    g.scope = scope_of(g.session, who.tenant_id, kind, who)
    g.scope.require(access.permission, access.right)


def _tell_unassigned(who: Entered, kind: str) -> None:
    """To a person of a firm, about its client that is not assigned to them: that it is so, and whom to ask."""
    client, _kind = _tenant_of_url()
    firm = g.session.scalar(_NOT_ASSIGNED_BY, {"client": client}) if kind == "client" else None
    if firm is not None:
        set_scope(g.session, Setting(tenant=firm, portal=firm, user=who.user_id))
        office = Scope(g.session, firm, "portal", "", Actor(who.user_id, who.user_name))
        raise Forbidden("client.not_assigned", ask=matrix.holders(office, Permission.TEAM, Right.EDIT))


def scope_of(session: Session, tenant_id: uuid.UUID, kind: str, who: Entered) -> Scope:
    """What somebody who came in is and may in the tenant of the URL."""
    role = who.role or ""
    return Scope(
        session, tenant_id, kind, role_in_client(role, who.grant_role or "") if who.via_id else role,
        Actor(who.user_id, who.user_name, who.via_id), who.tenant_name or "", grant=who.grant_role or "",
        job_roles=tuple(JobRole.of(rows) for rows in who.job_roles or ()), accounts=_set(who.accounts),
        clients=_set(who.clients),
    )  # fmt: skip


def _set(ids: Iterable[uuid.UUID] | None) -> frozenset[uuid.UUID] | None:
    return None if ids is None else frozenset(ids)


def _enter_with_key() -> Response | None:
    """The scope of the client account whose key this is. Cookies do not count, and nobody learns what is missing."""
    tenant_id: uuid.UUID = (request.view_args or {})[KEY_ARGUMENT]
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    g.session.info["setting"] = Setting(tenant=tenant_id)
    key = find_key(g.session, tenant_id, secret.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        answer = jsonify(error={"code": "api_call.no_key", "message": "The key is missing, unknown or revoked."})
        answer.status_code, answer.headers["WWW-Authenticate"] = 401, "Bearer"
        return answer
    note_use(g.session, key)
    g.api_key = key
    g.scope = Scope(g.session, tenant_id, "client", "", Actor(None, key.name))
    return None


def _note_life(who: Entered) -> None:
    """In a transaction of its own, as the request's may be read-only."""
    if sessions.is_stale(who):
        with runtime.get().database.scoped() as session:
            sessions.touch(session, who.session_id)


def _close(error: BaseException | None) -> None:
    session: Session | None = g.pop("session", None)
    if session is None:
        return
    with session:
        if error is None and g.reads and session.is_active:
            # It could write nothing. After a rollback the connection would have forgotten what it has prepared.
            session.expunge_all()
            session.commit()


def to_sign_in() -> Response:
    return go_to(url_for("auth.sign_in", next=_here()))


def _page_before() -> str | None:
    """The page with the button, when this is what the button asks for."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    came_from = urlsplit(request.referrer or "")
    return came_from.path if came_from.netloc == request.host else None


def _here() -> str | None:
    """Where to come back to: the page, not the fragment or the form's target."""
    if request.method != "GET":
        return None
    return request.full_path.rstrip("?")
