"""The pages of files, in a portal and in a client account: from a dossier to a file that is fetched or withdrawn."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from portal.access import Scope
from portal.authorisations.models import Authorisation
from portal.connectors.base import EntryKind, OutgoingEntry, OutgoingLine
from portal.couplings.books import read_books
from portal.exchange.register import Register
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.tenants.models import Tenant
from tests import factories as make
from tests.connectors.contract.entries import a_reference
from tests.exchange.shelf import FEC, make_file_authorisation, make_file_dossier
from tests.routes.conftest import Client, SignIn

DAY = date(2026, 3, 18)


@dataclass
class Desk:
    db: Database
    tenant: Tenant
    login: Authorisation
    client: Client

    @property
    def root(self) -> str:
        return f"/{'p' if self.tenant.kind == 'portal' else 'c'}/{self.tenant.id}/files"

    def send(self, dossier_id: Any, description: str = "x") -> None:
        register = Register(self.db, self.tenant.id, self.login.id, self.login.app)
        lines = (
            OutgoingLine(DAY, "471000", Decimal("-5.00"), description),
            OutgoingLine(DAY, "512100", Decimal(5), "x"),
        )
        entry = OutgoingEntry(EntryKind.BANK, a_reference(), "BQ", DAY, "EUR", "512100", Decimal(0), Decimal(5), lines)
        accounts = {account.code: account for account in register.ledger_accounts(str(dossier_id))}
        register.post(str(dossier_id), entry.kind, register.render(entry, accounts))

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.db.scoped(Setting(tenant=self.tenant.id)) as session:
            return list(session.execute(text(query), {"tenant": self.tenant.id, **values}).all())

    def post(self, path: str, **data: Any) -> Any:
        return self.client.post(self.root + path, data=data)


@pytest.fixture(params=["portal", "client"])
def desk(request: pytest.FixtureRequest, database: Database, sign_in: SignIn) -> Desk:
    user = make.make_user(database, "Karin Wouters", locale="en-GB")
    role = "staff" if request.param == "portal" else "owner"
    tenant = make.make_tenant(database, request.param, "Cabinet Évrard", members={user: role})
    return Desk(database, tenant, make_file_authorisation(database, tenant, "fec"), sign_in(user))


def file_in(desk: Desk) -> tuple[Any, str]:
    """(dossier id, path of its file), made by a click."""
    dossier = make_file_dossier(desk.db, desk.tenant, desk.login)
    desk.send(dossier.id)
    assert desk.post(f"/dossiers/{dossier.id}/make").status_code == 303
    ((file_id,),) = desk.rows("SELECT id FROM exchange_files WHERE tenant_id = :tenant")
    return dossier.id, f"/{file_id}"


def test_from_nothing_to_a_file_in_the_package(desk: Desk) -> None:
    assert "No dossiers for files yet" in desk.client.get(desk.root).text
    page = desk.client.get(f"{desk.root}/of/{desk.login.id}/new").text
    assert "SIREN" in page
    answer = desk.post(
        f"/of/{desk.login.id}/new", number="F1", name="Boulangerie", country="FR", enterprise_number="732829320",
        starts_on="2026-01-01", ends_on="2026-12-31",
    )  # fmt: skip
    assert answer.status_code == 303
    ((dossier_id,),) = desk.rows("SELECT id FROM file_dossiers WHERE tenant_id = :tenant")
    assert desk.rows("SELECT code FROM dossiers WHERE tenant_id = :tenant") == [(str(dossier_id),)]
    assert "Bring in the chart of accounts first" in desk.client.get(f"{desk.root}/dossiers/{dossier_id}").text
    books = {"c-file": (io.BytesIO(FEC), "732829320FEC20251231.txt")}
    assert desk.post(f"/dossiers/{dossier_id}/chart", **books).status_code == 303
    assert "Crédit Agricole" in desk.client.get(f"{desk.root}/dossiers/{dossier_id}?q=512").text
    desk.send(dossier_id)
    assert "1 entry waits for a file" in desk.client.get(desk.root).text
    assert desk.post("/make").status_code == 303
    page = desk.client.get(f"{desk.root}/dossiers/{dossier_id}").text
    assert "1 file is ready to be fetched" in page
    ((file_id,),) = desk.rows("SELECT id FROM exchange_files WHERE tenant_id = :tenant")
    fetched = desk.post(f"/{file_id}/fetch")
    assert fetched.headers["Content-Disposition"] == "attachment; filename=732829320FEC20261231.txt"
    assert fetched.data == desk.post(f"/{file_id}/fetch").data
    assert fetched.data.startswith(b"JournalCode\t")
    page = desk.client.get(f"{desk.root}/dossiers/{dossier_id}").text
    assert "by Karin Wouters" in page
    assert desk.post(f"/{file_id}/imported").status_code == 303
    assert "says Karin Wouters" in desk.client.get(f"{desk.root}/dossiers/{dossier_id}").text


def test_a_file_is_withdrawn_with_a_reason(desk: Desk) -> None:
    dossier_id, path = file_in(desk)
    assert "would be there twice" in desk.client.get(desk.root + path + "/withdraw").text
    assert desk.post(path + "/withdraw", reason="").status_code == 422
    assert desk.post(path + "/withdraw", reason="It was refused").status_code == 303
    page = desk.client.get(f"{desk.root}/dossiers/{dossier_id}").text
    assert "by Karin Wouters: It was refused" in page
    assert "1 entry waits for a file" in page
    assert desk.post(path + "/fetch").status_code == 303
    assert desk.post(path + "/imported").status_code == 303
    assert desk.post(path + "/withdraw", reason="again").status_code == 422
    assert desk.rows("SELECT state FROM exchange_files WHERE tenant_id = :tenant") == [("withdrawn",)]


def test_the_form_of_the_files_is_chosen(desk: Desk) -> None:
    login = make_file_authorisation(desk.db, desk.tenant, "sage100")
    page = desk.client.get(f"{desk.root}/of/{login.id}/form").text
    assert "Windows (1252)" in page
    answer = desk.post(
        f"/of/{login.id}/form", form="text", charset="utf-8", separator="semicolon", dates="yyyymmdd", decimal="point",
        header="yes", column_01="journal", column_02="date", column_03="account", column_05="signed_amount",
    )  # fmt: skip
    assert answer.status_code == 303
    ((kept,),) = desk.rows("SELECT settings FROM file_forms WHERE tenant_id = :tenant")
    assert (kept["columns"], kept["form"], kept["charset"]) == ("journal,date,account,signed_amount", "text", "utf-8")
    refused = desk.post(
        f"/of/{login.id}/form", form="text", charset="utf-8", separator="semicolon", dates="yyyymmdd", decimal="point",
        header="yes", column_01="journal",
    )  # fmt: skip
    assert refused.status_code == 422
    assert "Choose at least journal, date and ledger account" in refused.text


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("/accounts", {"a-code": "", "a-kind": "bank"}, "Fill this in."),
        ("/journals", {"j-code": "B2", "j-type": "bank"}, "needs its ledger account"),
        ("/years", {"y-starts_on": "2026-05-01", "y-ends_on": "2027-05-01"}, "There is a fiscal year"),
        ("/chart", {}, "Choose a file."),
        ("", {"name": "x", "enterprise_number": "1"}, "nine figures"),
    ],
)
def test_what_is_wrong_is_said_at_its_form(desk: Desk, path: str, data: dict[str, str], words: str) -> None:
    dossier = make_file_dossier(desk.db, desk.tenant, desk.login)
    answer = desk.post(f"/dossiers/{dossier.id}{path}", **data)
    assert answer.status_code == 422
    assert words in answer.text


def test_books_are_kept_by_hand(desk: Desk) -> None:
    dossier = make_file_dossier(desk.db, desk.tenant, desk.login)
    root = f"/dossiers/{dossier.id}"
    for path, data in (
        ("/accounts", {"a-code": "512200", "a-name": "LCL", "a-kind": "bank"}),
        ("/journals", {"j-code": "B2", "j-name": "LCL", "j-type": "bank", "j-ledger_account": "512200"}),
        ("/years", {"y-starts_on": "2027-01-01", "y-ends_on": "2027-12-31"}),
        ("", {"name": "Boulangerie Léa", "enterprise_number": "732829320"}),
    ):
        assert desk.post(root + path, **data).status_code == 303
    page = desk.client.get(desk.root + root).text
    assert page.count("LCL") >= 2
    assert "Boulangerie Léa" in page
    ((year,),) = desk.rows("SELECT id FROM file_years WHERE starts_on = '2027-01-01' AND tenant_id = :tenant")
    assert desk.post(f"/years/{year}/close").status_code == 303
    assert desk.rows("SELECT closed_at IS NOT NULL FROM file_years WHERE id = :id", id=year) == [(True,)]
    assert desk.post(f"/years/{year}/open").status_code == 303
    assert desk.post(root + "/remove").status_code == 303
    assert desk.rows("SELECT 1 FROM file_dossiers WHERE tenant_id = :tenant") == []


def test_a_list_of_dossiers_is_brought_in(desk: Desk) -> None:
    head = "number;name;country;siren;from;until\n"
    wrong = (io.BytesIO((head + "F1;x;FR;12;01/01/2026;31/12/2026\n").encode()), "list.csv")
    answer = desk.post(f"/of/{desk.login.id}/list", file=wrong)
    assert answer.status_code == 422
    assert "Line 2 is not right: A SIREN has nine figures" in answer.text
    right = (io.BytesIO((head + "F1;Léa;FR;;01/01/2026;31/12/2026\n").encode()), "list.csv")
    assert desk.post(f"/of/{desk.login.id}/list", file=right).status_code == 303
    assert "Léa" in desk.client.get(desk.root + "?q=léa").text
    assert "No dossier matches" in desk.client.get(desk.root + "?q=nobody").text


def test_what_cannot_be_written_is_said_and_the_others_are_made(desk: Desk) -> None:
    good, bad = (make_file_dossier(desk.db, desk.tenant, desk.login) for _ in range(2))
    desk.post(f"/of/{desk.login.id}/form", separator="tab", charset="utf-8")
    desk.send(good.id)
    desk.send(bad.id, "to Ωmega")
    desk.post(f"/of/{desk.login.id}/form", separator="tab", charset="windows-1252")
    assert desk.post("/make").status_code == 303
    page = desk.client.get(desk.root).text
    assert "Ω" in page
    assert desk.rows("SELECT dossier_id FROM exchange_files WHERE tenant_id = :tenant") == [(good.id,)]


def test_a_reader_looks_and_changes_nothing(database: Database, sign_in: SignIn) -> None:
    reader: User = make.make_user(database, locale="en-GB")
    firm = make.make_tenant(database, "portal", "Cabinet", members={reader: "reader"})
    login = make_file_authorisation(database, firm, "csv")
    desk = Desk(database, firm, login, sign_in(reader))
    dossier = make_file_dossier(database, firm, login)
    page = desk.client.get(f"{desk.root}/dossiers/{dossier.id}").text
    assert "Bring in the books" not in page
    for path in ("/make", f"/dossiers/{dossier.id}/make", f"/of/{login.id}/form"):
        assert desk.post(path).status_code == 403


def test_who_is_coupled_is_told_of_a_new_journal(database: Database, sign_in: SignIn) -> None:
    user = make.make_user(database, locale="en-GB")
    firm = make.make_tenant(database, "portal", "Cabinet", members={user: "staff"})
    client = make.make_tenant(database, "client", "Boulangerie")
    make.make_grant(database, client, firm)
    login = make_file_authorisation(database, firm, "csv")
    dossier = make_file_dossier(database, firm, login)
    coupling = make.make_coupling(database, client, login, dossier=str(dossier.id))
    desk = Desk(database, firm, login, sign_in(user))
    assert desk.post(f"/dossiers/{dossier.id}/journals", **{"j-code": "O2", "j-type": "general"}).status_code == 303
    with database.scoped(Setting(tenant=client.id)) as session:
        assert "O2" in read_books(Scope.system(session, client.id), coupling.id).journals


def test_a_zero_byte_is_a_bad_request_and_no_failure_of_ours(desk: Desk) -> None:
    assert desk.client.get(f"{desk.root}?q=%00").status_code == 400
    dossier = make_file_dossier(desk.db, desk.tenant, desk.login)
    assert desk.post(f"/dossiers/{dossier.id}", name="a\x00b", enterprise_number="").status_code == 400


def test_before_the_first_file_nothing_is_said_of_fetching(desk: Desk) -> None:
    place = desk.root.rpartition("/")[0]
    assert "Add dossiers" in desk.client.get(f"{place}/authorisations/{desk.login.id}").text.partition("dossiers-h")[2]
    make_file_dossier(desk.db, desk.tenant, desk.login)
    assert "No file was made yet" in desk.client.get(desk.root).text
    other = make_file_dossier(desk.db, desk.tenant, desk.login)
    desk.send(other.id)
    desk.post("/make")
    ((file_id,),) = desk.rows("SELECT id FROM exchange_files WHERE tenant_id = :tenant")
    desk.post(f"/{file_id}/fetch")
    assert "Every file was fetched" in desk.client.get(desk.root).text
