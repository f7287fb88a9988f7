"""A configuration copied to other clients: what differs is shown, what is lacking is named, twice is once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from sqlalchemy import func, select

from portal.access import Scope
from portal.authorisations.models import Authorisation
from portal.connectors.base import Journal, JournalType
from portal.couplings.configurations import choices_of
from portal.couplings.models import Configuration
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.vault import Vault
from portal.sync import copying
from tests import factories as make
from tests.sync import provider
from tests.sync.office import Office, add_client, make_authorisation, open_office, store_books


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    return open_office(database, vault, frequency="daily", delay_days=4, starts_on=date(2024, 3, 1), automatic=False)


def another(office: Office) -> Office:
    """A client that is coupled and has a bank account, without any configuration of its own."""
    made = add_client(office.database, office.vault, office.firm, other_login(office))
    with made.scope() as scope:
        scope.get(Configuration, made.configuration.id).state = "deleted"
    return made


def other_login(office: Office) -> Authorisation:
    return make_authorisation(office.database, office.vault, office.firm)


@contextmanager
def firm(office: Office, user: User | None = None) -> Iterator[Scope]:
    setting = Setting(office.firm.id, portal=office.firm.id, user=user.id if user else None)
    with office.database.scoped(setting) as session:
        yield make.scope_in(session, office.firm, "staff" if user else "", user)


def plan(office: Office, *clients: Office) -> dict[str, copying.Copy]:
    with firm(office) as scope:
        source, coupling, _ = copying.source_of(scope, office.client.id, office.configuration.id)
        found = copying.plan(scope, choices_of(source), coupling.app, {one.client.id for one in clients})
    return {copy.name: copy for copy in found}


def copy_to(office: Office, *clients: Office) -> list[copying.Copy]:
    with firm(office) as scope:
        source, coupling, _ = copying.source_of(scope, office.client.id, office.configuration.id)
        return copying.copy_to(scope, choices_of(source), coupling.app, {one.client.id for one in clients})


def configurations(office: Office) -> list[Configuration]:
    with office.scope() as scope:
        mine = (Configuration.tenant_id == office.client.id, Configuration.state == "active")
        return list(scope.session.scalars(select(Configuration).where(*mine)))


def test_it_is_made_as_it_was_and_a_second_time_nothing_happens(office: Office) -> None:
    other = another(office)
    assert [copy.can for copy in copy_to(office, other)] == [True]
    (made,) = configurations(other)
    told = (made.frequency, made.delay_days, made.starts_on, made.automatic, made.journal, made.suspense_account)
    assert told == ("daily", 4, date(2024, 3, 1), False, "20", "499000")
    assert [copy.code for copy in copy_to(office, other)] == ["configuration.account_taken"]
    assert len(configurations(other)) == 1


def test_planning_changes_nothing(office: Office) -> None:
    other = another(office)
    assert plan(office, other)[other.client.name].can
    assert configurations(other) == []


def test_what_a_dossier_lacks_is_named_and_not_copied(office: Office) -> None:
    fine, without_account, without_journal = another(office), another(office), another(office)
    kept = [account for account in provider.ACCOUNTS if account.code != "499000"]
    store_books(office.database, without_account.coupling, ledger_accounts=kept)
    others = [journal for journal in provider.JOURNALS if journal.code != "20"]
    store_books(office.database, without_journal.coupling, journals=others)
    told = {name: copy.code for name, copy in plan(office, fine, without_account, without_journal).items()}
    assert told[fine.client.name] == ""
    assert told[without_account.client.name].startswith("configuration.account_unknown")
    assert told[without_journal.client.name] == "configuration.journal_unknown"
    copy_to(office, fine, without_account, without_journal)
    assert [len(configurations(one)) for one in (fine, without_account, without_journal)] == [1, 0, 0]


def test_a_journal_with_the_account_s_own_number_is_taken_and_shown(office: Office) -> None:
    other = another(office)
    own = Journal("21", "Own", JournalType.BANK, "j-21", "EUR", "550000", other.account.number)
    store_books(office.database, other.coupling, journals=[*provider.JOURNALS, own])
    copy = plan(office, other)[other.client.name]
    assert copy.differs == [("journal", "20", "21")]
    copy_to(office, other)
    assert configurations(other)[0].journal == "21"


def test_clients_of_others_are_passed_over(office: Office, database: Database, vault: Vault) -> None:
    stranger = open_office(database, vault)
    assert copy_to(office, stranger) == []
    with firm(office) as scope, pytest.raises(NotFound):
        copying.source_of(scope, stranger.client.id, stranger.configuration.id)


def test_at_most_two_hundred_at_once(office: Office) -> None:
    with firm(office) as scope:
        source, coupling, _ = copying.source_of(scope, office.client.id, office.configuration.id)
        with pytest.raises(Invalid):
            copying.plan(scope, choices_of(source), coupling.app, [uuid.uuid4() for _ in range(201)])


def test_many_clients_are_served_in_one_go(office: Office) -> None:
    others = [another(office) for _ in range(12)]
    done = copy_to(office, *others)
    assert sum(copy.can for copy in done) == 12
    with firm(office) as scope:
        ids = [one.client.id for one in others]
        active = (Configuration.tenant_id.in_(ids), Configuration.state == "active")
        assert scope.session.scalar(select(func.count()).select_from(Configuration).where(*active)) == 12


def test_documents_are_not_copied(office: Office) -> None:
    with office.scope() as scope:
        row = scope.get(Configuration, office.configuration.id)
        row.bank_account_id, row.entry_kind = None, "sales"
    with firm(office) as scope, pytest.raises(Conflict):
        copying.source_of(scope, office.client.id, office.configuration.id)
