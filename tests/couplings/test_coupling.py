"""Activating, overwriting and ending a coupling."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from portal.activity.service import timeline
from portal.connectors.base import DossierStatus
from portal.couplings import wording
from portal.couplings.dossiers import dossiers_of, store_dossiers, taken
from portal.couplings.models import Configuration, Coupling
from portal.couplings.service import (
    activate_certain,
    activate_coupling,
    active_coupling,
    authorisation_for,
    end_coupling,
    overwrite_coupling,
    preview_overwrite,
    usable_dossier,
)
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.vault import Vault
from tests import factories as make
from tests.couplings.conftest import Office, dossier


def test_listing_again_marks_what_is_gone_and_what_came_back(office: Office) -> None:
    firm = office.firm()
    first = store_dossiers(firm, office.authorisation.id, [dossier("1", "A"), dossier("2", "B")])
    second = store_dossiers(firm, office.authorisation.id, [dossier("2", "B renamed"), dossier("3", "C")])
    assert (first.count, first.new, first.gone) == (2, 2, 0)
    assert (second.count, second.new, second.gone) == (2, 1, 1)
    assert [d.name for d in dossiers_of(firm, office.authorisation)] == ["B renamed", "C"]
    store_dossiers(firm, office.authorisation.id, [dossier("1", "A")])
    assert [d.code for d in dossiers_of(firm, office.authorisation)] == ["1"]


def test_dossiers_are_searched_by_name_number_and_enterprise_number(office: Office) -> None:
    office.list_dossiers(dossier("1", "Bakker", "0403.170.701"), dossier("2", "100% Hout"))
    firm = office.firm()

    def find(text: str) -> list[str]:
        return [d.code for d in dossiers_of(firm, office.authorisation, find=text)]

    assert (find("bak"), find("202"), find("0403 170"), find("100%"), find("%")) == (["1"], ["2"], ["1"], ["2"], ["2"])


def test_a_coupling_says_who_what_and_when(office: Office) -> None:
    scope, coupling = office.couple()
    assert active_coupling(scope, "exact") is coupling
    assert (coupling.dossier_code, coupling.authorisation_name) == ("1", office.authorisation.name)
    assert [a.tag for a in timeline(scope, coupling.id)] == ["coupling.activated"]


def test_a_second_coupling_of_the_same_app_is_refused(office: Office) -> None:
    scope, _ = office.couple()
    with pytest.raises(Conflict) as told:
        activate_coupling(scope, office.authorisation, "1")
    assert told.value.code == "coupling.exists"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"status": DossierStatus.ARCHIVED, "archived_on": date(2023, 1, 14)}, "coupling.dossier_archived"),
        ({"status": DossierStatus.ARCHIVED}, "coupling.dossier_archived_once"),
        ({"status": DossierStatus.BLOCKED, "blocking": "conversion"}, "coupling.dossier_blocked"),
        ({"status": DossierStatus.INACTIVE}, "coupling.dossier_inactive"),
    ],
)
def test_a_dossier_that_cannot_be_coupled_says_why(office: Office, more: dict[str, Any], code: str) -> None:
    office.list_dossiers(dossier("1", "A", **more))
    with pytest.raises(Conflict) as told:
        activate_coupling(office.inside(), office.authorisation, "1")
    assert told.value.code == code
    assert wording.ERRORS[code].format(**told.value.values)


def test_a_dossier_that_another_client_has_is_taken(office: Office, database: Database) -> None:
    office.couple()
    second = make.make_tenant(database, "client", "Tweede")
    make.make_grant(database, second, office.world.firm)
    inside = office.inside(second)
    assert taken(inside, office.authorisation) == {"1"}
    with pytest.raises(Conflict) as told:
        activate_coupling(inside, office.authorisation, "1")
    assert told.value.code == "coupling.dossier_taken"


def test_a_stranger_learns_nothing_about_taken_dossiers(office: Office) -> None:
    office.couple()
    assert taken(make.scope_in(office.session, office.world.rival), office.authorisation) == frozenset()


def test_only_an_authorisation_of_the_client_or_of_the_firm_that_acts(
    office: Office, database: Database, vault: Vault
) -> None:
    office.list_dossiers(dossier("1", "A"))
    theirs = make.make_authorisation(database, vault, office.world.rival)
    inside = office.inside()
    assert authorisation_for(inside, office.authorisation.id).id == office.authorisation.id
    for authorisation_id in (theirs.id, uuid.uuid4(), "nonsense"):
        with pytest.raises(NotFound):
            authorisation_for(inside, authorisation_id)
    with pytest.raises(NotFound):
        usable_dossier(inside, theirs, "1")


def test_a_withdrawn_grant_ends_the_use_of_the_firms_authorisation(office: Office, database: Database) -> None:
    client = make.make_tenant(database, "client", "Met een deur")
    grant = make.make_grant(database, client, office.world.firm)
    office.list_dossiers(dossier("1", "A"))
    inside = office.inside(client)
    assert usable_dossier(inside, office.authorisation, "1")
    with database.scoped(Setting(tenant=client.id)) as other:
        other.merge(grant).state = "withdrawn"
    with pytest.raises(NotFound):
        usable_dossier(inside, office.authorisation, "1")


def test_an_authorisation_that_is_off_couples_nothing(office: Office, database: Database, vault: Vault) -> None:
    off = make.make_authorisation(database, vault, office.world.firm, state="needs_consent")
    with pytest.raises(Conflict) as told:
        activate_coupling(office.inside(), off, "1")
    assert told.value.code == "coupling.authorisation_off"


# ------------------------------------------------------------------ overwriting


def test_overwriting_with_the_same_dossier_keeps_history_and_configurations(
    office: Office, database: Database, vault: Vault
) -> None:
    own = make.make_authorisation(database, vault, office.world.client, name="Own login")
    own_scope = make.scope_in(office.session, office.world.client, "owner", office.world.owner)
    store_dossiers(own_scope, own.id, [dossier("1", "Delmotte")])
    old = activate_coupling(own_scope, own, "1")
    account = make.make_bank_account(database, office.world.client)
    office.session.add(configuration(old, account.id))
    office.list_dossiers(dossier("1", "Delmotte"))
    inside = office.inside()
    seen = usable_dossier(inside, office.authorisation, "1")
    changes = preview_overwrite(inside, old, office.authorisation, seen, booked=642, under_way=1)
    assert {c.part: c.effect for c in changes} == {
        "authorisation": "replaced", "dossier": "stays", "configurations": "stays", "history": "stays",
        "under_way": "stays",
    }  # fmt: skip
    new = overwrite_coupling(inside, old.id, office.authorisation, "1")
    assert (old.state, old.ended_code, new.replaces_id) == ("ended", "replaced", old.id)
    moved = office.session.scalars(select(Configuration).where(Configuration.bank_account_id == account.id)).one()
    office.session.refresh(moved)
    assert (moved.coupling_id, moved.state) == (new.id, "active")


def test_overwriting_with_another_dossier_switches_the_configurations_off(office: Office, database: Database) -> None:
    scope, old = office.couple()
    account = make.make_bank_account(database, office.world.client)
    row = configuration(old, account.id)
    office.session.add(row)
    office.list_dossiers(dossier("1", "A"), dossier("2", "B"))
    scope = office.inside()
    new = overwrite_coupling(scope, old.id, office.authorisation, "2")
    office.session.refresh(row)
    assert (row.coupling_id, row.state, new.dossier_code) == (old.id, "inactive", "2")
    with pytest.raises(Conflict) as told:
        overwrite_coupling(scope, old.id, office.authorisation, "2")
    assert told.value.code == "coupling.ended"
    with pytest.raises(Conflict) as told:
        overwrite_coupling(scope, new.id, office.authorisation, "2")
    assert told.value.code == "coupling.same"


def test_an_ended_coupling_frees_its_dossier(office: Office) -> None:
    scope, coupling = office.couple()
    end_coupling(scope, coupling.id)
    assert active_coupling(scope, "exact") is None
    assert activate_coupling(scope, office.authorisation, "1").id != coupling.id


def configuration(coupling: Coupling, account_id: uuid.UUID) -> Configuration:
    from portal.kernel import clock

    now = clock.now()
    return Configuration(
        tenant_id=coupling.tenant_id, coupling_id=coupling.id, bank_account_id=account_id, entry_kind="bank",
        journal="20", bank_ledger_account="550000", suspense_account="499000", frequency="monthly",
        starts_on=date(2026, 1, 1), delay_days=0, automatic=True, created_at=now, changed_at=now,
    )  # fmt: skip


# ------------------------------------------------------------------ many at once


def test_all_certain_matches_at_once_and_the_others_with_a_reason(office: Office, database: Database) -> None:
    firm = office.world.firm
    clients = [make.make_tenant(database, "client", name) for name in ("Alfa NV", "Beta BV", "Gamma SA", "Delta SRL")]
    alfa, beta, gamma, delta = clients
    for client in (alfa, beta, gamma):
        make.make_grant(database, client, firm, "reader" if client is gamma else "editor")
    office.list_dossiers(
        dossier("1", "Alfa", alfa.enterprise_number),
        dossier("2", "Beta"),
        dossier("3", "Gamma", gamma.enterprise_number),
        dossier("4", "Delta", delta.enterprise_number),
    )
    ids = [client.id for client in clients]
    outcomes = activate_certain(office.firm(), office.authorisation, ids)
    assert [(o.client_name, o.dossier_number, o.code) for o in outcomes] == [
        ("Alfa NV", "201", ""),
        ("Beta BV", "", "coupling.no_certain_dossier"),
        ("Gamma SA", "", "coupling.reader"),
    ]
    again = activate_certain(office.firm(), office.authorisation, ids)
    assert again[0].code == "coupling.exists"
    with_alfa = make.scope_in(office.session, alfa)
    assert active_coupling(with_alfa, "exact") is not None


def test_a_dossier_that_two_clients_would_claim_goes_to_neither(office: Office, database: Database) -> None:
    number = office.world.client.enterprise_number
    twins = [make.make_tenant(database, "client", "Twin NV", enterprise_number=number) for _ in range(2)]
    for twin in twins:
        make.make_grant(database, twin, office.world.firm)
    office.list_dossiers(dossier("1", "Twin", number))
    outcomes = activate_certain(office.firm(), office.authorisation, [twin.id for twin in twins])
    assert [o.code for o in outcomes] == ["coupling.no_certain_dossier"] * 2
