"""The audit trail: everything that was done in a tenant, by whom, in an order that cannot be changed."""

from __future__ import annotations

import uuid
from datetime import date

from flask import Blueprint, Response, request, url_for

from portal.access import Permission, Right
from portal.activity.history import as_it_was, end_of
from portal.activity.service import timeline
from portal.kernel import clock
from portal.routes import wording
from portal.routes._access import require, scope
from portal.routes._active import here_is
from portal.routes._as_it_was import sections
from portal.routes._csv import csv_answer
from portal.routes._htmx import page
from portal.routes._seen import note_seen
from portal.routes._timeline import events

blueprint = Blueprint("audit", __name__)
PAGE = 50
KINDS = ("", "person", "system", "provider")


def _page() -> Response:
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    before = request.args.get("before", type=int)
    rows = timeline(scope(), kind=kind, before=before, limit=PAGE + 1)
    older = rows[PAGE - 1].seq if len(rows) > PAGE else None
    return page("audit/index.html", events=events(rows[:PAGE]), kind=kind, older=older, first=before is None)


def _csv() -> Response:
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


def _on() -> Response:
    """On a day that is no day, or not there yet: today."""
    today = clock.today()
    try:
        day = min(date.fromisoformat(request.args.get("date", "")), today)
    except ValueError:
        day = today
    was = as_it_was(scope(), end_of(day))
    here = scope().tenant_id
    portal = scope().kind == "portal"
    back = url_for("audit.portal_index", portal=here) if portal else url_for("audit.index", client=here)
    found = sections(scope(), was)
    return page("audit/on.html", day=day, today=today, told=was.told, sections=found, back=back)


@blueprint.get("/p/<uuid:portal>/audit/on")
@here_is("audit")
@require(Permission.ACTIVITY, Right.VIEW)
def portal_on(portal: uuid.UUID) -> Response:
    return _on()


@blueprint.get("/c/<uuid:client>/audit/on")
@here_is("audit")
@require(Permission.ACTIVITY, Right.VIEW)
def on(client: uuid.UUID) -> Response:
    return _on()


@blueprint.get("/p/<uuid:portal>/audit")
@here_is("audit")
@require(Permission.ACTIVITY, Right.VIEW)
def portal_index(portal: uuid.UUID) -> Response:
    return _page()


@blueprint.get("/c/<uuid:client>/audit")
@here_is("audit")
@require(Permission.ACTIVITY, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    return _page()


@blueprint.get("/p/<uuid:portal>/audit.csv")
@require(Permission.ACTIVITY, Right.VIEW)
def portal_csv(portal: uuid.UUID) -> Response:
    return _csv()


@blueprint.get("/c/<uuid:client>/audit.csv")
@require(Permission.ACTIVITY, Right.VIEW)
def csv(client: uuid.UUID) -> Response:
    return _csv()
