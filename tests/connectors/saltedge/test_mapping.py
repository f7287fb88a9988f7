"""Rows and refusals of Salt Edge as they were recorded or documented, and what they become."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.connectors.feed import Attempt, FeedAccount, Institution, RefreshStatus, TransactionStatus
from portal.connectors.registry import explain
from portal.connectors.saltedge import EXPLANATIONS, mapping
from portal.connectors.statement import StatementLine

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)


def row(**changed: Any) -> mapping.Row:
    """A transaction as it arrives, through the same reader."""
    plain = {
        "id": "444444444444444444", "account_id": "333", "duplicated": False, "mode": "normal", "status": "posted",
        "made_on": "2026-03-14", "amount": -50.0, "currency_code": "EUR", "description": "Payment to Store XYZ",
        "category": "shopping", "extra": {}, "created_at": "2026-03-15T14:30:00Z", "updated_at": "2026-03-15T14:30:00Z",
    }  # fmt: skip
    return mapping.decode(json.dumps(plain | changed).encode())


def line(**changed: Any) -> StatementLine:
    return mapping.transaction(row(**changed)).line


def test_a_whole_transaction() -> None:
    found = mapping.transaction(
        row(
            amount=1250.55, description="Factuur  2026/14\n+++090/9337/55493+++",
            extra={
                "payer": "Bakkerij De Smet", "payee": "Wij", "account_number": "BE71 0961 2345 6769",
                "posting_date": "2026-03-16", "end_to_end_id": "E2E-7", "id": "B99", "payer_information": "Gent",
                "additional": "Factuur 2026/14", "account_balance_snapshot": 1.5, "possible_duplicate": False,
            },
        )
    )  # fmt: skip
    assert (found.id, found.status) == ("444444444444444444", TransactionStatus.BOOKED)
    assert found.line == StatementLine(
        date=date(2026, 3, 16), value_date=None, amount=Decimal("1250.55"),
        description="Factuur 2026/14 +++090/9337/55493+++ Gent", counterparty="Bakkerij De Smet",
        counterparty_account="BE71096123456769", reference="090933755493", end_to_end_id="E2E-7", bank_reference="B99",
    )  # fmt: skip


def test_a_bare_transaction() -> None:
    assert line() == StatementLine(date(2026, 3, 14), None, Decimal("-50.0"), "Payment to Store XYZ")


@pytest.mark.parametrize(
    ("amount", "read"),
    [
        (-0.1, "-0.1"), (1e3, "1000"), (12, "12"), (0.30000000000000004, "0.3"), (99999999.99, "99999999.99"),
        (-0.07, "-0.07"), (1.23456, "1.23456"),
    ],
)  # fmt: skip
def test_amounts_keep_their_digits(amount: float, read: str) -> None:
    found = line(amount=amount).amount
    assert isinstance(found, Decimal)
    assert found == Decimal(read)


@pytest.mark.parametrize("amount", [None, "12.50", True, [1], 1.2345678])
def test_what_is_no_amount_is_not_guessed(amount: object) -> None:
    with pytest.raises(mapping.UNREADABLE):
        line(amount=amount)


@pytest.mark.parametrize("made_on", ["2026-03-14", "2026-03-14T00:00:00Z", "2026-03-14T23:30:00+02:00"])
def test_a_day_is_not_moved_by_a_zone(made_on: str) -> None:
    assert line(made_on=made_on).date == date(2026, 3, 14)


def test_who_the_other_party_is_depends_on_the_sign() -> None:
    extra = {"payer": "Anna", "payee": "Bert", "payer_information": "from Anna", "payee_information": "to Bert"}
    assert (line(amount=5, extra=extra).counterparty, line(amount=-5, extra=extra).counterparty) == ("Anna", "Bert")
    assert line(amount=5, extra=extra).description.endswith("from Anna")
    assert line(amount=5, extra={"payee": "Bert"}).counterparty == "Bert"


def test_our_own_account_is_not_the_other_party() -> None:
    told = row(extra={"account_number": "NL91 ABNA 0417 1643 00"})
    assert mapping.transaction(told, "NL91ABNA0417164300").line.counterparty_account == ""
    assert mapping.transaction(told, "BE1").line.counterparty_account == "NL91ABNA0417164300"


@pytest.mark.parametrize(("told", "read"), [("NOTPROVIDED", ""), ("NotProvided", ""), (None, ""), ("A1", "A1")])
def test_a_missing_end_to_end_id_is_none(told: str | None, read: str) -> None:
    assert line(extra={"end_to_end_id": told}).end_to_end_id == read


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, TransactionStatus.BOOKED),
        ({"status": "pending"}, TransactionStatus.PENDING),
        ({"status": "something new"}, TransactionStatus.PENDING),
        ({"duplicated": True}, TransactionStatus.DUPLICATE),
        ({"duplicated": True, "status": "pending"}, TransactionStatus.DUPLICATE),
        ({"extra": {"possible_duplicate": True}}, TransactionStatus.BOOKED),
    ],
)
def test_only_what_is_posted_is_booked(changed: dict[str, Any], status: TransactionStatus) -> None:
    assert mapping.transaction(row(**changed)).status is status


ACCOUNT = {
    "id": 333333333333333333, "connection_id": "111", "name": "BE71 0961 2345 6769", "nature": "account",
    "balance": Decimal("2007.2"), "currency_code": "eur", "updated_at": "2026-03-18T06:00:00Z",
    "extra": {"iban": "BE71 0961 2345 6769", "account_name": "Zichtrekening", "client_name": "Jan Peeters"},
}  # fmt: skip
CONNECTION = {
    "id": "111", "customer_id": 222, "customer_identifier": "client-1", "provider_code": "kbc_be",
    "provider_name": "KBC", "status": "active", "last_consent_id": "9", "last_success_at": "2026-03-18T06:00:00Z",
    "next_refresh_possible_at": "2026-03-18T07:00:00Z",
    "last_attempt": {"id": "55", "finished": True, "success_at": "2026-03-18T06:00:00Z", "fail_error_class": None},
}  # fmt: skip


def test_an_account() -> None:
    ends = datetime(2026, 9, 1, tzinfo=UTC)
    assert mapping.account(ACCOUNT, CONNECTION, ends) == FeedAccount(
        id="333333333333333333", number="BE71096123456769", currency="EUR", name="Zichtrekening",
        holder="Jan Peeters", kind="checking", institution="kbc_be", balance=Decimal("2007.2"),
        balance_at=datetime(2026, 3, 18, 6, tzinfo=UTC), consent_ends_at=ends, available=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "number"),
    [
        ({"iban": "BE71 0961", "account_number": "1"}, "BE710961"),
        ({"account_number": "123 456"}, "123456"),
        ({}, "BE71096123456769"),
        (None, "BE71096123456769"),
    ],
)
def test_the_number_of_an_account(extra: dict[str, str] | None, number: str) -> None:
    assert mapping.account(ACCOUNT | {"extra": extra}, CONNECTION, None).number == number


def test_an_account_without_a_balance_has_none() -> None:
    assert mapping.account(ACCOUNT | {"balance": None}, CONNECTION | {"status": "inactive"}, None).balance is None


def test_a_bank() -> None:
    told = {"code": "kbc_be", "name": "KBC", "country_code": "be", "bic_codes": ["KREDBEBB"], "max_consent_days": None}
    assert mapping.institution(told) == Institution("kbc_be", "KBC", "BE", "KREDBEBB")
    assert mapping.institution(told | {"max_consent_days": Decimal(180)}).max_consent_days == 180
    assert mapping.institution(told | {"country_code": "XF"}).sandbox


CONSENT = {"id": "9", "created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-06-30T00:00:00Z", "revoked_at": None}


@pytest.mark.parametrize(
    ("consent", "connection", "ended"),
    [
        ({}, {}, ""),
        ({"revoked_at": "2026-02-01T00:00:00Z", "revoke_reason": "client"}, {}, "consent_revoked"),
        ({"revoked_at": "2026-02-01T00:00:00Z", "revoke_reason": "expired"}, {}, "consent_expired"),
        ({"status": "expired"}, {}, "consent_expired"),
        ({"status": "revoked"}, {}, "consent_revoked"),
        ({"expires_at": "2026-03-18T12:00:00Z"}, {}, "consent_expired"),
        ({"expires_at": "2026-03-18T12:00:01Z"}, {}, ""),
        ({"expires_at": None}, {}, ""),
        ({}, {"status": "disabled"}, "connection_disabled"),
        ({}, {"status": "inactive"}, ""),
    ],
)
def test_whether_a_consent_is_over(consent: dict[str, str], connection: dict[str, str], ended: str) -> None:
    status = mapping.link_status(CONNECTION | connection, [CONSENT | consent], NOW)
    assert status.ended == (f"saltedge.{ended}" if ended else "")
    assert status.next_refresh_at == datetime(2026, 3, 18, 7, tzinfo=UTC)


def test_the_consent_is_the_one_that_the_connection_names() -> None:
    others: list[mapping.Row] = [
        {"id": "8", "created_at": "2026-02-01T00:00:00Z", "expires_at": "2026-07-01T00:00:00Z"},
        CONSENT,
    ]
    assert mapping.consent(CONNECTION, others) == CONSENT
    assert mapping.consent(CONNECTION | {"last_consent_id": None}, others) == others[0]
    assert mapping.consent(CONNECTION, []) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, Attempt(RefreshStatus.DONE, request_id="55", at=datetime(2026, 3, 18, 6, tzinfo=UTC))),
        (
            {"success_at": None, "finished": False, "created_at": "2026-03-18T06:00:00Z"},
            Attempt(RefreshStatus.RUNNING, request_id="55", at=datetime(2026, 3, 18, 6, tzinfo=UTC)),
        ),
        (
            {"fail_error_class": "InvalidCredentials", "fail_message": "Wrong.", "fail_at": "2026-03-18T07:00:00Z"},
            Attempt(
                RefreshStatus.FAILED, "saltedge.invalid_credentials", "InvalidCredentials: Wrong.", "55",
                datetime(2026, 3, 18, 7, tzinfo=UTC),
            ),
        ),
    ],
)  # fmt: skip
def test_an_attempt(told: dict[str, Any], expected: Attempt) -> None:
    assert mapping.attempt(CONNECTION | {"last_attempt": CONNECTION["last_attempt"] | told}) == expected  # type: ignore[operator] # a mapping of mixed values


def test_no_attempt_is_none() -> None:
    assert mapping.attempt({"id": "1"}) is None


# --------------------------------------------------------------------------- refusals

EXPIRED = ("ConsentExpired", "AispConsentExpired", "ConsentRevoked", "AispConsentRevoked", "ConnectionDisabled",
           "InvalidCredentials", "InvalidInteractiveCredentials")  # fmt: skip
NOT_NOW = ("RateLimitExceeded", "TooManyRequests", "BackgroundFetchLimitExceeded", "ConnectionCannotBeRefreshed")
FAULTS = ("ProviderUnavailable", "ProviderError", "ProviderInactive", "InteractiveTimeout", "FetchingTimeout",
          "InternalServerError")  # fmt: skip
REFUSED = ("ConnectionDuplicated", "DuplicatedCustomer", "ProviderDisabled", "SignatureNotMatch", "ExpiresAtInvalid",
           "DateOutOfAispConsentRange", "ConnectionNotFound", "CustomerNotFound", "ApiKeyNotFound",
           "WrongRequestFormat", "AccountNotFound", "ReturnURLInvalid", "ClientDisabled")  # fmt: skip


def failed(
    status: int, kind: str = "", headers: dict[str, str] | None = None, body: bytes | None = None
) -> ConnectorError:
    if body is None:
        body = json.dumps({"error": {"class": kind, "message": "Their words."}}).encode() if kind else b"<html>"
    found = mapping.failure(status, headers or {}, body)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kinds", "error"),
    [(EXPIRED, AuthorisationExpired), (NOT_NOW, Temporary), (FAULTS, Temporary), (REFUSED, Rejected)],
)
def test_a_class_decides_who_has_to_act(kinds: tuple[str, ...], error: type[ConnectorError]) -> None:
    for kind in kinds:
        found = failed(406, kind)
        assert type(found) is error, kind
        assert found.provider_text == "Their words."
        assert explain(found.code) is not None, found.code


def test_a_limit_was_not_sent_a_fault_may_have_been() -> None:
    limit, fault = failed(429, "TooManyRequests", {"Retry-After": "17"}), failed(500, "InternalServerError")
    assert isinstance(limit, Temporary)
    assert isinstance(fault, Temporary)
    assert (limit.sent, limit.retry_after, fault.sent) == (False, 17.0, True)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("AispConsentExpired", "consent_expired"), ("ConsentExpired", "consent_expired"),
        ("DateOutOfAispConsentRange", "date_out_of_consent_range"), ("ReturnURLInvalid", "return_url_invalid"),
        ("ConnectionCannotBeRefreshed", "connection_cannot_be_refreshed"), ("", "refused"), ("Odd-One!", "oddone"),
    ],
)  # fmt: skip
def test_old_and_new_names_have_one_code(told: str, code: str) -> None:
    assert mapping.code_of(told) == f"saltedge.{code}"


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, Rejected, "refused"), (401, Rejected, "not_recognised"), (403, Rejected, "not_allowed"),
        (404, Rejected, "not_found"), (429, Temporary, "too_many_requests"), (500, Temporary, "fault"),
        (502, Temporary, "fault"), (302, UnexpectedReply, "unreadable"),
    ],
)  # fmt: skip
def test_without_a_class_the_status_decides(status: int, error: type[ConnectorError], code: str) -> None:
    found = failed(status)
    assert (type(found), found.code) == (error, f"saltedge.{code}")
    assert explain(found.code) is not None


@pytest.mark.parametrize("body", [b"", b'"a text"', b"[]", b'{"error": "a text"}', b'{"error": null}', b"\xff"])
def test_odd_refusals_are_refusals(body: bytes) -> None:
    assert failed(400, body=body).code == "saltedge.refused"


def test_a_success_is_no_failure() -> None:
    assert mapping.failure(200, {}, b"") is None
    assert mapping.failure(201, {}, b"{}") is None


def test_every_explanation_keeps_the_form() -> None:
    for code, explanation in EXPLANATIONS.items():
        assert code.startswith("saltedge.")
        assert explanation.title
        assert explanation.happened
        assert 1 <= len(explanation.steps) <= 5
        assert explanation.who in ("firm", "client", "bank", "us")
