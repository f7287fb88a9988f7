"""Account groups: which bank accounts are together, and those that are in no group yet."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict

from portal.access import Permission, Right
from portal.kernel.errors import Invalid, PortalError
from portal.people import groups, reading
from portal.permissions.models import AccountGroup
from portal.routes import _again, _approvals
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
        waits=_approvals.waits_for("account_group"),
        may_create=scope().may(Permission.ACCOUNT_GROUPS, Right.CREATE),
        may_edit=scope().may(Permission.ACCOUNT_GROUPS, Right.EDIT),
    )  # fmt: skip


@both(blueprint, "/groups/new", "new")
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.CREATE)
def new(**tenant: uuid.UUID) -> Response:
    return _form(None)


@both(blueprint, "/groups/new", "create", methods=("POST",))
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.CREATE)
def create(**tenant: uuid.UUID) -> Response:
    if _looking():
        return _form(None)
    try:
        payload = _payload(None)
        done("account_group.created", payload, _("The account group %(name)s is there.", name=payload["name"]))
    except Invalid as error:
        db().rollback()
        return _form(None, told(error), 422)
    return go_to(address("account_groups.index"))


@both(blueprint, "/groups/<uuid:group_id>", "show")
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.VIEW)
def show(group_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    return _form(scope().get(AccountGroup, group_id))


@both(blueprint, "/groups/<uuid:group_id>", "change", methods=("POST",))
@here_is("team")
@require(Permission.ACCOUNT_GROUPS, Right.EDIT)
def change(group_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(AccountGroup, group_id)
    if _looking():
        return _form(row)
    try:
        done("account_group.changed", _payload(row), _("The account group %(name)s is saved.", name=row.name))
    except PortalError as error:
        if "permission" in error.values:
            raise
        db().rollback()
        return _form(row, told(error), 422)
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


def _wanted(row: AccountGroup | None) -> MultiDict[str, str] | None:
    """A task that was withdrawn to be started again, as its form would be sent."""
    wanted = _again.draft("account_group.changed" if row else "account_group.created")
    if wanted is None:
        return None
    inside = groups.accounts_of(scope(), row.id) if row else ()
    ticked = [f"{client}:{account}" for client, account in wanted["accounts"]]
    return MultiDict(
        {
            "name": wanted["name"], "legal_entity": wanted["legal_entity"] or "", "account": ticked,
            "shown": [*ticked, *(f"{client}:{account}" for client, account in inside)],
        }
    )  # fmt: skip


def _looking() -> bool:
    """The form was sent to look for other accounts, not to be saved: nothing is lost of what was ticked."""
    return "look" in request.form or request.form.get("q", "") != request.form.get("found", "")


def _form(row: AccountGroup | None, refused: str = "", status: int = 200) -> Response:
    """As it is saved, as it was just sent, or as it was wanted: ticks that the search leaves out go along unseen."""
    sent = request.form if request.method == "POST" else _wanted(row)
    find = request.values.get("q", "")[:80]
    accounts, total = reading.accounts(scope(), row.id if row else None, find)
    seen = set(sent.getlist("shown")) if sent else set()
    ticked = set(sent.getlist("account")) if sent else set()
    right = Right.EDIT if row else Right.CREATE
    return page(
        "people/group.html", row=row, find=find, refused=refused, accounts=accounts, total=total,
        name=sent.get("name", "") if sent else row.name if row else "",
        entity=sent.get("legal_entity", "") if sent else str(row.legal_entity_id or "") if row else "",
        entities=reading.entities(scope()), may_edit=scope().may(Permission.ACCOUNT_GROUPS, right),
        seen=seen, ticked=ticked, unseen=sorted(seen - {one.value for one in accounts}),
        inside=len(groups.accounts_of(scope(), row.id)) if row else 0,
        waits=_approvals.waits_for("account_group", row.id) if row else (),
        address=address, status=status, blocks=("accounts",),
    )  # fmt: skip
