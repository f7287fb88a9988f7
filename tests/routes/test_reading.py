"""Who only asks for a page changes nothing, and leaves prepared what the connection has prepared."""

from __future__ import annotations

import pytest
from flask import Flask, Response
from sqlalchemy import select, text

from portal import runtime
from portal.access import Permission, Right
from portal.app import create_app
from portal.identity import sessions
from portal.kernel import queue
from portal.kernel.db import Database, Setting
from portal.routes._access import db, require
from portal.tenants.models import Tenant
from tests.world import World

RENAMED = "Renamed by a page"


@pytest.fixture
def pages(app: Flask) -> Flask:
    """The product with two pages that try what none may."""
    made = create_app(made=runtime.get())
    made.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    queue.connect(None)

    @made.get("/p/<uuid:portal>/writes")
    @require(Permission.OVERVIEW, Right.VIEW)
    def writes(portal: object) -> Response:
        db().execute(text("UPDATE tenants SET name = :name WHERE id = :id"), {"name": RENAMED, "id": portal})
        return Response("written")

    @made.get("/p/<uuid:portal>/changes")
    @require(Permission.OVERVIEW, Right.VIEW)
    def changes(portal: object) -> Response:
        db().scalars(select(Tenant).where(Tenant.id == portal)).one().name = RENAMED
        return Response("changed")

    return made


@pytest.mark.parametrize(("page", "status"), [("writes", 500), ("changes", 200)])
def test_a_page_that_is_asked_for_writes_nothing(
    pages: Flask, world: World, database: Database, page: str, status: int
) -> None:
    assert _ask(pages, world, database, page) == status
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        assert session.scalar(select(Tenant.name).where(Tenant.id == world.firm.id)) == world.firm.name


def test_the_statements_of_a_page_stay_prepared(pages: Flask, world: World, database: Database) -> None:
    database.engine.dispose()  # one connection from here on, as one asks after the other
    for _ in range(8):
        assert _ask(pages, world, database, "") == 200
    with database.scoped() as session:
        prepared = " ".join(session.scalars(text("SELECT statement FROM pg_prepared_statements")))
    assert "FROM enter(" in prepared


def _ask(pages: Flask, world: World, database: Database, page: str) -> int:
    with database.scoped() as session:
        token = sessions.start(session, world.staff, agent="tests", second_factor=True)
    browser = pages.test_client()
    browser.set_cookie("kp", token)
    return browser.get(f"/p/{world.firm.id}/{page}").status_code
