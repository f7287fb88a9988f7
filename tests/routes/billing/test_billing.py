"""The billing pages: what the firm is asked, what stands behind it, its files, and where invoices go."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from lxml import etree
from pypdf import PdfReader

from portal.billing import closing, payments
from portal.billing.models import Invoice
from portal.identity.models import User
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.tenants.models import Tenant
from tests import factories as make
from tests.billing.office import Office
from tests.conftest import Urls
from tests.routes.conftest import Client, SignIn

MARCH = date(2026, 3, 1)


@pytest.fixture
def office(database: Database, database_urls: Urls, vault: Vault) -> Office:
    return Office(database, database_urls, vault)


@pytest.fixture
def head(database: Database) -> User:
    return make.make_user(database, "Nadia El Amrani", locale="en-GB")


@pytest.fixture
def firm(office: Office, head: User) -> Tenant:
    firm = office.firm(members={head: "administrator"})
    office.client(firm, "Bakkerij De Wit", date(2026, 3, 1))
    office.client(firm, "Drukkerij Ingels", date(2026, 3, 15))
    return firm


@pytest.fixture
def invoice(office: Office, firm: Tenant) -> Invoice:
    made = office.close(firm, MARCH)
    assert made is not None
    return made


@pytest.fixture
def client(sign_in: SignIn, head: User) -> Client:
    return sign_in(head)


def test_a_portal_without_invoices_says_what_it_pays_for(client: Client, office: Office, head: User) -> None:
    firm = office.firm(members={head: "administrator"})
    page = client.get(f"/p/{firm.id}/billing").text
    assert "Nothing to pay" in page
    assert "No invoice yet" in page


def test_the_list_shows_invoices_prices_and_what_runs(client: Client, firm: Tenant, invoice: Invoice) -> None:
    page = client.get(f"/p/{firm.id}/billing").text
    assert "EUR so far this month" in page
    assert invoice.number in page
    assert "8.43" in page  # (4.50 + 2.47) and 21 %
    assert "Grote Markt 12, 2800 Mechelen" in page


def test_the_list_as_csv_adds_up(client: Client, office: Office, firm: Tenant, invoice: Invoice) -> None:
    with office.inside(firm) as scope:
        closing.credit_invoice(scope, office.means(date(2026, 4, 2)), invoice.id, "Wrong address")
    rows = [row.split(";") for row in client.get(f"/p/{firm.id}/billing.csv").text.lstrip("\ufeff").split("\r\n")[1:-1]]
    assert [(row[1], row[5], row[7]) for row in rows] == [
        ("Credit note", "-6.97", "-8.43"),
        ("Invoice", "6.97", "8.43"),
    ]


def test_what_is_open_late_and_paid_shows_on_the_pages_and_in_the_csv(
    client: Client, office: Office, firm: Tenant, invoice: Invoice
) -> None:
    page = client.get(f"/p/{firm.id}/billing").text
    assert "8.43 EUR is overdue" in page.replace("\u00a0", " ")
    assert "No payment is noted yet" in client.get(f"/p/{firm.id}/billing/{invoice.id}").text
    with office.inside(firm) as scope:
        payments.pay(scope, invoice.id, date(2026, 4, 20), "Wrong one")
        payments.undo(scope, invoice.id, "An Claes")
        payments.pay(scope, invoice.id, date(2026, 4, 21), "An Claes", Decimal("8.00"))
    show = client.get(f"/p/{firm.id}/billing/{invoice.id}").text.replace("\u00a0", " ")
    assert "8.43 EUR on 20/04/2026, noted by Wrong one" in show
    assert "undone on" in show
    assert "0.43 EUR left, 8.00 EUR paid on 21/04/2026" in show
    row = client.get(f"/p/{firm.id}/billing.csv").text.split("\r\n")[1].split(";")
    assert row[9:] == ["EUR", "8.00", "2026-04-21", "0.43"]
    with office.inside(firm) as scope:
        payments.pay(scope, invoice.id, date(2026, 4, 22), "An Claes")
    page = client.get(f"/p/{firm.id}/billing").text
    assert "paid on 22/04/2026" in page
    assert "overdue" not in page
    assert "8.43 EUR, paid on 22/04/2026" in client.get(f"/p/{firm.id}/billing/{invoice.id}").text


def test_an_invoice_shows_its_lines_and_the_accounts_behind(client: Client, firm: Tenant, invoice: Invoice) -> None:
    page = client.get(f"/p/{firm.id}/billing/{invoice.id}").text
    assert "8.43 EUR, to be paid by 01/05/2026" in page
    assert "Client account, March 2026: Drukkerij Ingels" in page
    assert "17 of 31" in page
    assert "VAT of 21 %" in page.replace("\u00a0", " ")
    assert "+++" in page


def test_the_usage_behind_an_invoice_as_csv(client: Client, firm: Tenant, invoice: Invoice) -> None:
    text = client.get(f"/p/{firm.id}/billing/{invoice.id}/usage.csv").text
    assert "1;Bakkerij De Wit;Client account;;2026-03;31;31;4.50;4.50" in text
    assert "2;Drukkerij Ingels;Client account;;2026-03;17;31;4.50;2.47" in text


def test_the_files_are_those_that_were_sent(client: Client, office: Office, firm: Tenant, invoice: Invoice) -> None:
    pdf, ubl = (client.get(f"/p/{firm.id}/billing/{invoice.id}/{kind}") for kind in ("pdf", "ubl"))
    assert pdf.data == office.content(firm, invoice, "pdf")
    assert ubl.data == office.content(firm, invoice, "ubl")
    assert pdf.headers["Content-Disposition"] == f'attachment; filename="{invoice.number}.pdf"'
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf.data)).pages)
    assert "8.43 EUR" in text.replace("\u00a0", " ")
    assert etree.fromstring(ubl.data).tag.endswith("Invoice")


def test_an_invoice_that_was_taken_back_says_so(client: Client, office: Office, firm: Tenant, invoice: Invoice) -> None:
    with office.inside(firm) as scope:
        credit = closing.credit_invoice(scope, office.means(date(2026, 4, 2)), invoice.id, "Wrong address")
    assert f"taken back whole by {credit.number}" in client.get(f"/p/{firm.id}/billing/{invoice.id}").text
    page = client.get(f"/p/{firm.id}/billing/{credit.id}").text
    assert "8.43 EUR in your favour" in page
    assert f"Concerns {invoice.number}." in page


def test_another_firms_invoice_is_not_there(client: Client, office: Office, head: User, invoice: Invoice) -> None:
    other = office.firm("Other", members={head: "administrator"})
    for path in ("", "/pdf", "/ubl", "/usage.csv"):
        assert client.get(f"/p/{other.id}/billing/{invoice.id}{path}").status_code == 404


def test_staff_see_no_bills_and_no_entry_in_the_menu(
    sign_in: SignIn, database: Database, office: Office, head: User
) -> None:
    staff = make.make_user(database, "Karin Wouters")
    firm = office.firm(members={head: "administrator", staff: "staff"})
    assert sign_in(staff).get(f"/p/{firm.id}/billing").status_code == 403
    assert f"/p/{firm.id}/billing" not in sign_in(staff).get(f"/p/{firm.id}/team").text
    assert f"/p/{firm.id}/billing" in sign_in(head).get(f"/p/{firm.id}/team").text


def test_billing_details_are_checked_and_kept(client: Client, database: Database, firm: Tenant) -> None:
    typed = {"street": "Meir 1", "postcode": "2000", "city": "Antwerpen", "billing_email": "boek@example.com",
             "vat_number": ""}  # fmt: skip
    path = f"/p/{firm.id}/billing/details"
    assert client.get(path).status_code == 200
    assert client.post(path, data=typed | {"city": ""}).status_code == 422
    assert client.post(path, data=typed | {"billing_email": "nobody"}).status_code == 422
    refused = client.post(path, data=typed | {"vat_number": "BE 0123.456.789"})
    assert refused.status_code == 422
    assert "is no VAT number of this business" in refused.text
    number = f"BE {firm.enterprise_number[:4]}.{firm.enterprise_number[4:7]}.{firm.enterprise_number[7:]}"
    assert client.post(path, data=typed | {"vat_number": number}).status_code == 303
    with database.scoped(Setting(tenant=firm.id)) as session:
        row = session.get_one(Tenant, firm.id)
        assert (row.street, row.billing_email, row.vat_number) == (
            "Meir 1", "boek@example.com", f"BE{firm.enterprise_number}",
        )  # fmt: skip
