"""Business Central's JSON read and written, without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors import base
from portal.connectors.business_central import EXPLANATIONS, MANIFEST, mapping
from portal.connectors.calls import UNREADABLE
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.kernel.http import NO_HEADERS, Reply

DAY, COMPANY = date(2026, 3, 18), "5f0d2a11-0000-4000-8000-00000000c001"
ACCOUNTS = {code: base.LedgerAccount(code, "Naam", f"id-{code}", "general") for code in ("550000", "499000")}
ENVIRONMENT = {"aadTenantId": "T1", "name": "Production", "type": "Production", "countryCode": "be"}


def entry(*lines: tuple[date, str, str]) -> base.OutgoingEntry:
    made = tuple(base.OutgoingLine(day, account, Decimal(amount), "Factuur 17") for day, account, amount in lines)
    return base.OutgoingEntry(base.EntryKind.GENERAL, "KP-ABC2", "DEFAULT", DAY, "EUR", "550000", None, None, made)


def rendered(outgoing: base.OutgoingEntry) -> Any:
    return json.loads(mapping.render(outgoing, ACCOUNTS))


# ------------------------------------------------------------------------------ what is sent


def test_an_entry_is_written_as_lines_of_a_document() -> None:
    assert rendered(entry((DAY, "550000", "12.50"), (DAY, "499000", "-12.50"))) == {
        "documentNumber": "KP-ABC2",
        "journal": "DEFAULT",
        "journalLines": [
            {
                "accountNumber": account,
                "postingDate": "2026-03-18",
                "documentNumber": "KP-ABC2",
                "amount": amount,
                "description": "Factuur 17",
            }
            for account, amount in (("550000", 12.5), ("499000", -12.5))
        ],
    }


def test_days_are_kept_where_each_balances() -> None:
    other = DAY - timedelta(3)
    lines = rendered(
        entry((other, "550000", "1"), (other, "499000", "-1"), (DAY, "550000", "2"), (DAY, "499000", "-2"))
    )["journalLines"]
    assert [line["postingDate"] for line in lines] == ["2026-03-15", "2026-03-15", "2026-03-18", "2026-03-18"]
    assert {line["description"] for line in lines} == {"Factuur 17"}


def test_a_document_that_balances_on_no_day_is_of_one_day() -> None:
    """As the bank's side of a statement is: one line for the movements of a month."""
    other = DAY - timedelta(3)
    lines = rendered(entry((other, "499000", "-1"), (DAY, "499000", "-2"), (DAY, "550000", "3")))["journalLines"]
    assert {line["postingDate"] for line in lines} == {"2026-03-18"}
    assert [line["description"] for line in lines] == ["15/03 Factuur 17", "Factuur 17", "Factuur 17"]


def test_a_description_is_cut_where_business_central_refuses_it() -> None:
    long = base.OutgoingLine(DAY, "550000", Decimal(0), "x" * 140)
    outgoing = base.OutgoingEntry(base.EntryKind.GENERAL, "KP-ABC2", "D", DAY, "EUR", "", None, None, (long,))
    assert len(rendered(outgoing)["journalLines"][0]["description"]) == 100


def test_a_number_too_long_is_our_own_fault() -> None:
    outgoing = base.OutgoingEntry(base.EntryKind.GENERAL, "K" * 21, "D", DAY, "EUR", "", None, None, ())
    with pytest.raises(ValueError, match="document number"):
        mapping.render(outgoing, ACCOUNTS)


def documents(*numbers: str, journal: str = "DEFAULT") -> list[mapping.Document]:
    return [mapping.Document(number, journal, []) for number in numbers]


def test_the_same_documents_make_the_same_batch() -> None:
    one = mapping.batch(documents("KP-A", "KP-B"))
    assert one == mapping.batch(documents("KP-B", "KP-A"))
    assert one["code"] != mapping.batch(documents("KP-A"))["code"]
    assert (len(one["code"]), one["code"][:2], one["displayName"]) == (10, "KP", "Koppelpoort DEFAULT")
    assert mapping.is_ours(one)


def test_a_long_journal_fits_in_the_name() -> None:
    assert len(mapping.batch(documents("KP-A", journal="J" * 80))["displayName"]) <= 50


@pytest.mark.parametrize(
    ("code", "name", "ours"),
    [("KPX", "Koppelpoort DEFAULT", True), ("KPMG", "Audit", False), ("DEFAULT", "Koppelpoort", False)],
)
def test_a_batch_of_ours_has_our_code_and_our_name(code: str, name: str, ours: bool) -> None:
    assert mapping.is_ours({"code": code, "displayName": name}) is ours


