"""Words for tasks that wait for approval, and the notice after something was submitted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import flash, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup, escape

from portal.approvals import reading
from portal.approvals import wording as words
from portal.approvals.marks import marks
from portal.approvals.registry import kinds
from portal.approvals.tasks import Outcome
from portal.routes import wording
from portal.routes._access import scope
from portal.templating import formats

NAMED = 3  # people in a notice; of more, how many
# state → (key of the state's dress, tone)
DRESS = {
    "waiting": "wait_approval", "carried_out": "active", "refused": "stopped", "withdrawn": "none", "expired": "none",
    "failed": "failed",
}  # fmt: skip


def title(kind: str, shown: Mapping[str, Any]) -> str:
    """What a task is about, in the reader's language; the name of a kind that is gone as it is."""
    known = kinds().get(kind)
    if known is None:
        return kind
    worded = {key: _(value) if key == "rule" else value for key, value in shown.items()}
    return wording.filled(known.title, worded)


def to(endpoint: str, **values: Any) -> str:
    """A page of this room, in the portal or the client account that the request is in."""
    place: dict[str, Any] = {scope().kind: scope().tenant_id}
    return url_for(f"approvals.{endpoint}", **place, **values)


def kind_word(kind: str) -> str:
    """The kind itself, as on the page of rules."""
    known = kinds().get(kind)
    return wording.filled(known.word, {}) if known else kind


def effects(kind: str, shown: Mapping[str, Any]) -> list[str]:
    return [wording.filled(one, shown) for one in kinds()[kind].effects] if kind in kinds() else []


def side(change: Mapping[str, Any], key: str) -> str:
    """Before or after, as it is shown: days and amounts of money as the reader writes them."""
    told = str(change[key])
    if change["worded"]:
        return str(_(told)) if told else told
    if change["part"] == "entry.total":
        amount, _space, currency = told.partition(" ")
        return formats().money(Decimal(amount), currency) if told else ""
    if change["part"] in ("entry.period", "entry.on"):
        return re.sub(r"\d{4}-\d\d-\d\d", lambda day: formats().date(date.fromisoformat(day[0])), told)
    return told


def state_word(state: str) -> str:
    return wording.filled(words.STATES[state], {})


def names(found: Sequence[str]) -> str:
    """ "Anna", "Anna or Bert", "Anna, Bert, Carl or 2 others"."""
    shown, more = list(found[:NAMED]), len(found) - NAMED
    if more > 0:
        shown.append(ngettext("%(num)s other", "%(num)s others", more))
    if len(shown) < 2:
        return "".join(shown)
    return str(_("%(some)s or %(last)s", some=", ".join(shown[:-1]), last=shown[-1]))


@dataclass(frozen=True, slots=True)
class Waits:
    """What is told of a task on the thing it is about. `url` is "" for whoever may not open the task."""

    kind: str
    subject_id: uuid.UUID | None  # None: what is to be made is not there yet
    title: str
    made_name: str
    made_at: datetime
    names: str  # of those who may approve it, not looked up for lists of things; "" when nobody here may
    agreed: int
    needed: int
    url: str


def waits_for(subject_kind: str, *subjects: uuid.UUID) -> list[Waits]:
    """Tasks that wait about these things, or about any of the kind in this tenant, newest first."""
    return [
        Waits(
            one.task.kind, one.task.subject_id, title(one.task.kind, one.made.shown), one.made.made_name,
            one.made.made_at,
            names(reading.names_of_approvers(scope(), one.task)) if subjects or one.task.subject_id is None else "",
            one.agreed, one.task.needed, to("show", task_id=one.task.id) if one.may_look else "",
        )
        for one in marks(scope(), subject_kind, *subjects)
    ]  # fmt: skip


def tell_waiting(outcome: Outcome) -> None:
    """After `perform`: say that it waits, and for whom. Says nothing of what was done at once."""
    if outcome.task is None:
        return
    who = names(reading.names_of_approvers(scope(), outcome.task))
    text = (
        _("Submitted, waits for approval by %(names)s. Nothing was changed yet.", names=who) if who
        else _("Submitted, but nobody here may approve it now. Ask an administrator. Nothing was changed yet.")
    )  # fmt: skip
    url = to("show", task_id=outcome.task.id)
    link = Markup('<a href="{}">{}</a>').format(url, _("Look at the task"))
    flash(Markup("{} {}").format(escape(text), link), "wait")
