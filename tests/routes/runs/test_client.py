"""The runs of one client account."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select, update

from portal.couplings.models import Configuration
from portal.sync import runs
from portal.sync.models import Run
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import MARCH, Desk, words
from tests.world import World


def all_runs(desk: Desk) -> list[Run]:
    with desk.office.scope() as scope:
        return list(scope.session.scalars(select(Run).where(Run.tenant_id == desk.client).order_by(Run.created_at)))


def work(desk: Desk) -> None:
    """What a worker does when the bells ring."""
    for row in all_runs(desk):
        runs.run(desk.office.runtime, desk.client, row.id, desk.office.connect)


def configure(desk: Desk, **values: Any) -> None:
    with desk.office.scope() as scope:
        mine = Configuration.tenant_id == desk.client
        scope.session.execute(update(Configuration).where(mine).values(**values))


def test_a_run_is_started_once_and_told_in_words(desk: Desk, sign_in: SignIn) -> None:
    desk.office.bank_says(*MARCH)
    client, url = sign_in(desk.staff), f"/c/{desk.client}/runs"
    assert "No runs yet" in client.get(url).text
    for _ in range(2):  # one that is open is joined
        assert client.post(url, data={"configuration": str(desk.office.configuration.id)}).status_code == 303
    assert len(all_runs(desk)) == 1
    page = client.get(url).text
    assert "1 bank account is being synchronised" in page
    assert 'hx-trigger="every 3s"' in page
    work(desk)
    last = client.get(url, headers={"HX-Request": "true", "HX-Target": "runs"})
    assert last.status_code == 286
    assert "1 draft waits to be sent" in last.text
    assert "Karin Wouters" in last.text


def test_every_active_configuration_runs_when_none_is_named(desk: Desk, sign_in: SignIn) -> None:
    client, url = sign_in(desk.staff), f"/c/{desk.client}/runs"
    client.post(url)
    assert len(all_runs(desk)) == 1
    with desk.office.scope() as scope:
        scope.session.execute(
            update(Configuration).where(Configuration.tenant_id == desk.client).values(state="inactive")
        )
    work(desk)
    answer = client.post(url)
    assert "no active configuration" in client.get(answer.location).text
    assert len(all_runs(desk)) == 1


def test_a_failed_run_says_why(desk: Desk, sign_in: SignIn) -> None:
    client, url = sign_in(desk.staff), f"/c/{desk.client}/runs"
    client.post(url)
    (row,) = all_runs(desk)
    with desk.office.scope() as scope:
        scope.get(Run, row.id).state = "failed"
        scope.get(Run, row.id).code = "authorisation.needs_consent"
    page = words(client.get(url).text)
    assert "Failed The package asks for a new log-in" in page


def test_readers_and_strangers_start_nothing(desk: Desk, world: World, sign_in: SignIn) -> None:
    url = f"/c/{desk.client}/runs"
    reader = sign_in(desk.reader)
    assert "Synchronise now" not in reader.get(url).text
    assert reader.post(url).status_code == 403
    assert sign_in(world.rival_staff).post(url).status_code == 404
    foreign = {"configuration": str(world.client.id)}
    assert sign_in(desk.staff).post(url, data=foreign).status_code == 404
    assert all_runs(desk) == []


def test_receipts_stand_beside_the_run(desk: Desk, sign_in: SignIn) -> None:
    with desk.office.scope() as scope:
        scope.session.execute(
            update(Configuration).where(Configuration.tenant_id == desk.client).values(automatic=True)
        )
    desk.office.bank_says(*MARCH, (date(2024, 4, 2), "5.00"))
    client, url = sign_in(desk.staff), f"/c/{desk.client}/runs"
    client.post(url)
    work(desk)
    assert "2 entries are being sent" in client.get(url).text
    for row in desk.office.all_postings():
        desk.office.step(row)
    page = words(client.get(url).text)
    assert "Booked" in page
    assert "and 1 more" in page
