"""A client moves to another package, or from its own log-in to the firm's: history stays, nothing goes out twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from portal.access import Actor, Scope
from portal.authorisations.models import Authorisation
from portal.connectors import base
from portal.couplings import configurations, service
from portal.couplings.dossiers import store_dossiers
from portal.couplings.models import Configuration, Coupling
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.ledger.models import Entry, StatementLine
from portal.sync import posting
from portal.sync.models import PostingState
from tests import factories as make
from tests.sync.office import Office, make_authorisation, open_office, store_books

JANUARY, FEBRUARY = (date(2024, 1, 10), "12.50"), (date(2024, 2, 10), "-7.25")
TODAY = date(2024, 12, 31)


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    return open_office(database, vault)


def other_package(office: Office) -> Authorisation:
    """The firm's log-in elsewhere; `pretend` stands for it, under another name of the client's app."""
    return make_authorisation(office.database, office.vault, office.firm)


def list_dossier(office: Office, authorisation: Authorisation, code: str) -> None:
    told = base.Dossier(
        code=code, number="77", name="Moved", status=base.DossierStatus.ACTIVE, country="BE", currency="EUR"
    )
    holder = Setting(tenant=authorisation.tenant_id)
    with office.database.scoped(holder) as session:
        scope = Scope(session, authorisation.tenant_id, "portal", "", Actor(None, ""))
        store_dossiers(scope, authorisation.id, [told])


def overwrite(office: Office, authorisation: Authorisation, code: str) -> Coupling:
    list_dossier(office, authorisation, code)
    setting = Setting(office.client.id, via=office.firm.id)
    with office.database.scoped(setting) as session:
        scope = Scope(session, office.client.id, "client", "", Actor(None, "", office.firm.id))
        return service.overwrite_coupling(scope, office.coupling.id, authorisation, code)


def settle_in(office: Office, coupling: Coupling) -> Office:
    """The same bank account, booked through the new coupling from the year's first day on."""
    store_books(office.database, coupling)
    with office.scope() as scope:
        old = scope.get(Configuration, office.configuration.id)
        choices = replace(configurations.choices_of(old), starts_on=date(2024, 1, 1))
        row = configurations.create_configuration(scope, coupling.id, office.account, choices)
    return replace_office(office, coupling, row)


def replace_office(office: Office, coupling: Coupling, row: Configuration) -> Office:
    return Office(
        office.database, office.vault, office.firm, office.client, office.authorisation, coupling, office.account, row,
        office.package,
    )  # fmt: skip


def booked_once(office: Office, references: list[str]) -> bool:
    return [office.package.booked(reference) for reference in references] == [1] * len(references)


def test_a_period_that_went_out_before_does_not_go_out_again(office: Office) -> None:
    office.bank_says(JANUARY)
    sent = office.step(office.offer(office.draft(TODAY)[0]))
    assert sent.state == PostingState.CONFIRMED
    moved = settle_in(office, overwrite(office, other_package(office), "D-2"))
    assert moved.draft(TODAY) == []
    office.bank_says(FEBRUARY, opening="1012.50")
    (entry,) = moved.draft(TODAY)
    assert entry.period_start == date(2024, 2, 1)
    assert moved.step(moved.offer(entry)).state == PostingState.CONFIRMED
    dossiers = {dossier: len(entries) for dossier, entries in office.package.entries.items()}
    assert dossiers == {office.coupling.dossier_code: 1, "D-2": 1}


def test_the_history_stays_where_it_was_booked(office: Office) -> None:
    office.bank_says(JANUARY)
    sent = office.step(office.offer(office.draft(TODAY)[0]))
    coupling = overwrite(office, other_package(office), "D-2")
    with office.scope() as scope:
        before = scope.get(Coupling, office.coupling.id)
        assert (before.state, coupling.replaces_id) == ("ended", before.id)
        entry = scope.get(Entry, sent.entry_id)
        assert entry.coupling_id == before.id
        assert office.posting(sent.id).remote_id == sent.remote_id


