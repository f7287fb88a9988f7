"""What the stand-ins of packages once let pass, or broke on, where the real one does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from sandbox.packages import create_app
from sandbox.packages.books import Entry, Line
from sandbox.packages.core import Sandbox, Stand


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    app = create_app(tmp_path, clock=lambda: datetime(2026, 3, 18, 12, tzinfo=UTC))
    yield app.test_client()
    app.extensions["sandbox"].close()


def opened(client: FlaskClient, package: str) -> tuple[Stand, dict[str, Any], dict[str, str]]:
    """A package with one dossier, and the headers of a log-in there."""
    sandbox: Sandbox = client.application.extensions["sandbox"]
    stand = sandbox.stand(package)
    stand.access.add_login("kantoor")
    made = client.post("/control/api/dossiers", json={"package": package, "code": "1"}).json
    assert made is not None
    token = stand.access.mint("kantoor", stand.tokens)["access_token"]
    row = stand.books.dossier("1")
    assert row is not None
    return stand, dict(row), {"Authorization": f"Bearer {token}", "xero-tenant-id": row["id"]}


def fault(client: FlaskClient, kind: str, package: str, **details: str) -> None:
    sent = {"kind": kind, "package": package, "details": details}
    assert client.post("/control/api/faults", json=sent).status_code == 201


def test_books_close_also_where_a_call_names_no_dossier(client: FlaskClient) -> None:
    stand, dossier, headers = opened(client, "xero")
    fault(client, "close_period", "xero", until="2026-01-31")
    assert client.get("/xero/Connections", headers=headers).status_code == 200
    row = stand.books.dossier(dossier["id"])
    assert row is not None
    assert row["locked_until"] == "2026-01-31"


def test_a_fault_of_a_call_without_a_secret_ends_nobody_else(client: FlaskClient) -> None:
    _, _, headers = opened(client, "xero")
    for kind in ("revoke", "expire"):
        fault(client, kind, "xero")
        assert client.post("/xero/connect/token").status_code == 401
    assert client.get("/xero/Connections", headers=headers).status_code == 200


def test_xero_refuses_a_condition_that_it_does_not_know(client: FlaskClient) -> None:
    _, _, headers = opened(client, "xero")
    address = "/xero/api.xro/2.0/Invoices?where="
    assert client.get(f'{address}Type=="ACCREC"', headers=headers).status_code == 200
    answer = client.get(f'{address}Colour=="red"', headers=headers)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["Type"] == "QueryParseException"


def test_xero_rounds_tax_half_up(client: FlaskClient) -> None:
    stand, dossier, headers = opened(client, "xero")
    contact = next(row["id"] for row in stand.books.relations(dossier["seq"]) if row["customer"])
    rate = next(row for row in stand.books.vat_codes(dossier["seq"]) if float(row["percentage"]) == 0.21)
    account = next(row["code"] for row in stand.books.accounts(dossier["seq"]) if row["kind"] == "revenue")
    line = {"UnitAmount": 0.5, "Quantity": 1, "AccountCode": account, "TaxType": rate["code"]}
    sent = {"Type": "ACCREC", "Contact": {"ContactID": contact}, "Status": "AUTHORISED", "LineItems": [line]}
    answer = client.put("/xero/api.xro/2.0/Invoices", json={"Invoices": [sent]}, headers=headers).json
    assert answer is not None
    assert answer["Invoices"][0]["TotalTax"] == 0.11


@pytest.mark.parametrize(
    ("told", "status", "found"),
    [
        ("entryNumber gt 9", 200, 3), ("entryNumber gt nine", 400, 0), ("accountNumber eq '499000'", 200, 6),
        ("debitAmount ge 2", 200, 5), ("description eq 'x'", 200, 0),
    ],
)  # fmt: skip
def test_business_central_compares_numbers_as_numbers(client: FlaskClient, told: str, status: int, found: int) -> None:
    stand, dossier, headers = opened(client, "business_central")
    first, second = (row["code"] for row in stand.books.accounts(dossier["seq"])[:2])
    journal = stand.books.journals(dossier["seq"])[0]["code"]
    for amount in (100, 200, 300, 1000, 2000, 3000):
        lines = [Line(first, amount), Line(second, -amount)]
        stand.books.book(dossier["seq"], Entry(journal, date(2026, 3, 1), lines))
    told = told.replace("499000", first)
    address = f"/business_central/v2.0/Production/api/v2.0/companies({dossier['id']})/generalLedgerEntries"
    answer = client.get(address, query_string={"$filter": told}, headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert answer.json is not None
        assert len(answer.json["value"]) == found


def test_business_central_knows_a_boolean(client: FlaskClient) -> None:
    _, dossier, headers = opened(client, "business_central")
    address = f"/business_central/v2.0/Production/api/v2.0/companies({dossier['id']})/accounts"
    answer = client.get(address, query_string={"$filter": "directPosting eq false"}, headers=headers).json
    assert answer is not None
    assert [row["number"] for row in answer["value"]] == ["0"]
