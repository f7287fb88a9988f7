"""Files that leave something open: kept, asked about, read with the answer, and not asked about again."""

from __future__ import annotations

import io
import re
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.ledger.models import AccountAnswer, BankAccount, LearntMapping, ParkedFile, StatementLine
from portal.tenants.models import Tenant
from tests import factories as make
from tests.routes.conftest import Client, SignIn
from tests.world import World, make_world

UNKNOWN = (
    b"Wanneer;Wie;Hoeveel;Waarvoor;Onze rekening\n"
    b"31/01/2024;Bakkerij Jansen;-12,50;Brood;BE68539007547034\n"
    b"01/02/2024;Delmotte;1.100,00;+++090/9337/55493+++;BE68539007547034\n"
)
ROLES = ["date", "counterparty", "amount", "description", "account"]
NUMBERLESS = b"Datum;Omschrijving;Bedrag\n31/01/2024;Brood;-12,50\n"
TWO_WAYS = b"Datum;Omschrijving;Bedrag;IBAN\n03/04/2024;Brood;-12,50;BE68539007547034\n"
HTMX = {"HX-Request": "true", "HX-Target": "preview"}


@pytest.fixture
def owner(database: Database) -> User:
    return make.make_user(database, "Claire Delmotte", locale="en-GB")


@pytest.fixture
def account(database: Database, owner: User) -> Tenant:
    return make.make_tenant(database, "client", "Boulangerie Delmotte SRL", members={owner: "owner"})


def offer(client: Client, tenant: Tenant, content: bytes, name: str = "bank.csv", **query: str) -> TestResponse:
    return client.post(
        f"/c/{tenant.id}/bank/files",
        query_string=query,
        data={"files": [(io.BytesIO(content), name)]},
        content_type="multipart/form-data",
    )


def question(client: Client, tenant: Tenant, content: bytes, name: str = "bank.csv", **query: str) -> str:
    """The address of the page that asks about a file."""
    page = offer(client, tenant, content, name, **query)
    found = re.search(r'href="(/c/[^"]+/bank/waiting/[^"]+)"', page.text)
    assert found, page.text
    return found.group(1)


def amounts(database: Database, tenant: Tenant) -> list[str]:
    with database.scoped(Setting(tenant=tenant.id)) as session:
        found = session.scalars(select(StatementLine.amount).order_by(StatementLine.date)).all()
    return [str(amount) for amount in found]


def test_unknown_headings_are_asked_and_the_file_is_imported_at_once(
    sign_in: SignIn, owner: User, account: Tenant, database: Database
) -> None:
    client = sign_in(owner)
    url = question(client, account, UNKNOWN)
    page = client.get(url)
    assert "What does each column mean?" in page.text
    assert "Bakkerij Jansen" in page.text
    assert amounts(database, account) == []
    done = client.post(url, data={"role": ROLES})
    assert done.status_code == 303
    assert amounts(database, account) == ["-12.50", "1100.00"]
    with database.scoped(Setting(tenant=account.id)) as session:
        assert session.scalars(select(ParkedFile)).all() == []
        line = session.scalars(select(StatementLine).order_by(StatementLine.date.desc())).first()
        assert line is not None
        assert (line.reference, line.counterparty) == ("090933755493", "Delmotte")


def test_headings_are_asked_once(sign_in: SignIn, owner: User, account: Tenant, database: Database) -> None:
    client = sign_in(owner)
    client.post(question(client, account, UNKNOWN), data={"role": ROLES})
    later = UNKNOWN.replace(b"2024", b"2023").replace(b"Brood", b"Taart")
    assert "2 lines stored" in offer(client, account, later).text
    assert len(amounts(database, account)) == 4


def test_the_preview_shows_rows_as_they_would_be_stored_and_writes_nothing(
    sign_in: SignIn, owner: User, account: Tenant, database: Database
) -> None:
    client = sign_in(owner)
    url = question(client, account, UNKNOWN)
    shown = client.post(f"{url}/preview", data={"role": ROLES}, headers=HTMX)
    assert "<html" not in shown.text
    assert "31 January 2024" in shown.text
    assert "1,100.00" in shown.text
    wrong = client.post(f"{url}/preview", data={"role": ["amount", *ROLES[1:2], "date", *ROLES[3:]]}, headers=HTMX)
    assert "is not a date" in wrong.text or "is not an amount" in wrong.text
    twice = client.post(f"{url}/preview", data={"role": ["date", "date", *ROLES[2:]]}, headers=HTMX)
    assert "the same meaning" in twice.text
    assert amounts(database, account) == []


