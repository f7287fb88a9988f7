"""What accounting software reads: the accounts of its groups, and nothing else."""

from __future__ import annotations

import uuid
from decimal import Decimal

from flask import Flask
from sqlalchemy import text

from portal.kernel.db import Database, Setting
from portal.software import service
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.software.office import MISSING, Erp, Office, make_group, make_software


def test_the_accounts_of_the_groups_and_no_other(erp: Erp, office: Office) -> None:
    told = erp.get("accounts").get_json()
    assert {one["id"] for one in told["accounts"]} == {str(account.id) for account in office.accounts[:4]}
    assert told["next"] is None
    assert {group["name"] for one in told["accounts"] for group in one["groups"]} == {"Bakery", "Print"}
    assert told["accounts"][0]["holder"]["name"] == office.clients[0].name
    assert Decimal(told["accounts"][0]["balance"]["amount"]) != 0


def test_what_is_of_no_group_or_of_nobody_is_not_there(erp: Erp, office: Office) -> None:
    mine, other = office.accounts[0].id, office.accounts[4].id
    for account in (other, MISSING):
        for path in ("", "/balances", "/transactions", "/statements", f"/statements/{MISSING}"):
            assert erp.code_of(f"accounts/{account}{path}") == (404, "software.not_found"), path
    statements = erp.get(f"accounts/{mine}/statements").get_json()["statements"]
    other_statement = erp.get(f"accounts/{office.accounts[2].id}/statements").get_json()["statements"][0]["id"]
    assert erp.code_of(f"accounts/{mine}/statements/{statements[0]['id']}")[0] == 200
    assert erp.code_of(f"accounts/{mine}/statements/{other_statement}") == (404, "software.not_found")


def test_pages_hold_each_line_once_oldest_first(erp: Erp, office: Office) -> None:
    path, seen, cursor = f"accounts/{office.accounts[0].id}/transactions", [], ""
    while True:
        page = erp.get(path, {"limit": 7, **({"cursor": cursor} if cursor else {})})
        told = page.get_json()
        seen += told["transactions"]
        cursor = told["next"]
        assert ('rel="next"' in page.headers.get("Link", "")) == (cursor is not None)
        if cursor is None:
            break
    assert len(seen) == len({one["id"] for one in seen}) == 60
    assert [one["date"] for one in seen] == sorted(one["date"] for one in seen)
    march = erp.get(path, {"from": "2025-03-01", "to": "2025-03-31"}).get_json()["transactions"]
    assert march == [one for one in seen if one["date"].startswith("2025-03")]


def test_a_parameter_that_is_not_right_is_named(erp: Erp, office: Office) -> None:
    path = f"accounts/{office.accounts[0].id}/transactions"
    for query in (
        {"from": "01/02/2025"}, {"to": "20250101"}, {"to": "2025-02-30"}, {"limit": "0"}, {"limit": "x"},
        {"cursor": "x"}, {"format": "pdf"}, {"from": "2025-02-01", "to": "2025-01-01"}, {"format": "coda"},
    ):  # fmt: skip
        answer = erp.get(path, query)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "software.parameter"), query
        assert answer.mimetype == "application/problem+json"
        assert any(name in answer.get_json()["detail"] for name in (*query, "from")), query
    assert erp.get(path, headers={"Accept": "image/png"}).status_code == 406


def test_the_groups_count_at_once(app: Flask, database: Database, office: Office) -> None:
    made = make_software(database, office.firm, office.groups)
    erp = Erp(app.test_client(), made.code)
    assert len(erp.get("accounts").get_json()["accounts"]) == 4
    with database.session() as session:
        service.change_groups(make.scope_in(session, office.firm), made.id, [office.groups[1].id])
        session.commit()
    assert len(erp.get("accounts").get_json()["accounts"]) == 2
    assert erp.code_of(f"accounts/{office.accounts[0].id}") == (404, "software.not_found")


def test_a_client_that_withdraws_its_access_is_gone_at_once(app: Flask, database: Database, office: Office) -> None:
    client = make.make_tenant(database, "client", "Kerkhofs BV")
    grant = make.make_grant(database, client, office.firm)
    account = make.make_bank_account(database, client)
    made = make_software(database, office.firm, [make_group(database, office.firm, "Late", [account])])
    erp = Erp(app.test_client(), made.code)
    assert erp.get(f"accounts/{account.id}").status_code == 200
    with database.scoped(Setting(tenant=client.id)) as session:
        row = session.get_one(type(grant), (client.id, grant.id))
        row.state = "withdrawn"
    assert erp.code_of(f"accounts/{account.id}") == (404, "software.not_found")
    assert erp.get("accounts").get_json()["accounts"] == []


def test_a_client_account_has_software_of_its_own(app: Flask, database: Database, office: Office) -> None:
    client, account = office.clients[2], office.accounts[4]
    made = make_software(database, client, [make_group(database, client, "All", [account])])
    erp = Erp(app.test_client(), made.code)
    assert [one["id"] for one in erp.get("accounts").get_json()["accounts"]] == [str(account.id)]


def test_the_use_is_shown(app: Flask, database: Database, office: Office, sign_in: SignIn) -> None:
    made = make_software(database, office.firm, office.groups)
    erp = Erp(app.test_client(), made.code, address="2001:db8::17")
    for _ in range(3):
        erp.get("accounts")
    with database.session() as session:
        shown = service.show(make.scope_in(session, office.firm), made.id)
    assert (shown.uses, shown.last_address, shown.last_used_at is not None) == (3, "2001:db8::17", True)
    page = sign_in(office.administrator).get(f"/p/{office.firm.id}/software-users/{made.id}").text
    assert "2001:db8::17" in page


def test_software_writes_nothing_and_sees_no_other_table(database: Database, office: Office) -> None:
    """Whatever a query asks: what row-level security leaves is what there is."""
    with database.session(Setting(software=office.software.user_id)) as session:
        assert session.scalar(text("SELECT count(*) FROM bank_accounts")) == 4
        assert session.scalar(text("SELECT count(*) FROM statements")) == 48
        assert session.scalar(text("SELECT count(*) FROM tenants")) == 2
        for table in ("activities", "entries", "memberships", "grants", "account_groups", "documents", "imports"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table  # noqa: S608 (our own names)
        changed = session.execute(text("UPDATE bank_accounts SET name = 'x'"))
        assert changed.rowcount == 0  # type: ignore[attr-defined]  # a DML result always has it


def test_another_user_code_is_nobody(database: Database) -> None:
    with database.session(Setting(software=uuid.uuid4())) as session:
        assert session.scalar(text("SELECT count(*) FROM bank_accounts")) == 0
