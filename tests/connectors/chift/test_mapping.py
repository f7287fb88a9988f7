"""The pure mapping, on samples in the shape of Chift's description."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from portal.connectors.base import DossierStatus, EntryKind, JournalType, LedgerAccount, OutgoingEntry, OutgoingLine
from portal.connectors.calls import decode
from portal.connectors.chift import mapping
from portal.connectors.errors import AlreadyPosted, AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.kernel.http import Reply

DAY = date(2026, 3, 31)
ACCOUNTS = {code: LedgerAccount(code, "", code, "general") for code in ("512000", "471000")}
ENTRY = OutgoingEntry(
    EntryKind.GENERAL, "KP-ABCDEFGH234567AB", "BQ", DAY, "EUR", "512000", None, None,
    (OutgoingLine(DAY, "512000", Decimal("12.50"), "Loyer"), OutgoingLine(DAY, "471000", Decimal("-12.50"), "Loyer")),
)  # fmt: skip
failure = partial(mapping.failure, "acd")


def test_an_entry_is_rendered_line_by_line() -> None:
    body = json.loads(mapping.completed("acd", decode(mapping.render("acd", ENTRY, ACCOUNTS)), {"BQ": "j-1"}))
    common = {"account_type": "general_account", "description": "Loyer"}
    assert body.pop("items") == [
        {"account": "512000", "debit": 12.5, "credit": 0, **common},
        {"account": "471000", "debit": 0, "credit": 12.5, **common},
    ]
    assert body == {
        "journal_id": "j-1", "number": "ABCDEFGH234567AB", "reference": "KP-ABCDEFGH234567AB", "currency": "EUR",
        "date": "2026-03-31", "posted": True,
    }  # fmt: skip


def test_a_line_of_another_day_says_its_own() -> None:
    line = replace(ENTRY.lines[0], date=date(2026, 3, 7))
    body = json.loads(mapping.render("acd", replace(ENTRY, lines=(line, ENTRY.lines[1])), ACCOUNTS))
    assert [item["description"] for item in body["items"]] == ["07/03 Loyer", "Loyer"]


def test_what_the_dossier_lacks_is_told_before_sending() -> None:
    with pytest.raises(Rejected, match=r"acd\.account_unknown"):
        mapping.render("acd", ENTRY, {})
    with pytest.raises(Rejected, match=r"acd\.journal_unknown"):
        mapping.completed("acd", decode(mapping.render("acd", ENTRY, ACCOUNTS)), {})


@pytest.mark.parametrize("reference", ["KP-ABCDEFGH234567AB", "KP-CONF-ABCDEFGH", "KP-T2"])
def test_a_number_is_short_and_has_letters_and_digits_only(reference: str) -> None:
    assert 0 < len(mapping.number(reference)) <= 16
    assert mapping.number(reference).isalnum()


ROW: dict[str, Any] = {
    "id": "e-1", "journal_id": "j-1", "date": "2026-03-31", "name": "ABCDEFGH234567AB", "reference": None,
    "items": [
        {"account_number": "512000", "description": "Loyer", "debit": 12.5, "credit": 0, "currency": "EUR"},
        {"account_number": "471000", "description": None, "debit": 0, "credit": 12.5, "currency": "EUR"},
    ],
}  # fmt: skip


def test_an_entry_is_read_back() -> None:
    found = mapping.entry(decode(json.dumps(ROW).encode()), {"j-1": "BQ"})
    assert (found.id, found.number, found.journal, found.currency) == ("e-1", "ABCDEFGH234567AB", "BQ", "EUR")
    assert (found.total_debit, found.line_count, found.lines[1].amount) == (Decimal("12.5"), 2, Decimal("-12.5"))
    assert found.lines[1].description == ""


@pytest.mark.parametrize(
    ("told", "reference"),
    [
        ({}, "KP-ABCDEFGH234567AB"),
        ({"reference": "KP-T2", "name": "17"}, "KP-T2"),
        ({"reference": "FAC-17", "name": "17"}, ""),
        ({"name": None}, ""),
    ],
)
def test_ours_is_told_by_reference_or_number(told: Any, reference: str) -> None:
    assert mapping.entry(decode(json.dumps(ROW | told).encode()), {}).reference == reference


@pytest.mark.parametrize(
    ("told", "status"),
    [({}, DossierStatus.ACTIVE), ({"selected": False}, DossierStatus.INACTIVE),
     ({"active": None}, DossierStatus.ACTIVE), ({"active": False}, DossierStatus.INACTIVE)],
)  # fmt: skip
def test_only_what_was_selected_can_be_used(told: Any, status: DossierStatus) -> None:
    assert mapping.folder({"id": "F1", "name": "Boulangerie"} | told).status is status


def test_what_is_not_told_of_a_folder_is_french() -> None:
    found = mapping.folder({"id": "F1", "name": "Boulangerie", "addresses": None, "main_currency": None})
    assert (found.country, found.currency, found.number) == ("FR", "EUR", "F1")
    assert mapping.folder({"id": "F1", "name": "B", "addresses": [{"country": "mc"}]}).country == "MC"


@pytest.mark.parametrize(
    ("told", "account", "type_"),
    [("financial_operation", "512000", JournalType.BANK), ("financial_operation", "530000", JournalType.CASH),
     ("supplier_refund", None, JournalType.PURCHASE), ("miscellaneous_operation", None, JournalType.GENERAL),
     ("unknown", None, JournalType.OTHER)],
)  # fmt: skip
def test_a_journal_without_a_code_is_named_by_its_id(told: str, account: str | None, type_: JournalType) -> None:
    row = {"id": "j-1", "code": None, "name": "J", "journal_type": told, "counterpart_account": account, "iban": "FR 7"}
    found = mapping.journal(row)
    assert (found.code, found.type, found.iban) == ("j-1", type_, "FR7")


def test_the_package_is_found_by_its_name_where_it_is_switched_on() -> None:
    rows = [{"name": "Cegid Loop", "status": "inactive", "integrationid": 1}, {"name": "ACD", "status": "active",
            "integrationid": 2}]  # fmt: skip
    assert (mapping.integration_id(rows, "acd"), mapping.integration_id(rows, "Cegid Loop")) == (2, None)


def test_an_active_connection_comes_first() -> None:
    rows = [
        {"connectionid": "1", "integration": "Inqom", "status": "active"},
        {"connectionid": "2", "integration": "ACD", "status": "inactive"},
        {"connectionid": "3", "integration": "ACD", "status": "active"},
    ]
    assert mapping.connection(rows, "ACD") == ("3", True)
    assert mapping.connection(rows[:2], "ACD") == ("2", False)
    assert mapping.connection([], "ACD") == ("", False)


@pytest.mark.parametrize(
    ("record", "done"),
    [(None, False), ({"status_code": 422}, False), ({"status_code": 200}, True), ({"status_code": 504}, False)],
)
def test_a_record_tells_whether_it_was_done(record: Any, done: bool) -> None:
    assert mapping.succeeded(record) is done


def reply(status: int, code: str | None = None, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, json.dumps({"message": "Words", "error_code": code}).encode())


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (422, "ERROR_ENTRY_NOT_BALANCED", "unbalanced"), (400, "ERROR_BOOKYEAR_CLOSED", "period_closed"),
        (404, "ERROR_ACCOUNT_NUMBER_NOT_FOUND_2", "account_unknown"),
        (404, "ERROR_JOURNAL_NOT_FOUND", "journal_unknown"),
        (400, "ERROR_WRONG_ENTRY_TYPE", "journal_type"), (400, "ERROR_CONNECTOR_CONFIGURATION", "package_settings"),
        (404, None, "not_found"), (403, None, "user_rights"), (422, "ERROR_NEW", "refused"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_by_its_code(status: int, code: str | None, told: str) -> None:
    error = failure(reply(status, code))
    assert isinstance(error, Rejected)
    assert error.code == f"acd.{told}"
    assert error.provider_text.endswith("Words")


@pytest.mark.parametrize("code", ["ERROR_CONNECTOR_AUTHENTICATION", "ERROR_NO_ACTIVE_CONNECTION"])
def test_a_log_in_that_ended_is_told(code: str) -> None:
    assert isinstance(failure(reply(401, code)), AuthorisationExpired)


def test_our_own_token_is_nobodys_log_in() -> None:
    error = failure(reply(401, "ERROR_CHIFT_AUTHENTICATION_ERROR"))
    assert isinstance(error, Temporary)
    assert not error.sent


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "ERROR_UNKNOWN"), (422, "ERROR_INVALID_RESPONSE"), (400, "UNEXPECTED_ACD_ERROR"), (500, None), (504, "X")],
)
def test_a_fault_of_theirs_leaves_it_open(status: int, code: str | None) -> None:
    error = failure(reply(status, code))
    assert isinstance(error, Temporary)
    assert error.sent


def test_a_repetition_is_known_or_under_way() -> None:
    assert isinstance(failure(reply(409, "REQUEST_ALREADY_PROCESSED")), AlreadyPosted)
    under_way = failure(reply(409, "REQUEST_IN_PROCESS"))
    assert isinstance(under_way, Temporary)
    assert under_way.sent


def test_what_cannot_be_read_is_unexpected() -> None:
    assert isinstance(failure(Reply(400, {}, b"<html>")), UnexpectedReply)
    assert failure(Reply(204, {}, b"")) is None


@pytest.mark.parametrize(("told", "seconds"), [("7", 7.0), ("0", 1.0), ("999999", 3600.0), ("later", 60.0)])
def test_the_wait_is_bounded(told: str, seconds: float) -> None:
    error = failure(reply(429, None, {"Retry-After": told}))
    assert isinstance(error, Temporary)
    assert (error.retry_after, error.sent) == (seconds, False)