def test_a_batch_is_old_after_an_hour() -> None:
    now = datetime(2026, 3, 18, 12, tzinfo=UTC)
    assert mapping.is_old({"lastModifiedDateTime": "2026-03-18T10:59:59.99Z"}, now)
    assert not mapping.is_old({"lastModifiedDateTime": "2026-03-18T11:00:01Z"}, now)


def test_answers_are_put_in_the_order_of_the_requests() -> None:
    answer = {"responses": [{"id": "2", "status": 400, "body": {"error": {}}}, {"id": "1", "status": 201}]}
    assert [reply.status for reply in mapping.responses(answer, 2)] == [201, 400]
    with pytest.raises(ValueError, match="other answers"):
        mapping.responses(answer, 3)


def test_names_are_quoted_in_filters() -> None:
    assert mapping.any_of("code", ["a", "O'Neil"]) == "code eq 'a' or code eq 'O''Neil'"
    assert mapping.literal(DAY) == "2026-03-18"


# ------------------------------------------------------------------------------ what is read


def test_a_company_is_known_by_its_environment() -> None:
    company = {"id": COMPANY, "name": "CRONUS BE", "displayName": "CRONUS België"}
    told = {"currencyCode": "EUR", "taxRegistrationNumber": "BE0417497106"}
    found = mapping.dossier(ENVIRONMENT, company, told)
    assert (found.code, found.name, found.number) == (f"Production.{COMPANY}", "CRONUS België", "CRONUS BE")
    assert (found.country, found.currency, found.vat_number) == ("BE", "EUR", "BE0417497106")
    assert found.status is base.DossierStatus.ACTIVE
    trial = mapping.dossier(ENVIRONMENT | {"name": "Test", "type": "Sandbox"}, company, told)
    assert trial.number == "CRONUS BE (Test)"


def test_a_company_without_rights_is_blocked() -> None:
    found = mapping.dossier(ENVIRONMENT, {"id": COMPANY, "name": "X", "displayName": ""}, None)
    assert (found.name, found.status, found.blocking) == ("X", base.DossierStatus.BLOCKED, "other")


@pytest.mark.parametrize(
    ("category", "part", "kind"),
    [
        ("Assets", "Cash", "bank"), ("Assets", "Accounts Receivable", "receivable"), ("Assets", "", "general"),
        ("Liabilities", "Accounts Payable", "payable"), ("Liabilities", "VAT", "vat"), ("Income", "", "revenue"),
        ("Expense", "Rent", "costs"), ("Cost of Goods Sold", "", "costs"), ("Equity", "", "general"),
        (" ", None, "general"),
    ],
)  # fmt: skip
def test_ledger_accounts_are_told_apart_by_category(category: str, part: str | None, kind: str) -> None:
    row = {"id": "i", "number": "1", "displayName": "N", "category": category, "subCategory": part, "blocked": False}
    assert mapping.ledger_accounts([row]) == [base.LedgerAccount("1", "N", "i", kind)]


def test_only_accounts_that_take_entries_are_offered() -> None:
    row = {"id": "i", "number": "1", "displayName": "N", "blocked": False, "directPosting": True}
    rows = [row | {"accountType": kind} for kind in ("Posting", "Heading", "Total", "Begin-Total")]
    assert len(mapping.ledger_accounts(rows)) == 1
    (indirect,) = mapping.ledger_accounts([row | {"directPosting": False}])
    assert indirect.blocked


def test_periods_end_where_the_next_begins() -> None:
    rows = [
        {"startingDate": "2026-02-01", "newFiscalYear": False, "closed": False},
        {"startingDate": "2025-12-01", "newFiscalYear": True, "closed": True},
        {"startingDate": "2026-01-01", "newFiscalYear": False, "closed": False},
    ]
    journals = [base.Journal("DEFAULT", "", base.JournalType.GENERAL, "1")]
    found = [(one.year, one.number, one.starts_on, one.ends_on, one.is_open("DEFAULT"))
             for one in mapping.periods(rows, journals)]  # fmt: skip
    assert found == [
        (2025, 1, date(2025, 12, 1), date(2025, 12, 31), False),
        (2025, 2, date(2026, 1, 1), date(2026, 1, 31), True),
        (2025, 3, date(2026, 2, 1), date(2026, 2, 28), True),
    ]
    assert mapping.periods([], journals) == []


@pytest.mark.parametrize(
    ("name", "percentage"),
    [("VAT 21 %", "0.21"), ("BTW 5,5%", "0.055"), ("Hoog", "0"), ("9 % laag", "0.09")],
)
def test_percentages_are_read_from_names(name: str, percentage: str) -> None:
    assert mapping.vat_code({"code": "G3", "displayName": name}).percentage == Decimal(percentage)


def ledger_row(number: int, debit: Any, credit: Any, document: str = "KP-A") -> dict[str, Any]:
    return {
        "entryNumber": number, "postingDate": "2026-03-18", "documentNumber": document, "accountNumber": "550000",
        "description": "d", "debitAmount": debit, "creditAmount": credit,
    }  # fmt: skip


