"""Invoices are paid, in parts, too late, by mistake; what is open always adds up."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal import runtime
from portal.billing import by_hand, closing, payments, reading
from portal.billing.models import Invoice
from portal.billing.payments import Balance, Standing
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.tenants.models import Tenant
from tests.billing.office import Office
from tests.routes.conftest import app as app

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
PAID = date(2026, 4, 20)


@pytest.fixture
def firm(office: Office) -> Tenant:
    firm = office.firm()
    office.client(firm, "Bakkerij De Wit", MARCH)
    office.client(firm, "Drukkerij Ingels", date(2026, 3, 15))
    return firm


@pytest.fixture
def invoice(office: Office, firm: Tenant) -> Invoice:
    """Of 8.43, due on 1 May 2026."""
    made = office.close(firm, MARCH)
    assert made is not None
    return made


def stands(office: Office, firm: Tenant, invoice: Invoice) -> Standing:
    with office.inside(firm) as scope:
        return payments.standings(scope, [invoice])[invoice.id]


def balance(office: Office, firm: Tenant) -> Balance:
    with office.inside(firm) as scope:
        return reading.overview(scope).balance


def test_open_then_overdue_then_paid_in_parts_then_undone(
    office: Office, firm: Tenant, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "today", lambda: date(2026, 5, 1))  # the last day
    assert stands(office, firm, invoice) == Standing(Decimal(0), Decimal("8.43"), None, settled=False, overdue=False)
    monkeypatch.setattr(clock, "today", lambda: date(2026, 5, 2))
    assert balance(office, firm) == Balance(Decimal("8.43"), Decimal("8.43"))
    with office.inside(firm) as scope:
        payments.pay(scope, invoice.id, PAID, "An", Decimal("5.00"))
    assert balance(office, firm) == Balance(Decimal("3.43"), Decimal("3.43"))
    with office.inside(firm) as scope:
        payments.pay(scope, invoice.id, date(2026, 5, 2), "Bea")
    assert stands(office, firm, invoice) == Standing(
        Decimal("8.43"), Decimal(0), date(2026, 5, 2), settled=True, overdue=False
    )
    assert balance(office, firm) == Balance(Decimal(0), Decimal(0))
    with office.inside(firm) as scope:
        with pytest.raises(Conflict, match=r"billing\.settled"):
            payments.pay(scope, invoice.id, PAID, "An")
        payments.undo(scope, invoice.id, "Carl")
    assert balance(office, firm) == Balance(Decimal("3.43"), Decimal("3.43"))
    with office.inside(firm) as scope:
        payments.undo(scope, invoice.id, "Carl")
        with pytest.raises(Conflict, match=r"billing\.not_paid"):
            payments.undo(scope, invoice.id, "Carl")
        noted = [(str(row.amount), row.noted_by) for row in payments.payments(scope)]
    assert noted == [("5.00", "An"), ("3.43", "Bea"), ("-3.43", "Carl"), ("-5.00", "Carl")]


@pytest.mark.parametrize("amount", ["0", "-1.00", "8.44", "1.001", "NaN", "Infinity", "1E+999999"])
def test_an_amount_that_cannot_be_is_refused(office: Office, firm: Tenant, invoice: Invoice, amount: str) -> None:
    with office.inside(firm) as scope, pytest.raises(Invalid, match=r"billing\.amount"):
        payments.pay(scope, invoice.id, PAID, "An", Decimal(amount))


def test_nothing_is_paid_tomorrow_or_for_another_firm(office: Office, firm: Tenant, invoice: Invoice) -> None:
    with office.inside(firm) as scope, pytest.raises(Invalid, match=r"billing\.paid_in_future"):
        payments.pay(scope, invoice.id, clock.today() + timedelta(days=1), "An")
    with office.inside(office.firm("Other")) as scope, pytest.raises(NotFound):
        payments.pay(scope, invoice.id, PAID, "An")


def test_what_was_taken_back_whole_is_settled_and_what_was_paid_of_it_comes_back(
    office: Office, firm: Tenant, invoice: Invoice
) -> None:
    with office.inside(firm) as scope:
        payments.pay(scope, invoice.id, PAID, "An")
        credit = closing.credit_invoice(scope, office.means(PAID), invoice.id, "Wrong address")
    assert stands(office, firm, invoice).settled
    assert balance(office, firm) == Balance(Decimal("-8.43"), Decimal(0))
    with office.inside(firm) as scope:
        payments.pay(scope, credit.id, PAID, "An")
    assert balance(office, firm) == Balance(Decimal(0), Decimal(0))


def test_the_database_lets_nobody_change_or_undo_twice(office: Office, firm: Tenant, invoice: Invoice) -> None:
    with office.inside(firm) as scope:
        payments.pay(scope, invoice.id, PAID, "An")
        undone = payments.undo(scope, invoice.id, "An")
    for statement in ("UPDATE invoice_payments SET amount = 1", "DELETE FROM invoice_payments"):
        with office.inside(firm) as scope, pytest.raises(DBAPIError):
            scope.session.execute(text(statement))
    again = text(
        "INSERT INTO invoice_payments SELECT tenant_id, :id, invoice_id, amount, currency, paid_on, noted_at, noted_by,"
        " undoes FROM invoice_payments WHERE id = :undone"
    )
    with office.inside(firm) as scope, pytest.raises(IntegrityError):
        scope.session.execute(again, {"id": uuid7(), "undone": undone.id})


def test_from_a_shell(app: object, office: Office, firm: Tenant, invoice: Invoice) -> None:
    made = runtime.get()
    name = f"{firm.name}: 8.43 EUR open, 8.43 EUR overdue"
    assert name in list(by_hand.still_open(made))
    assert by_hand.paid(made, invoice.number, PAID, "An", Decimal("8.00")) == (
        f"{invoice.number}: 8.00 EUR paid on 2026-04-20"
    )
    assert f"  {invoice.number}, due 2026-05-01: 0.43 EUR" in list(by_hand.still_open(made))
    assert by_hand.unpaid(made, invoice.number, "An") == f"{invoice.number}: -8.00 EUR"
    with pytest.raises(NotFound):
        by_hand.paid(made, "XX-2026-00001", PAID, "An")