@pytest.mark.parametrize(
    ("roles", "why"),
    [
        (["", "", "amount", "", ""], "which column holds the date"),
        (["date", "", "", "", ""], "which column holds the date"),
        (["date", "date", "amount", "", ""], "the same meaning"),
        (["date", "amount", "", "", ""], "is not an amount"),
        (["date", "", "amount", "", ""], "which bank account it is of"),
    ],
)
def test_an_answer_that_does_not_work_is_told_and_nothing_is_kept(
    sign_in: SignIn, owner: User, account: Tenant, database: Database, roles: list[str], why: str
) -> None:
    client = sign_in(owner)
    url = question(client, account, UNKNOWN)
    page = client.post(url, data={"role": roles})
    assert page.status_code == 422
    assert why in page.text
    with database.scoped(Setting(tenant=account.id)) as session:
        assert session.scalars(select(LearntMapping)).all() == []
        assert len(session.scalars(select(ParkedFile)).all()) == 1
    assert amounts(database, account) == []


@pytest.mark.parametrize(("answer", "day"), [("1", "2024-04-03"), ("0", "2024-03-04")])
def test_day_or_month_first_is_asked_once_for_an_account(
    sign_in: SignIn, owner: User, account: Tenant, database: Database, answer: str, day: str
) -> None:
    client = sign_in(owner)
    url = question(client, account, TWO_WAYS)
    assert "Which comes first in 03/04/2024, the day or the month?" in client.get(url).text
    assert client.post(url, data={}).status_code == 422
    assert client.post(url, data={"day_first": answer}).status_code == 303
    with database.scoped(Setting(tenant=account.id)) as session:
        line = session.scalars(select(StatementLine)).one()
        assert line.date.isoformat() == day
        assert [kept.day_first for kept in session.scalars(select(AccountAnswer))] == [answer == "1"]
    assert "1 line stored" in offer(client, account, TWO_WAYS.replace(b"12,50", b"13,50")).text


def test_the_answer_for_one_account_is_not_used_for_another(sign_in: SignIn, owner: User, account: Tenant) -> None:
    client = sign_in(owner)
    client.post(question(client, account, TWO_WAYS), data={"day_first": "1"})
    other = TWO_WAYS.replace(b"BE68539007547034", b"BE71096123456769")
    assert "Which comes first" in client.get(question(client, account, other)).text


def test_thousands_or_decimals_are_asked(sign_in: SignIn, owner: User, account: Tenant, database: Database) -> None:
    client = sign_in(owner)
    content = b"Datum;Omschrijving;Bedrag;IBAN\n31/01/2024;Brood;1,234;BE68539007547034\n"
    url = question(client, account, content)
    assert "Does 1,234 hold thousands or decimals?" in client.get(url).text
    assert client.post(url, data={"decimal": "."}).status_code == 303
    assert amounts(database, account) == ["1234.00"]


def test_an_account_that_the_file_does_not_name_is_chosen_or_typed(
    sign_in: SignIn, owner: User, account: Tenant, database: Database
) -> None:
    client = sign_in(owner)
    url = question(client, account, NUMBERLESS)
    assert client.post(url, data={}).status_code == 422
    assert client.post(url, data={"number": "!"}).status_code == 422
    assert client.post(url, data={"number": "BE68 5390 0754 7034"}).status_code == 303
    with database.scoped(Setting(tenant=account.id)) as session:
        made = session.scalars(select(BankAccount)).one()
    assert (made.number, made.currency) == ("BE68539007547034", "EUR")
    url = question(client, account, NUMBERLESS.replace(b"12,50", b"13,50"))
    assert client.post(url, data={"account": str(made.id)}).status_code == 303
    assert sorted(amounts(database, account)) == ["-12.50", "-13.50"]


def test_on_the_page_of_an_account_it_is_that_one(
    sign_in: SignIn, owner: User, account: Tenant, database: Database
) -> None:
    bank = make.make_bank_account(database, account)
    done = offer(sign_in(owner), account, NUMBERLESS, account=str(bank.id))
    assert "1 line stored" in done.text
    assert amounts(database, account) == ["-12.50"]


def test_qif_asks_for_the_day_once(sign_in: SignIn, owner: User, account: Tenant, database: Database) -> None:
    bank = make.make_bank_account(database, account)
    client = sign_in(owner)
    content = b"!Type:Bank\nD03/04/2024\nT-12.50\nPBakery\n^\n"
    url = question(client, account, content, "bank.qif", account=str(bank.id))
    assert client.post(url, data={"day_first": "1"}).status_code == 303
    later = content.replace(b"12.50", b"13.50")
    assert "1 line stored" in offer(client, account, later, "bank.qif", account=str(bank.id)).text


