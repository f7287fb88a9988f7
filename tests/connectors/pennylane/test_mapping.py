"""Pennylane's JSON read and written, without a server."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors import base
from portal.connectors.calls import UNREADABLE
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.connectors.login import FieldKind
from portal.connectors.pennylane import EXPLANATIONS, MANIFEST, mapping
from portal.kernel.http import NO_HEADERS, Reply

DAY = date(2026, 3, 18)
ACCOUNTS = {
    "512000": base.LedgerAccount("512000", "Banque", "11", "bank"),
    "471000": base.LedgerAccount("471000", "Attente", "12", "general"),
}


def entry(*amounts: str, line_day: date = DAY) -> base.OutgoingEntry:
    lines = [
        base.OutgoingLine(line_day, account, sign * Decimal(amount), "Facture 17")
        for amount in amounts
        for account, sign in (("512000", 1), ("471000", -1))
    ]
    return base.OutgoingEntry(base.EntryKind.GENERAL, "KP-ABC2", "BQ", DAY, "EUR", "512000", None, None, tuple(lines))


def rendered(outgoing: base.OutgoingEntry) -> Any:
    return json.loads(mapping.render(outgoing, ACCOUNTS))


# ------------------------------------------------------------------------------ what is sent


def test_an_entry_is_written_as_pennylane_wants_it() -> None:
    body = json.loads(mapping.addressed(mapping.render(entry("12.5"), ACCOUNTS), "77", firm=False))
    assert body == {
        "date": "2026-03-18",
        "label": "KP-ABC2",
        "currency": "EUR",
        "piece_number": "KP-ABC2",
        "journal_id": 77,
        "ledger_entry_lines": [
            {"debit": "12.50", "credit": "0.00", "ledger_account_id": 11, "label": "Facture 17"},
            {"debit": "0.00", "credit": "12.50", "ledger_account_id": 12, "label": "Facture 17"},
        ],
    }


def test_a_firm_sends_no_piece_number() -> None:
    body = json.loads(mapping.addressed(mapping.render(entry("1"), ACCOUNTS), "77", firm=True))
    assert "piece_number" not in body
    assert body["label"] == "KP-ABC2"


@pytest.mark.parametrize(
    ("value", "written"),
    [("0", "0.00"), ("1.1", "1.10"), ("1.1000", "1.10"), ("999999999.99", "999999999.99"), ("0.125", "0.125")],
)
def test_amounts_are_written_digit_by_digit(value: str, written: str) -> None:
    assert mapping.amount(Decimal(value)) == written


def test_a_line_of_another_day_says_so() -> None:
    assert rendered(entry("1"))["ledger_entry_lines"][0]["label"] == "Facture 17"
    other = rendered(entry("1", line_day=date(2026, 3, 5)))
    assert other["ledger_entry_lines"][0]["label"] == "05/03 Facture 17"


def test_an_entry_may_have_a_thousand_lines() -> None:
    assert len(rendered(entry(*["1"] * 500))["ledger_entry_lines"]) == 1000
    with pytest.raises(Rejected) as refused:
        mapping.render(entry(*["1"] * 501), ACCOUNTS)
    assert refused.value.code == "pennylane.too_many_lines"


# ------------------------------------------------------------------------------ what is read


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("512000", "bank"), ("530000", "cash"), ("411000", "receivable"), ("401000", "payable"), ("445660", "vat"),
        ("607000", "costs"), ("707000", "revenue"), ("471000", "general"), ("513000", "general"),
    ],
)  # fmt: skip
def test_ledger_accounts_are_told_apart_by_number(number: str, kind: str) -> None:
    row = {"id": 5, "number": number, "label": "Nom", "enabled": True}
    assert mapping.ledger_account(row) == base.LedgerAccount(number, "Nom", "5", kind)


def test_an_account_out_of_use_is_blocked() -> None:
    assert mapping.ledger_account({"id": 5, "number": "1", "label": "", "enabled": False}).blocked


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("sales", base.JournalType.SALES), ("purchases", base.JournalType.PURCHASE), ("bank", base.JournalType.BANK),
        ("cash", base.JournalType.CASH), ("miscellaneous", base.JournalType.GENERAL),
        ("payroll", base.JournalType.OTHER), ("", base.JournalType.OTHER),
    ],
)  # fmt: skip
def test_journals_are_told_apart_by_type(told: str, kind: base.JournalType) -> None:
    row = {"id": 7, "code": "VE", "label": "Ventes", "type": told}
    assert mapping.journal(row) == base.Journal("VE", "Ventes", kind, "7")


def test_vat_rates_are_those_that_accounts_name() -> None:
    rates = ["FR_200", "FR_55", "FR_21", "FR_1_75", "exempt", "any", "mixed", "FR_200", None]
    found = {one.code: one.percentage for one in mapping.vat_codes([{"vat_rate": rate} for rate in rates])}
    assert found == {
        "FR_200": Decimal("0.2"), "FR_55": Decimal("0.055"), "FR_21": Decimal("0.021"), "FR_1_75": Decimal("0.0175"),
        "exempt": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "is_open"), [("open", True), ("reopen", True), ("closed", False), ("frozen", False)]
)
def test_a_year_is_open_or_closed_for_all_journals(status: str, is_open: bool) -> None:
    journals = [base.Journal("BQ", "Banque", base.JournalType.BANK, "1")]
    (year,) = mapping.periods([{"start": "2025-07-01", "finish": "2026-06-30", "status": status}], journals)
    assert (year.year, year.number, year.is_open("BQ")) == (2025, 1, is_open)


def test_a_german_company_is_german() -> None:
    me = {"user": None, "company": {"id": 3, "name": "Kaffee", "reg_no": "HRB 1", "accounting_logic": "DE_SKR03"}}
    assert mapping.own_dossier(me).country == "DE"
    assert mapping.identity_of_company(me).user_id == "company-3"


@pytest.mark.parametrize(
    ("label", "piece", "ours"),
    [
        ("KP-ABC2", None, True), ("KP-ABC2 relevé de mars", "X1", True), ("Relevé", "KP-ABC2", True),
        ("relevé KP-ABC2", "X1", False), ("KP-ABC23", None, False), (None, None, False),
    ],
)  # fmt: skip
def test_an_entry_is_ours_by_label_or_piece_number(label: str | None, piece: str | None, ours: bool) -> None:
    assert mapping.carries({"label": label, "piece_number": piece}, "KP-ABC2") is ours


@pytest.mark.parametrize(
    ("label", "piece", "found"),
    [
        ("KP-ABC2", "GEN1", "KP-ABC2"),
        ("Virement", "KP-ABC2", "KP-ABC2"),
        ("Virement", "FAC-19", "FAC-19"),
        (None, None, ""),
    ],
)
def test_the_reference_is_what_looks_like_one(label: str | None, piece: str | None, found: str) -> None:
    assert mapping.reference({"label": label, "piece_number": piece}) == found


def test_lines_are_read_in_the_order_they_were_sent() -> None:
    head = {"id": 9, "label": "KP-ABC2", "piece_number": None, "date": "2026-03-18"}
    lines = [
        {"id": 2, "debit": "0.00", "credit": "12.50", "label": "b", "ledger_account": {"number": "471000"}},
        {"id": 1, "debit": "12.50", "credit": "", "label": "a", "ledger_account": {"number": "512000"}},
    ]
    found = mapping.entry(head, lines, "BQ")
    assert (found.number, found.total_debit, found.line_count) == ("9", Decimal("12.50"), 2)
    assert [(line.ledger_account, line.amount) for line in found.lines] == [
        ("512000", Decimal("12.50")),
        ("471000", Decimal("-12.50")),
    ]


@pytest.mark.parametrize("wrong", [{"debit": 12.5}, {"ledger_account": None}, {"id": "x"}, {"debit": "twelve"}])
def test_a_line_that_is_not_as_agreed_is_not_read(wrong: dict[str, Any]) -> None:
    head = {"id": 9, "label": "KP-ABC2", "piece_number": None, "date": "2026-03-18"}
    line = {"id": 1, "debit": "1.00", "credit": "0.00", "label": "", "ledger_account": {"number": "1"}}
    with pytest.raises(UNREADABLE):
        mapping.entry(head, [line | wrong], "BQ")


# ------------------------------------------------------------------------------ refusals


def refusal(status: int, body: Any = None, headers: Any = NO_HEADERS) -> ConnectorError:
    failed = mapping.failure(Reply(status, headers, b"" if body is None else json.dumps(body).encode()))
    assert failed is not None
    return failed


@pytest.mark.parametrize(
    ("status", "words", "kind", "code"),
    [
        (401, "The access token is invalid", AuthorisationExpired, "authorisation_expired"),
        (403, 'Access to this resource requires scope "ledger".', Rejected, "scope_missing"),
        (403, "Access to this resource forbidden", Rejected, "user_rights"),
        (404, "Not Found", Rejected, "not_found"),
        (422, "Entry lines are not balanced", Rejected, "unbalanced"),
        (422, "The fiscal year is closed", Rejected, "period_closed"),
        (422, "L'exercice est clôturé", Rejected, "period_closed"),
        (422, "No fiscal year for this date", Rejected, "fiscal_year_unknown"),
        (422, "Ledger account not found", Rejected, "account_unknown"),
        (404, "Journal not found", Rejected, "journal_unknown"),
        (422, "Something else", Rejected, "refused"),
        (500, "Oops", Temporary, "server_error"),
        (503, "", Temporary, "server_error"),
        (302, "", UnexpectedReply, "unreadable"),
    ],
)
def test_refusals_are_told_apart(status: int, words: str, kind: type[ConnectorError], code: str) -> None:
    failed = refusal(status, {"error": words, "status": status})
    assert isinstance(failed, kind)
    assert failed.code == f"pennylane.{code}"
    assert failed.code in EXPLANATIONS
    if status >= 400:
        assert failed.provider_text == words


def test_words_may_come_as_a_message() -> None:
    told = {"message": "date is wrong", "code": "InvalidDateFormat", "field": "date"}
    assert refusal(400, told).provider_text == "date is wrong"
    assert refusal(400).code == "pennylane.refused"


@pytest.mark.parametrize(("told", "seconds"), [("3", 3), ("0", 1), ("99999999", 3600), ("soon", 5), (None, 5)])
def test_a_wait_is_bounded(told: str | None, seconds: float) -> None:
    failed = refusal(429, {"error": "Retry"}, {} if told is None else {"retry-after": told})
    assert isinstance(failed, Temporary)
    assert (failed.retry_after, failed.sent) == (seconds, False)


def test_what_may_have_been_booked_is_uncertain() -> None:
    failed = refusal(502)
    assert isinstance(failed, Temporary)
    assert failed.sent


def test_a_success_is_no_refusal() -> None:
    assert mapping.failure(Reply(201, NO_HEADERS, b"{}")) is None


# ------------------------------------------------------------------------------ the manifest


def test_the_limits_keep_to_both_interfaces() -> None:
    """5 a second for a firm, 25 in five seconds for a company."""
    limits = MANIFEST.limits
    assert limits.shared
    assert limits.per_minute is not None
    assert limits.per_minute / limits.window_seconds <= 5
    assert limits.per_minute <= 25


def test_the_form_asks_for_a_secret() -> None:
    assert {one.key: one.kind for one in MANIFEST.form} == {
        "interface": FieldKind.CHOICE,
        "token": FieldKind.SECRET,
    }
