"""People of a tenant: who is here, inviting somebody, and what one person has of roles and groups."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.identity.models import User
from portal.kernel.errors import NotFound, PortalError
from portal.people import reading, users
from portal.people.payload import Payload
from portal.permissions.wording import PERMISSIONS, RIGHTS
from portal.routes import _again, _approvals, software_users
from portal.routes._access import db, fresh, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._limits import limiter
from portal.routes._people import address, both, done, people_address
from portal.routes.forms.people import ROLES, InviteForm, RoleForm
from portal.tenants import matrix
from portal.tenants.models import Membership

blueprint = Blueprint("people", __name__)


@blueprint.get("/c/<uuid:client>/people", endpoint="client_index")
@here_is("team")
@require(Permission.USERS, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    may_create = scope().may(Permission.CREATE_USER, Right.CREATE)
    return page(
        "people/index.html", rows=reading.people(scope()), may_create=may_create, address=address,
        waits=_approvals.waits_for("user"),
    )  # fmt: skip


@both(blueprint, "/invite", "new")
@here_is("team")
@fresh
@require(Permission.CREATE_USER, Right.CREATE)
def new(**tenant: uuid.UUID) -> Response:
    wanted = _again.draft("member.added") or {}
    return _invite(
        _form_of(InviteForm, **{name: wanted.get(name) for name in ("email", "name", "role")}), wanted=wanted
    )


@both(blueprint, "/invite", "create", methods=("POST",))
@limiter.limit("60 per hour")
@here_is("team")
@fresh
@require(Permission.CREATE_USER, Right.CREATE)
def create(**tenant: uuid.UUID) -> Response:
    form = _form_of(InviteForm)
    if form.software.data:  # which has no mail to be invited by
        return go_to(software_users.address_of("new"))
    if form.validate():
        payload = {"email": form.email.data, "name": form.name.data, "role": form.role.data, **_ticked()}
        try:
            done("member.added", payload, _("%(email)s has access, and a mail that says so.", email=form.email.data))
            return go_to(people_address())
        except PortalError as error:
            _take(form, error)
    return _invite(form, 422)


def _invite(form: InviteForm, status: int = 200, wanted: Payload | None = None) -> Response:
    return page("people/invite.html", form=form, status=status, **_choices((), (), wanted))


@both(blueprint, "/person/<uuid:membership_id>", "show")
@here_is("team")
@require(Permission.USERS, Right.VIEW)
def show(membership_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row, wanted = _member(membership_id), _again.draft("member.role") or {}
    return _person(row, _form_of(RoleForm, role=wanted.get("role", row.role)), wanted=wanted)


@both(blueprint, "/person/<uuid:membership_id>", "change", methods=("POST",))
@here_is("team")
@fresh
@require(Permission.USERS, Right.EDIT)
def change(membership_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row, form = _member(membership_id), _form_of(RoleForm)
    if form.validate():
        payload = {"membership_id": str(row.id), "role": form.role.data, **_ticked()}
        try:
            done("member.role", payload, _("Saved. It counts from that person's next page on."))
            return go_to(address("people.show", membership_id=membership_id))
        except PortalError as error:
            _take(form, error)
    return _person(row, form, 422)


@blueprint.post("/c/<uuid:client>/people/person/<uuid:membership_id>/end", endpoint="client_end")
@here_is("team")
@require(Permission.USERS, Right.EDIT)
def end(client: uuid.UUID, membership_id: uuid.UUID) -> Response:
    """Of a client account; whoever leaves a firm hands over first (see `leaving`)."""
    row = _member(membership_id)
    users.end_user(scope(), {"membership_id": str(row.id)})
    db().commit()
    return go_to(people_address())


def _member(membership_id: uuid.UUID) -> Membership:
    row = scope().get(Membership, membership_id)
    if row.ended_at is not None:
        raise NotFound()
    return row


def _form_of(kind: type[Any], **values: Any) -> Any:
    form = kind(**values)
    form.role.choices = ROLES[scope().kind]
    return form


def _ticked() -> dict[str, Sequence[str]]:
    return {"job_roles": request.form.getlist("job_role"), "groups": request.form.getlist("group")}


def _take(form: Any, error: PortalError) -> None:
    """A refusal that names a right goes to the page that says whom to ask."""
    if "permission" in error.values or isinstance(error, NotFound):
        raise error
    db().rollback()
    form.take(error)


def _choices(held: Sequence[uuid.UUID], within: Sequence[uuid.UUID], wanted: Payload | None = None) -> dict[str, Any]:
    """Job roles and groups to tick: those that were ticked or are wanted, else those that the person has."""
    posted = request.method == "POST"
    held, within = ((wanted or {}).get(key, one) for key, one in (("job_roles", held), ("groups", within)))
    return {
        "roles": reading.roles(scope()), "groups": reading.groups(scope()), "address": address,
        "held": set(request.form.getlist("job_role")) if posted else {str(one) for one in held},
        "within": set(request.form.getlist("group")) if posted else {str(one) for one in within},
        "back": people_address(),
    }  # fmt: skip


def _person(row: Membership, form: RoleForm, status: int = 200, wanted: Payload | None = None) -> Response:
    person = db().get_one(User, row.user_id)
    seer = next((one for one in matrix.seers(scope()) if one.email == person.email and one.place == scope().kind), None)
    return page(
        "people/person.html", row=row, who=person, form=form, status=status, seer=seer,
        waits=_approvals.waits_for("user", row.user_id),
        may_edit=scope().may(Permission.USERS, Right.EDIT), PERMISSIONS=PERMISSIONS, RIGHTS=RIGHTS,
        **_choices(users.roles_of(scope(), row.id), users.groups_of(scope(), row.id), wanted),
    )  # fmt: skip
