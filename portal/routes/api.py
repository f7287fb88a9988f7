"""The HTTP API for other software: documents handed in, and asked after. docs/api.md tells it."""

from __future__ import annotations

import hashlib
import io
import uuid
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_babel import force_locale
from werkzeug.exceptions import RequestEntityTooLarge

from portal.apikeys.service import Answer, answered, repeated
from portal.documents.intake import hand_in as take_in
from portal.documents.lists import DocumentFilter, list_documents
from portal.documents.models import Document, DocumentFile
from portal.kernel.errors import Conflict, PortalError
from portal.routes import _documents, wording
from portal.routes._access import api_key, db, scope, with_key
from portal.routes._limits import spend

blueprint = Blueprint("api", __name__)
DOCUMENTS = "/api/v1/c/<uuid:client_account>/documents"
KEY_LENGTH = 255
RATE = "300 per minute"
STATUS = {"stored": 201, "known": 200, "refused": 422}


@blueprint.post(DOCUMENTS)
@with_key
def hand_in(client_account: uuid.UUID) -> Response:
    """One file: the body itself, or the part `file` of a form. 201 stored, 200 known already, 422 refused."""
    spend("api", str(api_key().id), RATE)
    content, filename = _file()
    named = request.headers.get("Idempotency-Key", "").strip()
    if len(named) > KEY_LENGTH:
        raise Conflict("api_call.key_length", limit=KEY_LENGTH)
    if named:
        told = hashlib.sha256(content).digest() + filename.encode()
        before = repeated(db(), api_key(), named, told)
        if before is not None:
            db().commit()
            return _answer(before.body, before.status, replayed=True)
    row = take_in(scope(), filename, io.BytesIO(content), source="api", api_key_id=api_key().id)
    answer = Answer(STATUS[row.state], _told(row))
    if named:
        answered(db(), api_key(), named, answer)
    db().commit()
    return _answer(answer.body, answer.status)


@blueprint.get(DOCUMENTS + "/<uuid:document_id>")
@with_key
def one(client_account: uuid.UUID, document_id: uuid.UUID) -> Response:
    """How a document stands."""
    spend("api", str(api_key().id), RATE)
    return _answer(_document(scope().get(Document, document_id)), 200)


def _file() -> tuple[bytes, str]:
    sent = request.files.get("file")
    if sent is not None:
        return sent.stream.read(), sent.filename or "file"
    return request.get_data(cache=False), request.args.get("filename", "file")


def _told(row: DocumentFile) -> dict[str, Any]:
    found: dict[str, Any] = {"file": {"id": str(row.id), "filename": row.filename, "state": row.state}}
    if row.state == "refused":
        with force_locale("en"):
            message = _documents.refused(row.code, row.values, row.line)
        return found | {"error": {"code": row.code, "message": message, "line": row.line, "values": row.values}}
    stored = list_documents(scope(), DocumentFilter(file_id=row.id), limit=500).rows
    with force_locale("en"):
        warnings = [_documents.warning(told) for told in row.warnings]
    return found | {
        "stored": row.stored, "known": row.known, "warnings": warnings, "documents": [_document(one) for one in stored],
    }  # fmt: skip


def _document(row: Document) -> dict[str, Any]:
    return {
        "id": str(row.id), "direction": row.direction, "kind": row.kind, "number": row.number,
        "date": row.date.isoformat(), "due_date": row.due_date.isoformat() if row.due_date else None,
        "currency": row.currency, "party": row.party_name, "net": f"{row.net:.2f}", "vat": f"{row.vat:.2f}",
        "gross": f"{row.gross:.2f}", "payable": f"{row.payable:.2f}", "in_entry": row.entry_id is not None,
        "settled": row.settled == row.due,
    }  # fmt: skip


def _answer(body: dict[str, Any], status: int, *, replayed: bool = False) -> Response:
    response = jsonify(body)
    response.status_code = status
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@blueprint.errorhandler(PortalError)
def _refused(error: PortalError) -> Response:
    db().rollback()
    with force_locale("en"):
        message = wording.of_error(error.code, error.values)
    return _answer({"error": {"code": error.code, "message": message}}, error.status)


@blueprint.errorhandler(413)
def _too_large(error: RequestEntityTooLarge) -> Response:
    return _answer({"error": {"code": "file.too_large", "message": "A file has at most 10 MiB."}}, 413)
