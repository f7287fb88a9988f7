"""Document files in: stored, known already, or refused and why. All or nothing per file."""

from __future__ import annotations

import hashlib
import json
import unicodedata
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors.errors import Refused
from portal.connectors.files import document as read
from portal.connectors.files.documents import DOCUMENT_UPLOAD, open_documents
from portal.connectors.files.limits import Readable
from portal.connectors.statement import Warning_
from portal.documents.models import Document, DocumentFile, DocumentLine, DocumentVat
from portal.documents.parties import direction_of, key_of
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.money import AmountOutOfRange
from portal.tenants.models import Tenant
from portal.tenants.names import name_key

MAX_NAME = 120
MAX_WARNINGS = 50


def hand_in(
    scope: Scope, filename: str, stream: Readable, *, source: str = "upload", api_key_id: uuid.UUID | None = None
) -> DocumentFile:
    """Take one file of at most 10 MiB in for a client account.

    The row's `state` says what became of it: "stored" (`stored` documents, `known` ones), "known"
    (nothing new), or "refused" with `code`, `values` and `line`, and then nothing else was written.
    """
    row = _row(scope, filename, source, api_key_id)
    try:
        with scope.session.begin_nested():
            content = _content(stream)
            row.content, row.size, row.sha256 = content, len(content), hashlib.sha256(content).digest()
            _store(scope, row, content)
    except Refused as refusal:
        row = _refused(scope, row, refusal.code, dict(refusal.values), refusal.line)
    except AmountOutOfRange as error:
        row = _refused(scope, row, "file.amount", {"text": str(error)}, None)
    if row.state != "stored":
        subject = ("document_file", row.id)
        activity.record(scope, f"document_file.{row.state}", subject, filename=row.filename, code=row.code)
    return row


def _content(stream: Readable) -> bytes:
    limit, chunks, size = DOCUMENT_UPLOAD.bytes or 0, list[bytes](), 0
    while chunk := stream.read(1 << 20):
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise Refused("file.too_large", limit=f"{limit >> 20} MiB")
    return b"".join(chunks)


@dataclass(slots=True)
class _Bytes:
    """Content that was read already, as a stream."""

    data: bytes

    def read(self, size: int, /) -> bytes:
        taken, self.data = self.data[:size], self.data[size:]
        return taken


def _store(scope: Scope, row: DocumentFile, content: bytes) -> None:
    row.format, documents = open_documents(_Bytes(content))
    client = scope.session.get_one(Tenant, scope.tenant_id)
    scope.session.add(row)
    scope.session.flush()
    warnings: list[Warning_] = []
    for found in documents:
        warnings += found.warnings
        if _store_one(scope, row, client, found):
            row.stored += 1
        else:
            row.known += 1
    row.state = "stored" if row.stored else "known"
    row.warnings = [_told(warning) for warning in warnings][:MAX_WARNINGS]
    if row.state == "known":
        row.content = None  # the first file that brought it is kept
    scope.session.flush()


def _store_one(scope: Scope, row: DocumentFile, client: Tenant, found: read.Document) -> bool:
    """Whether it is new. Raises Refused("document.conflict") when its number is there with other content."""
    values = _values(scope, row, direction_of(found, client), found)
    unique = ["tenant_id", "direction", "kind", "issuer_key", "number_key"]
    made = upsert(Document).values(values).on_conflict_do_nothing(index_elements=unique).returning(Document.id)
    if scope.session.scalar(made) is None:
        _compare(scope, values)
        return False
    common = {"tenant_id": scope.tenant_id, "document_id": values["id"]}
    lines = [
        common | {"id": uuid7(), "position": position, "description": line.description, "quantity": line.quantity,
                  "net": line.net, "vat_category": line.category, "vat_rate": line.rate}
        for position, line in enumerate(found.lines, start=1)
    ]  # fmt: skip
    rates = [
        common | {"id": uuid7(), "category": rate.category, "rate": rate.rate, "net": rate.net, "vat": rate.vat}
        for rate in found.vat
    ]
    for model, rows in ((DocumentLine, lines), (DocumentVat, rates)):
        if rows:
            scope.session.execute(insert(model), rows)
    activity.record(
        scope, f"document.{values['direction']}", ("document", values["id"]), context=row.id,
        number=found.number, party=values["party_name"], gross=str(found.totals.gross), currency=found.currency,
        filename=row.filename,
    )  # fmt: skip
    return True


