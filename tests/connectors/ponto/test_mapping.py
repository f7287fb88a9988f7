"""Ponto's wire format, by documents in the shape that the provider's own client libraries are tested with."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.connectors.feed import RefreshStatus, TransactionStatus
from portal.connectors.ponto import mapping
from portal.kernel.http import NO_HEADERS

ACCOUNT = """
{"type": "account", "id": "8804e34f-12b0-4b70-86bf-265f013ca232",
 "relationships": {"financialInstitution": {"data": {"type": "financialInstitution", "id": "953934eb"}}},
 "meta": {"synchronizedAt": "2019-09-02T11:28:36.551Z", "availability": "available",
          "latestSynchronization": {"type": "synchronization", "id": "1b3e3011", "attributes": {
              "updatedAt": "2019-09-02T11:28:36.551Z", "subtype": "accountDetails", "status": "success",
              "resourceType": "account", "resourceId": "8804e34f", "errors": [],
              "createdAt": "2019-09-02T11:28:35.971Z"}}},
 "attributes": {"subtype": "checking", "referenceType": "IBAN", "reference": "BE53 5866 7138 4412",
    "product": "Current account", "holderName": "Malvina Dibbert", "description": "Household", "deprecated": false,
    "currentBalanceReferenceDate": "2020-06-20T00:00:00.000Z", "currentBalance": 6386.04, "currency": "EUR",
    "availableBalance": 6386.04, "authorizedAt": "2020-07-15T12:01:44.166Z",
    "authorizationExpirationExpectedAt": "2020-10-13T12:01:44.166Z"}}
"""
TRANSACTION = """
{"type": "transaction", "id": "a4a47c21-b606-464f-ae17-f8e3af6772c9",
 "attributes": {"valueDate": "2020-06-19T00:00:00.000Z", "executionDate": "2020-06-20T00:00:00.000Z",
    "remittanceInformationType": "unstructured", "remittanceInformation": "Tempora  animi\\nqui!",
    "purposeCode": "CASH", "mandateId": "486", "internalReference": "ae7976b0", "endToEndId": "a965fa07",
    "digest": "2acc87e5", "description": "Wire transfer", "currency": "EUR", "creditorId": "315",
    "counterpartReference": "BE62 4671 5332 7786", "counterpartName": "Rice Ltd",
    "bankTransactionCode": "PMNT-IRCT-ESCT", "amount": 2.76, "additionalInformation": "Aut.", "fee": 3.14}}
