"""Account groups: what may stand in one, and when it counts."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from portal.ledger.imports import import_file
from portal.ledger.models import BankAccount
from portal.people import entities, groups, reading, users
from portal.permissions.deciding import Reason, What
from portal.permissions.models import AccountGroupAccount
from portal.permissions.rights import Permission, Right
from portal.tenants.grants import withdraw_access
from tests import factories as make
from tests.people.conftest import NOWHERE, Firm

READ_STATEMENTS = (Permission.STATEMENTS, Right.VIEW)


def limit(firm: Firm, *numbers: int) -> str:
    """Tom to a group of these accounts; its id."""
    with firm.scope() as scope:
        payload = {"name": "Shops", "accounts": [firm.pair(number) for number in numbers]}
        group = groups.create_group(scope, payload)
        users.change_user(scope, {"membership_id": str(firm.other_membership.id), "groups": [str(group)]})
    return str(group)


def seen(firm: Firm, **where: Any) -> set[object]:
    with firm.scope(firm.other, **where) as scope:
        return set(scope.session.scalars(select(BankAccount.id)))


def test_whoever_has_a_group_sees_the_accounts_in_it_here_and_there(firm: Firm) -> None:
    everything = {account.id for account in firm.accounts}
    assert seen(firm) == seen(firm, tenant=firm.client) == everything
    limit(firm, 0)
    assert seen(firm) == seen(firm, tenant=firm.client) == {firm.accounts[0].id}
    with firm.scope(firm.other, firm.client) as scope:
        assert scope.accounts == {firm.accounts[0].id}
        assert scope.decide(What(*READ_STATEMENTS, firm.accounts[1].id)).reason is Reason.NOT_IN_GROUPS
        with pytest.raises(NotFound):
            scope.get(BankAccount, firm.accounts[1].id)


def test_a_withdrawn_grant_takes_the_accounts_out_of_the_group_at_once(firm: Firm) -> None:
    group = limit(firm, 0)
    with firm.product(firm.client) as scope:
        withdraw_access(scope, firm.grant.id)
    with firm.scope(firm.other) as scope:
        assert scope.accounts == frozenset()
    with firm.scope() as scope:
        assert reading.groups(scope)[0].accounts == 0
        with pytest.raises(Invalid, match=r"account_group\.account"):
            groups.change_group(scope, {"id": group, "name": "Shops", "accounts": [firm.pair(0)]})
        groups.change_group(scope, {"id": group, "name": "Shops", "accounts": []})


def test_an_empty_group_shows_nothing(firm: Firm) -> None:
    limit(firm)
    assert seen(firm) == set()


def test_a_group_holds_what_the_tenant_reaches_and_the_database_says_so_too(firm: Firm, database: Database) -> None:
    shut = make.make_tenant(database, "client", "Let nobody in")
    account = make.make_bank_account(database, shut)
    with firm.scope() as scope, pytest.raises(Invalid, match=r"account_group\.account"):
        groups.create_group(scope, {"name": "Theirs", "accounts": [[str(shut.id), str(account.id)]]})
    row = make.make_group(database, firm.firm)
    common = {"tenant_id": firm.firm.id, "group_id": row.id, "added_at": clock.now()}
    with pytest.raises(DBAPIError, match="does not reach"), firm.product() as scope:
        scope.session.add(AccountGroupAccount(**common, client_id=shut.id, bank_account_id=account.id))
    with pytest.raises(IntegrityError, match="fk_account_group_accounts"), firm.product() as scope:
        scope.session.add(AccountGroupAccount(**common, client_id=firm.client.id, bank_account_id=account.id))


def test_a_client_account_groups_its_own(firm: Firm, database: Database) -> None:
    owner = make.make_user(database)
    make.make_member(database, firm.client, owner, "owner")
    with firm.scope(owner, firm.client) as scope:
        groups.create_group(scope, {"name": "Mine", "accounts": [firm.pair(1)]})
        assert groups.loose_accounts(scope) == {(firm.client.id, firm.accounts[0].id)}


def test_accounts_that_are_in_no_group_are_added_with_one_act(firm: Firm) -> None:
    with firm.scope() as scope:
        group = groups.create_group(scope, {"name": "Shops", "accounts": [firm.pair(0)]})
        assert groups.add_loose_accounts(scope, {"id": str(group)}) == 1
        assert groups.add_loose_accounts(scope, {"id": str(group)}) == 0
        assert groups.accounts_of(scope, group) == {(firm.client.id, one.id) for one in firm.accounts}


def test_somebody_limited_opens_nothing_wider(firm: Firm, database: Database) -> None:
    rights = {
        "account_groups": ["view", "create", "edit"], "users": ["view", "edit"], "create_user": ["view", "create"],
    }  # fmt: skip
    make.make_job_role(database, firm.firm, firm.other_membership, rights=rights)
    narrow, third = limit(firm, 0), make.make_user(database, "Third")
    wide = make.make_group(database, firm.firm, accounts=firm.accounts)
    colleague = make.make_member(database, firm.firm, third, "custom")
    with firm.scope(firm.other) as scope:
        with pytest.raises(Invalid, match=r"account_group\.account"):
            groups.create_group(scope, {"name": "More", "accounts": [firm.pair(1)]})
        for chosen in ([], [str(wide.id)], [narrow, str(wide.id)]):
            for person in (colleague, firm.other_membership):
                if chosen or person is firm.other_membership:
                    with pytest.raises(Forbidden, match=r"people\.wider"):
                        users.change_user(scope, {"membership_id": str(person.id), "groups": chosen})
        for act in (groups.change_group, groups.remove_group):
            with pytest.raises(Forbidden, match=r"people\.wider"):
                act(scope, {"id": str(wide.id), "name": "Mine now", "accounts": [firm.pair(0)]})
        users.change_user(scope, {"membership_id": str(colleague.id), "groups": [narrow]})
        with pytest.raises(Forbidden, match=r"people\.wider"):
            users.create_user(scope, {"email": "x@example.com", "name": "X", "role": "custom"})


def test_a_group_that_limits_somebody_stays(firm: Firm) -> None:
    group = limit(firm, 0)
    with firm.scope() as scope:
        with pytest.raises(Conflict, match=r"account_group\.held"):
            groups.remove_group(scope, {"id": group})
        users.change_user(scope, {"membership_id": str(firm.other_membership.id), "groups": []})
        groups.remove_group(scope, {"id": group})
    held = make.make_group(firm.database, firm.firm, firm.other_membership)
    with pytest.raises(IntegrityError, match="fk_member_groups"), firm.product() as scope:
        scope.session.execute(text("DELETE FROM account_groups WHERE id = :id"), {"id": held.id})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, "people.name"), ({"name": "shops"}, "people.name_taken"),
        ({"accounts": ["x"]}, "people.choice"), ({"accounts": [["x", "y"]]}, "people.choice"),
        ({"accounts": [[NOWHERE, NOWHERE]]}, "account_group.account"), ({"legal_entity": "x"}, "people.choice"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(firm: Firm, change: dict[str, Any], code: str) -> None:
    with firm.scope() as scope:
        groups.create_group(scope, {"name": "Shops", "accounts": []})
        with pytest.raises(Invalid, match=code):
            groups.create_group(scope, {"name": "Other", "accounts": []} | change)


def test_a_legal_entity_has_a_number_that_can_be_and_stays_while_groups_are_of_it(firm: Firm) -> None:
    told = {"name": "Delmotte", "scheme": "kbo", "enterprise_number": "0417.497.106"}
    with firm.scope() as scope:
        entity = entities.create_entity(scope, told)
        with pytest.raises(Invalid, match=r"legal_entity\.known"):
            entities.create_entity(scope, told | {"name": "Again"})
        with pytest.raises(Invalid, match=r"enterprise_number\.check"):
            entities.change_entity(scope, told | {"id": str(entity), "enterprise_number": "0417.497.107"})
        group = groups.create_group(scope, {"name": "Of it", "legal_entity": str(entity), "accounts": []})
        with pytest.raises(Conflict, match=r"legal_entity\.held"):
            entities.remove_entity(scope, {"id": str(entity)})
        groups.change_group(scope, {"id": str(group), "name": "Of it", "accounts": []})
        entities.remove_entity(scope, {"id": str(entity)})
        assert reading.entities(scope) == []


def test_a_file_of_an_account_outside_the_groups_is_refused_in_words(firm: Firm, database: Database) -> None:
    make.make_job_role(database, firm.firm, firm.other_membership, rights={"statements": ["view", "create"]})
    limit(firm, 0)
    content = camt(firm.accounts[1].number).encode()
    with firm.scope(firm.other, firm.client) as scope:
        row = import_file(scope, "may.xml", io.BytesIO(content), len(content))
        assert (row.state, row.code, row.values) == (
            "refused",
            "file.not_in_groups",
            {"found": firm.accounts[1].number},
        )
    with firm.product(firm.client) as scope:
        assert import_file(scope, "may.xml", io.BytesIO(content), len(content)).state == "stored"


def camt(iban: str) -> str:
    balance = (
        "<Bal><Tp><CdOrPrtry><Cd>{}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>"
        "<Dt><Dt>2024-05-31</Dt></Dt></Bal>"
    )
    return (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'><BkToCstmrStmt><GrpHdr><MsgId>1</MsgId>"
        "<CreDtTm>2024-05-31T00:00:00</CreDtTm></GrpHdr><Stmt><Id>1</Id><CreDtTm>2024-05-31T00:00:00</CreDtTm><Acct><Id>"
        f"<IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>{balance.format('OPBD')}{balance.format('CLBD')}"
        "</Stmt></BkToCstmrStmt></Document>"
    )


def test_what_reaches_every_account_is_not_for_somebody_limited(firm: Firm) -> None:
    limit(firm, 0)
    with firm.scope(firm.other, firm.client) as scope, pytest.raises(Forbidden, match=r"permission\.every_account"):
        scope.require_every_account()
    with firm.scope(tenant=firm.client) as scope:
        scope.require_every_account()


def test_work_in_the_background_is_not_limited(firm: Firm, database: Database) -> None:
    limit(firm, 0)
    with database.scoped(Setting(tenant=firm.client.id)) as session:
        assert len(session.scalars(select(BankAccount.id)).all()) == 2
