"""The pure mapping, on samples in the words of MyUnisoft's descriptions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors import ledgers
from portal.connectors.base import EntryKind, JournalType, LedgerAccount, OutgoingEntry, OutgoingLine
from portal.connectors.calls import decode
from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.connectors.myunisoft import mapping
from portal.kernel.http import Reply

DAY = date(2026, 3, 31)
ACCOUNTS = {
    "512000": LedgerAccount("512000", "BANQUE", "1021", "bank"),
    "471000": LedgerAccount("471000", "ATTENTE", "1190", "general"),
}
ENTRY = OutgoingEntry(
    EntryKind.GENERAL, "KP-ABCDEFGH234567AB", "15", DAY, "EUR", "512000", None, None,
    (OutgoingLine(DAY, "512000", Decimal("12.50"), "Loyer"), OutgoingLine(DAY, "471000", Decimal("-12.50"), "Loyer")),
)  # fmt: skip


def reply(status: int, code: str = "", headers: dict[str, str] | None = None) -> Reply:
    body = json.dumps({"error": {"code": code, "message": "Texte", "details": ""}}).encode() if code else b""
    return Reply(status, headers or {}, body)


def test_an_entry_is_rendered_line_by_line() -> None:
    body = json.loads(mapping.completed(decode(mapping.render(ENTRY, ACCOUNTS)), "30210", {"15": "32173"}))
    lines = body.pop("entry_list")
    assert body == {
        "etablissement_id": 30210, "diary_id": 32173, "date_piece": "2026-03-31",
        "entry_origin_partner_id": "KP-ABCDEFGH234567AB",
    }  # fmt: skip
    common = {"label": "Loyer", "deadline": "2026-03-31", "piece": "KP0ABCDEFGH234567AB"}
    assert lines == [
        {"account_id": 1021, "debit": 12.5, "credit": 0, **common},
        {"account_id": 1190, "debit": 0, "credit": 12.5, **common},
    ]


@pytest.mark.parametrize(
    ("description", "on", "label"),
    [
        ("x" * 60, DAY, "x" * 50),
        ("  ", DAY, "KP-ABCDEFGH234567AB"),
        ("Loyer", date(2026, 3, 7), "07/03 Loyer"),
        ("", date(2026, 3, 7), "07/03"),
    ],
)
def test_a_label_is_never_empty_nor_long_and_tells_another_day(description: str, on: date, label: str) -> None:
    assert ledgers.described(OutgoingLine(on, "512000", Decimal(1), description), ENTRY, mapping.LABEL_LENGTH) == label


def test_a_line_that_is_due_later_says_so() -> None:
    line = replace(ENTRY.lines[0], date=date(2026, 4, 30))
    body = json.loads(mapping.render(replace(ENTRY, lines=(line,)), ACCOUNTS))
    assert body["entry_list"][0]["deadline"] == "2026-04-30"


@pytest.mark.parametrize("reference", ["KP-ABCDEFGH234567AB", "KP-CONF-ABCDEFGH", "KP-T2"])
def test_our_reference_survives_where_only_letters_and_digits_may_stand(reference: str) -> None:
    assert mapping.piece(reference).isalnum()
    assert mapping.reference_of(mapping.piece(reference)) == reference


@pytest.mark.parametrize("written", [None, "", "5043", "KP", "KPABC", "kp0abc", "KP0A8"])
def test_the_piece_of_another_is_not_ours(written: str | None) -> None:
    assert mapping.reference_of(written) == ""


@pytest.mark.parametrize(
    ("accounts", "currency", "code"),
    [
        ({}, "EUR", "account_unknown"),
        (ACCOUNTS | {"471000": LedgerAccount("471000", "", "x1", "general")}, "EUR", "account_unknown"),
        (ACCOUNTS, "CHF", "currency"),
    ],
)
def test_what_cannot_be_booked_is_not_rendered(accounts: Any, currency: str, code: str) -> None:
    with pytest.raises(Rejected, match=code):
        mapping.render(replace(ENTRY, currency=currency), accounts)


def test_a_society_alone_reads_as_a_list_of_one() -> None:
    sample = {"society_id": 2123, "name": "DOSSIER", "siret": "50112156000013", "country": "FRANCE",
              "folder_reference": None}  # fmt: skip
    (found,) = mapping.societies(sample)
    assert (found.code, found.number, found.enterprise_number, found.siret) == (
        "2123", "2123", "501121560", "50112156000013",
    )  # fmt: skip
    (short,) = mapping.societies({"society_array": [sample | {"siret": "838006955"}]})
    assert (short.enterprise_number, short.siret, short.country) == ("838006955", "", "FR")


@pytest.mark.parametrize(
    ("number", "kind"),
    [("512000", "bank"), ("530000", "cash"), ("401LEROY", "payable"), ("411CG", "receivable"), ("445660", "vat"),
     ("471000", "general"), ("580000", "general"), ("607000", "costs"), ("706000", "revenue"), ("164000", "other")],
)  # fmt: skip
def test_the_first_digits_tell_the_kind(number: str, kind: str) -> None:
    row = {"account_id": 7, "account_number": number, "label": "X", "blocked": False}
    assert mapping.ledger_account(row).kind == kind


def test_a_journal_may_have_no_account() -> None:
    row = {"code": "01", "name": "JOURNAL D'ACHATS", "account": None, "blocked": True, "diary_id": 188,
           "diary_type_code": "ACH"}  # fmt: skip
    found = mapping.journal(row)
    assert (found.type, found.ledger_account, found.blocked, found.id) == (JournalType.PURCHASE, "", True, "188")
    assert mapping.journal(row | {"diary_type_code": "NDF"}).type is JournalType.OTHER


def test_a_rate_is_a_fraction() -> None:
    row = decode(b'{"code":"02","vat":{"id":1,"rate":5.5},"vat_type":{"label":"Bien et service"},"blocked":false}')
    assert (mapping.vat_code(row).percentage, mapping.vat_code(row).name) == (
        Decimal("0.055"), "Bien et service 5.5 %",
    )  # fmt: skip


def test_years_that_begin_in_one_calendar_year_are_told_apart() -> None:
    rows = [
        {"start_date": "20231001", "end_date": "20240930", "closed": False},
        {"start_date": "20230101", "end_date": "20230930", "closed": True},
    ]
    first, second = mapping.periods(rows, ["15", "20"])
    assert (first.year, first.number, second.year, second.number) == (2023, 1, 2023, 2)
    assert (first.is_open("15"), second.is_open("15")) == (False, True)


@pytest.mark.parametrize("document", [None, {}, [], {"id_entry": None}])
def test_no_origin_is_none(document: Any) -> None:
    assert mapping.origin(document) == ("", False)


def test_an_origin_tells_where_it_is() -> None:
    assert mapping.origin({"id_entry": 7, "type": "ENTRIES_TEMP"}) == ("7", True)
    assert mapping.origin([{"id_entry": 7, "type": "ENTRIES"}]) == ("7", False)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (400, "ECR14", "unbalanced"), (400, "ECR9", "period_closed"), (400, "ECR10", "fiscal_year_unknown"),
        (400, "BLOCAGE_PERIODIQUE23", "period_closed"), (400, "COMPTE2", "account_unknown"),
        (400, "COMPTE32", "account_blocked"), (400, "ECR36", "journal_type"), (400, "SOCIETE12", "dossier_inactive"),
        (403, "ERR-FORBIDDEN-ROUTE", "routes_missing"), (401, "ERR-INVALID-SECRET", "application_refused"),
        (403, "ERR-NEW", "user_rights"), (404, "ERR-HTTP", "not_found"), (400, "ECR99", "refused"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_by_its_code(status: int, code: str, told: str) -> None:
    error = mapping.failure(reply(status, code))
    assert isinstance(error, Rejected)
    assert (error.code, error.provider_text) == (f"myunisoft.{told}", f"{code} Texte")


@pytest.mark.parametrize("code", ["ERR-API-TOKEN-NOT-FOUND", "ERR-INVALID-API-JWT", "ERR-INVALID-JWT", ""])
def test_a_key_that_ended_is_told(code: str) -> None:
    assert isinstance(mapping.failure(reply(401, code)), AuthorisationExpired)


@pytest.mark.parametrize(
    ("status", "code"), [(500, "ERR-INTERNAL"), (400, "ECR12"), (400, "ECR11"), (502, ""), (503, "X")]
)
def test_a_fault_of_theirs_leaves_it_open(status: int, code: str) -> None:
    error = mapping.failure(reply(status, code))
    assert isinstance(error, Temporary)
    assert error.sent


def test_words_without_an_error_are_unexpected() -> None:
    assert isinstance(mapping.failure(Reply(400, {}, b"<html>")), UnexpectedReply)
    assert mapping.failure(reply(204)) is None


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("1774958404", 4.0), ("1774958404000", 4.0), ("1774958300", 1.0), ("1774959999", 10.0), ("soon", 10.0)],
)
def test_the_wait_is_never_longer_than_a_window(reset: str, seconds: float) -> None:
    headers = {"Date": "Tue, 31 Mar 2026 12:00:00 GMT", "X-Rate-Limit-Reset": reset}
    error = mapping.failure(reply(429, "ERR-TOO-MANY-REQUEST", headers))
    assert isinstance(error, Temporary)
    assert (error.retry_after, error.sent) == (seconds, False)
