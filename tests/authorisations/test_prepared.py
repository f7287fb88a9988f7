"""Asking for a token, which every call does, leaves prepared what its connection has prepared."""

from __future__ import annotations

from sqlalchemy import text

from portal.authorisations import tokens
from portal.authorisations.custody import Custody
from portal.kernel.db import Database
from tests.authorisations.conftest import SignedIn


def test_reading_a_token_leaves_statements_prepared(signed_in: SignedIn) -> None:
    ours = signed_in.custody
    database = Database(ours.settings.database_url, pool_size=1, max_overflow=0)
    custody = Custody(database, ours.vault, ours.settings, ours.tenant_id, ours.authorisation_id)
    try:
        for _ in range(8):
            assert tokens.access_token(custody)
        with database.scoped() as session:
            prepared = session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    finally:
        database.engine.dispose()
    assert any("credentials" in statement for statement in prepared)