def test_what_was_handed_over_and_not_sent_waits_for_a_person_and_goes_out_once(office: Office) -> None:
    waiting = office.offered(JANUARY)
    moved = settle_in(office, overwrite(office, other_package(office), "D-2"))
    parked = office.step(waiting)
    assert (parked.state, parked.code) == (PostingState.PARKED, "posting.coupling_ended")
    assert office.package.writes == 0
    assert moved.draft(TODAY) == []  # its lines are still in the entry
    with office.scope() as scope:
        entry = posting.reopen(scope, waiting.entry_id)
        from portal.sync.drafting import drop_entry

        drop_entry(scope, entry.id, version=entry.version)
    (again,) = moved.draft(TODAY)
    assert moved.step(moved.offer(again)).state == PostingState.CONFIRMED
    assert len(office.package.entries["D-2"]) == 1
    assert office.coupling.dossier_code not in office.package.entries


def test_what_is_in_doubt_is_settled_where_it_was_sent(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.sync.office import SETTLE, Clock

    moving = Clock()
    monkeypatch.setattr("portal.kernel.clock.now", moving.now)
    office.package.script[:] = ["late"]
    doubtful = office.step(office.offered(JANUARY))
    assert doubtful.state == PostingState.UNCERTAIN
    moved = settle_in(office, overwrite(office, other_package(office), "D-2"))
    office.package.settle()
    moving.pass_(SETTLE)
    assert office.step(doubtful).state == PostingState.CONFIRMED
    assert moved.draft(TODAY) == []
    assert "D-2" not in office.package.entries


def test_from_its_own_log_in_to_the_firm_s_the_same_dossier_goes_on(database: Database, vault: Vault) -> None:
    office = open_office(database, vault)
    own = make_authorisation(database, vault, office.client)
    dossier = office.coupling.dossier_code
    with office.scope() as scope:
        row = scope.get(Coupling, office.coupling.id)
        row.authorisation_tenant_id, row.authorisation_id = office.client.id, own.id
        row.app = own.app
    make.let_app_in(database, office.client.id, own.app)
    office.bank_says(JANUARY)
    sent = office.step(office.offer(office.draft(TODAY)[0]))
    assert sent.state == PostingState.CONFIRMED
    coupling = overwrite(office, office.authorisation, dossier)
    with office.scope() as scope:
        moved_row = scope.get(Configuration, office.configuration.id)
        assert (moved_row.coupling_id, moved_row.state) == (coupling.id, "active")
    moved = replace_office(office, coupling, moved_row)
    store_books(database, coupling)
    assert moved.draft(TODAY) == []
    office.bank_says(FEBRUARY, opening="1012.50")
    (entry,) = moved.draft(TODAY)
    assert moved.step(moved.offer(entry)).state == PostingState.CONFIRMED
    assert booked_once(office, [sent.reference, entry.reference])
    with office.scope() as scope:
        lines = scope.session.scalars(select(StatementLine).where(StatementLine.entry_id.is_(None))).all()
    assert [line for line in lines if line.tenant_id == office.client.id] == []


def test_two_packages_never_book_one_bank_account_together(office: Office) -> None:
    from portal.kernel.errors import Conflict

    second = make.make_coupling(office.database, office.client, other_app(office))
    store_books(office.database, second)
    with office.scope() as scope:
        choices = configurations.choices_of(scope.get(Configuration, office.configuration.id))
        with pytest.raises(Conflict) as refused:
            configurations.create_configuration(scope, second.id, office.account, choices)
    assert refused.value.code == "configuration.account_taken"


def other_app(office: Office) -> Authorisation:
    return make.make_authorisation(office.database, office.vault, office.firm)


def test_from_one_app_to_another_only_what_was_not_sent_goes_out(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.connectors import registry

    monkeypatch.setitem(registry.CONNECTORS, "exact", registry.CONNECTORS.get("pretend", "tests.sync.provider"))
    office.bank_says(JANUARY)
    sent = office.step(office.offer(office.draft(TODAY)[0]))
    with office.scope() as scope:
        service.end_coupling(scope, office.coupling.id)
    second = make.make_coupling(office.database, office.client, other_app(office), dossier="X-1")
    assert second.app != office.coupling.app
    moved = settle_in(office, second)
    assert moved.draft(TODAY) == []
    office.bank_says(FEBRUARY, opening="1012.50")
    (entry,) = moved.draft(TODAY)
    assert moved.step(moved.offer(entry)).state == PostingState.CONFIRMED
    assert booked_once(office, [sent.reference, entry.reference])
