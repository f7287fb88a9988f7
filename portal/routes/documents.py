"""Documents: handed in, listed, shown with their originals, and taken out again."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any, cast

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from portal.access import Permission, Right
from portal.activity.service import timeline
from portal.connectors.files.documents import DOCUMENT_UPLOAD
from portal.connectors.files.limits import Readable
from portal.documents import intake, lists, removal
from portal.documents.lists import DocumentFilter
from portal.documents.models import DIRECTIONS, DocumentFile
from portal.kernel import clock
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.i18n import Unreadable, parse_date
from portal.routes import _documents, _uploads, wording
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._csv import csv_answer
from portal.routes._htmx import go_to, page
from portal.routes._timeline import events
from portal.shapes import Chip
from portal.sync.lines import WAITING, standings
from portal.templating import here

blueprint = Blueprint("documents", __name__)
DOCUMENTS = "/c/<uuid:client>/documents"
ACCEPT = ".xml,.pdf,.csv,.txt"
CSV_ROWS = 20_000
TYPES = {"ubl": "application/xml", "cii": "application/xml", "takings": "text/csv"}


def _may(right: Right) -> bool:
    return scope().may(Permission.DOCUMENTS, right)


@blueprint.get(DOCUMENTS)
@here_is("documents")
@require(Permission.DOCUMENTS, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    wanted, wrong = _wanted()
    after = request.args.get("after", "")
    found = lists.list_documents(scope(), wanted, after=after)
    files = lists.recent_files(scope(), 8)
    return page(
        "documents/index.html",
        blocks=("documents", "documents_head"),
        counts=lists.count_documents(scope()),
        found=found,
        after=after,
        wanted=wanted,
        wrong=wrong,
        standings=standings(scope(), {row.entry_id for row in found.rows if row.entry_id}),
        waiting=WAITING,
        chips_=_chips(wanted),
        files=files,
        outcomes={row.id: _documents.outcome(row) for row in files},
        csv_url=url_for("documents.index_csv", client=client, **_query()),
        accept=ACCEPT,
        most=DOCUMENT_UPLOAD.bytes,
        too_large=_too_large_words(),
        may_upload=_may(Right.CREATE),
        words=_documents,
    )


def _wanted() -> tuple[DocumentFilter, dict[str, str]]:
    """What the address asks for, and what in it cannot be read, by field."""
    args, wrong = request.args, dict[str, str]()

    def day(name: str) -> date | None:
        typed = args.get(name, "").strip()
        try:
            return parse_date(typed) if typed else None
        except Unreadable:
            wrong[name] = typed
            return None

    direction, state = args.get("direction", ""), args.get("state", "")
    wanted = DocumentFilter(
        direction=direction if direction in DIRECTIONS else "",
        kind="credit" if args.get("kind") == "credit" else "",
        state=state if state in lists.STATES else "",
        since=day("since"),
        until=day("until"),
        find=args.get("q", "")[:100],
    )
    return wanted, wrong


def _query() -> dict[str, Any]:
    names = ("q", "since", "until", "direction", "kind", "state")
    return {key: request.args[key] for key in names if request.args.get(key)}


def _chips(wanted: DocumentFilter) -> list[Chip]:
    def chip(word: str, chosen: bool, **query: str | None) -> Chip:
        address = {"direction": None, "kind": None, "state": None, "after": None} | query
        return Chip(word, here(**address), None, chosen)

    nothing = not (wanted.direction or wanted.kind or wanted.state)
    return [
        chip(_("All"), nothing),
        chip(_("Purchases"), wanted.direction == "purchase", direction="purchase"),
        chip(_("Sales"), wanted.direction == "sales", direction="sales"),
        chip(_("Credit notes"), wanted.kind == "credit", kind="credit"),
        chip(_("Not in an entry yet"), wanted.state == "waiting", state="waiting"),
        chip(_("Not paid yet"), wanted.state == "open", state="open"),
    ]


@blueprint.get(DOCUMENTS + ".csv")
@require(Permission.DOCUMENTS, Right.VIEW)
def index_csv(client: uuid.UUID) -> Response:
    """The documents as they are filtered, the newest 20,000 of them."""
    wanted, _wrong = _wanted()
    head = [_("Kind"), _("Number"), _("Date"), _("Due"), _("Name"), _("VAT number"), _("Net"), _("VAT"), _("Gross"),
            _("Currency"), _("Payment reference")]  # fmt: skip
    rows = lists.list_documents(scope(), wanted, limit=CSV_ROWS).rows
    cells = (
        [_documents.kind_word(row.direction, row.kind), row.number, row.date.isoformat(),
         row.due_date.isoformat() if row.due_date else "", row.party_name, row.party_vat, f"{row.net:f}",
         f"{row.vat:f}", f"{row.gross:f}", row.currency, row.payment_reference]
        for row in rows
    )  # fmt: skip
    return csv_answer(f"documents-{clock.today().isoformat()}.csv", head, cells)


# ------------------------------------------------------------------ handing in


@blueprint.post(DOCUMENTS + "/files")
@here_is("documents")
@require(Permission.DOCUMENTS, Right.CREATE)
def upload(client: uuid.UUID) -> Response:
    """One file a request with script, all chosen ones without; each is a transaction of its own."""
    results = []
    for file in request.files.getlist("files"):
        if file.filename:
            row = intake.hand_in(scope(), file.filename, cast(Readable, file.stream))
            db().commit()
            results.append((row, _documents.outcome(row)))
    return _uploads.results("documents", results)


@blueprint.errorhandler(413)
def _too_large(error: RequestEntityTooLarge) -> Response:
    return _uploads.too_large(_too_large_words())


def _too_large_words() -> str:
    return str(_("The file is larger than 10 MB. Ask for a smaller one."))


@blueprint.get(DOCUMENTS + "/files/<uuid:document_file_id>")
@here_is("documents")
@require(Permission.DOCUMENTS, Right.VIEW)
def file(client: uuid.UUID, document_file_id: uuid.UUID) -> Response:
    row = scope().get(DocumentFile, document_file_id)
    return page(
        "documents/file.html",
        row=row,
        outcome=_documents.outcome(row),
        warnings=[_documents.warning(told) for told in row.warnings],
        found=lists.list_documents(scope(), DocumentFilter(file_id=row.id), limit=500),
        events=events(timeline(scope(), row.id)),
        words=_documents,
    )


@blueprint.get(DOCUMENTS + "/files/<uuid:document_file_id>/original")
@require(Permission.DOCUMENTS, Right.VIEW)
def original(client: uuid.UUID, document_file_id: uuid.UUID) -> Response:
    """The very bytes that were handed in; a browser saves them and never shows them."""
    row, content = lists.original_of(scope(), document_file_id)
    if content is None:
        raise NotFound()
    kind = "application/pdf" if content[:5] == b"%PDF-" else TYPES.get(row.format, "application/octet-stream")
    answer = Response(content, mimetype=kind)
    answer.headers.set("Content-Disposition", "attachment", filename=row.filename)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


# ------------------------------------------------------------------ one document


@blueprint.get(DOCUMENTS + "/<uuid:document_id>")
@here_is("documents")
@require(Permission.DOCUMENTS, Right.VIEW)
def show(client: uuid.UUID, document_id: uuid.UUID) -> Response:
    view = lists.view_document(scope(), document_id)
    entry_id = view.document.entry_id
    stays = removal.why_it_stays(view.document)
    return page(
        "documents/show.html",
        view=view,
        standing=standings(scope(), {entry_id}).get(entry_id, WAITING) if entry_id else WAITING,
        stays=wording.of_error(stays, {"number": view.document.number}) if stays else "",
        warnings=[_documents.warning(told) for told in view.file.warnings] if view.file.stored == 1 else [],
        events=events(timeline(scope(), view.document.id)),
        may_edit=_may(Right.EDIT),
        words=_documents,
    )


@blueprint.post(DOCUMENTS + "/<uuid:document_id>/delete")
@here_is("documents")
@require(Permission.DOCUMENTS, Right.EDIT)
def delete(client: uuid.UUID, document_id: uuid.UUID) -> Response:
    try:
        removal.delete_document(scope(), document_id)
    except Conflict as error:
        db().rollback()
        flash(wording.of_error(error.code, error.values), "warn")
        return go_to(url_for("documents.show", client=client, document_id=document_id))
    db().commit()
    flash(_("The document is deleted."), "ok")
    return go_to(url_for("documents.index", client=client))
