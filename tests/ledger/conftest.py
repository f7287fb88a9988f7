"""A client account to import into; nothing is committed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.access import Scope
from portal.kernel.db import Database
from portal.ledger.imports import import_file
from portal.ledger.models import Import
from tests import factories as make


@pytest.fixture
def scope(database: Database) -> Iterator[Scope]:
    client = make.make_tenant(database, "client", "Boulangerie Delmotte SRL")
    with database.session() as session:
        yield make.scope_in(session, client)
        session.rollback()


Bring = Callable[..., Import]


@pytest.fixture
def bring(scope: Scope) -> Bring:
    def bring(content: bytes | Path, name: str = "statement.xml", **more: object) -> Import:
        data = content.read_bytes() if isinstance(content, Path) else content
        return import_file(scope, name, io.BytesIO(data), len(data), **more)  # type: ignore[arg-type]

    return bring
