"""What the page of one entry needs: the lines that are asked for, and what the reader may do."""

from __future__ import annotations

from typing import Any

from flask import request

from portal.access import Permission, Right
from portal.connectors import registry
from portal.routes import _approvals, _problems, wording
from portal.routes import _entry_words as words
from portal.routes._access import scope
from portal.routes._reversal_words import undo_steps, why_not
from portal.routes.forms.entries import BookedForm
from portal.shapes import Paging
from portal.sync import posting, reversal
from portal.sync.attempt import UNFINDABLE
from portal.sync.reading import EntryView, skipped_lines

SIZES = (50, 100, 500)
EFFECTS = ("new", "changed", "skipped", "blocked")
SETTLED = ("draft", "booked", "undone", "failed", "parked", "dropped")


def settled(view: EntryView) -> bool:
    """Whether nothing changes any more without a person."""
    return view.state in SETTLED


def context_of(view: EntryView, **more: Any) -> dict[str, Any]:
    """Everything `entries/show.html` needs besides the timeline."""
    manifest = registry.load(view.coupling.app).MANIFEST
    effect = request.args.get("effect", "")
    effect = effect if effect in EFFECTS else ""
    per = request.args.get("per", SIZES[0], type=int)
    chosen = [line for line in view.lines if effect in ("", line.effect)]
    paging = Paging(
        max(request.args.get("page", 1, type=int), 1), per if per in SIZES else SIZES[0], len(chosen), SIZES
    )
    entry = view.entry
    ties = reversal.ties_of(scope(), entry, view.posting)
    may_act = scope().may(Permission.ENTRIES, Right.EDIT)
    may_edit = view.state == "draft" and not ties.undoes and may_act
    return {
        "view": view,
        "effect": effect,
        "lines": chosen[(paging.page - 1) * paging.per : paging.page * paging.per],
        "skipped": skipped_lines(scope(), view) if effect == "skipped" else (),
        "paging": paging,
        "package": manifest.label,
        "when": words.called(
            view.configuration.frequency, entry.period_start, entry.sequence, undoes=ties.undoes is not None
        ),
        "ties": ties,
        "undo_steps": undo_steps(ties.refusal, entry, view.posting, manifest.label),
        "undo_refusal": why_not(ties.refusal, entry),
        "may_undo": scope().may(Permission.ENTRIES, Right.CREATE),
        "may_start": scope().may(Permission.RUNS, Right.CREATE),
        "period": lambda row: words.called(view.configuration.frequency, row.period_start, 0, undoes=row.undoes),
        "cards": words.cards(view, manifest.label),
        "problem_text": lambda found: wording.of_error(found.code, found.values),
        "state_key": words.STATE_KEYS[view.state],
        "why_now": _problems.title(view.posting.code) if view.posting and view.posting.code else "",
        "may_edit": may_edit,
        "may_act": may_act,
        "waits": _approvals.waits_for("entry", entry.id),
        "may_send": scope().may(Permission.ENTRIES, Right.APPROVE),
        "looked_empty": view.posting is not None and posting.looked_empty(view.posting),
        "unfindable": view.posting is not None and view.posting.code == UNFINDABLE,
        "surely_unbooked": view.posting is not None and posting.is_surely_unbooked(view.posting),
        "booked_form": BookedForm(),
        "polls": not settled(view),
        "line_error": "",
        **more,
    }
