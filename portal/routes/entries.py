"""Entries: the list of a client or of all clients, one entry before and after it is sent."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal import runtime
from portal.access import Permission, Right
from portal.activity.service import timeline
from portal.connectors import registry
from portal.connectors.errors import ConnectorError
from portal.kernel import clock
from portal.kernel.errors import Conflict, Invalid, NotFound, PortalError
from portal.routes import _approvals, _problems, wording
from portal.routes import _entry_words as words
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._csv import csv_answer
from portal.routes._entry_page import context_of, settled
from portal.routes._htmx import go_to, instead, is_htmx, page, stop_polling
from portal.routes._timeline import events
from portal.routes.forms.entries import BookedForm, LineForm, SendForm
from portal.shapes import Paging
from portal.sync import acting, approvable, drafting, posting
from portal.sync.reading import STATES, EntryFilter, EntryList, list_entries, view_entry
from portal.templating import formats

blueprint = Blueprint("entries", __name__)
CLIENT, PORTAL = "/c/<uuid:client>/entries", "/p/<uuid:portal>/entries"
ONE = CLIENT + "/<uuid:entry_id>"
SIZES = (50, 100, 500)


# --------------------------------------------------------------------------- lists


def wanted(*, everything: bool = False) -> EntryFilter:
    """What the address asks for; nonsense falls back to the first page of everything."""
    args = request.args
    per = args.get("per", SIZES[0], type=int)
    return EntryFilter(
        find=args.get("q", "")[:100],
        state=args.get("state", "") if args.get("state", "") in STATES else "",
        month=_month(args.get("month", "")),
        sent=_span(args.get("sent", "")),
        night=_day(args.get("night", "")),
        sort=args.get("sort", "state"),
        page=1 if everything else max(args.get("page", 1, type=int), 1),
        per=100_000 if everything else per if per in SIZES else SIZES[0],
    )


def _month(text: str) -> date | None:
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    return date(int(found[1]), int(found[2]), 1) if found and int(found[1]) else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _span(text: str) -> tuple[datetime, datetime] | None:
    """Two moments in microseconds since 1970, as the sending of many writes them."""
    found = re.fullmatch(r"(\d{16})-(\d{16})", text)
    if not found:
        return None
    begin, end = (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(part)) for part in found.groups())
    return begin, end


def _list() -> Response:
    asked = wanted()
    found = list_entries(scope(), asked)
    response = page(
        "entries/index.html",
        blocks=("entries",),
        found=found,
        wanted=asked,
        paging=Paging(asked.page, asked.per, found.matching, SIZES),
        head=words.list_head(found, asked),
        chips_=words.list_chips(found, asked),
        bar=words.list_progress(found) if asked.sent else None,
        months=words.months(clock.today()),
        currency=_one_currency(found),
        words=words,
        label_of=lambda app: registry.load(app).MANIFEST.label,
        portal_wide=scope().kind == "portal",
        may_send=scope().may(Permission.ENTRIES, Right.APPROVE),
    )
    done = asked.sent and is_htmx() and not found.count("queued", "running", "checking")
    return stop_polling(response) if done else response


def _one_currency(found: EntryList) -> str:
    """The currency of all rows, which then stands once, in the head; "" when they differ."""
    known = {row.currency for row in found.rows}
    return known.pop() if len(known) == 1 else ""


@blueprint.get(CLIENT)
@here_is("entries")
@require(Permission.ENTRIES, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    return _list()


@blueprint.get(PORTAL)
@here_is("entries")
@require(Permission.ENTRIES, Right.VIEW)
def portal_index(portal: uuid.UUID) -> Response:
    return _list()


def _list_csv() -> Response:
    fmt = formats()
    head = [_("Client"), _("Package"), _("Dossier"), _("Bank account"), _("Period"), _("From"), _("Until"), _("State"),
            _("Reason"), _("Amount moved"), _("Currency"), _("Our reference"), _("Number in the package")]  # fmt: skip
    rows = (
        [
            row.client, registry.load(row.app).MANIFEST.label, row.dossier_number, row.bank,
            words.called(row.frequency, row.period_start, row.sequence, undoes=row.undoes),
            row.period_start.isoformat(),
            row.period_end.isoformat(), words.WORDS[row.state], words.why(row),
            "" if row.amount is None else row.amount, row.currency, row.reference, row.remote_number,
        ]
        for row in list_entries(scope(), wanted(everything=True)).rows
    )  # fmt: skip
    return csv_answer(f"entries-{fmt.local(clock.now()).date().isoformat()}.csv", head, rows)


@blueprint.get("/c/<uuid:client>/entries.csv")
@require(Permission.ENTRIES, Right.VIEW)
def csv(client: uuid.UUID) -> Response:
    return _list_csv()


@blueprint.get("/p/<uuid:portal>/entries.csv")
@require(Permission.ENTRIES, Right.VIEW)
def portal_csv(portal: uuid.UUID) -> Response:
    return _list_csv()


@blueprint.post(PORTAL + "/send")
@here_is("entries")
@require(Permission.ENTRIES, Right.APPROVE)
def send_chosen(portal: uuid.UUID) -> Response:
    """The ticked drafts, each as `client.entry.version`: rendered and hashed anew, sent when it is as it was shown."""
    chosen = [_chosen(value) for value in request.form.getlist("id")]
    began = clock.now()
    sent = acting.send_drafts(scope(), chosen)
    span = f"{_micros(began)}-{_micros(clock.now())}"
    db().commit()
    if sent.kept:
        reasons = dict.fromkeys(wording.of_error(kept.code, kept.values) for kept in sent.kept)
        flash(
            ngettext("%(num)s entry was not sent: %(why)s", "%(num)s entries were not sent: %(why)s", len(sent.kept),
                     why=" ".join(reasons)), "warn",
        )  # fmt: skip
    if sent.waiting:
        told = ngettext("%(num)s entry waits for approval.", "%(num)s entries wait for approval.", sent.waiting)
        flash(told, "wait")
    if not sent.number:
        return go_to(url_for("entries.portal_index", portal=portal, state="draft"))
    return go_to(url_for("entries.portal_index", portal=portal, sent=span))


def _chosen(value: str) -> acting.Chosen:
    client, _dot, rest = value.partition(".")
    entry, _dot, version = rest.partition(".")
    if not version.isdecimal():
        raise NotFound()
    return acting.Chosen(as_id(client), as_id(entry), int(version[:9]))


def _micros(at: datetime) -> int:
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


# --------------------------------------------------------------------------- one entry


def _show(entry_id: uuid.UUID, *, status: int = 200, notice: str = "", **more: Any) -> Response:
    view = view_entry(scope(), entry_id)
    told = events(timeline(scope(), view.entry.id))
    context = context_of(view, events=told, notice=notice, **more)
    response = page("entries/show.html", status=status, blocks=("entry",), **context)
    return stop_polling(response) if status == 200 and is_htmx() and settled(view) else response


@blueprint.get(ONE)
@here_is("entries")
@require(Permission.ENTRIES, Right.VIEW)
def show(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    return _show(entry_id)


@blueprint.post(ONE + "/lines/<uuid:line_id>")
@here_is("entries")
@require(Permission.ENTRIES, Right.EDIT)
def correct(client: uuid.UUID, entry_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    """One line; the answer to htmx is that line, with totals, hash and counters beside it."""
    form, error = LineForm(), ""
    if not form.validate():
        error = " ".join(str(text) for field in form for text in field.errors)
    else:
        try:
            drafting.correct_line(
                scope(), entry_id, line_id, ledger_account=form.ledger_account.data or "",
                description=form.description.data or "", version=form.version.data or 0,
            )  # fmt: skip
            db().commit()
        except Conflict as stale:
            db().rollback()
            return instead(_show(entry_id, status=409, notice=wording.of_error(stale.code, stale.values)), "#entry")
        except Invalid as refused:
            db().rollback()
            error = wording.of_error(refused.code, refused.values)
    if not is_htmx():
        if error:
            return _show(entry_id, status=422, notice=error)
        return go_to(url_for("entries.show", client=client, entry_id=entry_id, _anchor=f"line-{line_id}"))
    view = view_entry(scope(), entry_id)
    line = next((found for found in view.lines if found.line.id == line_id), None)
    if line is None:
        raise NotFound()
    context = context_of(view, events=events(timeline(scope(), entry_id)), v=line, line_error=error)
    return Response(render_template("entries/corrected.html", **context), status=422 if error else 200)


@blueprint.post(ONE + "/send")
@here_is("entries")
@require(Permission.ENTRIES, Right.APPROVE)
def send(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """Only what was shown: another hash or version gets 409 and the preview as it is now."""
    form = SendForm()
    if not form.validate():
        raise NotFound()
    try:
        outcome = approvable.send(scope(), entry_id, form.sha256.data or "", form.version.data or 0)
    except (Conflict, Invalid) as refused:
        db().rollback()
        return _show(entry_id, status=refused.status, notice=wording.of_error(refused.code, refused.values))
    _approvals.tell_waiting(outcome)
    return _done(client, entry_id)


@blueprint.post(ONE + "/drop")
@here_is("entries")
@require(Permission.ENTRIES, Right.EDIT)
def drop(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    version = request.form.get("version", 0, type=int)
    entry = drafting.drop_entry(scope(), entry_id, version=version)
    db().commit()
    flash(_("The draft %(reference)s is thrown away; its lines wait again.", reference=entry.reference), "ok")
    return go_to(url_for("entries.index", client=client))


@blueprint.post(ONE + "/reopen")
@here_is("entries")
@require(Permission.ENTRIES, Right.EDIT)
def reopen(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    posting.reopen(scope(), entry_id)
    return _done(client, entry_id)


def _done(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """For good, and back to the entry."""
    db().commit()
    return go_to(url_for("entries.show", client=client, entry_id=entry_id))


def _posting_id(entry_id: uuid.UUID) -> uuid.UUID:
    row = posting.posting_of(scope(), entry_id)
    if row is None:
        raise NotFound()
    return row.id


@blueprint.post(ONE + "/retry")
@here_is("entries")
@require(Permission.ENTRIES, Right.APPROVE)
def retry(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    posting.retry(scope(), _posting_id(entry_id))
    return _done(client, entry_id)


@blueprint.post(ONE + "/look")
@here_is("entries")
@require(Permission.ENTRIES, Right.EDIT)
def look_again(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    posting.look_again(scope(), _posting_id(entry_id))
    return _done(client, entry_id)


@blueprint.post(ONE + "/resend")
@here_is("entries")
@require(Permission.ENTRIES, Right.APPROVE)
def send_again(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    posting.send_again(scope(), _posting_id(entry_id), seen_absent=request.form.get("seen_absent") == "yes")
    return _done(client, entry_id)


@blueprint.post(ONE + "/booked")
@here_is("entries")
@require(Permission.ENTRIES, Right.APPROVE)
def mark_booked(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    form = BookedForm()
    if not form.validate():
        return _show(entry_id, status=422, booked_form=form)
    posting.mark_booked(scope(), _posting_id(entry_id), form.remote_id.data or "")
    return _done(client, entry_id)


@blueprint.post(ONE + "/test")
@here_is("entries")
@require(Permission.ENTRIES, Right.EDIT)
def test(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """Read the dossier anew and say whether this entry would go through now."""
    key, tone, text = request.args.get("card", "")[:60], "stop", ""
    view = view_entry(scope(), entry_id)
    try:
        left = acting.look_anew(runtime.get(), scope(), view.entry.coupling_id, [entry_id])
        db().commit()
        text = wording.of_error(left[0].code, left[0].values) if left else ""
    except ConnectorError as failure:
        db().rollback()
        text = _problems.title(failure.code, failure.values)
    except PortalError as failure:
        db().rollback()
        text = wording.of_error(failure.code, failure.values)
    if not text:
        tone, text = "ok", _("The dossier was read anew: nothing stands in the way any more.")
    if is_htmx() and re.fullmatch("[a-z0-9-]+", key):
        return Response(render_template("entries/outcome.html", key=key, text=text, tone=tone))
    flash(text, tone)
    return go_to(url_for("entries.show", client=client, entry_id=entry_id))


@blueprint.get(CLIENT + "/<uuid:entry_id>.csv")
@require(Permission.ENTRIES, Right.VIEW)
def show_csv(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    view = view_entry(scope(), entry_id)
    head = [_("Date"), _("Ledger account"), _("Name"), _("Counterparty"), _("Description"), _("Debit"), _("Credit"),
            _("Account as drafted"), _("Changed by")]  # fmt: skip
    rows: list[list[Any]] = [
        [line.line.date.isoformat(), line.line.ledger_account, line.account_name, line.counterparty,
         line.line.description, max(line.line.amount, 0) or "", max(-line.line.amount, 0) or "",
         line.line.drafted_account, line.corrected_by]
        for line in view.lines
    ]  # fmt: skip
    side = view.bank_side
    if side:
        rows.append([side.date.isoformat(), side.ledger_account, view.source, "", side.description,
                     max(side.amount, 0) or "", max(-side.amount, 0) or "", side.ledger_account, ""])  # fmt: skip
    return csv_answer(f"{view.entry.reference}.csv", head, rows)


@blueprint.get(ONE + "/payload")
@require(Permission.ENTRIES, Right.VIEW)
def payload(client: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """The very bytes that go out: their SHA-256 is the fingerprint on the page."""
    view = view_entry(scope(), entry_id)
    raw = view.shown.payload if view.shown else view.posting.payload if view.posting else b""
    if not raw:
        raise NotFound()
    response = Response(raw, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{view.entry.reference}.bin"'
    return response
