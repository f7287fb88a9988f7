"""Who sees what, and whom to ask."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.permissions.rights import Permission
from portal.tenants.models import Grant
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import words
from tests.world import make_world


def rows_of(text: str) -> dict[tuple[str, str, str], list[str]]:
    """(name or address, where, permission) → the cells of the four rights."""
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    assert len(rows[0]) == 12
    return {(row[0] or row[1], row[5], row[7]): row[8:] for row in rows[1:]}


def test_the_matrix_of_a_firm_names_everybody_and_every_permission(sign_in: SignIn, database: Database) -> None:
    head = make.make_user(database, "Nadia El Amrani", locale="en-GB")
    looks = make.make_user(database, "Jan De Smet")
    firm = make.make_tenant(database, "portal", "Peeters", members={head: "administrator", looks: "reader"})
    client = sign_in(head)
    page = words(client.get(f"/p/{firm.id}/team/rights").text)
    assert "Nadia El Amrani" in page
    assert "In client accounts that let the firm work" in page
    rows = rows_of(client.get(f"/p/{firm.id}/team/rights.csv").text)
    assert len(rows) == 2 * 2 * len(Permission)
    assert rows["Nadia El Amrani", "Portal", "Manage users"] == ["yes"] * 4
    assert rows["Jan De Smet", "Portal", "Manage users"] == [""] * 4
    assert rows["Jan De Smet", "Client accounts", "Entries"] == ["yes", "", "", ""]
    assert rows["Nadia El Amrani", "Client accounts", "Entries"] == ["yes"] * 4
    assert rows["Nadia El Amrani", "Client accounts", "Billing"] == [""] * 4


def test_the_matrix_of_a_client_account_names_whom_it_let_in(sign_in: SignIn, database: Database) -> None:
    owner = make.make_user(database, "Claire Delmotte", locale="en-GB")
    firm, past = (make.make_tenant(database, "portal", name) for name in ("Peeters", "Gone"))
    account = make.make_tenant(database, "client", "Delmotte", members={owner: "owner"})
    make.make_grant(database, account, firm)
    ended = make.make_grant(database, account, past)
    with database.scoped(Setting(tenant=account.id)) as session:
        row = session.get(Grant, (account.id, ended.id))
        assert row is not None
        row.ends_on = clock.today() - timedelta(days=1)
    client = sign_in(owner)
    page = words(client.get(f"/c/{account.id}/access/rights").text)
    assert "Works in the account" in page
    rows = rows_of(client.get(f"/c/{account.id}/access/rights.csv").text)
    assert {who for who, _, _ in rows} == {"Claire Delmotte", firm.email}
    assert rows["Claire Delmotte", "Client account", "Access management"] == ["yes"] * 4
    assert rows[str(firm.email), "Client account", "Access management"] == ["yes", "", "", ""]


def test_who_may_not_is_told_what_is_missing_and_whom_to_ask(sign_in: SignIn, database: Database) -> None:
    world = make_world(database)
    reader = make.make_user(database, "Reads Only", locale="en-GB")
    head = make.make_user(database, "Nadia El Amrani")
    firm = make.make_tenant(database, "portal", "Peeters", members={head: "administrator", reader: "reader"})
    answer = sign_in(reader).post(f"/p/{firm.id}/team/invite", data={"email": world.stranger.email, "role": "reader"})
    assert answer.status_code == 403
    text = words(answer.text)
    assert "This needs the right “Create” on “Create users”. Nothing was changed." in text
    assert "Ask Nadia El Amrani." in text
    assert "Reads Only" not in text.partition("Ask ")[2][:40]
