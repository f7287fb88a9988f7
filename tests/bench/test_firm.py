"""The firm that pages are measured on can be written into a database as it is now."""

from __future__ import annotations

import psycopg

from bench.makers.firm import make_firm
from tests.conftest import Urls


def test_a_firm_of_sixty_clients_is_written(fresh_database_urls: Urls) -> None:
    with psycopg.connect(fresh_database_urls.admin) as admin:
        firm = make_firm(admin, 60)
        counted = admin.execute(
            "SELECT count(*) FROM grants WHERE portal_id = %s AND state = 'active'", [firm.portal]
        ).fetchone()
        states = admin.execute("SELECT count(DISTINCT state) FROM standings").fetchone()
    assert counted == (60,)
    assert states == (5,)