"""


def decoded(text: str) -> Any:
    return mapping.decode(text.encode())


def transaction(**attributes: Any) -> Any:
    row = decoded(TRANSACTION)
    return row | {"attributes": row["attributes"] | attributes}


def synchronization(status: str, *errors: dict[str, Any]) -> Any:
    return {
        "id": "s",
        "attributes": {"status": status, "errors": list(errors), "updatedAt": "2026-05-04T10:00:00.000Z"},
    }


def test_an_account() -> None:
    found = mapping.account(decoded(ACCOUNT))
    assert (found.id, found.number) == ("8804e34f-12b0-4b70-86bf-265f013ca232", "BE53586671384412")
    assert (found.name, found.holder, found.kind) == ("Household", "Malvina Dibbert", "checking")
    assert (found.balance, found.currency) == (Decimal("6386.04"), "EUR")
    assert found.balance_at == datetime(2020, 6, 20, tzinfo=UTC)
    assert found.consent_ends_at == datetime(2020, 10, 13, 12, 1, 44, 166000, tzinfo=UTC)
    assert found.institution == "953934eb"
    assert found.available


def test_an_account_may_leave_out_when_its_consent_ends() -> None:
    row = decoded(ACCOUNT)
    del row["attributes"]["authorizationExpirationExpectedAt"], row["attributes"]["currentBalance"]
    found = mapping.account(row | {"meta": {"availability": "unavailable"}, "relationships": {}})
    assert found.consent_ends_at is None
    assert found.balance is None
    assert not found.available


def test_a_transaction() -> None:
    found = mapping.transaction(decoded(TRANSACTION), TransactionStatus.BOOKED)
    line = found.line
    assert found.id == "a4a47c21-b606-464f-ae17-f8e3af6772c9"
    assert (line.date, line.value_date) == (date(2020, 6, 20), date(2020, 6, 19))
    assert line.amount == Decimal("2.76")
    assert line.description == "Tempora animi qui! Aut."
    assert (line.counterparty, line.counterparty_account) == ("Rice Ltd", "BE62467153327786")
    assert (line.end_to_end_id, line.bank_reference) == ("a965fa07", "ae7976b0")
    assert line.transaction_code == "PMNT-IRCT-ESCT"
    assert line.reference == ""


@pytest.mark.parametrize(
    ("written", "reference"),
    [
        ("090933755493", "090933755493"),
        ("+++090/9337/55493+++", "090933755493"),
        ("RF18 5390 0754 7034", "RF18539007547034"),
    ],
)
def test_a_structured_communication_is_a_reference(written: str, reference: str) -> None:
    row = transaction(remittanceInformationType="structured", remittanceInformation=written, additionalInformation=None)
    line = mapping.transaction(row, TransactionStatus.BOOKED).line
    assert line.reference == reference
    assert line.description == "Wire transfer"


def test_a_text_that_is_said_twice_is_kept_once() -> None:
    row = transaction(remittanceInformation="Invoice 17", additionalInformation="Invoice 17")
    assert mapping.transaction(row, TransactionStatus.BOOKED).line.description == "Invoice 17"


def test_what_a_bank_leaves_out_is_empty() -> None:
    bare = {"id": "x", "attributes": {"amount": -5, "executionDate": None, "valueDate": "2026-05-04T00:00:00.000Z"}}
    line = mapping.transaction(bare, TransactionStatus.BOOKED).line
    assert (line.date, line.amount) == (date(2026, 5, 4), Decimal(-5))
    texts = (line.description, line.counterparty, line.counterparty_account, line.reference, line.end_to_end_id)
    assert texts == ("",) * 5


@pytest.mark.parametrize("zone", ["T00:00:00.000Z", "T23:59:59+02:00", "T00:00:00-11:00", ""])
def test_a_day_is_never_moved_by_a_zone(zone: str) -> None:
    row = transaction(executionDate=f"2026-03-29{zone}", valueDate=f"2026-01-01{zone}")
    line = mapping.transaction(row, TransactionStatus.BOOKED).line
    assert (line.date, line.value_date) == (date(2026, 3, 29), date(2026, 1, 1))


@pytest.mark.parametrize("amount", ["0.1", "-1234567890123.45", "1e2", "100", "2.760"])
def test_amounts_are_read_digit_by_digit(amount: str) -> None:
    row = decoded(TRANSACTION.replace("2.76", amount))
    assert mapping.transaction(row, TransactionStatus.BOOKED).line.amount == Decimal(amount)


@pytest.mark.parametrize("amount", [None, True, "2.76", [], {}])
def test_what_is_no_amount_is_unreadable(amount: object) -> None:
    with pytest.raises(mapping.UNREADABLE):
        mapping.transaction(transaction(amount=amount), TransactionStatus.BOOKED)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_no_number_that_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=text.strip("-")):
        decoded(TRANSACTION.replace("2.76", text))


def test_a_booked_transaction_without_any_day_is_unreadable() -> None:
    with pytest.raises(ValueError, match="no date"):
        mapping.transaction(transaction(executionDate=None, valueDate=None), TransactionStatus.BOOKED)


# ------------------------------------------------------------------------------ fetches at the bank


@pytest.mark.parametrize(
    ("told", "status"),
    [("pending", RefreshStatus.RUNNING), ("running", RefreshStatus.RUNNING), ("success", RefreshStatus.DONE),
     ("error", RefreshStatus.FAILED)],
)  # fmt: skip
def test_how_a_fetch_went(told: str, status: RefreshStatus) -> None:
    found = mapping.attempt(synchronization(told))
    assert found is not None
    assert found.status is status
    assert (found.code != "") == (status is RefreshStatus.FAILED)


def test_an_error_inside_a_success_is_a_failure() -> None:
    bank = {"financialInstitutionResponse": {"requestId": "354fwfwef4w684", "statusCode": 500}}
    error = {"code": "authorizationInvalid", "detail": "The authorization is invalid", "meta": bank}
    found = mapping.attempt(synchronization("error", error), "ours")
    assert found is not None
    assert (found.code, found.text) == ("ponto.authorizationInvalid", "The authorization is invalid")
    assert found.request_id == "354fwfwef4w684"
    assert found.at == datetime(2026, 5, 4, 10, tzinfo=UTC)


def test_an_error_nobody_knows_keeps_its_name_in_the_words() -> None:
    found = mapping.attempt(synchronization("error", {"code": "bankOnFire", "detail": "Smoke"}), "req-1")
    assert found is not None
    assert (found.code, found.text, found.request_id) == ("ponto.refused", "bankOnFire: Smoke", "req-1")


def account_with(synchronization: Any, ends: str | None) -> Any:
    row = decoded(ACCOUNT)
    meta = row["meta"] | {"latestSynchronization": synchronization}
    return row | {"meta": meta, "attributes": row["attributes"] | {"authorizationExpirationExpectedAt": ends}}


EXPIRED = {"code": "authorizationExpired", "detail": "Over"}


def test_a_link_ends_when_its_first_account_does() -> None:
    rows = [
        account_with(synchronization("success"), "2026-09-01T00:00:00.000Z"),
        account_with(None, "2026-08-01T00:00:00.000Z"),
        account_with(None, None),
    ]
    status = mapping.link_status(rows)
    assert status.consent_ends_at == datetime(2026, 8, 1, tzinfo=UTC)
    assert status.last_success_at == datetime(2019, 9, 2, 11, 28, 36, 551000, tzinfo=UTC)
    assert status.ended == ""


def test_one_bank_that_ended_does_not_end_the_others() -> None:
    over, well = account_with(synchronization("error", EXPIRED), None), account_with(synchronization("success"), None)
    status = mapping.link_status([well, over])
    assert status.ended == ""
    assert status.last_attempt is not None
    assert status.last_attempt.code == "ponto.authorizationExpired"
    assert mapping.link_status([over, over]).ended == "ponto.authorizationExpired"


def test_a_link_without_accounts_says_nothing() -> None:
    status = mapping.link_status([])
    assert (status.consent_ends_at, status.last_attempt, status.ended) == (None, None, "")


# ------------------------------------------------------------------------------ refusals


def refused(code: str, detail: str = "In words") -> bytes:
    return json.dumps({"errors": [{"code": code, "detail": detail, "meta": {}}]}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, refused("accountRecentlySynchronized"), Temporary, "accountRecentlySynchronized"),
        (429, b"", Temporary, "tooManyRequests"),
        (400, refused("tooManyRequests"), Temporary, "tooManyRequests"),
        (401, b"", AuthorisationExpired, "authorisation_expired"),
        (401, refused("unauthorized"), AuthorisationExpired, "authorisation_expired"),
        (400, refused("authorizationExpired"), AuthorisationExpired, "authorizationExpired"),
        (403, refused("authorizationInvalid"), AuthorisationExpired, "authorizationInvalid"),
        (403, b"", Rejected, "forbidden"),
        (404, refused("resourceNotFound"), Rejected, "resourceNotFound"),
        (404, b"<html>", Rejected, "resourceNotFound"),
        (400, refused("somethingNew"), Rejected, "refused"),
        (422, b'{"errors": []}', Rejected, "refused"),
        (500, refused("internalServerError"), Temporary, "server_error"),
        (503, b"", Temporary, "server_error"),
        (302, b"", UnexpectedReply, "unreadable"),
        (418, b"", UnexpectedReply, "unreadable"),
    ],
)
def test_who_has_to_act(status: int, body: bytes, kind: type[Exception], code: str) -> None:
    error = mapping.failure(status, {mapping.REQUEST_ID: "req-7"}, body)
    assert error is not None
    assert type(error) is kind
    assert error.code == f"ponto.{code}"
    assert error.status == status
    assert error.values["request_id"] == "req-7"


def test_success_is_no_error() -> None:
    assert mapping.failure(201, NO_HEADERS, b"") is None


def test_how_long_to_wait() -> None:
    soon = mapping.failure(400, NO_HEADERS, refused("accountRecentlySynchronized"))
    assert isinstance(soon, Temporary)
    assert (soon.retry_after, soon.sent) == (300, False)
    told = mapping.failure(429, {"Retry-After": "17"}, b"")
    assert isinstance(told, Temporary)
    assert told.retry_after == 17
    for nonsense in ("soon", "-3", "nan", "1e9"):
        odd = mapping.failure(429, {"Retry-After": nonsense}, b"")
        assert isinstance(odd, Temporary)
        assert odd.retry_after is not None
        assert 1 <= odd.retry_after <= 86400


def test_words_of_a_provider_are_bounded() -> None:
    error = mapping.failure(400, NO_HEADERS, refused("x" * 5000, "y" * 5000))
    assert error is not None
    assert len(error.provider_text) <= 2000
    assert len(error.code) < 80


@pytest.mark.parametrize("address", ["javascript:alert(1)", "//elsewhere", "", "data:text/html,x"])
def test_people_are_sent_to_addresses_only(address: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        mapping.renewal({"data": {"links": {"redirect": address}}})
