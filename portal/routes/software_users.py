"""Accounting software of a firm or a client account: made, shown with its last use, deleted."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, flash, url_for
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.kernel.errors import PortalError
from portal.routes import _again, _approvals
from portal.routes._access import as_id, db, fresh, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._people import address, done
from portal.routes.forms.software import GroupsForm, NetworksForm, SoftwareForm
from portal.software import service as room
from portal.software import ungrouped

blueprint = Blueprint("software_users", __name__)
# The same pages in a portal and in a client account; endpoints of the former begin with "portal_".
PLACES = (("portal_", "/p/<uuid:portal>/software-users"), ("", "/c/<uuid:client>/software-users"))
ONE = "/<uuid:software_id>"


def address_of(endpoint: str, **values: Any) -> str:
    here = scope()
    prefix = "portal_" if here.kind == "portal" else ""
    values[here.kind] = here.tenant_id
    return url_for(f"software_users.{prefix}{endpoint}", **values)


def _may(permission: Permission, right: Right) -> bool:
    return scope().may(permission, right)


@here_is("software")
@require(Permission.USERS, Right.VIEW)
def index(**tenant: uuid.UUID) -> Response:
    return page(
        "software/index.html", rows=room.list_software(scope()), left_out=len(ungrouped.left_out(scope())),
        url=address_of, to_groups=address("account_groups.index"),
        may_create=_may(Permission.CREATE_USER, Right.CREATE), may_group=_may(Permission.ACCOUNT_GROUPS, Right.VIEW),
    )  # fmt: skip


@here_is("software")
@fresh
@require(Permission.CREATE_USER, Right.CREATE)
def new(**tenant: uuid.UUID) -> Response:
    return _new(SoftwareForm())


def _new(form: SoftwareForm, status: int = 200) -> Response:
    groups = room.all_groups(scope())
    form.offer(groups)
    to_groups = address("account_groups.index")
    return page("software/new.html", form=form, groups=groups, url=address_of, to_groups=to_groups, status=status)


@here_is("software")
@fresh
@require(Permission.CREATE_USER, Right.CREATE)
def create(**tenant: uuid.UUID) -> Response:
    """The one-time password is on this answer only."""
    form = SoftwareForm()
    form.offer(room.all_groups(scope()))
    try:
        if form.validate():
            made, password = room.create(scope(), form.name.data, form.networks.data or "")
            done("software.groups", {"id": str(made.id), "groups": _chosen(form)}, _("It has its groups."))
            return page("software/made.html", made=made, password=password, url=address_of, sign_in=_sign_in())
    except PortalError as error:
        db().rollback()
        form.take(error)
    return _new(form, 422)


def _chosen(form: GroupsForm) -> list[str]:
    return sorted(str(as_id(group)) for group in form.groups.data or ())


def _sign_in() -> str:
    return url_for("software_itself.sign_in", _external=True)


@here_is("software")
@require(Permission.USERS, Right.VIEW)
def show(software_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    return _show(software_id, GroupsForm(), NetworksForm())


def _show(software_id: uuid.UUID, groups: GroupsForm, networks: NetworksForm, status: int = 200) -> Response:
    one = room.show(scope(), software_id)
    offered, wanted = room.all_groups(scope()), _again.draft("software.groups")
    groups.offer(offered, [each for each in offered if str(each.id) in wanted["groups"]] if wanted else one.groups)
    if not networks.errors:
        networks.networks.data = "\n".join(one.networks)
    return page(
        "software/show.html", one=one, groups=groups, networks=networks, url=address_of, sign_in=_sign_in(),
        may_edit=_may(Permission.USERS, Right.EDIT), waits=_approvals.waits_for("user", one.user_id), status=status,
    )  # fmt: skip


@here_is("software")
@require(Permission.USERS, Right.EDIT)
def change_groups(software_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = GroupsForm()
    form.offer(room.all_groups(scope()))
    try:
        if form.validate():
            payload = {"id": str(software_id), "groups": _chosen(form)}
            done("software.groups", payload, _("The groups count from the next call on."))
            return go_to(address_of("show", software_id=software_id))
    except PortalError as error:
        db().rollback()
        form.take(error)
    return _show(software_id, form, NetworksForm(formdata=None), 422)


@here_is("software")
@require(Permission.USERS, Right.EDIT)
def change_networks(software_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    form = NetworksForm()
    try:
        if form.validate():
            room.change_networks(scope(), software_id, form.networks.data or "")
            db().commit()
            flash(_("The addresses count from the next call on."), "ok")
            return go_to(address_of("show", software_id=software_id))
    except PortalError as error:
        db().rollback()
        form.take(error)
    return _show(software_id, GroupsForm(formdata=None), form, 422)


@here_is("software")
@require(Permission.USERS, Right.EDIT)
def delete(software_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    room.delete_software(scope(), software_id)
    db().commit()
    flash(_("The software user is deleted; its next call is refused."), "ok")
    return go_to(address_of("index"))


for _prefix, _place in PLACES:
    for _rule, _verb, _view in (
        ("", "GET", index), ("/new", "GET", new), ("/new", "POST", create), (ONE, "GET", show),
        (ONE + "/groups", "POST", change_groups), (ONE + "/networks", "POST", change_networks),
        (ONE + "/delete", "POST", delete),
    ):  # fmt: skip
        blueprint.add_url_rule(_place + _rule, _prefix + _view.__name__, _view, methods=[_verb])
