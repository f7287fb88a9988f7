"""Xero's JSON, by samples in the shape of the official description."""

from __future__ import annotations

import base64
import json
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from portal.connectors.base import DossierStatus, EntryKind, LedgerAccount, OutgoingEntry, OutgoingInvoice, OutgoingLine
from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.connectors.xero import EXPLANATIONS, invoices, mapping
from portal.kernel.http import Reply

DAY = date(2026, 3, 18)
ACCOUNTS = {
    code: LedgerAccount(code, code, f"id-{code}", kind)
    for code, kind in (("580000", "general"), ("499000", "general"), ("702000", "revenue"), ("550000", "bank"))
}


def journal(*amounts: str) -> OutgoingEntry:
    lines = tuple(
        OutgoingLine(DAY, code, sign * Decimal(amount), "Invoice 17")
        for amount in amounts
        for code, sign in (("580000", 1), ("499000", -1))
    )
    return OutgoingEntry(EntryKind.GENERAL, "KP-AAAA", "MJ", DAY, "EUR", "580000", None, None, lines)


def invoice(kind: EntryKind, amount: str) -> OutgoingEntry:
    sign = -1 if kind is EntryKind.SALES else 1
    net = sign * Decimal(amount)
    line = OutgoingLine(DAY, "702000", net, "Flour", "OUTPUT2", (net * Decimal("0.21")).quantize(Decimal("0.01")))
    told = OutgoingInvoice("2026-17", "11111111-1111-4111-8111-111111111111", None, "RF18", "Callens")
    return OutgoingEntry(kind, "KP-BBBB", "ACCREC", DAY, "EUR", "", None, None, (line,), told)


def reply(status: int, body: Any = None, **headers: str) -> Reply:
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def test_a_manual_journal_is_what_the_description_asks_for() -> None:
    (sent,) = json.loads(mapping.render(journal("100.00"), ACCOUNTS))["ManualJournals"]
    assert sent == {
        "Narration": "KP-AAAA", "Date": "2026-03-18", "Status": "POSTED", "LineAmountTypes": "NoTax",
        "JournalLines": [
            {"LineAmount": 100.0, "AccountCode": "580000", "Description": "Invoice 17"},
            {"LineAmount": -100.0, "AccountCode": "499000", "Description": "Invoice 17"},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "amount", "endpoint", "type_", "unit"),
    [
        (EntryKind.SALES, "10", "Invoices", "ACCREC", 10.0),
        (EntryKind.SALES, "-10", "CreditNotes", "ACCRECCREDIT", 10.0),
        (EntryKind.PURCHASE, "10", "Invoices", "ACCPAY", 10.0),
        (EntryKind.PURCHASE, "-10", "CreditNotes", "ACCPAYCREDIT", 10.0),
    ],
)
def test_a_document_is_positive_whichever_way_it_goes(
    kind: EntryKind, amount: str, endpoint: str, type_: str, unit: float
) -> None:
    entry = invoice(kind, amount)
    ((place, (sent,)),) = json.loads(invoices.render(entry, ACCOUNTS)).items()
    remark, line = sent["LineItems"]
    assert (place, sent["Type"], line["UnitAmount"], line["TaxAmount"]) == (endpoint, type_, unit, 2.1)
    assert remark == {"Description": "Callens · RF18 · KP-BBBB"}
    read = invoices.entry(sent)
    assert (read.reference, read.lines, read.total_debit) == ("KP-BBBB", entry.lines, Decimal("12.1"))


def test_a_day_is_read_as_written() -> None:
    assert mapping.day("/Date(1553126400000+0000)/") == date(2019, 3, 21)
    assert mapping.day("/Date(1546214400000+0000)/") == date(2018, 12, 31)
    assert mapping.day("2019-03-14T00:00:00") == date(2019, 3, 14)
    assert mapping.day(None) is None
    with pytest.raises(ValueError, match="soon"):
        mapping.day("soon")


def test_a_journal_told_by_xero_is_read() -> None:
    told = {
        "Date": "/Date(1552521600000+0000)/", "Status": "POSTED", "Narration": "KP-AAAA",
        "ManualJournalID": "d312dd5e-a53e-46d1-9d51-c569ef4570b7",
        "JournalLines": [
            {"Description": "2019-03-12 Hello there", "LineAmount": Decimal("100.0"), "AccountCode": "400"},
            {"LineAmount": Decimal("-100.0"), "AccountCode": "401"},
        ],
    }  # fmt: skip
    read = mapping.entry(told)
    assert (read.number, read.reference, read.date, read.total_debit) == (
        "D312DD5E",
        "KP-AAAA",
        date(2019, 3, 14),
        Decimal(100),
    )
    assert [(line.date.day, line.description) for line in read.lines] == [(12, "Hello there"), (14, "")]


def token(**claims: str) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"Bearer e30.{middle}.sig"


def test_the_login_is_named_by_the_token() -> None:
    connections = [{"tenantId": "t1", "tenantName": "Bakkerij"}]
    found = mapping.identity(token(xero_userid="u-1"), connections)
    assert (found.user_id, found.company, found.default_dossier) == ("u-1", "Bakkerij", "t1")
    assert mapping.identity(token(xero_userid="u-1"), []).default_dossier == ""


