"""A bakery to hand documents in to; nothing is committed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest

from portal.access import Scope
from portal.documents.intake import hand_in
from portal.documents.models import DocumentFile
from portal.kernel.db import Database
from portal.tenants.models import Tenant
from tests import factories as make
from tests.connectors.files.invoice_documents import Side


@pytest.fixture
def client(database: Database) -> Tenant:
    return make.make_tenant(database, "client", "Bakkerij De Molen")


@pytest.fixture
def bakery(client: Tenant) -> Side:
    """The client as its documents call it."""
    return Side(client.name, "BE", f"BE{client.enterprise_number}", client.enterprise_number)


@pytest.fixture
def scope(database: Database, client: Tenant) -> Iterator[Scope]:
    with database.session() as session:
        yield make.scope_in(session, client)
        session.rollback()


Bring = Callable[..., DocumentFile]


@pytest.fixture
def bring(scope: Scope) -> Bring:
    def bring(content: bytes, name: str = "invoice.xml", **more: str) -> DocumentFile:
        return hand_in(scope, name, io.BytesIO(content), **more)  # type: ignore[arg-type]  # texts are enough here

    return bring
