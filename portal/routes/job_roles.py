"""Job roles: rights under a name, as a table of permission × right."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.kernel.errors import Forbidden, Invalid, PortalError
from portal.people import giving, reading
from portal.permissions.deciding import JobRole
from portal.permissions.models import JobRoleRow
from portal.permissions.wording import PERMISSIONS, RIGHTS
from portal.routes import _again, _approvals
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._people import address, both, done, told, tried
from portal.tenants.held import job_roles

blueprint = Blueprint("job_roles", __name__)


@both(blueprint, "/roles", "index")
@here_is("team")
@require(Permission.JOB_ROLES, Right.VIEW)
def index(**tenant: uuid.UUID) -> Response:
    may_create = scope().may(Permission.JOB_ROLES, Right.CREATE)
    waits = _approvals.waits_for("job_role")
    return page("people/roles.html", rows=reading.roles(scope()), may_create=may_create, waits=waits, **_words())


@both(blueprint, "/roles/new", "new")
@here_is("team")
@require(Permission.JOB_ROLES, Right.CREATE)
def new(**tenant: uuid.UUID) -> Response:
    wanted = _again.draft("job_role.created")
    return _form(None, str(wanted["name"]), _role_of(wanted)) if wanted else _form(None, "", JobRole({}))


@both(blueprint, "/roles/new", "create", methods=("POST",))
@here_is("team")
@require(Permission.JOB_ROLES, Right.CREATE)
def create(**tenant: uuid.UUID) -> Response:
    payload = {"name": request.form.get("name", ""), **ticked()}
    try:
        done("job_role.created", payload, _("The job role %(name)s is there.", name=payload["name"]))
    except PortalError as error:
        return _refused(error, None, payload)
    return go_to(address("job_roles.index"))


@both(blueprint, "/roles/<uuid:job_role_id>", "show")
@here_is("team")
@require(Permission.JOB_ROLES, Right.VIEW)
def show(job_role_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row, wanted = scope().get(JobRoleRow, job_role_id), _again.draft("permission.changed", "job_role.changed") or {}
    shown = _role_of(wanted) if "rights" in wanted else job_roles(scope(), [row.id])[row.id]
    return _form(row, str(wanted.get("name", row.name)), shown)


@both(blueprint, "/roles/<uuid:job_role_id>/rights", "change", methods=("POST",))
@here_is("team")
@require(Permission.PERMISSIONS, Right.EDIT)
def change(job_role_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row, payload = scope().get(JobRoleRow, job_role_id), ticked()
    try:
        text = _("Saved. It counts from the next page on of everybody who has %(name)s.", name=row.name)
        done("permission.changed", {"id": str(row.id), **payload}, text)
    except PortalError as error:
        return _refused(error, row, {"name": row.name, **payload})
    return go_to(address("job_roles.show", job_role_id=job_role_id))


@both(blueprint, "/roles/<uuid:job_role_id>/name", "rename", methods=("POST",))
@here_is("team")
@require(Permission.JOB_ROLES, Right.EDIT)
def rename(job_role_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row, name = scope().get(JobRoleRow, job_role_id), request.form.get("name", "")
    held = job_roles(scope(), [row.id])[row.id]
    try:
        done(
            "job_role.changed", {"id": str(row.id), "name": name}, _("The job role is called %(name)s now.", name=name)
        )
    except PortalError as error:
        if not isinstance(error, Invalid):
            raise
        db().rollback()
        return _form(row, name, held, told(error), 422)
    return go_to(address("job_roles.show", job_role_id=job_role_id))


@both(blueprint, "/roles/<uuid:job_role_id>/remove", "remove", methods=("POST",))
@here_is("team")
@require(Permission.JOB_ROLES, Right.EDIT)
def remove(job_role_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(JobRoleRow, job_role_id)
    gone = tried("job_role.removed", {"id": str(row.id)}, _("The job role %(name)s is gone.", name=row.name))
    return go_to(address("job_roles.index") if gone else address("job_roles.show", job_role_id=job_role_id))


def ticked() -> dict[str, Any]:
    """The boxes of the table as a payload: "statements:view" and "alone:statements"."""
    rights: dict[str, list[str]] = {}
    for value in request.form.getlist("right"):
        permission, _separator, right = value.partition(":")
        rights.setdefault(permission, []).append(right)
    return {"rights": rights, "self_approve": request.form.getlist("alone")}


def _refused(error: PortalError, row: JobRoleRow | None, payload: Mapping[str, Any]) -> Response:
    """The page again, with what was ticked and why it cannot be."""
    if isinstance(error, Forbidden) and "permission" in error.values:
        raise error
    missing, text = error.values.get("missing"), told(error)
    if missing:
        word = _(PERMISSIONS[Permission(str(missing))])
        right = error.values.get("lacking")
        text = f"{text} ({word}{': ' + _(RIGHTS[Right(str(right))]) if right else ''})"
    db().rollback()
    return _form(row, str(payload["name"]), _role_of(payload), text, 422)


def _role_of(payload: Mapping[str, Any]) -> JobRole:
    """As the boxes are ticked; what is no permission or right is left out."""
    known = {p.value for p in Permission}
    return JobRole.of(
        (permission, [one for one in held if one in set(Right)], permission in payload["self_approve"])
        for permission, held in payload["rights"].items()
        if permission in known
    )


def _form(row: JobRoleRow | None, name: str, shown: JobRole, refused: str = "", status: int = 200) -> Response:
    mine = giving.held(scope().who)
    may_rights = scope().may(Permission.PERMISSIONS, Right.EDIT)
    return page(
        "people/role.html", row=row, name=name, shown=shown, refused=refused, status=status, mine=mine,
        alone=giving.may_self_approve(scope().who) if scope().may(Permission.SELF_APPROVED, Right.EDIT) else (),
        waits=_approvals.waits_for("job_role", row.id) if row else (),
        may_rights=may_rights, may_rename=scope().may(Permission.JOB_ROLES, Right.EDIT), **_words(),
    )  # fmt: skip


def _words() -> dict[str, Any]:
    return {"PERMISSIONS": PERMISSIONS, "RIGHTS": RIGHTS, "address": address}
