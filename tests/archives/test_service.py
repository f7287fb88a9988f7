"""Asking for an archive, making it once, handing it out, and its end."""

from __future__ import annotations

import io
import json
import threading
import uuid
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from portal import runtime
from portal.access import SYSTEM, Actor, Scope
from portal.activity.service import timeline
from portal.archives import service, telling
from portal.archives.models import Archive
from portal.archives.telling import Means
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.mail import Mail, place_of
from portal.kernel.vault import Vault
from portal.notifications import service as notifications
from portal.tenants.models import Grant, Membership, Tenant
from tests import factories as make
from tests.routes.conftest import app as app
from tests.world import make_world


def _ask(database: Database, tenant: Tenant, *, with_clients: bool = False, by: User | None = None) -> uuid.UUID:
    with database.scoped() as session:
        actor = Actor(by.id, by.name) if by else SYSTEM
        return service.ask(Scope.system(session, tenant.id, tenant.kind, actor), with_clients=with_clients).id


def _mails(database: Database, vault: Vault, to: User) -> list[dict[str, str]]:
    with database.scoped() as session:
        rows = session.scalars(select(Mail).where(Mail.to_email == to.email, Mail.template == "archive"))
        return [json.loads(vault.open(session, place_of(row.id), row.values)) for row in rows]


def _bytes(database: Database, tenant: Tenant, archive_id: uuid.UUID) -> bytes:
    return b"".join(service.parts(database, tenant.id, archive_id))


def _accounts(content: bytes) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as zip_file:
        return {tenant["id"] for tenant in json.loads(zip_file.read("manifest.json"))["tenants"]}


def test_a_firm_gets_itself_and_when_it_asks_the_clients_that_let_it_in(database: Database) -> None:
    world = make_world(database)
    for with_clients, expected in ((False, {world.firm.id}), (True, {world.firm.id, world.client.id})):
        archive_id = _ask(database, world.firm, with_clients=with_clients)
        assert service.make(database, world.firm.id, archive_id)
        assert _accounts(_bytes(database, world.firm, archive_id)) == {str(key) for key in expected}


def test_a_client_whose_last_day_of_access_is_over_is_not_in_it(database: Database) -> None:
    """Also before the grant is marked as ended."""
    world = make_world(database)
    with database.scoped(Setting(tenant=world.client.id)) as session:
        over = clock.today() - timedelta(days=1)
        session.execute(update(Grant).where(Grant.portal_id == world.firm.id).values(ends_on=over))
    archive_id = _ask(database, world.firm, with_clients=True)
    assert service.make(database, world.firm.id, archive_id)
    assert _accounts(_bytes(database, world.firm, archive_id)) == {str(world.firm.id)}


def test_two_at_once_make_it_once(database: Database) -> None:
    world = make_world(database)
    archive_id = _ask(database, world.firm)
    done: list[bool] = []
    threads = [
        threading.Thread(target=lambda: done.append(service.make(database, world.firm.id, archive_id))) for _ in "12"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, True]
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        tags = [row.tag for row in timeline(Scope.system(session, world.firm.id, "portal"), archive_id)]
        row = session.get_one(Archive, (world.firm.id, archive_id))
        assert row.size == len(_bytes(database, world.firm, archive_id))
    assert tags == ["archive.made", "archive.asked"]


def test_only_one_is_made_at_a_time(database: Database) -> None:
    world = make_world(database)
    _ask(database, world.firm)
    with pytest.raises(Conflict, match="under_way"):
        _ask(database, world.firm)


def test_it_is_gone_after_three_days(database: Database) -> None:
    world = make_world(database)
    archive_id = _ask(database, world.firm)
    service.make(database, world.firm.id, archive_id)
    with database.scoped() as session:
        session.execute(text("SELECT expire_archives(:now)"), {"now": clock.now() + timedelta(days=2)})
    assert _bytes(database, world.firm, archive_id)
    with database.scoped() as session:
        session.execute(text("SELECT expire_archives(:now)"), {"now": clock.now() + timedelta(days=4)})
    assert _bytes(database, world.firm, archive_id) == b""
    with database.scoped() as session, pytest.raises(NotFound, match="gone"):
        service.ready(Scope.system(session, world.firm.id, "portal"), archive_id)


