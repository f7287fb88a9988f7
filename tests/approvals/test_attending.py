"""Mails, reminders and expiry: each once, however often the bell is rung."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal import runtime
from portal.approvals import attending, tasks
from portal.approvals.registry import kind_of
from portal.kernel import clock
from portal.kernel.mail import Mail
from portal.notifications import service as notifications
from tests.approvals.conftest import Bureau
from tests.routes.conftest import app as app

DAY = timedelta(days=1)


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The first element is now."""
    times = [clock.now()]
    monkeypatch.setattr(clock, "now", lambda: times[0])
    return times


def attend(bureau: Bureau, task_id: uuid.UUID) -> int:
    return attending.attend(runtime.get(), bureau.tenant.id, task_id)


def mails(bureau: Bureau) -> list[tuple[str, str]]:
    """To whom and with which subject, in the order of writing."""
    made, addresses = runtime.get(), {person.email: name for name, person in bureau.people.items()}
    with made.database.scoped() as session:
        rows = session.scalars(select(Mail).where(Mail.to_email.in_(addresses)).order_by(Mail.id)).all()
        return [(addresses[row.to_email], notifications.read(session, made.vault, row)[0]) for row in rows]


def english(bureau: Bureau) -> None:
    with bureau.database.scoped() as session:
        for person in bureau.people.values():
            session.merge(person).locale = "en-GB"


def test_whoever_may_approve_gets_a_mail_once_and_a_reminder_after_a_day(
    app: Flask, bureau: Bureau, clocked: list[datetime]
) -> None:
    english(bureau)
    bureau.rule(1)
    task_id = bureau.submit()
    assert [attend(bureau, task_id) for _ in range(3)] == [2, 0, 0]
    clocked[0] += DAY - timedelta(minutes=1)
    assert attend(bureau, task_id) == 0
    clocked[0] += timedelta(minutes=2)
    assert [attend(bureau, task_id) for _ in range(2)] == [2, 0]
    first, again = "Waits for your decision: ", "Still waits for your decision: "
    title = kind_of("member.role").title.format(name="Dora")
    assert sorted(mails(bureau)) == [
        ("Bert", again + title), ("Bert", first + title), ("Carl", again + title), ("Carl", first + title),
    ]  # fmt: skip


def test_after_two_weeks_it_expires_and_its_maker_is_told(app: Flask, bureau: Bureau, clocked: list[datetime]) -> None:
    english(bureau)
    bureau.rule(1)
    task_id = bureau.submit()
    attend(bureau, task_id)
    clocked[0] += tasks.EXPIRES
    assert [attend(bureau, task_id) for _ in range(2)] == [1, 0]
    assert bureau.task(task_id).state == "expired"
    assert mails(bureau)[-1] == ("Anna", "Expired: " + kind_of("member.role").title.format(name="Dora"))


def test_an_edit_asks_anew(app: Flask, bureau: Bureau, clocked: list[datetime]) -> None:
    bureau.rule(1)
    task_id = bureau.submit()
    attend(bureau, task_id)
    with bureau.acting("Bert") as scope:
        tasks.edit(scope, task_id, 1, bureau.payload("administrator"))
    assert attend(bureau, task_id) == 1
    assert mails(bureau)[-1][0] == "Carl"


@pytest.mark.parametrize(("locale", "words"), [("nl-BE", "Goedgekeurd"), ("fr-BE", "Approuv"), ("en-GB", "Approved")])
def test_the_outcome_is_told_in_the_makers_language(app: Flask, bureau: Bureau, locale: str, words: str) -> None:
    with bureau.database.scoped() as session:
        session.merge(bureau.people["Anna"]).locale = locale
    bureau.rule(1)
    task_id = bureau.submit()
    bureau.approve(task_id, "Bert")
    assert attend(bureau, task_id) == 1
    (last,) = [subject for name, subject in mails(bureau) if name == "Anna"]
    assert last.startswith(words)


def test_the_sweeper_finds_what_is_due_and_nothing_else(app: Flask, bureau: Bureau, clocked: list[datetime]) -> None:
    bureau.rule(1)
    task_id = bureau.submit()

    def due() -> bool:
        with bureau.database.scoped() as session:
            found = session.execute(text("SELECT id FROM due_approvals(:now, 1000)"), {"now": clock.now()})
            return task_id in found.scalars().all()

    assert due()
    attend(bureau, task_id)
    assert not due()
    clocked[0] += DAY
    assert due()
