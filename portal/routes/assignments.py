"""Who of the firm looks after which client: seen by the administrator, changed for many clients at once."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.kernel.errors import Invalid
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._csv import csv_answer
from portal.routes._htmx import go_to, page
from portal.routes.forms.assignments import ASSIGN, END, FOR_A_TIME, ChangeForm
from portal.shapes import Paging
from portal.templating import formats
from portal.tenants import assignments
from portal.tenants.assignments import Plan
from portal.tenants.service import get_tenant

blueprint = Blueprint("assignments", __name__, url_prefix="/p/<uuid:portal>")
SIZES = (50, 100, 500)


@blueprint.get("/team/clients")
@here_is("team")
@require(Permission.TEAM, Right.VIEW)
def index(portal: uuid.UUID) -> Response:
    people = assignments.people(scope())
    wanted = next((person for person in people if str(person.user_id) == request.args.get("person")), None)
    rows = assignments.cared_for(scope(), wanted.user_id if wanted else None)
    number = min(max(request.args.get("page", 1, type=int), 1), max(-(-len(rows) // SIZES[0]), 1))
    return page(
        "assignments/index.html", people=people, wanted=wanted, rows=rows[(number - 1) * SIZES[0] : number * SIZES[0]],
        paging=Paging(number, SIZES[0], len(rows), SIZES[:1]), nobody=assignments.cared_for_by_nobody(scope()),
        firm_limited=get_tenant(scope()).assigned_only, may_limit=scope().may(Permission.USERS, Right.EDIT),
        may_change=scope().may(Permission.TEAM, Right.EDIT),
    )  # fmt: skip


@blueprint.get("/team/clients.csv")
@require(Permission.TEAM, Right.VIEW)
def csv(portal: uuid.UUID) -> Response:
    fmt = formats()
    head = [_("Client"), _("Person"), _("Since"), _("Until"), _("Reason")]
    rows = [
        [row.client, row.person, fmt.datetime(row.starts_at), fmt.datetime(row.ends_at), row.reason]
        for row in assignments.cared_for(scope())
    ]
    rows += [[name, "", "", "", ""] for _id, name in assignments.cared_for_by_nobody(scope())]
    return csv_answer("assigned-clients.csv", head, rows)


@blueprint.post("/team/clients/limit")
@here_is("team")
@require(Permission.USERS, Right.EDIT)
def limit_firm(portal: uuid.UUID) -> Response:
    on = request.form.get("on") == "1"
    assignments.limit_firm(scope(), on)
    db().commit()
    told = _("From now on everybody but administrators sees assigned clients alone.") if on else _(
        "From now on everybody sees every client.")  # fmt: skip
    flash(told, "ok")
    return go_to(url_for("assignments.index", portal=portal))


@blueprint.post("/team/<uuid:membership_id>/limit")
@here_is("team")
@require(Permission.USERS, Right.EDIT)
def limit_person(portal: uuid.UUID, membership_id: uuid.UUID) -> Response:
    assignments.limit_person(scope(), membership_id, request.form.get("on") == "1")
    db().commit()
    return go_to(url_for("assignments.index", portal=portal))


@blueprint.post("/assignments/choose")
@here_is("clients")
@require(Permission.TEAM, Right.VIEW)
def choose(portal: uuid.UUID) -> Response:
    """The ticked clients, who and what; and, once that is said, what it would change. Changes nothing."""
    form = ChangeForm().fill(assignments.people(scope()))
    if not request.form.get("what"):
        form.what.data = ASSIGN
        return _page(form, None)
    try:
        return _page(form, _plan(form))
    except Invalid as error:
        form.take(error)
        return _page(form, None, 422)


@blueprint.post("/assignments")
@here_is("clients")
@require(Permission.TEAM, Right.VIEW)
def change(portal: uuid.UUID) -> Response:
    form = ChangeForm().fill(assignments.people(scope()))
    try:
        _plan(form)
        count = _carry_out(form)
    except Invalid as error:
        form.take(error)
        return _page(form, None, 422)
    db().commit()
    flash(ngettext("Changed for %(num)s client account.", "Changed for %(num)s client accounts.", count), "ok")
    return go_to(url_for("assignments.index", portal=portal))


def _chosen() -> list[uuid.UUID]:
    return [as_id(value) for value in dict.fromkeys(request.form.getlist("id"))]


def _plan(form: ChangeForm) -> Plan:
    """Raises Invalid for what is missing, with its field."""
    if not form.validate():
        raise Invalid("assignment.what")
    person = assignments.person_of(scope(), as_id(form.user.data)) if form.user.data else None
    if person is None and form.what.data != END:
        raise Invalid("assignment.person", field="user")
    if form.what.data == FOR_A_TIME and form.until is None:
        raise Invalid("assignment.end", field="ends_at", days=assignments.LONGEST.days)
    return assignments.plan(scope(), _chosen(), person, end=form.what.data == END)


def _carry_out(form: ChangeForm) -> int:
    user_id, until = as_id(form.user.data) if form.user.data else None, form.until
    if user_id is None or form.what.data == END:
        return assignments.unassign(scope(), _chosen(), user_id)
    if form.what.data == FOR_A_TIME and until is not None:
        return assignments.give_for_a_time(scope(), _chosen(), user_id, until, form.reason.data or "")
    return assignments.assign(scope(), _chosen(), user_id)


def _page(form: ChangeForm, planned: Plan | None, status: int = 200) -> Response:
    return page("assignments/change.html", form=form, plan=planned, chosen=_chosen(), until=form.until, status=status)