def test_another_firm_gets_none_of_it(database: Database) -> None:
    world = make_world(database)
    archive_id = _ask(database, world.firm)
    service.make(database, world.firm.id, archive_id)
    assert _bytes(database, world.rival, archive_id) == b""


def test_what_nobody_made_is_rung_for_again_and_given_up_in_the_end(fresh_database: Database) -> None:
    tenant = make.make_tenant(fresh_database, "client", "Somebody")
    archive_id, now = _ask(fresh_database, tenant), clock.now()
    rings = []
    for minutes in range(0, 120, 15):
        with fresh_database.scoped() as session:
            due = {"now": now + timedelta(minutes=minutes), "room": 10}
            rings.append(len(session.execute(text("SELECT * FROM ring_due_archives(:now, :room)"), due).all()))
    assert rings == [0, 1, 1, 1, 1, 1, 1, 0]
    with fresh_database.scoped(Setting(tenant=tenant.id)) as session:
        assert session.get_one(Archive, (tenant.id, archive_id)).state == "failed"


def test_who_asked_is_told_once_that_it_is_ready(database: Database, vault: Vault) -> None:
    world, means = make_world(database), Means(vault, "https://portal.example")
    archive_id = _ask(database, world.firm, by=world.administrator)
    for _ in range(2):
        service.make(database, world.firm.id, archive_id, means)
    [told] = _mails(database, vault, world.administrator)
    assert (told["state"], told["account"]) == ("ready", world.firm.name)
    assert told["link"] == f"https://portal.example/p/{world.firm.id}/data"  # the page: whoever holds the mail signs in


def test_who_left_meanwhile_is_not_told(database: Database, vault: Vault) -> None:
    world = make_world(database)
    archive_id = _ask(database, world.firm, by=world.staff)
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        theirs = (Membership.tenant_id == world.firm.id, Membership.user_id == world.staff.id)
        session.execute(update(Membership).where(*theirs).values(ended_at=clock.now()))
    assert service.make(database, world.firm.id, archive_id, Means(vault, "https://portal.example"))
    assert _mails(database, vault, world.staff) == []


def test_who_asked_is_told_once_that_it_was_given_up(
    app: Flask, fresh_database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, here = make_world(fresh_database), replace(runtime.get(), database=fresh_database)
    archive_id = _ask(fresh_database, world.client, by=world.owner)
    start = clock.now()
    for minutes in range(0, 120, 15):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: start + timedelta(minutes=minutes))
        telling.ring_due(here, 10)
        assert len(_mails(fresh_database, vault, world.owner)) == (1 if minutes >= 90 else 0)
    [told] = _mails(fresh_database, vault, world.owner)
    assert (told["state"], told["link"]) == ("failed", f"{here.settings.base_url}/c/{world.client.id}/data")
    with fresh_database.scoped(Setting(tenant=world.client.id)) as session:
        tags = [row.tag for row in timeline(Scope.system(session, world.client.id), archive_id)]
    assert tags == ["archive.failed", "archive.asked"]


@pytest.mark.parametrize("locale", ["en-GB", "nl-BE", "fr-FR"])
@pytest.mark.parametrize("state", ["ready", "failed"])
def test_the_mail_reads_in_three_languages(app: Flask, locale: str, state: str) -> None:
    values = {"account": "Bakkerij", "state": state, "until": "2026-03-04", "link": "https://portal.example/c/1/data"}
    subject, told = notifications.preview("archive", locale, values)
    assert "Bakkerij" in subject
    assert "https://portal.example/c/1/data" in told
    assert ("2026" in told) == (state == "ready")
