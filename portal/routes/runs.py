"""Runs: start one or many, watch how far they are, and what a night's comparison found."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from portal import runtime
from portal.access import Permission, Right
from portal.connectors import registry
from portal.connectors.errors import ConnectorError
from portal.couplings.models import Configuration
from portal.kernel.errors import Invalid, NotFound, PortalError
from portal.ledger.models import Entry
from portal.routes import _problems, wording
from portal.routes import _run_words as words
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._csv import csv_answer
from portal.routes._htmx import go_to, is_htmx, page, stop_polling
from portal.shapes import Chip, Paging
from portal.sync import acting, batches, comparison
from portal.sync.board import nights
from portal.sync.runs import start_run
from portal.sync.watching import (
    GROUPS,
    BatchView,
    configurations,
    latest_runs,
    view_batch,
    view_night,
)
from portal.sync.watching import (
    batches as last_batches,
)
from portal.templating import documents_word, formats, here
from portal.tenants.entering import inside, writable_clients

blueprint = Blueprint("runs", __name__)
CLIENT, PORTAL = "/c/<uuid:client>/runs", "/p/<uuid:portal>/runs"
BATCH = PORTAL + "/<uuid:batch_id>"
SIZES = (50, 100, 500)


def _label(app: str) -> str:
    return registry.load(app).MANIFEST.label


def _may_start() -> bool:
    return scope().may(Permission.RUNS, Right.CREATE)


# --------------------------------------------------------------------------- one client account


@blueprint.get(CLIENT)
@here_is("runs")
@require(Permission.RUNS, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    rows = latest_runs(scope())
    open_runs = any(row.state in ("queued", "running") or state == "running" for row, state in rows)
    response = page(
        "runs/index.html", blocks=("runs",), configurations=configurations(scope()), rows=rows, words=words,
        label_of=_label, may_start=_may_start(), polls=open_runs,
    )  # fmt: skip
    return response if open_runs or not is_htmx() else stop_polling(response)


@blueprint.post(CLIENT)
@here_is("runs")
@require(Permission.RUNS, Right.CREATE)
def start(client: uuid.UUID) -> Response:
    """Every active configuration, or the one that the form names; one that runs already is joined."""
    chosen = request.form.get("configuration", "")
    if chosen:
        found: Sequence[Configuration] = [scope().get(Configuration, as_id(chosen))]
    else:
        query = select(Configuration).where(Configuration.tenant_id == client, Configuration.state == "active")
        found = db().scalars(query).all()
    for configuration in found:
        start_run(scope(), configuration, "person")
    db().commit()
    if not found:
        flash(_("There is nothing to synchronise yet: this client account has no active configuration."), "warn")
    return go_to(url_for("runs.index", client=client))


# --------------------------------------------------------------------------- all clients of a portal


@blueprint.get(PORTAL)
@here_is("runs")
@require(Permission.RUNS, Right.VIEW)
def portal_index(portal: uuid.UUID) -> Response:
    state = request.args.get("state", "")
    state = state if state in ("failed", "running", "queued", "done") else ""
    choices = {"": _("All"), "failed": _("Failed"), "running": _("Running"), "queued": _("Queued"), "done": _("Done")}
    chips = [Chip(str(word), here(state=key or None), None, key == state) for key, word in choices.items()]
    known = last_batches(scope(), limit=5)
    return page(
        "runs/portal_index.html", blocks=("runs",), batches=known, rows=latest_runs(scope(), state), chips_=chips,
        words=words, label_of=_label, may_start=_may_start(), night=next(iter(reversed(nights(scope()))), None),
        open_batch=next((batch for batch in known if batch.open), None),
    )  # fmt: skip


def _start(portal: uuid.UUID, client_ids: Sequence[uuid.UUID]) -> Response:
    try:
        batch = batches.start_batch(scope(), client_ids)
    except Invalid as refused:
        db().rollback()
        flash(wording.of_error(refused.code, refused.values), "warn")
        return go_to(url_for("runs.portal_index", portal=portal))
    started = batch.total
    db().commit()
    if not started:
        flash(_("These are being synchronised already; nothing was started twice."), "ok")
        return go_to(url_for("runs.portal_index", portal=portal))
    return go_to(url_for("runs.batch", portal=portal, batch_id=batch.id))


@blueprint.post(PORTAL + "/all")
@here_is("runs")
@require(Permission.RUNS, Right.CREATE)
def start_all(portal: uuid.UUID) -> Response:
    return _start(portal, acting.clients_of(scope()))


@blueprint.post(PORTAL + "/chosen")
@here_is("runs")
@require(Permission.RUNS, Right.CREATE)
def start_chosen(portal: uuid.UUID) -> Response:
    return _start(portal, [as_id(value) for value in request.form.getlist("id")])


@blueprint.get(BATCH)
@here_is("runs")
@require(Permission.RUNS, Right.VIEW)
def batch(portal: uuid.UUID, batch_id: uuid.UUID) -> Response:
    found = view_batch(scope(), batch_id)
    group = request.args.get("state", "")
    group = group if group in GROUPS else ""
    chosen = _of_group(found, group)
    number, per = max(request.args.get("page", 1, type=int), 1), request.args.get("per", SIZES[0], type=int)
    paging = Paging(number, per if per in SIZES else SIZES[0], len(chosen), SIZES)
    response = page(
        "runs/batch.html",
        blocks=("batch",),
        found=found,
        rows=chosen[(paging.page - 1) * paging.per : paging.page * paging.per],
        paging=paging,
        group=group,
        segments=words.batch_segments(found),
        chips_=words.batch_chips(found, group),
        causes=words.causes(found, _may_start()),
        words=words,
        label_of=_label,
        may_start=_may_start(),
    )
    return stop_polling(response) if is_htmx() and found.finished else response


def _of_group(found: BatchView, group: str) -> list[tuple[Any, str]]:
    return [(row, state) for row, state in found.rows if not group or state in GROUPS[group]]


@blueprint.get(BATCH.replace("<uuid:batch_id>", "<uuid:batch_id>.csv"))
@require(Permission.RUNS, Right.VIEW)
def batch_csv(portal: uuid.UUID, batch_id: uuid.UUID) -> Response:
    found = view_batch(scope(), batch_id)
    head = [_("Client"), _("Package"), _("Dossier"), _("Bank account"), _("State"), _("Reason"), _("Lines"),
            _("Entries booked"), _("Left as draft"), _("Duration"), _("Receipt")]  # fmt: skip
    rows = (
        [row.client, _label(row.app), row.dossier_number, row.bank or documents_word(row.entry_kind), state,
         words.outcome(row, state), row.lines,
         row.booked, row.drafts, words.duration(row), row.receipt or ""]
        for row, state in found.rows
    )  # fmt: skip
    return csv_answer(f"run-{formats().local(found.started_at):%Y%m%d-%H%M}.csv", head, rows)


@blueprint.post(BATCH + "/retry")
@here_is("runs")
@require(Permission.RUNS, Right.CREATE)
def retry(portal: uuid.UUID, batch_id: uuid.UUID) -> Response:
    """Only what failed; from the card of a cause, only what that holds up."""
    number = batches.retry_failed(scope(), batch_id, request.args.get("cause", ""))
    db().commit()
    if number:
        flash(ngettext("%(num)s is tried again.", "%(num)s are tried again.", number), "ok")
    else:
        flash(_("Nothing here can be tried again as it is; look at each cause."), "warn")
    return go_to(url_for("runs.batch", portal=portal, batch_id=batch_id))


@blueprint.post(BATCH + "/<uuid:run_id>/test")
@here_is("runs")
@require(Permission.RUNS, Right.CREATE)
def test(portal: uuid.UUID, batch_id: uuid.UUID, run_id: uuid.UUID) -> Response:
    """Read the dossier of one of the runs anew and say whether its entries would go through now."""
    row = next((row for row, _state in view_batch(scope(), batch_id).rows if row.id == run_id), None)
    if row is None or row.tenant_id not in writable_clients(scope(), {row.tenant_id}):
        raise NotFound()
    tone, text = _look_anew(row)
    key = request.args.get("card", "")[:60]
    if is_htmx() and re.fullmatch("[a-z0-9-]+", key):
        return Response(render_template("entries/outcome.html", key=key, text=text, tone=tone))
    flash(text, tone)
    return go_to(url_for("runs.batch", portal=portal, batch_id=batch_id))


def _look_anew(row: Any) -> tuple[str, str]:
    refused = [uuid.UUID(refusal["entry"]) for refusal in row.refusals]
    waiting = select(Entry.id).where(
        Entry.tenant_id == row.tenant_id, Entry.configuration_id == row.configuration_id, Entry.state == "draft"
    )
    try:
        with inside(scope(), row.tenant_id) as client:
            entries = refused or client.session.scalars(waiting.limit(5)).all()
            left = acting.look_anew(runtime.get(), client, row.coupling_id, entries)
        db().commit()
    except ConnectorError as failure:
        db().rollback()
        return "stop", _problems.title(failure.code, failure.values)
    except PortalError as failure:
        db().rollback()
        return "stop", wording.of_error(failure.code, failure.values)
    if left:
        return "stop", wording.of_error(left[0].code, left[0].values)
    return "ok", str(
        _("The dossier of %(client)s was read anew: nothing stands in the way any more.", client=row.client)
    )


# --------------------------------------------------------------------------- a night


@blueprint.get(PORTAL + "/nights")
@here_is("runs")
@require(Permission.RUNS, Right.VIEW)
def night(portal: uuid.UUID) -> Response:
    try:
        asked = date.fromisoformat(request.args.get("night", ""))
    except ValueError:
        asked = None
    view = view_night(scope(), asked)
    return page(
        "runs/night.html", view=view, words=words, label_of=_label, note_length=comparison.NOTE_LENGTH,
        may_see=scope().may(Permission.ENTRIES, Right.APPROVE), cards=words.finding_cards(view) if view else [],
        title=words.night_title(view) if view else _("No night was compared yet"),
    )  # fmt: skip


def _told(finding: dict[str, Any]) -> str:
    found = f"{finding['reference']}: {words.finding_words(finding)}"
    seen = words.seen_words(finding)
    return f"{found} ({seen})" if seen else found


@blueprint.post(PORTAL + "/nights/seen")
@here_is("runs")
@require(Permission.ENTRIES, Right.APPROVE)
def mark_seen(portal: uuid.UUID) -> Response:
    """A difference that may stay as it is, with the reason."""
    given = request.form
    client_id, back = as_id(given.get("client", "")), url_for("runs.night", portal=portal, night=given.get("night", ""))
    if client_id not in writable_clients(scope(), {client_id}):
        raise NotFound()
    found = (as_id(given.get("comparison", "")), given.get("kind", ""), given.get("reference", ""))
    try:
        with inside(scope(), client_id) as client:
            comparison.mark_seen(client, *found, given.get("note", ""))
    except Invalid as missing:
        db().rollback()
        flash(wording.of_error(missing.code, missing.values), "warn")
        return go_to(back)
    db().commit()
    return go_to(back)


@blueprint.get(PORTAL + "/nights.csv")
@require(Permission.RUNS, Right.VIEW)
def night_csv(portal: uuid.UUID) -> Response:
    try:
        night = date.fromisoformat(request.args["night"]) if "night" in request.args else None
    except ValueError:
        raise NotFound() from None
    view = view_night(scope(), night)
    if view is None:
        raise NotFound()
    head = [_("Client"), _("Package"), _("Dossier"), _("Offered"), _("Booked"), _("Found again"), _("Missing"),
            _("Doubled"), _("Altered"), _("Compared"), _("Findings")]  # fmt: skip
    rows = (
        [row.client, _label(row.app), row.dossier_number, row.offered, row.booked, row.found, row.missing, row.doubled,
         row.altered, formats().datetime(row.compared_at),
         "; ".join(_told(finding) for finding in row.findings)]
        for row in view.rows
    )  # fmt: skip
    return csv_answer(f"night-{view.night.isoformat()}.csv", head, rows)
