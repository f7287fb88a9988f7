"""An app whose Access was unticked sends nothing more, whatever was under way."""

from __future__ import annotations

from datetime import date

import pytest

from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict
from portal.kernel.vault import Vault
from portal.store import service as store
from portal.sync import comparison, runs
from portal.sync.models import PostingState, Run
from tests import factories as make
from tests.sync.office import Clock, Office, open_office, unsure


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    return open_office(database, vault)


def untick(office: Office) -> None:
    with office.database.scoped(Setting(tenant=office.firm.id, portal=office.firm.id)) as session:
        store._write(make.scope_in(session, office.firm), "pretend", [office.client.id], allowed=False)


def tick(office: Office) -> None:
    with office.database.scoped(Setting(tenant=office.firm.id, portal=office.firm.id)) as session:
        store._write(make.scope_in(session, office.firm), "pretend", [office.client.id], allowed=True)


def test_the_very_next_step_sends_nothing(office: Office) -> None:
    posting = office.offered()
    untick(office)
    posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.PARKED, "posting.access_off")
    assert office.package.writes == 0


def test_ticked_again_it_goes_out_once(office: Office) -> None:
    posting = office.offered()
    untick(office)
    office.step(posting)
    tick(office)
    with office.scope() as scope:
        from portal.sync.posting import retry

        retry(scope, posting.id)
    assert office.step(posting).state == PostingState.CONFIRMED
    assert office.package.booked(posting.reference) == 1


def test_what_is_uncertain_is_not_looked_up_either(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    moving = Clock()
    monkeypatch.setattr("portal.kernel.clock.now", moving.now)
    posting = unsure(office, moving, "lost_after")
    untick(office)
    calls = len(office.package.calls)
    assert office.step(posting).code == "posting.access_off"
    assert len(office.package.calls) == calls


def test_books_are_not_read(office: Office) -> None:
    office.bank_says((date(2024, 3, 5), "12.50"))
    untick(office)
    with office.scope() as scope:
        run, _ = runs.start_run(scope, office.configuration, "person")
    with office.database.scoped(Setting(tenant=office.client.id)) as session:
        from sqlalchemy import delete

        from portal.couplings.models import Books

        session.execute(delete(Books).where(Books.coupling_id == office.coupling.id))
    runs.run(office.runtime, office.client.id, run.id, office.connect)
    with office.scope() as scope:
        done = scope.get(Run, run.id)
    assert (done.state, done.code) == ("failed", "posting.access_off")
    assert office.package.calls == []


def test_both_sides_are_not_compared(office: Office) -> None:
    untick(office)
    with pytest.raises(Conflict):
        comparison.compare(office.runtime, office.client.id, office.coupling.id, office.connect)
    assert office.package.calls == []