def test_the_ledger_is_gathered_by_document() -> None:
    rows = [ledger_row(3, 0, Decimal("2.5")), ledger_row(1, 7, 0, "KP-B"), ledger_row(2, Decimal("2.5"), 0)]
    found = {one.id: one for one in mapping.entries(rows, "DEFAULT", "EUR")}
    assert set(found) == {"KP-A", "KP-B"}
    assert [line.amount for line in found["KP-A"].lines] == [Decimal("2.5"), Decimal("-2.5")]
    assert (found["KP-A"].total_debit, found["KP-A"].line_count, found["KP-A"].currency) == (Decimal("2.5"), 2, "EUR")


@pytest.mark.parametrize("wrong", [{"debitAmount": "1"}, {"postingDate": None}, {"entryNumber": "x"}])
def test_a_row_that_is_not_as_agreed_is_not_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(UNREADABLE):
        mapping.entries([ledger_row(1, 1, 0) | wrong], "DEFAULT", "EUR")


# ------------------------------------------------------------------------------ refusals


def refusal(status: int, code: str = "", words: str = "", headers: Mapping[str, str] = NO_HEADERS) -> ConnectorError:
    body = json.dumps({"error": {"code": code, "message": words}}).encode()
    failed = mapping.failure(Reply(status, headers, body))
    assert failed is not None
    return failed


@pytest.mark.parametrize(
    ("status", "told", "words", "kind", "code"),
    [
        (401, "Authentication_InvalidCredentials", "rejected", AuthorisationExpired, "authorisation_expired"),
        (400, "Internal_EntityWithSameKeyExists", "The record already exists.", Rejected, "duplicate"),
        (400, "Application_DialogException", "Posting Date is not within your range of allowed posting dates", Rejected,
         "period_closed"),
        (400, "Application_DialogException", "Document No. X is out of balance by 1", Rejected, "unbalanced"),
        (400, "Internal_InvalidTableRelation", "a value (9) that cannot be found in the related table (G/L Account).",
         Rejected, "account_unknown"),
        (400, "Application_DialogException", "Blocked must be equal to 'No'", Rejected, "account_blocked"),
        (400, "Application_DialogException", "Direct Posting must be equal to 'Yes'", Rejected, "account_indirect"),
        (400, "Application_DialogException", "Select a Dimension Value Code", Rejected, "dimension_missing"),
        (400, "Application_DialogException", "Gen. Posting Type must not be empty", Rejected, "vat_code"),
        (400, "Application_DialogException", "Something else", Rejected, "refused"),
        (403, "Authorization_RequestDenied", "no", Rejected, "user_rights"),
        (404, "BadRequest_ResourceNotFound", "no", Rejected, "not_found"),
        (409, "Request_EntityChanged", "changed", Rejected, "changed"),
        (408, "RequestTimeout", "", Temporary, "server_error"),
        (500, "Internal_ServerError", "", Temporary, "server_error"),
        (504, "", "", Temporary, "server_error"),
        (302, "", "", UnexpectedReply, "unreadable"),
    ],
)  # fmt: skip
def test_refusals_are_told_apart(status: int, told: str, words: str, kind: type[ConnectorError], code: str) -> None:
    failed = refusal(status, told, words)
    assert isinstance(failed, kind)
    assert failed.code == f"business_central.{code}"
    assert failed.code in EXPLANATIONS


@pytest.mark.parametrize(("told", "seconds"), [("12", 12), ("0", 1), ("999999", 3600), ("soon", 60), (None, 60)])
def test_a_wait_is_bounded(told: str | None, seconds: float) -> None:
    failed = refusal(429, headers={} if told is None else {"Retry-After": told})
    assert isinstance(failed, Temporary)
    assert (failed.retry_after, failed.sent) == (seconds, False)


def test_an_answer_without_words_is_still_told_apart() -> None:
    failed = mapping.failure(Reply(400, NO_HEADERS, b"<html>"))
    assert failed is not None
    assert failed.code == "business_central.refused"


# ------------------------------------------------------------------------------ the manifest


def test_a_lost_answer_has_settled_after_queue_and_run() -> None:
    assert MANIFEST.limits.settle_seconds >= 16 * 60
    assert (MANIFEST.limits.at_once, MANIFEST.limits.per_minute, MANIFEST.limits.window_seconds) == (5, 6000, 300)


def test_people_log_in_at_microsoft() -> None:
    oauth = MANIFEST.oauth
    assert oauth is not None
    assert oauth.authorise_hosts == oauth.token_hosts == {"online": "https://login.microsoftonline.com"}
    assert oauth.token_params["scope"].split() == [
        "https://api.businesscentral.dynamics.com/.default",
        "offline_access",
    ]
