"""The firm's home: every client account, worst first, and what to do about it."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, g, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.connectors import registry
from portal.kernel import clock
from portal.routes import _causes
from portal.routes._access import as_id, db, entered, require, scope
from portal.routes._active import here_is
from portal.routes._csv import csv_answer
from portal.routes._htmx import go_to, page
from portal.shapes import Chip, Paging, Segment, Tone
from portal.sync.board import Board, Filter, board, nights
from portal.templating import formats, here
from portal.tenants import assignments

blueprint = Blueprint("portal", __name__)
SIZES = (50, 100, 500)


MOST_PAGES = 100_000


def wanted() -> Filter:
    """What the address asks for; nonsense falls back to the first page of everything."""
    args = request.args
    words = {key: args.get(key, "").replace("\0", "")[:100] for key in ("q", "state", "code", "cause")}
    per = args.get("per", SIZES[0], type=int)
    return Filter(
        find=words["q"],
        state=words["state"],
        code=words["code"],
        cause_id=words["cause"],
        assigned=entered().user_id if args.get("assigned") == "me" else None,
        sort=args.get("sort", "state"),
        page=min(max(args.get("page", 1, type=int), 1), MOST_PAGES),
        per=per if per in SIZES else SIZES[0],
    )


@blueprint.get("/p/<uuid:portal>/")
@here_is("home")
@require(Permission.OVERVIEW, Right.VIEW)
def home(portal: uuid.UUID) -> Response:
    asked = wanted()
    found = board(scope(), asked)
    segments = _segments(found)
    g.counts = {"clients": found.total, "entries": found.waiting_entries, "approvals": found.approvals}
    causes = [_causes.in_words(portal, cause) for cause in found.causes if cause.state != "active"]
    return page(
        "portal/home.html",
        blocks=("clients",),
        board=found,
        wanted=asked,
        causes=causes,
        health_bar=segments,
        health_words=", ".join(f"{segment.count} {segment.word}" for segment in segments if segment.count),
        chips_=_chips(found, asked),
        nights=nights(scope()),
        paging=Paging(found.page, asked.per, found.matching, SIZES),
        short=_causes.shorts(),
        me_id=entered().user_id,
        who_word=_causes.who_word,
        packages={app: registry.load(app).MANIFEST.label for app in {row.app for row in found.rows if row.app}},
        may_work=scope().may(Permission.RUNS, Right.CREATE),
    )


def _segments(found: Board) -> list[Segment]:
    parts = [
        Segment(found.count("stopped"), _("stopped"), "stop"),
        Segment(found.count("attention"), _("need attention"), "warn"),
        Segment(found.count("wait_client", "wait_approval"), _("waiting"), "wait"),
        Segment(found.count("none"), _("not set up"), "mute"),
        Segment(found.count("active"), _("in order"), "okline"),
    ]
    return [part for part in parts if part.count]


def _chips(found: Board, asked: Filter) -> list[Chip]:
    none = dict.fromkeys(("state", "code", "cause", "assigned", "page"))

    def chip(word: str, count: int, tone: Tone = "", **query: str) -> Chip:
        current = asked.state == query.get("state", "") and bool(asked.assigned) == ("assigned" in query)
        return Chip(word, here(**(none | query)), count, current, tone)

    return [
        chip(_("All"), found.total),
        chip(_("Stopped"), found.count("stopped"), "stop", state="stopped"),
        chip(_("Attention"), found.count("attention"), "warn", state="attention"),
        chip(_("Waiting"), found.count("wait_client", "wait_approval"), "wait", state="wait"),
        chip(_("Not set up"), found.count("none"), state="none"),
        chip(_("My clients"), found.mine, assigned="me"),
    ]


@blueprint.get("/p/<uuid:portal>/clients.csv")
@require(Permission.OVERVIEW, Right.VIEW)
def csv(portal: uuid.UUID) -> Response:
    """The list as it is filtered, all pages of it."""
    asked, fmt, reason = wanted(), formats(), _causes.shorts()
    everything = Filter(asked.find, asked.state, asked.code, asked.cause_id, asked.assigned, asked.sort, 1, 100_000)
    head = [_("Client"), _("Enterprise number"), _("State"), _("Reason"), _("Package"), _("Dossier"), _("Last sync"),
            _("Next sync"), _("Lines waiting"), _("Assigned")]  # fmt: skip
    rows = (
        [
            row.name, row.enterprise_number, row.state, reason(row.code, row.reason), row.app or "",
            row.dossier_number or "", fmt.datetime(row.last_sync_at) if row.last_sync_at else "",
            fmt.datetime(row.next_sync_at) if row.next_sync_at else "", row.waiting_lines, row.assigned_name or "",
        ]
        for row in board(scope(), everything).rows
    )  # fmt: skip
    return csv_answer(f"clients-{clock.today().isoformat()}.csv", head, rows)


@blueprint.post("/p/<uuid:portal>/clients/assign")
@require(Permission.TEAM, Right.VIEW)
def assign(portal: uuid.UUID) -> Response:
    """At once: the ticked clients to one colleague, besides who has them; without one, to nobody any more."""
    chosen = [as_id(value) for value in request.form.getlist("id")]
    who = request.form.get("user", "")
    if who:
        count = assignments.assign(scope(), chosen, as_id(who))
        told = ngettext("%(num)s client account assigned.", "%(num)s client accounts assigned.", count)
    else:
        count = assignments.unassign(scope(), chosen, None)
        told = ngettext("%(num)s client account has nobody now.", "%(num)s client accounts have nobody now.", count)
    db().commit()
    flash(told, "ok")
    return go_to(url_for("portal.home", portal=portal))