def _compare(scope: Scope, values: dict[str, Any]) -> None:
    query = select(Document).where(
        *(getattr(Document, name) == values[name]
          for name in ("tenant_id", "direction", "kind", "issuer_key", "number_key"))
    )  # fmt: skip
    before = scope.session.scalars(query).one()
    if before.content_hash != values["content_hash"]:
        raise Refused(
            "document.conflict", number=before.number, party=before.party_name or values["party_name"],
            date=before.date.isoformat(), gross=f"{before.gross:.2f}", other_date=values["date"].isoformat(),
            other_gross=f"{values['gross']:.2f}", currency=before.currency, document=str(before.id),
        )  # fmt: skip


def _values(scope: Scope, row: DocumentFile, direction: str, found: read.Document) -> dict[str, Any]:
    party = found.customer if direction == "sales" else found.supplier
    by_us = (direction == "sales") != found.self_billed
    other = key_of(party, found.iban if direction == "purchase" else "")
    totals = found.totals
    return {
        "tenant_id": scope.tenant_id, "id": uuid7(), "file_id": row.id, "direction": direction, "kind": found.kind,
        "format": row.format, "number": found.number[:100], "number_key": number_key(found.number),
        "issuer_key": "" if by_us else other, "date": found.date, "due_date": found.due_date,
        "currency": found.currency.upper(),
        "party_name": party.name, "party_words": name_key(party.name), "party_key": other,
        "party_country": party.country, "party_vat": party.vat_number, "party_enterprise": party.enterprise_number,
        "party_iban": found.iban[:34], "payment_reference": found.payment_reference,
        "net": totals.net, "vat": totals.vat, "gross": totals.gross, "payable": totals.payable,
        "due": due_of(direction, found.kind, totals.payable), "settled": Decimal(0), "note": found.note,
        "content_hash": content_hash(found), "created_at": row.created_at, "created_by": row.created_by,
    }  # fmt: skip


def due_of(direction: str, kind: str, payable: Decimal) -> Decimal:
    """What the bank shows when it is paid: an invoice of ours comes in, a credit note of ours goes out."""
    return payable if (direction == "sales") == (kind != "credit") else -payable


def number_key(number: str) -> str:
    """Letters and digits in capitals: "2026/0042" and "2026-0042" are one number."""
    plain = unicodedata.normalize("NFKC", number).upper()
    return "".join(filter(str.isalnum, plain))[:100] or plain[:100]


def content_hash(found: read.Document) -> bytes:
    """Of what makes it another document: date, currency, totals and VAT. Wording may differ from file to file."""
    totals = found.totals
    told = [
        found.kind, found.date.isoformat(), found.currency.upper(),
        *(f"{value:.2f}" for value in (totals.net, totals.vat, totals.gross, totals.payable)),
        sorted([row.category, f"{row.rate:.4f}", f"{row.net:.2f}", f"{row.vat:.2f}"] for row in found.vat),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told).encode()).digest()


# ------------------------------------------------------------------ steps


def _row(scope: Scope, filename: str, source: str, api_key_id: uuid.UUID | None) -> DocumentFile:
    return DocumentFile(
        tenant_id=scope.tenant_id, id=uuid7(), filename=clean_name(filename), size=0, sha256=b"", format="",
        source=source, state="refused", code="", values={}, line=None, stored=0, known=0, warnings=[], content=None,
        created_at=clock.now(), created_by=scope.actor.user_id, api_key_id=api_key_id,
    )  # fmt: skip


def _refused(scope: Scope, tried: DocumentFile, code: str, values: dict[str, str], line: int | None) -> DocumentFile:
    """A row of its own: the one that was tried went back with the savepoint."""
    row = _row(scope, tried.filename, tried.source, tried.api_key_id)
    row.size, row.sha256, row.format = tried.size, tried.sha256, tried.format
    row.code, row.values, row.line = code, values, line
    scope.session.add(row)
    scope.session.flush()
    return row


def _told(warning: Warning_) -> dict[str, object]:
    return {"code": warning.code, "values": dict(warning.values), "line": warning.line}


def clean_name(filename: str) -> str:
    """A file's name as shown: no folders, no control characters, at most 120 characters."""
    name = unicodedata.normalize("NFC", filename.replace("\\", "/").rpartition("/")[2])
    name = "".join(filter(str.isprintable, name)).strip()
    return (f"{name[: MAX_NAME - 11]}…{name[-10:]}" if len(name) > MAX_NAME else name) or "?"
