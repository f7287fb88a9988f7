"""Authorisations: connect once, see how it stands, hand over, repair."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from flask import Response, flash, g, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select

from portal import runtime
from portal.access import Permission, Right, Scope
from portal.activity.service import timeline
from portal.authorisations import login
from portal.authorisations import service as authorisations
from portal.authorisations.models import Authorisation, Credential
from portal.authorisations.typed import NEVER
from portal.connectors import registry
from portal.couplings.models import Coupling, Dossier
from portal.feeds import linking
from portal.identity import sessions
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.kernel.errors import Conflict, NotFound, PortalError
from portal.routes import _authorisation_new, wording
from portal.routes._access import (
    as_id,
    cookie_name,
    db,
    entered,
    fresh,
    get_writes,
    require,
    scope,
    scope_of,
    signed_in,
)
from portal.routes._active import here_is
from portal.routes._authorisations import address, blueprint, both, may_edit, told, where
from portal.routes._htmx import go_to, page
from portal.routes._timeline import events
from portal.routes.forms import choices
from portal.routes.forms.authorisations import OwnerForm
from portal.tenants import service as tenants

__all__ = ["_authorisation_new", "blueprint"]


@both("", "index")
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.VIEW)
def index(**tenant: uuid.UUID) -> Response:
    used = dict(
        db()
        .execute(
            select(Coupling.authorisation_id, func.count())
            .where(Coupling.authorisation_tenant_id == scope().tenant_id, Coupling.state == "active")
            .group_by(Coupling.authorisation_id)
        )
        .all()
    )
    rows = [
        (row, health, used.get(row.id, 0), registry.app(row.app).MANIFEST)
        for row, health in authorisations.list_authorisations(scope())
    ]
    return page("authorisations/index.html", rows=rows, address=address, may_edit=may_edit(), where=where)


@blueprint.get("/oauth/<app>/callback")
@get_writes
@signed_in
def callback(app: str) -> Response:
    """The way back from the provider; the one address it may send to. The state says for which tenant."""
    tenant_id = login.tenant_of(request.args.get("state", ""))
    if tenant_id is None:
        raise login.LoginRefused("consent.state_missing")
    there = scope_of_state(tenant_id)
    try:
        done = authorisations.finish_login(runtime.get(), there, entered().session_id, app, request.args.to_dict())
    except login.LoginRefused as error:
        db().rollback()
        flash(wording.of_error(error.code, error.values), "stop")
        if app in registry.FEEDS:
            return go_to(url_for("feeds.index", client=tenant_id))
        return go_to(address("index"))
    row = done.authorisation
    db().commit()
    if app in registry.FEEDS and (feed := linking.arrive_by_login(runtime.get(), there, done)) is not None:
        db().commit()  # a second transaction: its calls read the tokens that the first one stored
        return go_to(url_for("feeds.accounts", client=tenant_id, feed_id=feed.id))
    if done.outcome == authorisations.Outcome.REUSED:
        flash(_("This login was connected already. %(name)s goes on with it; nothing stopped.", name=row.name), "ok")
    else:
        flash(_("Connected as %(login)s.", login=row.remote_user_name), "ok")
    if done.elsewhere:
        flash(_("The same login is connected in another account too; the provider will end that connection."), "warn")
    return go_to(address("fetch_page", authorisation_id=row.id))


def scope_of_state(tenant_id: uuid.UUID) -> Scope:
    """The tenant that the state names, when the person who came back may work there."""
    who = sessions.enter(db(), request.cookies.get(cookie_name(), ""), tenant_id)
    if who is None or who.tenant_id is None or who.role is None or who.kind is None:
        raise NotFound()
    portal = tenant_id if who.kind == "portal" else None
    db().info["setting"] = Setting(tenant=tenant_id, portal=portal, via=who.via_id, user=who.user_id)
    g.entered, g.scope = who, scope_of(db(), tenant_id, who.kind, who)
    g.scope.require(Permission.AUTHORISATIONS, Right.CREATE)
    found: Scope = g.scope
    return found


@both("/<uuid:authorisation_id>", "show")
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.VIEW)
def show(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    return _show(authorisation_id)


@both("/<uuid:authorisation_id>/connected", "fetch_page")
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.VIEW)
def fetch_page(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    """Right after the log-in: the page offers to read the dossiers, which is a POST of its own."""
    return _show(authorisation_id, fresh=True)


def _show(
    authorisation_id: uuid.UUID, *, fresh: bool = False, form: OwnerForm | None = None, status: int = 200
) -> Response:
    row = scope().get(Authorisation, authorisation_id)
    if row.removed_at is not None:
        raise NotFound()
    credential = db().get(Credential, (scope().tenant_id, row.id))
    people = [(str(m.user_id), m.name) for m in tenants.members(scope())]
    if form is None:
        form = OwnerForm(name=row.name, owner=str(row.owner_id or ""), deputy=str(row.deputy_id or ""))
    form.owner.choices, form.deputy.choices = choices(*people), choices(("", _("nobody")), *people)
    dossiers = (
        db()
        .scalars(
            select(Dossier)
            .where(
                Dossier.tenant_id == scope().tenant_id, Dossier.authorisation_id == row.id, Dossier.gone_at.is_(None)
            )
            .order_by(func.lower(Dossier.name))
        )
        .all()
    )
    coupled = {
        c.dossier_code: c
        for c in db().scalars(select(Coupling).where(Coupling.authorisation_id == row.id, Coupling.state == "active"))
    }
    return page(
        "authorisations/show.html", row=row, health=authorisations.health(row, credential, clock.now()),
        credential=credential, form=form, manifest=registry.app(row.app).MANIFEST, dossiers=dossiers, coupled=coupled,
        events=events(timeline(scope(), row.id)), people=dict(people), address=address, may_edit=may_edit(),
        fresh=fresh, status=status, why=wording.of_error(row.state_code) if row.state_code else "",
        used=authorisations.uses(scope(), row.id), where=where, ends_at=_end(credential),
        typed_day=date.fromisoformat,
    )  # fmt: skip


def _end(credential: Credential | None) -> datetime | None:
    """When the log-in or the key lapses; None when it does not."""
    return None if credential is None or credential.refresh_expires_at >= NEVER else credential.refresh_expires_at


@both("/<uuid:authorisation_id>/test", "test", methods=["POST"])
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.EDIT)
def test(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    """Really call the provider, read the dossiers, and say what was seen."""
    from portal.couplings.dossiers import store_dossiers

    row = scope().get(Authorisation, authorisation_id)
    try:
        seen = authorisations.activate(runtime.get(), scope(), authorisation_id)
        fetched = store_dossiers(scope(), authorisation_id, seen.dossiers)
    except NotFound:
        raise
    except PortalError as error:
        db().rollback()
        flash(told(error), "stop")
        return go_to(address("show", authorisation_id=authorisation_id))
    db().commit()
    who = seen.identity.user_name or seen.identity.company or registry.app(row.app).MANIFEST.label
    flash(_("%(login)s answers: %(count)s dossiers, of which %(new)s are new.",
            login=who, count=fetched.count, new=fetched.new), "ok")  # fmt: skip
    return go_to(address("show", authorisation_id=authorisation_id))


@both("/<uuid:authorisation_id>", "edit", methods=["POST"])
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.EDIT)
def edit(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = OwnerForm()
    if not form.validate():
        return _show(authorisation_id, form=form, status=422)
    try:
        authorisations.rename(scope(), authorisation_id, form.name.data)
        if form.owner.data:
            deputy = as_id(form.deputy.data) if form.deputy.data else None
            authorisations.set_owner(scope(), authorisation_id, as_id(form.owner.data), deputy)
    except PortalError as error:
        if isinstance(error, NotFound):
            raise
        db().rollback()
        form.take(error)
        return _show(authorisation_id, form=form, status=422)
    db().commit()
    return go_to(address("show", authorisation_id=authorisation_id))


@both("/<uuid:authorisation_id>/off", "switch_off", methods=["POST"])
@here_is("authorisations")
@require(Permission.AUTHORISATIONS, Right.EDIT)
def switch_off(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = authorisations.deactivate(scope(), authorisation_id)
    db().commit()
    flash(_("%(name)s is switched off; nothing is sent through it from now on.", name=row.name), "ok")
    return go_to(address("show", authorisation_id=authorisation_id))


@both("/<uuid:authorisation_id>/remove", "remove", methods=["POST"])
@here_is("authorisations")
@fresh
@require(Permission.AUTHORISATIONS, Right.EDIT)
def remove(authorisation_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    try:
        authorisations.remove(scope(), authorisation_id)
    except Conflict as error:
        db().rollback()
        flash(wording.of_error(error.code, error.values), "stop")
        gone = error.code == "authorisation.is_removed"
        return go_to(address("index") if gone else address("show", authorisation_id=authorisation_id))
    db().commit()
    flash(_("Removed, and its tokens with it. What was booked stays booked."), "ok")
    return go_to(address("index"))
