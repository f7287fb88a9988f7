"""Tasks that wait for approval: the inbox, one task, and the rules of how many must agree."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from flask import Blueprint, Response, flash, request
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.activity.service import timeline
from portal.approvals import policies, reading, tasks, verdicts
from portal.approvals.lowering import payload_of
from portal.approvals.models import State
from portal.approvals.registry import kind_of
from portal.kernel.errors import Invalid, PortalError
from portal.routes import _again, _approvals, wording
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._approvals import to
from portal.routes._htmx import go_to, page
from portal.routes._timeline import events
from portal.sync.going_live import LIVE

blueprint = Blueprint("approvals", __name__)
# Every address stands in the portal and in each client account.
PORTAL, CLIENT = "/p/<uuid:portal>/approvals", "/c/<uuid:client>/approvals"
ONE = "/<uuid:task_id>"
CENT = Decimal("0.01")
VIEWS = ("todo", "mine", "waiting", "done")


@blueprint.app_template_filter("task_title")
def _title_of_mail(kind: str, shown: str) -> str:
    return _approvals.title(kind, json.loads(shown))


@blueprint.app_template_filter("why_failed")
def _why_of_mail(code: str, values: str) -> str:
    return wording.of_error(code, json.loads(values))


@blueprint.get(PORTAL)
@blueprint.get(CLIENT)
@here_is("approvals")
@require(Permission.OVERVIEW, Right.VIEW)
def index(**_tenant: uuid.UUID) -> Response:
    view = request.args.get("view", VIEWS[0])
    view = view if view in VIEWS else VIEWS[0]
    return page(
        "approvals/index.html", found=reading.inbox(scope(), view), view=view, words=_approvals, to=to,
        may_set=scope().may(Permission.PERMISSIONS, Right.VIEW), may_switch=scope().may(Permission.TENANT, Right.EDIT),
    )  # fmt: skip


# ------------------------------------------------------------------ one task


@blueprint.get(PORTAL + ONE)
@blueprint.get(CLIENT + ONE)
@here_is("approvals")
@require(Permission.OVERVIEW, Right.VIEW)
def show(task_id: uuid.UUID, **_tenant: uuid.UUID) -> Response:
    return _show(task_id)


def _show(task_id: uuid.UUID, *, status: int = 200, notice: str = "", reason: str = "") -> Response:
    view = reading.view_task(scope(), task_id)
    if view is None:
        flash(_("This task is not yours to see. Whoever may approve it sees it."), "warn")
        return go_to(to("index"))
    return page(
        "approvals/show.html", view=view, words=_approvals, part=wording.part, to=to, status=status, notice=notice,
        reason=reason, events=events(timeline(scope(), task_id)),
        why=wording.of_error(view.task.code, view.task.values) if view.task.code else "",
        mine=view.touched and scope().actor.user_id is not None, changeable=_changeable(view),
    )  # fmt: skip


def _changeable(view: reading.View) -> str:
    """The parts that can be changed while it waits, in words; "" when there are none, or what they hang on is gone."""
    if not view.may_edit or view.kind.choices is None:
        return ""
    try:
        return ", ".join(_(one.label) for one in view.kind.choices(scope(), view.made.payload)).lower()
    except PortalError:
        return ""


@blueprint.post(PORTAL + ONE + "/decide")
@blueprint.post(CLIENT + ONE + "/decide")
@here_is("approvals")
@require(Permission.OVERVIEW, Right.VIEW)
def decide(task_id: uuid.UUID, **_tenant: uuid.UUID) -> Response:
    """Yes or no to the version that was shown; with another one the page comes back as it is now."""
    version, sha256 = request.form.get("version", 0, type=int), request.form.get("sha256", "")
    reason = request.form.get("reason", "")
    try:
        if request.form.get("verdict") == "approve":
            task = verdicts.approve(scope(), task_id, version, sha256)
        else:
            task = verdicts.refuse(scope(), task_id, version, sha256, reason)
    except (Invalid, PortalError) as refused:
        if refused.status in (403, 404) and refused.code in ("forbidden", "not_found"):
            raise
        db().rollback()
        told = wording.of_error(refused.code, refused.values)
        return _show(task_id, status=refused.status, notice=told, reason=reason)
    state, told = task.state, _told(task.state)
    db().commit()
    flash(told, "stop" if state == State.FAILED else "ok")
    return go_to(to("show", task_id=task_id))


def _told(state: str) -> str:
    told: dict[str, str] = {
        "waiting": _("Approved. More people must approve it before anything happens."),
        "carried_out": _("Approved and carried out."),
        "refused": _("Refused. Nothing was done; whoever asked for it gets a mail."),
        "failed": _("Approved, but it could not be carried out. Nothing was done."),
    }
    return told[state]


@blueprint.post(PORTAL + ONE + "/withdraw")
@blueprint.post(CLIENT + ONE + "/withdraw")
@here_is("approvals")
@require(Permission.OVERVIEW, Right.VIEW)
def withdraw(task_id: uuid.UUID, **_tenant: uuid.UUID) -> Response:
    tasks.withdraw(scope(), task_id)
    db().commit()
    flash(_("Withdrawn. Nothing was done."), "ok")
    return go_to(to("show", task_id=task_id))


@blueprint.post(PORTAL + ONE + "/again")
@blueprint.post(CLIENT + ONE + "/again")
@here_is("approvals")
@require(Permission.OVERVIEW, Right.VIEW)
def again(task_id: uuid.UUID, **_tenant: uuid.UUID) -> Response:
    """Withdraw it, and on to the form that it came from, filled in."""
    task = tasks.withdraw(scope(), task_id)
    form = _again.url(task, reading.payload_of(scope(), task))
    db().commit()
    flash(_("Withdrawn. Nothing was done; change what you want and submit it again."), "ok")
    return go_to(form)


@blueprint.get(PORTAL + ONE + "/edit")
@blueprint.get(CLIENT + ONE + "/edit")
@here_is("approvals")
@require(Permission.OVERVIEW, Right.VIEW)
def edit(task_id: uuid.UUID, **_tenant: uuid.UUID) -> Response:
    return _edit(task_id)


def _edit(task_id: uuid.UUID, *, status: int = 200, notice: str = "") -> Response:
    view = reading.view_task(scope(), task_id)
    if view is None or not view.may_edit or view.kind.choices is None:
        return go_to(to("show", task_id=task_id) if view else to("index"))
    try:
        choices = view.kind.choices(scope(), view.made.payload)
    except PortalError as gone:
        flash(wording.of_error(gone.code, gone.values), "warn")
        return go_to(to("show", task_id=task_id))
    return page(
        "approvals/edit.html", view=view, choices=choices, words=_approvals, to=to, status=status, notice=notice
    )


@blueprint.post(PORTAL + ONE + "/edit")
@blueprint.post(CLIENT + ONE + "/edit")
@here_is("approvals")
@require(Permission.OVERVIEW, Right.VIEW)
def save(task_id: uuid.UUID, **_tenant: uuid.UUID) -> Response:
    """Another version; only what the kind lets choose differs from the one before."""
    try:
        task = tasks.waiting(scope(), task_id)
        kind, payload = kind_of(task.kind), reading.payload_of(scope(), task)
        choices = kind.choices(scope(), payload) if kind.choices else ()
        chosen = {one.name: request.form.get(one.name, "") for one in choices}
        tasks.edit(scope(), task_id, request.form.get("version", 0, type=int), {**payload, **chosen},
                   request.form.get("note", ""))  # fmt: skip
    except PortalError as refused:
        if refused.status in (403, 404):
            raise
        db().rollback()
        told = wording.of_error(refused.code, refused.values)
        if refused.status == 409:
            return _show(task_id, status=409, notice=told)
        return _edit(task_id, status=refused.status, notice=told)
    db().commit()
    flash(_("Changed. Whoever approved the version before decides anew."), "ok")
    return go_to(to("show", task_id=task_id))


# ------------------------------------------------------------------ how many must agree


@blueprint.get(PORTAL + "/rules")
@blueprint.get(CLIENT + "/rules")
@here_is("approvals")
@require(Permission.PERMISSIONS, Right.VIEW)
def rules(**_tenant: uuid.UUID) -> Response:
    return _rules()


def _rules(*, status: int = 200, notice: str = "") -> Response:
    wanted = _again.draft("approval.rule")
    return page(
        "approvals/rules.html", rules=policies.rules(scope()), words=_approvals, to=to, status=status, notice=notice,
        most=policies.MOST, wanted=policies.rule_of(wanted) if wanted else None,
        may_edit=scope().may(Permission.PERMISSIONS, Right.EDIT),
    )  # fmt: skip


@blueprint.post(PORTAL + "/rules")
@blueprint.post(CLIENT + "/rules")
@here_is("approvals")
@require(Permission.PERMISSIONS, Right.EDIT)
def set_rule(**_tenant: uuid.UUID) -> Response:
    """At once when it asks for more; a task when it asks for fewer."""
    try:
        outcome = tasks.perform(scope(), "approval.rule", payload_of(_wanted(request.form)))
        _approvals.tell_waiting(outcome)
    except PortalError as refused:
        if refused.status in (403, 404):
            raise
        db().rollback()
        return _rules(status=refused.status, notice=wording.of_error(refused.code, refused.values))
    db().commit()
    if outcome.task is None:
        flash(_("Kept. It counts for what is submitted from now on."), "ok")
    return go_to(to("rules"))


@blueprint.post(PORTAL + "/live")
@blueprint.post(CLIENT + "/live")
@here_is("approvals")
@require(Permission.TENANT, Right.EDIT)
def go_live(**_tenant: uuid.UUID) -> Response:
    """From rehearsal to real, at once or once others agree."""
    try:
        outcome = tasks.perform(scope(), LIVE, {})
        _approvals.tell_waiting(outcome)
    except PortalError as refused:
        if refused.status in (403, 404):
            raise
        db().rollback()
        flash(wording.of_error(refused.code, refused.values), "stop")
        return go_to(to("index"))
    db().commit()
    if outcome.task is None:
        flash(_("This account is real from now on."), "ok")
    return go_to(to("index"))


def _wanted(form: Mapping[str, str]) -> policies.Rule:
    kind, number, above = kind_of(form.get("kind", "")), form.get("approvals", ""), form.get("above", "").strip()
    if not number.isdecimal() or not kind.settable:
        raise Invalid("approval.number", field="approvals", most=policies.MOST)
    if not above:
        return policies.Rule(kind, int(number[:3]))
    try:
        return policies.Rule(kind, int(number[:3]), Decimal(above.replace(" ", "").replace(",", ".")).quantize(CENT))
    except InvalidOperation:
        raise Invalid("approval.above", field="above") from None
