"""The audit trail: everything that was done in a tenant, by whom, in an order that cannot be changed."""

from __future__ import annotations

import uuid
from datetime import date
from functools import partial

from flask import Blueprint, Response, request

from portal.access import Permission, Right
from portal.activity.history import as_it_was, end_of
from portal.activity.service import timeline
from portal.kernel import clock
from portal.routes import _both, wording
from portal.routes._access import require, scope
from portal.routes._active import here_is
from portal.routes._as_it_was import sections
from portal.routes._both import address
from portal.routes._csv import csv_answer
from portal.routes._htmx import page
from portal.routes._seen import note_seen
from portal.routes._timeline import events

blueprint = Blueprint("audit", __name__)
both = partial(_both.both, blueprint, "/p/<uuid:portal>/audit", "/c/<uuid:client>/audit")
PAGE = 50
KINDS = ("", "person", "system", "provider")


@both("/on", "on")
@here_is("audit")
@require(Permission.ACTIVITY, Right.VIEW)
def on(**tenant: uuid.UUID) -> Response:
    """As it was on a day; on one that is no day, or not there yet: today."""
    today = clock.today()
    try:
        day = min(date.fromisoformat(request.args.get("date", "")), today)
    except ValueError:
        day = today
    was = as_it_was(scope(), end_of(day))
    found = sections(scope(), was)
    return page("audit/on.html", day=day, today=today, told=was.told, sections=found, address=address)


@both("", "index")
@here_is("audit")
@require(Permission.ACTIVITY, Right.VIEW)
def index(**tenant: uuid.UUID) -> Response:
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    before = request.args.get("before", type=int)
    rows = timeline(scope(), kind=kind, before=before, limit=PAGE + 1)
    older = rows[PAGE - 1].seq if len(rows) > PAGE else None
    return page(
        "audit/index.html", events=events(rows[:PAGE]), kind=kind, older=older, first=before is None, address=address
    )


@both(".csv", "csv")
@require(Permission.ACTIVITY, Right.VIEW)
def csv(**tenant: uuid.UUID) -> Response:
    note_seen("audit.fetched")
    rows = timeline(scope(), limit=100_000)
    head = ["seq", "at (UTC)", "actor", "who", "tag", "what", "subject", "hash"]
    return csv_answer(
        "audit.csv",
        head,
        (
            [r.seq, r.at.isoformat(), r.actor_kind, r.actor_name, r.tag, wording.of_activity(r.tag, r.data),
             f"{r.subject_kind} {r.subject_id or ''}", r.hash.hex()]
            for r in rows
        ),
    )  # fmt: skip
