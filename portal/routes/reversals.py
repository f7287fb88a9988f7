"""Undoing an entry: what would be booked, shown first; then sent, given up, or accepted as it stands."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.connectors import registry
from portal.couplings.models import Configuration, Coupling
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.models import Entry
from portal.routes import _again, _approvals, wording
from portal.routes import _entry_words as entry_words
from portal.routes import _reversal_words as words
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes.forms.entries import UndoForm
from portal.sync import approvable_undoing, reversal
from portal.sync.posting import posting_of

blueprint = Blueprint("reversals", __name__)
ONE = "/c/<uuid:client>/entries/<uuid:entry_id>/undo"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _show(entry_id: uuid.UUID, form: UndoForm, on: date | None, *, status: int = 200, notice: str = "") -> Response:
    """The preview; why there is none, where it cannot be undone from here."""
    entry = scope().get(Entry, entry_id)
    configuration = scope().get(Configuration, entry.configuration_id)
    package = registry.load(scope().get(Coupling, entry.coupling_id).app).MANIFEST.label
    posting = posting_of(scope(), entry_id)
    told: dict[str, Any] = {
        "entry": entry, "posting": posting, "package": package, "form": form, "notice": notice, "wanted": None,
        "when": entry_words.period(configuration.frequency, entry.period_start, entry.sequence),
        "problem_text": lambda found: wording.of_error(found.code, found.values),
        "waits": _approvals.waits_for("entry", entry.id),
        "may_send": scope().may(Permission.ENTRIES, Right.APPROVE),
    }  # fmt: skip
    try:
        told["wanted"] = reversal.plan(scope(), entry_id, on)
    except Invalid as refused:
        told |= {"wanted": reversal.plan(scope(), entry_id), "notice": wording.of_error(refused.code, refused.values)}
        status = 422
    except Conflict as refused:
        steps = words.undo_steps(refused.code, entry, posting, package)
        told |= {"refusal": words.why_not(refused.code, entry), "steps_": steps, "instead": words.instead(refused.code)}
    return page("reversals/show.html", status=status, **told)


@blueprint.get(ONE)
@here_is("entries")
@require(Permission.ENTRIES, Right.CREATE)
def show(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    wanted = _again.draft(approvable_undoing.UNDO) or {}
    return _show(entry_id, UndoForm(formdata=None, reason=wanted.get("reason")), _day(request.args.get("on", "")))


@blueprint.post(ONE)
@here_is("entries")
@require(Permission.ENTRIES, Right.CREATE)
def send(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """Only what was shown, by somebody who may send."""
    scope().require(Permission.ENTRIES, Right.APPROVE)
    form, on = UndoForm(), _day(request.form.get("on", ""))
    if not form.validate():
        return _show(entry_id, form, on, status=422)
    try:
        outcome = approvable_undoing.undo(
            scope(), entry_id, reason=form.reason.data or "", sha256=form.sha256.data or "", on=on
        )
    except (Conflict, Invalid) as refused:
        db().rollback()
        if isinstance(refused, Invalid):
            form.take(refused)
            return _show(entry_id, form, on, status=422)
        return _show(entry_id, form, on, status=409, notice=wording.of_error(refused.code, refused.values))
    _approvals.tell_waiting(outcome)
    db().commit()
    undoing = outcome.result.entry_id if outcome.result else entry_id
    return go_to(url_for("entries.show", client=client, entry_id=undoing))


@blueprint.post(ONE + "/give-up")
@here_is("entries")
@require(Permission.ENTRIES, Right.EDIT)
def give_up(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    original = reversal.give_up(scope(), entry_id)
    db().commit()
    flash(_("Given up: nothing of it was booked, and %(reference)s stands.", reference=original.reference), "ok")
    return go_to(url_for("entries.show", client=client, entry_id=original.id))


@blueprint.post(ONE + "/accept")
@here_is("entries")
@require(Permission.ENTRIES, Right.APPROVE)
def accept(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    original = reversal.accept(scope(), entry_id)
    db().commit()
    flash(_("%(reference)s counts as undone; its lines can be drafted again.", reference=original.reference), "ok")
    return go_to(url_for("entries.show", client=client, entry_id=original.id))
