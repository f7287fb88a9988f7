"""How a client account stands is right after every commit, whoever changed what."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select

from portal.connectors.errors import Rejected
from portal.couplings.models import Configuration, Coupling
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.sync import posting
from portal.sync.models import Standing
from portal.sync.standing import refresh_standing
from tests import factories as make
from tests.sync.office import Clock, Office, open_office

MARCH = [(date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25")]


def stands(office: Office) -> tuple[str, str]:
    with office.scope() as scope:
        row = scope.session.get_one(Standing, office.client.id)
        return row.state, row.code


def row(office: Office) -> Standing:
    with office.scope() as scope:
        return scope.session.get_one(Standing, office.client.id)


def test_without_a_coupling_nothing_is_set_up(office: Office) -> None:
    with office.scope() as scope:
        scope.get(Coupling, office.coupling.id).state = "ended"
    assert stands(office) == ("none", "standing.no_coupling")


def test_what_an_ended_coupling_left_behind_still_asks_for_somebody(office: Office) -> None:
    office.package.script[:] = [Rejected("pretend.period_closed")]
    refused = office.step(office.offered())
    with office.scope() as scope:
        scope.get(Coupling, office.coupling.id).state = "ended"
    assert stands(office) == ("attention", "pretend.period_closed")
    with office.scope() as scope:
        posting.reopen(scope, refused.entry_id)
    assert (stands(office), row(office).waiting_entries) == (("attention", "standing.entries_wait"), 1)


def test_without_a_configuration_nothing_is_set_up(office: Office) -> None:
    with office.scope() as scope:
        scope.get(Configuration, office.configuration.id).state = "deleted"
    assert stands(office) == ("none", "standing.no_configuration")


def test_before_the_first_statement_the_client_is_waited_for(office: Office) -> None:
    with office.scope() as scope:
        refresh_standing(scope.session, office.client.id)
    assert stands(office) == ("wait_client", "standing.no_statements")


def test_statements_show_as_waiting_lines_and_leave_with_the_draft(database: Database, vault: Vault) -> None:
    office = open_office(database, vault, automatic=False)
    office.bank_says(*MARCH, (date(2024, 3, 21), "0.00"), (date(2023, 12, 31), "9.00"))
    assert (stands(office), row(office).waiting_lines) == (("active", ""), 2)
    office.draft(date(2024, 4, 1))
    assert stands(office) == ("attention", "standing.entries_wait")
    assert (row(office).waiting_lines, row(office).waiting_entries) == (0, 1)


def test_a_refusal_shows_with_its_own_cause_until_it_is_reopened(office: Office) -> None:
    office.package.script[:] = [Rejected("pretend.period_closed")]
    refused = office.step(office.offered())
    assert stands(office) == ("attention", "pretend.period_closed")
    with office.scope() as scope:
        posting.reopen(scope, refused.entry_id)
    assert stands(office) == ("attention", "standing.entries_wait")


def test_a_parked_posting_comes_before_a_refused_one(office: Office, moving: Clock) -> None:
    office.package.script[:] = [Rejected("pretend.period_closed")]
    office.step(office.offered())
    parked = office.offered()
    office.package.script[:] = ["late"]
    office.step(parked)
    with office.scope() as scope:
        row = scope.get(type(parked), parked.id)
        row.state, row.code = "parked", "posting.unclear"
    assert stands(office) == ("attention", "posting.unclear")


def test_since_tells_when_it_became_so(office: Office, moving: Clock) -> None:
    office.bank_says(*MARCH)
    before = row(office)
    moving.pass_(60)
    office.bank_says((date(2024, 3, 22), "1.00"))
    assert row(office).since == before.since
    assert row(office).changed_at > before.changed_at
    moving.pass_(60)
    with office.scope() as scope:
        scope.get(Coupling, office.coupling.id).state = "ended"
    assert row(office).since > before.since + timedelta(seconds=100)


def test_a_rolled_back_change_leaves_no_trace(office: Office) -> None:
    office.offered()
    before = row(office).changed_at
    with office.scope() as scope:
        scope.get(Coupling, office.coupling.id).state = "ended"
        scope.session.flush()
        scope.session.rollback()
    assert row(office).changed_at == before


def test_a_portal_has_no_standing(database: Database) -> None:
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts")
    with database.scoped(Setting(tenant=firm.id, portal=firm.id)) as session:
        refresh_standing(session, firm.id)
        assert session.scalars(select(Standing).where(Standing.tenant_id == firm.id)).all() == []


def test_the_next_moment_is_that_of_the_configuration(office: Office) -> None:
    moment = clock.now() + timedelta(days=3)
    with office.scope() as scope:
        scope.get(Configuration, office.configuration.id).next_due_at = moment
    assert row(office).next_sync_at == moment
