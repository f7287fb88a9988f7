"""Taking a document out again, as long as nothing was made of it."""

from __future__ import annotations

import uuid

from sqlalchemy import delete, func, select

from portal.access import Scope
from portal.activity import service as activity
from portal.documents.models import Document, DocumentFile
from portal.kernel.errors import Conflict


def why_it_stays(document: Document) -> str:
    """A code, "" when it may be deleted."""
    if document.entry_id is not None:
        return "document.drafted"
    return "document.settled" if document.settled else ""


def delete_document(scope: Scope, document_id: uuid.UUID | str) -> None:
    """With its file, when the file brought no other. Raises Conflict "document.drafted" or "document.settled"."""
    row = scope.get(Document, document_id, lock=True)
    if hindrance := why_it_stays(row):
        raise Conflict(hindrance, number=row.number)
    scope.session.execute(delete(Document).where(Document.tenant_id == scope.tenant_id, Document.id == row.id))
    others = select(func.count()).where(Document.tenant_id == scope.tenant_id, Document.file_id == row.file_id)
    if not scope.session.scalar(others):
        file = (DocumentFile.tenant_id == scope.tenant_id, DocumentFile.id == row.file_id)
        scope.session.execute(delete(DocumentFile).where(*file))
    activity.record(
        scope, "document.deleted", ("document", row.id),
        number=row.number, party=row.party_name, gross=str(row.gross), currency=row.currency,
    )  # fmt: skip
