"""Sending the ticked drafts of several clients at once."""

from __future__ import annotations

from datetime import date

from sqlalchemy import update

from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.ledger.models import Entry
from portal.sync.posting import posting_of
from portal.tenants.models import Grant
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import Desk, open_desk, words
from tests.sync.office import Office, add_client


def tick(office: Office, entry: Entry, version: int = 1) -> str:
    return f"{office.client.id}.{entry.id}.{version}"


def beside(desk: Desk, database: Database, vault: Vault) -> tuple[Office, Entry]:
    """A second client of the same firm, with a draft."""
    office = add_client(database, vault, desk.office.firm, desk.office.authorisation, automatic=False)
    office.bank_says((date(2024, 3, 6), "-40.00"))
    return office, office.draft(date(2024, 12, 31))[-1]


def state(office: Office, entry: Entry) -> str:
    with office.scope() as scope:
        return scope.get(Entry, entry.id).state


def test_drafts_of_several_clients_go_at_once(desk: Desk, database: Database, vault: Vault, sign_in: SignIn) -> None:
    mine = desk.draft()
    office, theirs = beside(desk, database, vault)
    client = sign_in(desk.staff)
    listed = client.get(f"/p/{desk.portal}/entries?state=draft").text
    ids = [tick(desk.office, mine), tick(office, theirs)]
    assert all(f'value="{value}"' in listed for value in ids)
    answer = client.post(f"/p/{desk.portal}/entries/send", data={"id": ids})
    assert answer.status_code == 303
    assert "sent=" in answer.location
    page = client.get(answer.location).text
    assert "0 of 2 entries done" in page
    assert 'hx-trigger="every 3s"' in page
    for where, entry in ((desk.office, mine), (office, theirs)):
        with where.scope() as scope:
            row = posting_of(scope, entry.id)
        assert row is not None
        assert row.approved_by == desk.staff.id
        where.step(row)
    last = client.get(answer.location, headers={"HX-Request": "true", "HX-Target": "entries"})
    assert last.status_code == 286
    assert "2 of 2 entries done" in last.text


def test_what_changed_or_is_blocked_stays(desk: Desk, database: Database, vault: Vault, sign_in: SignIn) -> None:
    mine = desk.draft()
    office, theirs = beside(desk, database, vault)
    desk.correct(mine, 1, "612000")  # the list showed version 1
    client = sign_in(desk.staff)
    answer = client.post(f"/p/{desk.portal}/entries/send", data={"id": [tick(desk.office, mine), tick(office, theirs)]})
    page = words(client.get(answer.location).text)
    assert "1 entry was not sent: This entry changed since it was shown" in page
    assert (state(desk.office, mine), state(office, theirs)) == ("draft", "offered")
    desk.correct(mine, 1, "613000")
    answer = client.post(f"/p/{desk.portal}/entries/send", data={"id": [tick(desk.office, mine, 3)]})
    assert "Account 613000 is blocked" in client.get(answer.location).text
    assert state(desk.office, mine) == "draft"


def test_only_clients_that_let_us_work_there(desk: Desk, database: Database, vault: Vault, sign_in: SignIn) -> None:
    mine = desk.draft()
    stranger = open_desk(database, vault, automatic=False)
    foreign = stranger.draft()
    client, url = sign_in(desk.staff), f"/p/{desk.portal}/entries/send"
    client.post(url, data={"id": [tick(stranger.office, foreign)]})
    assert state(stranger.office, foreign) == "draft"
    assert client.post(url, data={"id": [f"{desk.client}.{foreign.id}.1"]}).status_code == 404
    with database.scoped(Setting(tenant=desk.client)) as session:
        session.execute(update(Grant).where(Grant.tenant_id == desk.client).values(role="reader"))
    client.post(url, data={"id": [tick(desk.office, mine)]})
    assert state(desk.office, mine) == "draft"


def test_nonsense_and_readers_are_turned_away(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    url = f"/p/{desk.portal}/entries/send"
    for value in ("x", f"{desk.client}.{entry.id}", f"{desk.client}.{entry.id}.-1", "..1"):
        assert sign_in(desk.staff).post(url, data={"id": [value]}).status_code == 404
    assert sign_in(desk.reader).post(url, data={"id": [tick(desk.office, entry)]}).status_code == 403
    assert state(desk.office, entry) == "draft"
