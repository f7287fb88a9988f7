"""Entries sent by hand above an amount wait for somebody else; those below it go."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.approvals.models import Policy, Task
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.ledger.models import Entry
from tests.routes.conftest import SignIn
from tests.routes.entries.conftest import _pretend, desk
from tests.routes.entries.desk import Desk, join, shown
from tests.routes.entries.test_send_many import tick

__all__ = ["_pretend", "desk"]


@pytest.fixture
def other(desk: Desk, database: Database) -> User:
    return join(database, desk.office, "Sofie Maes")


def ask_above(desk: Desk, amount: str) -> None:
    with desk.office.database.scoped(Setting(tenant=desk.portal)) as session:
        session.add(
            Policy(tenant_id=desk.portal, kind="entry.send", approvals=1, above=Decimal(amount), changed_at=clock.now())
        )


def task_of(desk: Desk) -> Task | None:
    with desk.office.database.scoped(Setting(tenant=desk.client)) as session:
        return session.scalars(select(Task).where(Task.tenant_id == desk.client)).first()


def send(desk: Desk, sign_in: SignIn, *movements: tuple[date, str]) -> Entry:
    entry, browser = desk.draft(*movements), sign_in(desk.staff)
    assert browser.post(desk.url(entry, "/send"), data=shown(browser.get(desk.url(entry)).text)).status_code == 303
    return entry


def test_what_is_not_above_the_amount_goes_at_once(desk: Desk, other: User, sign_in: SignIn) -> None:
    ask_above(desk, "112.50")  # what comes in, before the little that goes out
    assert desk.posting(send(desk, sign_in)) is not None
    assert task_of(desk) is None


def test_what_is_above_it_waits_and_then_goes_as_it_was_shown(desk: Desk, other: User, sign_in: SignIn) -> None:
    ask_above(desk, "112.49")
    entry = send(desk, sign_in)
    assert desk.posting(entry) is None
    task = task_of(desk)
    assert task is not None
    sofie, url = sign_in(other), f"/c/{desk.client}/approvals/{task.id}"
    page = sofie.get(url).text
    seen = dict(re.findall(r'name="(version|sha256)" value="([^"]+)"', page))
    assert sofie.post(f"{url}/decide", data=seen | {"verdict": "approve"}).status_code == 303
    row = desk.posting(entry)
    assert row is not None
    assert row.payload_hash.hex() in page
    assert row.approved_by == desk.staff.id


def test_what_goes_out_again_is_not_taken_off(desk: Desk, other: User, sign_in: SignIn) -> None:
    """A million in and a million out leave the bank account as it was, and are not nothing."""
    ask_above(desk, "999999.99")
    entry = send(desk, sign_in, (date(2024, 3, 5), "1000000.00"), (date(2024, 3, 6), "-1000000.00"))
    assert desk.posting(entry) is None
    assert task_of(desk) is not None


def test_an_entry_that_was_changed_while_it_waited_is_not_sent(desk: Desk, other: User, sign_in: SignIn) -> None:
    ask_above(desk, "1")
    entry = send(desk, sign_in)
    desk.correct(entry, 1, "580000")
    task = task_of(desk)
    assert task is not None
    sofie, url = sign_in(other), f"/c/{desk.client}/approvals/{task.id}"
    seen = dict(re.findall(r'name="(version|sha256)" value="([^"]+)"', sofie.get(url).text))
    assert sofie.post(f"{url}/decide", data=seen | {"verdict": "approve"}).status_code == 303
    assert desk.posting(entry) is None
    assert "It was approved, but could not be carried out" in sofie.get(url).text


def test_many_at_once_wait_each_by_itself(desk: Desk, other: User, sign_in: SignIn) -> None:
    ask_above(desk, "1")
    entry, browser = desk.draft(), sign_in(desk.staff)
    answer = browser.post(f"/p/{desk.portal}/entries/send", data={"id": [tick(desk.office, entry)]})
    assert "1 entry waits for approval." in browser.get(answer.location).text
    assert desk.posting(entry) is None
    task = task_of(desk)
    assert task is not None
    assert "Waiting for approval" in browser.get(f"/p/{desk.portal}/entries?state=draft").text
    page = browser.get(f"/c/{desk.client}/entries/{entry.id}").text
    assert f'href="/c/{desk.client}/approvals/{task.id}"' in page
    assert "until then nothing changes" in page
    assert 'name="sha256"' not in page  # it is not sent a second time
