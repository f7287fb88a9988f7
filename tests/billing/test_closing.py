"""A month is closed once; what turns out later is corrected, and nothing is billed twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.access import Scope
from portal.billing import closing
from portal.kernel.db import Setting
from portal.kernel.errors import Conflict
from portal.tenants import management
from portal.tenants.models import Tenant
from tests import factories as make
from tests.billing.office import PRICES, Office, price

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


def test_a_whole_month_costs_the_price_and_a_part_its_days(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Whole 1", date(2026, 1, 5))
    office.client(firm, "Whole 2", date(2026, 3, 1))
    office.client(firm, "Joined", date(2026, 3, 15))  # 17 of 31 days
    office.client(firm, "Left", date(2026, 3, 1), date(2026, 3, 11))  # 10 of 31 days
    office.close(firm, date(2026, 2, 1))
    invoice = office.close(firm, MARCH)
    assert invoice is not None
    lines = [(line.unit, line.quantity, line.client_name, line.net) for line in office.lines(firm, invoice)]
    assert sorted(lines) == [
        ("day", 10, "Left", Decimal("1.45")),  # 4.50 × 10 ÷ 31 = 1.4516
        ("day", 17, "Joined", Decimal("2.47")),  # 4.50 × 17 ÷ 31 = 2.4677
        ("month", 2, "", Decimal("9.00")),
    ]
    assert (invoice.net, invoice.vat, invoice.gross) == (Decimal("12.92"), Decimal("2.71"), Decimal("15.63"))
    assert (invoice.issued_on, invoice.due_on) == (date(2026, 4, 1), date(2026, 5, 1))


def test_a_month_closed_twice_is_billed_once(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2026, 3, 1))
    assert office.close(firm, MARCH) is not None
    assert office.close(firm, MARCH) is None
    assert len(office.invoices(firm)) == 1


def test_a_month_that_was_missed_is_closed_with_the_next(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2026, 2, 1))
    invoice = office.close(firm, APRIL)
    assert invoice is not None
    assert [(line.month.month, line.correction, line.net) for line in office.lines(firm, invoice)] == [
        (2, False, Decimal("4.50")), (3, False, Decimal("4.50")), (4, False, Decimal("4.50")),
    ]  # fmt: skip


def test_a_month_that_runs_cannot_be_closed(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2026, 3, 1))
    with pytest.raises(Conflict, match="not_over"):
        office.close(firm, MARCH, on=date(2026, 3, 31))


def test_a_portal_without_clients_of_its_own_is_free(office: Office) -> None:
    firm = office.firm()
    own = office.client(firm, "Managed by another", date(2026, 1, 1), date(2026, 1, 1))
    office.link(own, date(2026, 1, 1))
    assert office.close(firm, MARCH) is None
    assert office.invoices(firm) == []


def test_a_bank_account_counts_while_its_client_does(office: Office) -> None:
    firm = office.firm()
    client = office.client(firm, "Bakkerij", date(2026, 3, 11), date(2026, 3, 21))
    office.link(client, date(2026, 1, 1))
    office.link(client, date(2026, 1, 1), provider="saltedge")  # has no price
    invoice = office.close(firm, MARCH)
    assert invoice is not None
    assert {(line.item, line.quantity, line.net) for line in office.lines(firm, invoice)} == {
        ("client_account", 10, Decimal("1.45")), ("ponto_account", 10, Decimal("0.97")),
    }  # fmt: skip


def test_a_move_is_paid_by_the_new_firm_from_its_day_on(office: Office) -> None:
    old, new = office.firm("Old"), office.firm("New")
    client = office.client(old, "Bakkerij", date(2026, 3, 1))
    make.make_grant(office.database, client, new)
    office.manage(client, new, date(2026, 3, 10))
    first, second = office.close(old, MARCH), office.close(new, MARCH)
    assert first is not None
    assert second is not None
    assert [line.quantity for line in office.lines(old, first)] == [9]
    assert [line.quantity for line in office.lines(new, second)] == [22]


def test_what_turns_out_later_is_corrected_in_the_next_invoice(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Stays", date(2026, 3, 1))
    leaver = office.client(firm, "Left", date(2026, 3, 1))
    march = office.close(firm, MARCH)
    assert march is not None
    _end(office, leaver, date(2026, 3, 21))  # told in April
    april = office.close(firm, APRIL)
    assert april is not None
    assert [(line.month.month, line.correction, line.quantity, line.net) for line in office.lines(firm, april)] == [
        (4, False, 1, Decimal("4.50")), (3, True, -11, Decimal("-1.60")),  # 4.50 − 2.90
    ]  # fmt: skip
    assert april.kind == "invoice"
    assert april.refers_to == [{"number": march.number, "issued_on": "2026-04-01"}]


def test_more_to_give_back_than_to_bill_makes_a_credit_note(office: Office) -> None:
    firm = office.firm()
    leaver = office.client(firm, "Left", date(2026, 3, 1))
    office.close(firm, MARCH)
    _end(office, leaver, date(2026, 3, 11))
    credit = office.close(firm, APRIL)
    assert credit is not None
    assert (credit.kind, credit.net, credit.gross) == ("credit", Decimal("3.05"), Decimal("3.69"))
    assert [(line.quantity, line.net) for line in office.lines(firm, credit)] == [(21, Decimal("3.05"))]
    assert [(use.days, use.net) for use in office.usages(firm, credit)] == [(-21, Decimal("-3.05"))]


def test_a_price_that_changes_in_the_month_splits_it(office: Office) -> None:
    office.load(PRICES + price("client_account", "2026-03-11", "6.00"))
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2026, 3, 1))
    invoice = office.close(firm, MARCH)
    assert invoice is not None
    assert [(line.quantity, line.price, line.net) for line in office.lines(firm, invoice)] == [
        (10, Decimal("4.50"), Decimal("1.45")), (21, Decimal("6.00"), Decimal("4.06")),
    ]  # fmt: skip


def test_an_invoice_that_is_taken_back_is_due_again(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2026, 3, 16))
    march = office.close(firm, MARCH)
    assert march is not None
    with office.inside(firm) as scope:
        credit = closing.credit_invoice(scope, office.means(date(2026, 4, 2)), march.id, "Wrong address")
    assert (credit.kind, credit.gross, credit.credits, credit.reason) == (
        "credit",
        march.gross,
        march.id,
        "Wrong address",
    )
    with office.inside(firm) as scope, pytest.raises(Conflict, match=r"billing\.credited"):
        closing.credit_invoice(scope, office.means(), march.id, "again")
    with office.inside(firm) as scope, pytest.raises(Conflict, match=r"billing\.is_credit"):
        closing.credit_invoice(scope, office.means(), credit.id, "")
    with office.inside(firm) as scope:
        again = closing.settle(scope, office.means(date(2026, 4, 3)))
    assert again is not None
    assert again.gross == march.gross
    numbers = [invoice.serial for invoice in office.invoices(firm)]
    assert numbers == [1, 2, 3]


def test_what_was_billed_of_an_account_stays_when_that_is_deleted(office: Office) -> None:
    firm = office.firm()
    client = office.client(firm, "Bakkerij", date(2026, 3, 1))
    office.client(firm, "Stays", date(2026, 3, 1))
    office.close(firm, MARCH)
    office.forget_management(client)
    april = office.close(firm, APRIL)
    assert april is not None
    assert (april.kind, april.net) == ("invoice", Decimal("4.50"))


@pytest.mark.parametrize("statement", [
    "UPDATE invoices SET gross = gross", "DELETE FROM invoices", "UPDATE invoice_lines SET net = 0",
    "DELETE FROM invoice_lines", "UPDATE usages SET days = 0", "DELETE FROM invoice_files", "DELETE FROM closed_months",
])  # fmt: skip
def test_a_document_never_changes(office: Office, statement: str) -> None:
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2026, 3, 1))
    assert office.close(firm, MARCH) is not None
    # who owns the schema may change more than the application, and still not this
    with office.admin() as admin:
        for database in (office.database, admin):
            with pytest.raises(DBAPIError), database.scoped(Setting(tenant=firm.id)) as session:
                session.execute(text(statement))


def test_a_line_cannot_be_added_later(office: Office) -> None:
    firm = office.firm()
    office.client(firm, "Bakkerij", date(2026, 3, 1))
    invoice = office.close(firm, MARCH)
    assert invoice is not None
    with pytest.raises(DBAPIError, match="its lines are"), office.database.scoped(Setting(tenant=firm.id)) as session:
        session.execute(
            text(
                "INSERT INTO invoice_lines SELECT tenant_id, gen_random_uuid(), invoice_id, item, client_name,"
                " subject_name, unit, category, 99, quantity, of_days, price, 0, month, correction, rate"
                " FROM invoice_lines"
            )
        )


def test_two_firms_cannot_manage_one_account_on_one_day(office: Office) -> None:
    first, second = office.firm("First"), office.firm("Second")
    client = office.client(first, "Bakkerij", date(2026, 3, 1))
    make.make_grant(office.database, client, second)
    with pytest.raises(DBAPIError, match="two firms"), office.database.scoped(Setting(tenant=client.id)) as session:
        session.execute(
            text("INSERT INTO managements (tenant_id, id, portal_id, starts_on, noted_at)"
                 " VALUES (:client, gen_random_uuid(), :portal, '2026-03-05', now())"),
            {"client": client.id, "portal": second.id},
        )  # fmt: skip


def test_an_account_that_let_nobody_in_cannot_be_put_on_a_firms_bill(office: Office) -> None:
    firm, stranger = office.firm(), office.client(office.firm("Other"), "Bakkerij", date(2026, 3, 1), date(2026, 3, 2))
    with pytest.raises(DBAPIError, match="did not let"):
        office.manage(stranger, firm, date(2026, 4, 1))


def _end(office: Office, client: Tenant, on: date) -> None:
    with office.database.scoped(Setting(tenant=client.id)) as session:
        management.end_management(Scope.system(session, client.id), on)
