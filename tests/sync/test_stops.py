"""What a client, a firm or an overwritten coupling stops is sent no more."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from portal.authorisations.models import Authorisation
from portal.connectors.errors import (
    Rejected,
    Temporary,
)
from portal.couplings import service as couplings
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict
from portal.ledger.models import Entry
from portal.sync import posting as desk
from portal.sync.drafting import drop_entry
from portal.sync.models import Posting, PostingState
from portal.tenants import grants
from tests import factories as make
from tests.sync import provider
from tests.sync.office import SETTLE, Clock, Office, store_books, unsure


def end_coupling(office: Office) -> None:
    with office.scope() as scope:
        couplings.end_coupling(scope, office.coupling.id)


def drop(office: Office, posting: Posting) -> Entry:
    with office.scope() as scope:
        entry = desk.reopen(scope, posting.entry_id)
        return drop_entry(scope, entry.id, version=entry.version)


def test_a_refused_entry_of_an_ended_coupling_is_dropped_and_goes_through_the_next(office: Office) -> None:
    office.package.script[:] = [Rejected("pretend.period_closed")]
    refused = office.step(office.offered())
    end_coupling(office)
    assert drop(office, refused).state == "dropped"
    office.coupling = make.make_coupling(office.database, office.client, office.authorisation)
    store_books(office.database, office.coupling)
    office.configuration = make.make_configuration(office.database, office.coupling, office.account)
    (entry,) = office.draft(date(2024, 12, 31))
    assert entry.reference != refused.reference
    assert office.step(office.offer(entry)).state == PostingState.CONFIRMED


def test_what_may_stand_there_is_not_dropped(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "late")
    office.set(posting, state="parked", code="posting.grant_withdrawn")
    with pytest.raises(Conflict, match=r"posting\.not_refused"):
        drop(office, posting)
    office.set(posting, code="posting.grant_withdrawn", sends=0, sending_at=None)  # as after a restore
    with pytest.raises(Conflict, match=r"posting\.not_refused"):
        drop(office, posting)


def test_an_entry_that_was_surely_not_sent_is_dropped_when_its_coupling_ended(office: Office) -> None:
    office.package.script[:] = [Temporary("pretend.busy", sent=False)]
    posting = office.step(office.offered())
    assert posting.sending_at is None
    end_coupling(office)
    assert office.step(posting).code == "posting.coupling_ended"
    assert drop(office, posting).state == "dropped"


@pytest.mark.parametrize("sends", [1, 2])
def test_two_empty_looks_through_an_ended_coupling_let_it_be_dropped(office: Office, moving: Clock, sends: int) -> None:
    posting = unsure(office, moving, "lost_before")
    office.set(posting, sends=sends)
    end_coupling(office)
    assert not desk.is_surely_unbooked(office.step(posting))
    moving.pass_(SETTLE)
    for _ in range(2):  # the second look, and where a sending is left, its obstacle
        posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.PARKED, "posting.coupling_ended")
    assert drop(office, posting).state == "dropped"


def withdraw(office: Office) -> None:
    with office.scope() as scope:
        for grant in grants.list_grants(scope):
            grants.withdraw_access(scope, grant.id)


def test_a_withdrawn_grant_stops_what_is_queued(office: Office) -> None:
    posting = office.offered()
    withdraw(office)
    posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.PARKED, "posting.grant_withdrawn")
    assert office.package.calls == []


def test_a_withdrawn_grant_stops_look_ups_too(office: Office, moving: Clock) -> None:
    posting = unsure(office, moving, "late")
    calls = len(office.package.calls)
    withdraw(office)
    assert office.step(posting).state == PostingState.PARKED
    assert len(office.package.calls) == calls


def test_a_switched_off_authorisation_lets_it_wait(office: Office, database: Database) -> None:
    posting = office.offered()
    with database.scoped(Setting(tenant=office.firm.id)) as session:
        session.get_one(Authorisation, (office.firm.id, office.authorisation.id)).state = "needs_consent"
    posting = office.step(posting)
    assert (posting.state, posting.code) == (PostingState.INTENT, "posting.authorisation_needs_consent")
    assert office.package.calls == []


def test_an_ended_coupling_settles_its_doubts_but_sends_nothing(office: Office, moving: Clock) -> None:
    doubtful = unsure(office, moving, "lost_after")
    queued = office.offered()
    with office.scope() as scope:
        coupling = scope.get(type(office.coupling), office.coupling.id)
        coupling.state, coupling.ended_at = "ended", clock.now()
    assert office.step(doubtful).state == PostingState.CONFIRMED
    queued = office.step(queued)
    assert (queued.state, queued.code) == (PostingState.PARKED, "posting.coupling_ended")


def test_a_grant_withdrawn_during_the_look_up_stops_the_second_sending(
    office: Office, moving: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting = unsure(office, moving, "lost_before")
    for _ in range(2):
        office.step(posting)
        moving.pass_(SETTLE)
    find, writes = provider.Client.find, office.package.writes

    def meanwhile(*told: Any) -> Any:
        withdraw(office)
        return find(*told)

    monkeypatch.setattr(provider.Client, "find", meanwhile)
    assert office.step(posting).code == "posting.grant_withdrawn"
    assert office.step(posting).state == PostingState.PARKED
    assert office.package.writes == writes
