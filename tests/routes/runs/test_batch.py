"""Many runs at once: progress, causes, retry, receipts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from portal.connectors.errors import Rejected
from portal.couplings.models import Configuration
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.sync import acting, runs
from portal.sync.models import Run
from portal.tenants.models import Grant
from tests.routes.conftest import Client, SignIn
from tests.routes.entries.desk import Desk, open_desk, words
from tests.sync.office import Office, add_client
from tests.world import World

POLL = {"HX-Request": "true", "HX-Target": "batch"}


@dataclass
class Firm:
    desk: Desk
    offices: list[Office]

    def work(self, office: Office) -> None:
        """What the workers do for one client: its open runs, and one step of each posting."""
        with office.scope() as scope:
            open_runs = scope.session.scalars(
                select(Run.id).where(Run.tenant_id == office.client.id, Run.state.in_(("queued", "running")))
            ).all()
        for run_id in open_runs:
            runs.run(office.runtime, office.client.id, run_id, office.connect)
        for row in office.all_postings():
            office.step(row)

    def change(self, office: Office, **values: Any) -> None:
        with office.scope() as scope:
            scope.session.execute(update(Run).where(Run.tenant_id == office.client.id).values(**values))


@pytest.fixture
def firm(desk: Desk, database: Database, vault: Vault) -> Firm:
    """Three clients that send by themselves, each with one line to book."""
    offices = [desk.office]
    offices += [add_client(database, vault, desk.office.firm, desk.office.authorisation) for _ in range(2)]
    for office in offices:
        with office.scope() as scope:
            mine = Configuration.tenant_id == office.client.id
            scope.session.execute(update(Configuration).where(mine).values(automatic=True))
        office.bank_says((date(2024, 3, 5), "12.50"))
    return Firm(desk, offices)


def start(firm: Firm, client: Client) -> str:
    answer = client.post(f"/p/{firm.desk.portal}/runs/all")
    assert answer.status_code == 303
    return str(answer.location)


def test_all_clients_are_followed_to_the_end(firm: Firm, sign_in: SignIn) -> None:
    client = sign_in(firm.desk.staff)
    url = start(firm, client)
    page = client.get(url).text
    assert "0 of 3 synchronised" in page
    assert 'hx-trigger="every 3s"' in page
    assert "Karin Wouters" in page
    firm.work(firm.offices[0])
    half = client.get(url, headers=POLL)
    assert half.status_code == 200
    assert "1 of 3 synchronised" in half.text
    assert "You may close this page" in half.text
    for office in firm.offices[1:]:
        firm.work(office)
    last = client.get(url, headers=POLL)
    assert last.status_code == 286
    assert "All 3 synchronisations done" in last.text
    assert "3 lines drafted · 3 entries booked" in last.text
    assert "every 3s" not in last.text


def test_chosen_clients_only(firm: Firm, sign_in: SignIn) -> None:
    client = sign_in(firm.desk.staff)
    chosen = firm.offices[1]
    answer = client.post(f"/p/{firm.desk.portal}/runs/chosen", data={"id": [str(chosen.client.id)]})
    page = client.get(answer.location).text
    assert chosen.client.name in page
    assert firm.offices[0].client.name not in page


def test_one_card_a_cause_and_retry_of_the_failed_only(firm: Firm, sign_in: SignIn) -> None:
    client = sign_in(firm.desk.staff)
    url = start(firm, client)
    for office in firm.offices[:2]:
        office.package.script.append(Rejected("exact.period_closed", provider_text="Period closed"))
    for office in firm.offices:
        firm.work(office)
    page = client.get(url).text
    assert "1 done, 2 need you" in page
    assert "Retry the 2 that failed" in page
    assert page.count('id="problem-exact-period-closed"') == 1
    assert "2 clients: " in page
    assert "Period closed" in page
    assert client.post(f"{url}/retry").status_code == 303
    assert "1 of 3 synchronised" in client.get(url).text
    for office in firm.offices:
        firm.work(office)
    assert "All 3 synchronisations done" in client.get(url).text
    assert all(office.package.total() == firm.offices[0].package.total() for office in firm.offices)


def test_a_failed_run_is_tried_again_in_the_same_batch(firm: Firm, sign_in: SignIn) -> None:
    client = sign_in(firm.desk.staff)
    url = start(firm, client)
    now = clock.now()
    firm.change(firm.offices[0], state="failed", code="run.poison", finished_at=now, started_at=now)
    for office in firm.offices[1:]:
        firm.work(office)
    assert "2 done, 1 need you" in client.get(url).text
    client.post(f"{url}/retry")
    firm.work(firm.offices[0])
    page = client.get(url).text
    assert "All 3 synchronisations done" in page
    assert "3 entries booked" in page, "each configuration counts once"


def test_each_cause_is_tried_again_by_itself(firm: Firm, sign_in: SignIn) -> None:
    client = sign_in(firm.desk.staff)
    url = start(firm, client)
    first, second, third = firm.offices
    now = clock.now()
    firm.change(first, state="failed", code="run.poison", finished_at=now, started_at=now)
    for office, code in ((second, "exact.period_closed"), (third, "exact.user_rights")):
        office.package.script.append(Rejected(code))
        firm.work(office)
    page = client.get(url).text
    codes = re.findall(r'action="[^"]+/retry\?cause=([a-z_.]+)"', page)
    assert sorted(codes) == ["exact.period_closed", "exact.user_rights", "run.poison"]
    answer = client.post(f"{url}/retry?cause=exact.period_closed")
    assert "1 is tried again." in words(client.get(answer.location).text)
    firm.work(second)
    assert "1 done, 2 need you" in client.get(url).text
    client.post(f"{url}/retry?cause=run.poison")
    firm.work(first)
    assert "2 done, 1 need you" in client.get(url).text
    answer = client.post(f"{url}/retry?cause=run.poison")
    assert "Nothing here can be tried again" in words(client.get(answer.location).text), "it has been, and went through"


def test_what_heals_by_itself_asks_nothing(firm: Firm, sign_in: SignIn) -> None:
    client = sign_in(firm.desk.staff)
    url = start(firm, client)
    soon = clock.now() + timedelta(minutes=5)
    firm.change(firm.offices[0], state="running", code="exact.rate_limited", next_try_at=soon)
    page = client.get(url).text
    assert "kp-problem-wait" in page
    assert "Exact asks us to wait" in page
    assert "we try again by ourselves" in page
    assert "that failed" not in page


def test_states_filter_and_csv_holds_all(firm: Firm, sign_in: SignIn) -> None:
    client = sign_in(firm.desk.staff)
    url = start(firm, client)
    firm.work(firm.offices[0])
    done = client.get(f"{url}?state=done").text.partition("<table")[2]
    assert firm.offices[0].client.name in done
    assert firm.offices[1].client.name not in done
    text = client.get(f"{url}.csv").text
    assert all(office.client.name in text for office in firm.offices)


def test_the_test_button_looks_at_the_dossier(firm: Firm, monkeypatch: pytest.MonkeyPatch, sign_in: SignIn) -> None:
    office = firm.offices[1]
    monkeypatch.setattr(acting.look_anew, "__defaults__", (office.connect,))
    client = sign_in(firm.desk.staff)
    url = start(firm, client)
    office.package.script.append(Rejected("exact.period_closed"))
    firm.work(office)
    test_url = re.search(r'hx-post="([^"]+/test\?card=[^"]+)"', client.get(url).text)
    assert test_url
    headers = {"HX-Request": "true", "HX-Target": "problem-exact-period-closed-outcome"}
    answer = client.post(test_url[1], headers=headers)
    assert "nothing stands in the way any more" in answer.text
    assert office.client.name in answer.text
    other = client.get(f"/p/{firm.desk.portal}/runs").text  # back in the portal, not left in the client
    assert firm.offices[0].client.name in other


def test_starting_twice_starts_once(firm: Firm, sign_in: SignIn) -> None:
    client = sign_in(firm.desk.staff)
    start(firm, client)
    again = client.post(f"/p/{firm.desk.portal}/runs/all")
    assert "nothing was started twice" in client.get(again.location).text


def test_clients_that_are_only_read_are_left_out(firm: Firm, sign_in: SignIn) -> None:
    for office in firm.offices:
        with firm.desk.office.database.scoped(Setting(tenant=office.client.id)) as session:
            session.execute(update(Grant).where(Grant.tenant_id == office.client.id).values(role="reader"))
    client = sign_in(firm.desk.staff)
    answer = client.post(f"/p/{firm.desk.portal}/runs/all")
    assert "None of the chosen client accounts" in client.get(answer.location).text


def test_batches_belong_to_their_portal(
    firm: Firm, world: World, database: Database, vault: Vault, sign_in: SignIn
) -> None:
    url = start(firm, sign_in(firm.desk.staff))
    batch = url.rpartition("/")[2]
    assert sign_in(world.rival_staff).get(url).status_code == 404
    other = open_desk(database, vault)
    neighbour = sign_in(other.staff)
    assert neighbour.get(f"/p/{other.portal}/runs/{batch}").status_code == 404
    assert neighbour.post(f"/p/{other.portal}/runs/{batch}/retry").status_code == 404
    reader = sign_in(firm.desk.reader)
    assert "Synchronise all" not in words(reader.get(f"/p/{firm.desk.portal}/runs").text)
    for what in ("all", "chosen", f"{batch}/retry"):
        assert reader.post(f"/p/{firm.desk.portal}/runs/{what}").status_code == 403