@pytest.mark.parametrize("header", ["", "Bearer opaque", "Bearer a.!.c", token(other="x")])
def test_a_token_that_names_nobody_is_no_identity(header: str) -> None:
    with pytest.raises((ValueError, LookupError)):
        mapping.identity(header, [])


def test_an_organisation_that_ended_is_inactive() -> None:
    row = {"Name": "A", "CountryCode": "be", "BaseCurrency": "EUR", "OrganisationStatus": "ARCHIVED"}
    assert mapping.dossier("t", row).status is DossierStatus.INACTIVE
    assert mapping.dossier("t", row | {"OrganisationStatus": "ACTIVE"}).country == "BE"


@pytest.mark.parametrize(
    ("organisation", "closed", "opened"),
    [
        ({}, [], date(2019, 12, 31)),
        ({"PeriodLockDate": "/Date(1769817600000+0000)/"}, date(2026, 1, 31), date(2026, 2, 1)),
        (
            {"PeriodLockDate": "/Date(1735603200000+0000)/", "EndOfYearLockDate": "/Date(1767139200000+0000)/"},
            date(2025, 12, 31), date(2026, 1, 1),
        ),
        (
            {"PeriodLockDate": "/Date(1769817600000+0000)/", "FinancialYearEndMonth": 2, "FinancialYearEndDay": 29},
            date(2026, 1, 31), date(2026, 2, 1),
        ),
    ],
)  # fmt: skip
def test_years_are_cut_at_the_lock_date(organisation: dict[str, Any], closed: Any, opened: date) -> None:
    found = mapping.periods(organisation, DAY)
    shut = [period for period in found if not period.is_open("MJ")]
    assert (max((period.ends_on for period in shut), default=[])) == closed
    if shut:
        assert min(period.starts_on for period in found if period.is_open("ACCREC")) == opened
    days = sorted((period.starts_on, period.ends_on) for period in found)
    assert all((later[0] - earlier[1]).days == 1 for earlier, later in pairwise(days))
    assert len({(period.year, period.number) for period in found}) == len(found)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"Type": "BANK"}, "bank"), ({"Type": "CURRENT", "SystemAccount": "DEBTORS"}, "receivable"),
        ({"Type": "CURRLIAB", "SystemAccount": "GST"}, "vat"), ({"Type": "OVERHEADS"}, "costs"),
        ({"Type": "SALES"}, "revenue"), ({"Type": "EQUITY"}, "general"),
    ],
)  # fmt: skip
def test_an_account_is_of_a_kind(row: dict[str, str], kind: str) -> None:
    assert mapping.ledger_account({"Name": "x", "AccountID": "i", "Code": "1", **row}).kind == kind


def refused(*messages: str) -> dict[str, Any]:
    errors = [{"Message": message} for message in messages]
    return {"ErrorNumber": 10, "Type": "ValidationException", "Elements": [{"ValidationErrors": errors}]}


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (reply(400, refused("The total debits (100.00) must equal total credits (-10.00)")), Rejected, "unbalanced"),
        (reply(400, refused("The document date cannot be before the period lock date")), Rejected, "period_closed"),
        (reply(400, refused("Account code '476' is not a valid code for this document.")), Rejected, "account_unknown"),
        (reply(400, refused("Invoice # must be unique.")), Rejected, "duplicate"),
        (reply(400, refused("Something new")), Rejected, "refused"),
        (reply(400, {"ErrorNumber": 14, "Message": "JSON was expected"}), Rejected, "refused"),
        (reply(400, b"<html>"), UnexpectedReply, "unreadable"),
        (
            reply(401, {"Title": "Unauthorized", "Detail": "TokenExpired"}),
            AuthorisationExpired,
            "authorisation_expired",
        ),
        (reply(403, {"Title": "Forbidden", "Detail": "AuthenticationUnsuccessful"}), Rejected, "user_rights"),
        (reply(404, {"Title": "NotFound"}), Rejected, "not_found"),
        (reply(500, {"Message": "An error occurred in Xero"}), Temporary, "server_error"),
        (reply(503), Temporary, "server_error"),
        (reply(302), UnexpectedReply, "unreadable"),
    ],
)
def test_a_refusal_is_told_apart(answer: Reply, kind: type[Exception], code: str) -> None:
    error = mapping.failure(answer)
    assert type(error) is kind
    assert error.code == f"xero.{code}"
    assert error.code in EXPLANATIONS


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "17"}, 17), ({"Retry_After": "0"}, 1), ({"Retry_After": "999999"}, 86_400), ({}, 60),
        ({"X_Rate_Limit_Problem": "Day"}, 86_400), ({"X_Rate_Limit_Problem": "concurrent"}, 1),
        ({"Retry_After": "soon", "X_Rate_Limit_Problem": "minute"}, 60),
    ],
)  # fmt: skip
def test_a_limit_says_how_long(headers: dict[str, str], seconds: float) -> None:
    error = mapping.failure(reply(429, **headers))
    assert isinstance(error, Temporary)
    assert (error.retry_after, error.sent) == (seconds, False)


def test_a_row_told_twice_counts_once() -> None:
    assert mapping.once([{"a": 1}, {"a": 2}, {"a": 1}]) == [{"a": 1}, {"a": 2}]
