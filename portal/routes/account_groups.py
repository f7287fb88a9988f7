"""Account groups: which bank accounts are together, and those that are in no group yet."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.kernel.errors import Invalid, PortalError
from portal.people import groups, reading
from portal.permissions.models import AccountGroup
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._people import address, both, done, told, tried

blueprint = Blueprint("account_groups", __name__)


@both(blueprint, "/groups", "index")
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.VIEW)
def index(**tenant: uuid.UUID) -> Response:
    rows = reading.groups(scope())
    return page(
        "people/groups.html", rows=rows, loose=len(groups.loose_accounts(scope())), address=address,
        may_create=scope().may(Permission.ACCOUNT_GROUPS, Right.CREATE),
        may_edit=scope().may(Permission.ACCOUNT_GROUPS, Right.EDIT),
    )  # fmt: skip


@both(blueprint, "/groups/new", "new")
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.CREATE)
def new(**tenant: uuid.UUID) -> Response:
    return _form(None, "", None, request.args.get("q", "")[:80])


@both(blueprint, "/groups/new", "create", methods=("POST",))
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.CREATE)
def create(**tenant: uuid.UUID) -> Response:
    try:
        payload = _payload(None)
        done("account_group.created", payload, _("The account group %(name)s is there.", name=payload["name"]))
    except Invalid as error:
        db().rollback()
        return _form(None, request.form.get("name", ""), None, "", told(error), 422)
    return go_to(address("account_groups.index"))


@both(blueprint, "/groups/<uuid:group_id>", "show")
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.VIEW)
def show(group_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(AccountGroup, group_id)
    return _form(row, row.name, row.legal_entity_id, request.args.get("q", "")[:80])


@both(blueprint, "/groups/<uuid:group_id>", "change", methods=("POST",))
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.EDIT)
def change(group_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(AccountGroup, group_id)
    entity = row.legal_entity_id
    try:
        done("account_group.changed", _payload(row), _("The account group %(name)s is saved.", name=row.name))
    except PortalError as error:
        if "permission" in error.values:
            raise
        db().rollback()
        return _form(row, request.form.get("name", ""), entity, "", told(error), 422)
    return go_to(address("account_groups.show", group_id=group_id))


@both(blueprint, "/groups/<uuid:group_id>/loose", "add_loose", methods=("POST",))
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.EDIT)
def add_loose(group_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row, number = scope().get(AccountGroup, group_id), len(groups.loose_accounts(scope()))
    text = ngettext(
        "%(num)s bank account was added to %(name)s.", "%(num)s bank accounts were added to %(name)s.", number,
        name=row.name,
    )  # fmt: skip
    tried("account_group.loose", {"id": str(row.id)}, text)
    return go_to(address("account_groups.index"))


@both(blueprint, "/groups/<uuid:group_id>/remove", "remove", methods=("POST",))
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.EDIT)
def remove(group_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(AccountGroup, group_id)
    gone = tried("account_group.removed", {"id": str(row.id)}, _("The account group %(name)s is gone.", name=row.name))
    return go_to(address("account_groups.index") if gone else address("account_groups.show", group_id=group_id))


def _payload(row: AccountGroup | None) -> dict[str, Any]:
    """What the form says; accounts that it did not show stay as they are."""
    chosen = {_pair(value) for value in request.form.getlist("account")}
    shown = {_pair(value) for value in request.form.getlist("shown")}
    kept = {(str(client), str(account)) for client, account in groups.accounts_of(scope(), row.id)} if row else set()
    payload: dict[str, Any] = {
        "name": request.form.get("name", ""),
        "legal_entity": request.form.get("legal_entity") or None,
        "accounts": sorted([list(pair) for pair in chosen | (kept - shown)]),
    }
    return payload if row is None else {"id": str(row.id), **payload}


def _pair(value: str) -> tuple[str, str]:
    client, _separator, account = value.partition(":")
    return client, account


def _form(
    row: AccountGroup | None, name: str, entity: uuid.UUID | None, find: str, refused: str = "", status: int = 200
) -> Response:
    accounts, total = reading.accounts(scope(), row.id if row else None, find)
    right = Right.EDIT if row else Right.CREATE
    return page(
        "people/group.html", row=row, name=name, entity=entity, find=find, refused=refused, accounts=accounts,
        total=total, entities=reading.entities(scope()), may_edit=scope().may(Permission.ACCOUNT_GROUPS, right),
        ticked=set(request.form.getlist("account")), address=address, status=status, blocks=("accounts",),
    )  # fmt: skip