def test_a_file_that_waits_is_listed_and_can_be_let_go(
    sign_in: SignIn, owner: User, account: Tenant, database: Database
) -> None:
    client = sign_in(owner)
    url = question(client, account, UNKNOWN)
    assert question(client, account, UNKNOWN) != url  # offered again: it waits once
    listed = client.get(f"/c/{account.id}/bank").text
    assert listed.count("/bank/waiting/") == 1
    kept = re.search(r'href="(/c/[^"]+/bank/waiting/[^"]+)"', listed)
    assert kept
    assert client.post(f"{kept.group(1)}/forget").status_code == 303
    assert client.get(kept.group(1)).status_code == 404


def test_what_waits_too_long_is_forgotten(sign_in: SignIn, owner: User, account: Tenant, database: Database) -> None:
    url = question(sign_in(owner), account, UNKNOWN)
    with database.scoped() as session:
        later = clock.now() + timedelta(days=6)
        session.execute(text("SELECT forget_parked_files(:now)"), {"now": later})
    with database.scoped(Setting(tenant=account.id)) as session:
        assert session.get(ParkedFile, (account.id, uuid.UUID(url.rpartition("/")[2]))) is not None
        session.execute(text("SELECT forget_parked_files(:now)"), {"now": later + timedelta(days=2)})
    with database.scoped(Setting(tenant=account.id)) as session:
        assert session.scalars(select(ParkedFile)).all() == []


# ------------------------------------------------------------------ whose it is


@pytest.fixture
def world(database: Database) -> World:
    """Of its own: what is learnt here is not for other tests."""
    return make_world(database)


def test_what_staff_say_counts_in_every_account_of_the_firm(sign_in: SignIn, world: World, database: Database) -> None:
    second = make.make_tenant(database, "client", "Slagerij Peeters", members={})
    make.make_grant(database, second, world.firm)
    staff = sign_in(world.staff)
    staff.post(question(staff, world.client, UNKNOWN), data={"role": ROLES})
    with database.scoped(Setting(tenant=world.firm.id)) as session:
        assert session.scalars(select(LearntMapping.tenant_id)).all() == [world.firm.id]
    assert "/bank/waiting/" not in offer(staff, second, UNKNOWN).text
    assert amounts(database, second) == ["-12.50", "1100.00"]


def test_what_staff_say_is_not_told_to_strangers_nor_to_the_client(sign_in: SignIn, world: World) -> None:
    staff = sign_in(world.staff)
    staff.post(question(staff, world.client, UNKNOWN), data={"role": ROLES})
    rival = sign_in(world.rival_staff)
    assert 'name="role"' in rival.get(question(rival, world.other_client, UNKNOWN)).text
    owner = sign_in(world.owner)
    later = UNKNOWN.replace(b"2024", b"2023")
    assert "/bank/waiting/" in offer(owner, world.client, later).text


def test_what_a_client_says_counts_in_its_own_account_only(sign_in: SignIn, world: World) -> None:
    owner, staff = sign_in(world.owner), sign_in(world.staff)
    owner.post(question(owner, world.client, UNKNOWN), data={"role": ROLES})
    assert "/bank/waiting/" not in offer(staff, world.client, UNKNOWN.replace(b"2024", b"2023")).text
    rival = sign_in(world.rival_staff)
    assert "/bank/waiting/" in offer(rival, world.other_client, UNKNOWN).text


@pytest.mark.parametrize("who", ["stranger", "rival_staff", "former"])
def test_a_waiting_file_is_nobody_elses(sign_in: SignIn, world: World, who: str) -> None:
    owner = sign_in(world.owner)
    url = question(owner, world.client, UNKNOWN)
    other = sign_in(getattr(world, who))
    assert other.get(url).status_code == 404
    for action in ("", "/preview", "/forget"):
        assert other.post(f"{url}{action}", data={"role": ROLES}).status_code == 404
    inside = url.replace(str(world.client.id), str(world.other_client.id))
    assert sign_in(world.rival_staff).get(inside).status_code == 404
    assert owner.get(url).status_code == 200


@pytest.mark.parametrize("who", ["client_reader", "reader"])
def test_a_reader_cannot_answer(sign_in: SignIn, world: World, who: str) -> None:
    url = question(sign_in(world.owner), world.client, UNKNOWN)
    reader = sign_in(getattr(world, who))
    assert reader.get(url).status_code == 403
    assert reader.post(url, data={"role": ROLES}).status_code == 403


def test_a_table_without_headings_is_mapped_by_its_columns(
    sign_in: SignIn, owner: User, account: Tenant, database: Database
) -> None:
    client = sign_in(owner)
    bank = make.make_bank_account(database, account)
    content = b"12/31/2018,Your payment,EUR,1525.00,-1000.00\n"
    url = question(client, account, content, account=str(bank.id))
    assert "Column 4" in client.get(url).text
    done = client.post(url, data={"role": ["date", "description", "currency", "", "amount"]})
    assert done.status_code == 303
    assert amounts(database, account) == ["-1000.00"]
