"""Undoing on the pages: what will be booked and why, then sent once; and where the package is the place for it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from portal.access import Actor, Scope
from portal.approvals import tasks, verdicts
from portal.approvals.models import Policy, Task
from portal.connectors.errors import Rejected
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.ledger.models import Entry
from portal.sync.approvable import SEND
from portal.sync.approvable_undoing import UNDO
from portal.sync.models import Posting, PostingState
from portal.sync.reversal import plan, undo
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import Desk, join, words
from tests.sync import provider
from tests.sync.office import store_books

WHY = "Wrong account"


def hash_on(html: str) -> str:
    found = re.search(r'name="sha256" value="([0-9a-f]{64})"', html)
    return found[1] if found else ""


def undone_by(desk: Desk, entry: Entry) -> Posting:
    (row,) = [row for row in desk.office.all_postings() if row.entry_id != entry.id]
    return row


def test_it_is_shown_sent_and_linked_both_ways(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    client = sign_in(desk.staff)
    assert "Undo…" in client.get(desk.url(entry)).text
    page = client.get(desk.url(entry, "/undo")).text
    assert "March 2024 can be undone by one entry" in page
    answer = client.post(desk.url(entry, "/undo"), data={"sha256": hash_on(page), "reason": WHY})
    assert answer.status_code == 303
    row = undone_by(desk, entry)
    assert answer.headers["Location"].endswith(str(row.entry_id))
    before = words(client.get(desk.url(entry)).text)
    assert "Being undone" in before
    assert "Its lines stay here until the package has confirmed that" in before
    desk.office.step(row)
    first = words(client.get(desk.url(entry)).text)
    second = words(client.get(f"/c/{desk.client}/entries/{row.entry_id}").text)
    assert "March 2024 is undone" in first
    assert "Draft the lines again" in first
    assert row.reference in first
    assert "Undoing of March 2024 is booked" in second
    assert entry.reference in second
    assert "It cannot be undone itself" in second
    for told in (first, second):
        assert WHY in told
        assert "Undo…" not in told
    listed = words(client.get(f"/c/{desk.client}/entries").text)
    assert "Undoing of March 2024" in listed
    assert "Undone" in listed


def test_a_double_click_undoes_once(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    client = sign_in(desk.staff)
    data = {"sha256": hash_on(client.get(desk.url(entry, "/undo")).text), "reason": WHY}
    assert client.post(desk.url(entry, "/undo"), data=data).status_code == 303
    again = client.post(desk.url(entry, "/undo"), data=data)
    assert again.status_code == 409
    assert "is being undone already" in words(again.text)
    desk.office.step(undone_by(desk, entry))
    assert desk.office.package.writes == 2


def test_a_reason_is_asked_for(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    client = sign_in(desk.staff)
    data = {"sha256": hash_on(client.get(desk.url(entry, "/undo")).text), "reason": " "}
    answer = client.post(desk.url(entry, "/undo"), data=data)
    assert answer.status_code == 422
    assert len(desk.office.all_postings()) == 1


def test_another_hash_is_refused_with_the_preview_as_it_is_now(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    client = sign_in(desk.staff)
    answer = client.post(desk.url(entry, "/undo"), data={"sha256": "0" * 64, "reason": WHY})
    assert answer.status_code == 409
    assert hash_on(answer.text)
    assert len(desk.office.all_postings()) == 1


def test_a_closed_period_is_told_with_a_choice_of_day(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    periods = [
        replace(period, closed_journals=frozenset({"20"})) if period.ends_on < date(2024, 6, 1) else period
        for period in provider.PERIODS
    ]
    store_books(desk.office.database, desk.office.coupling, periods=periods)
    client = sign_in(desk.staff)
    page = client.get(desk.url(entry, "/undo")).text
    assert "The period of this entry is closed" in page
    assert 'name="on" value="2024-06-01"' in page
    closed = client.get(desk.url(entry, "/undo?on=2024-04-15")).text
    assert "is closed for journal 20" in closed
    assert not hash_on(closed)
    before = client.get(desk.url(entry, "/undo?on=2024-01-15"))
    assert before.status_code == 422
    chosen = client.get(desk.url(entry, "/undo?on=2024-07-15")).text
    data = {"sha256": hash_on(chosen), "reason": WHY, "on": "2024-07-15"}
    assert client.post(desk.url(entry, "/undo"), data=data).status_code == 303
    with desk.office.scope() as scope:
        assert scope.get(Entry, undone_by(desk, entry).entry_id).date == date(2024, 7, 15)


def test_what_was_refused_is_given_up(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    desk.office.package.script.append(Rejected("pretend.period_closed", provider_text="Closed"))
    with desk.office.scope() as scope:
        row = undo(scope, entry.id, reason=WHY, sha256=plan(scope, entry.id).shown.sha256)
    desk.office.step(row)
    client, address = sign_in(desk.staff), f"/c/{desk.client}/entries/{row.entry_id}"
    page = words(client.get(address).text)
    assert "Give up undoing" in page
    assert "Correct the entry" not in page.replace("Choose Correct the entry", "")
    assert client.post(f"{address}/undo/give-up").status_code == 303
    assert "Undo…" in client.get(desk.url(entry)).text
    assert "was thrown away" in client.get(address).text


def test_what_stands_there_otherwise_waits_for_a_person(desk: Desk, sign_in: SignIn) -> None:
    other, _row = desk.sent("ok")
    with desk.office.scope() as scope:
        row = undo(scope, other.id, reason=WHY, sha256=plan(scope, other.id).shown.sha256)
    desk.office.set(row, state=PostingState.SENDING)
    desk.office.set(row, state=PostingState.CONFIRMED, remote_id="x", code="posting.altered")
    client = sign_in(desk.staff)
    assert "otherwise than it was sent" in words(client.get(desk.url(other)).text)
    assert client.post(desk.url(other, "/undo/accept")).status_code == 303
    assert "is undone" in words(client.get(desk.url(other)).text)
    assert client.post(desk.url(other, "/undo/accept")).status_code == 409


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"drafts": True}, "Refuse or remove the draft"),
        ({"finds": False}, "cannot be asked for an entry for sure"),
        ({"reversal": False}, "Turn it round there"),
    ],
)
def test_where_the_package_is_the_place_the_steps_are_told(
    desk: Desk, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, change: dict[str, bool], told: str
) -> None:
    entry, row = desk.sent("ok")
    can = replace(provider.MANIFEST.capabilities, **change)
    monkeypatch.setattr(provider, "MANIFEST", replace(provider.MANIFEST, capabilities=can))
    client = sign_in(desk.staff)
    page = words(client.get(desk.url(entry)).text)
    assert "Undo in Pretend Books itself" in page
    assert told in page
    assert f"number {row.remote_number}, reference {entry.reference}" in page
    asked = client.get(desk.url(entry, "/undo"))
    assert "is not undone from here" in words(asked.text)
    assert client.post(desk.url(entry, "/undo"), data={"sha256": "0" * 64, "reason": WHY}).status_code == 409
    assert len(desk.office.all_postings()) == 1


def test_what_undoes_an_entry_says_what_to_do_instead(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    with desk.office.scope() as scope:
        row = undo(scope, entry.id, reason=WHY, sha256=plan(scope, entry.id).shown.sha256)
    desk.office.step(row)
    page = words(sign_in(desk.staff).get(f"/c/{desk.client}/entries/{row.entry_id}/undo").text)
    assert "is not undone from here" in page
    assert "Start a synchronisation" in page


def test_where_sending_waits_for_approval_undoing_does_too(desk: Desk, database: Database, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    with desk.office.scope() as scope:
        rule = Policy(tenant_id=desk.client, kind=SEND, approvals=1, changed_at=clock.now())
        scope.session.add(rule)
    client = sign_in(desk.staff)
    data = {"sha256": hash_on(client.get(desk.url(entry, "/undo")).text), "reason": WHY}
    answer = client.post(desk.url(entry, "/undo"), data=data)
    assert (answer.status_code, len(desk.office.all_postings())) == (303, 1)
    other = join(database, desk.office, "An Peeters")
    setting = Setting(desk.client, via=desk.portal, user=other.id)
    with database.scoped(setting) as session:
        who = Scope(session, desk.client, "client", "editor", Actor(other.id, other.name, desk.portal))
        (task,) = session.scalars(select(Task).where(Task.tenant_id == desk.client)).all()
        made = tasks.version_of(who, task)
        assert (task.kind, task.subject_id) == (UNDO, entry.id)
        verdicts.approve(who, task.id, task.version, made.sha256.hex())
    row = undone_by(desk, entry)
    desk.office.step(row)
    assert "is undone" in words(client.get(desk.url(entry)).text)


def test_a_reader_undoes_nothing(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    client = sign_in(desk.reader)
    assert "Undo…" not in client.get(desk.url(entry)).text
    assert client.get(desk.url(entry, "/undo")).status_code == 403
    for what in ("/undo", "/undo/give-up", "/undo/accept"):
        assert client.post(desk.url(entry, what)).status_code == 403
