"""Whoever has account groups sees the accounts in them and nothing of any other, on no page and in no file."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.activity.service import record
from portal.identity import sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.vault import Vault
from portal.ledger.accounts import in_fours
from portal.ledger.models import BankAccount, Import, Statement, StatementLine
from portal.routes._access import access_of
from tests import factories as make
from tests.conftest import Urls
from tests.furnish import furnish_client, furnish_portal
from tests.routes.conftest import app  # noqa: F401 (a fixture)
from tests.routes.test_walk import path_of, tenant_routes
from tests.world import World, make_world

HIDDEN, MINE = "zqhidden", "zqmine"
# Texts that belong to a bank account, by table; and which rows are of the hidden one.
OF_IT, ALL = "bank_account_id = %(account)s", "true"
TEXTS = {
    "bank_accounts": ("id = %(account)s", ("name",)),
    "statements": (OF_IT, ("number",)),
    "imports": (f"filename <> '{MINE}.xml'", ("filename",)),
    "statement_lines": (OF_IT, ("description", "counterparty")),
    "pending_lines": (OF_IT, ("description", "counterparty")),
    "deleted_lines": (OF_IT, ("description", "counterparty", "reason")),
    "line_changes": (OF_IT, ("changed_name",)),
    "entry_lines": (ALL, ("description",)),
    "parked_files": (OF_IT, ("filename",)),
    "feeds": (ALL, ("institution_name",)),
    "feed_accounts": (OF_IT, ("name", "number")),
    "renewal_links": (ALL, ("email",)),
}


@dataclass(frozen=True)
class Scene:
    app: Flask
    world: World
    ids: dict[str, uuid.UUID]
    hidden: BankAccount
    mine: BankAccount
    people: dict[str, User]  # each limited to `mine`, but "free"

    def client(self, database: Database, who: str) -> FlaskClient:
        client = FlaskClient(self.app, self.app.response_class)
        with database.scoped() as session:
            client.set_cookie("kp", sessions.start(session, self.people[who], agent="limits", second_factor=True))
        return client


@pytest.fixture(scope="module")
def scene(app: Flask, database: Database, vault: Vault, database_urls: Urls) -> Scene:  # noqa: F811
    world = make_world(database)
    ids = furnish_client(database, vault, world.client, world.firm, make.make_user(database))
    ids |= furnish_portal(database, vault, world.firm, world.client, world.staff)
    mine = make.make_bank_account(database, world.client)
    store_line(database, mine)
    people = {who: make.make_user(database, who.title()) for who in ("owner", "administrator", "free")}
    owner = make.make_member(database, world.client, people["owner"], "owner")
    head = make.make_member(database, world.firm, people["administrator"], "administrator")
    make.make_member(database, world.client, people["free"], "owner")
    make.make_group(database, world.client, owner, accounts=[mine])
    make.make_group(database, world.firm, head, accounts=[mine])
    with database.scoped(Setting(tenant=world.client.id)) as session:
        hidden = session.scalars(select(BankAccount).where(BankAccount.id == ids["account_id"])).one()
        subject = ("bank_account", hidden.id)
        inside = make.scope_in(session, world.client)
        record(inside, "bank_account.seen", subject, number=hidden.number, name=HIDDEN)
        record(inside, "feed.account_joined", ("feed", ids["feed_id"]), context=hidden.id, number=hidden.number)
    mark_texts(database_urls, world.client.id, hidden.id)
    return Scene(app, world, ids, hidden, mine, people)


def store_line(database: Database, account: BankAccount) -> None:
    """A statement of one line, which says MINE."""
    common, on = {"tenant_id": account.tenant_id}, date(2024, 5, 31)
    row = Import(**common, id=uuid7(), filename=f"{MINE}.xml", size=1, sha256=b"y" * 32, format="camt053",
                 state="stored", stored=1, known=0, created_at=clock.now())  # fmt: skip
    statement = Statement(
        **common, id=uuid7(), bank_account_id=account.id, import_id=row.id, number="1", opening=Decimal("0.00"),
        closing=Decimal("1.00"), opening_date=on, closing_date=on, first_date=on, last_date=on, line_count=1,
        new_lines=1, in_order=True, digest=uuid.uuid4().bytes, created_at=clock.now(),
    )  # fmt: skip
    line = StatementLine(
        **common, id=uuid7(), bank_account_id=account.id, statement_id=statement.id, position=1, date=on,
        value_date=on, amount=Decimal("1.00"), description=MINE, counterparty=MINE, counterparty_account="",
        reference="", end_to_end_id="", bank_reference="", transaction_code="", details=None,
        fingerprint=uuid.uuid4().bytes,
    )  # fmt: skip
    with database.scoped(Setting(tenant=account.tenant_id)) as session:
        for made in (row, statement, line):
            session.add(made)
            session.flush()


def mark_texts(urls: Urls, tenant: uuid.UUID, account: uuid.UUID) -> None:
    with psycopg.connect(urls.admin) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")  # past the guards of what was offered
        for table, (which, columns) in TEXTS.items():
            marked = ", ".join(f"{column} = '{HIDDEN}' || left({column}, 8)" for column in columns)
            connection.execute(
                f"UPDATE {table} SET {marked} WHERE tenant_id = %(tenant)s AND {which}",  # noqa: S608 (names as above)
                {"tenant": tenant, "account": account},
            )


def leaks(text: str, account: BankAccount) -> list[str]:
    told = (HIDDEN, account.number, in_fours(account.number), in_fours(account.number).replace(" ", " "))
    return [one for one in told if one in text]


@pytest.mark.parametrize("who", ["owner", "administrator"])
def test_no_page_and_no_file_tells_of_another_account(scene: Scene, database: Database, who: str) -> None:
    """Every GET of the client account, and of the firm's portal, with the ids of the other account in the address."""
    client, seen = scene.client(database, who), 0
    for rule, verb in tenant_routes(scene.app):
        if verb != "GET" or access_of(scene.app.view_functions[rule.endpoint]).kind != "tenant":
            continue
        path = path_of(scene.app, rule, scene.ids)
        for query in ({}, {"q": "zqhid", "account": str(scene.hidden.id), "state": "draft"}):
            answer = client.get(path, query_string=query)
            assert answer.status_code < 500, path
            assert leaks(answer.text, scene.hidden) == [], f"{who} {path} {query}"
            seen += answer.status_code == 200
    assert seen > 60


def test_the_same_walk_finds_the_account_for_whoever_may_see_it(scene: Scene, database: Database) -> None:
    client = scene.client(database, "free")
    told = set()
    for rule, verb in tenant_routes(scene.app):
        if verb == "GET" and "client" in rule.arguments:
            path = path_of(scene.app, rule, scene.ids)
            if leaks(client.get(path).text, scene.hidden):
                told.add(rule.endpoint)
    assert len(told) > 20, sorted(told)


@pytest.mark.parametrize("who", ["owner", "administrator"])
def test_the_account_of_the_group_is_there(scene: Scene, database: Database, who: str) -> None:
    client = scene.client(database, who)
    assert scene.mine.number[-4:] in client.get(f"/c/{scene.world.client.id}/bank").text
    assert MINE in client.get(f"/c/{scene.world.client.id}/bank/{scene.mine.id}/lines").text
