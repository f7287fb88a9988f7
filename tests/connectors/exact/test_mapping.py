"""Exact's wire format, value by value. The samples follow shapes seen on the real service."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.connectors.base import DossierStatus, EntryKind, JournalType, LedgerAccount, OutgoingEntry, OutgoingLine
from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.connectors.exact import EXPLANATIONS, mapping

BANK = LedgerAccount("550000", "Bank", "b0000000-0000-0000-0000-000000000001", "bank")
SUSPENSE = LedgerAccount("499000", "Suspense", "b0000000-0000-0000-0000-000000000002", "general")
ACCOUNTS = {account.code: account for account in (BANK, SUSPENSE)}


def an_entry(
    kind: EntryKind = EntryKind.BANK, amount: str = "100.00", description: str = 'Café «Ω» "x"'
) -> OutgoingEntry:
    value, day = Decimal(amount), date(2026, 3, 9)
    return OutgoingEntry(
        kind=kind,
        reference="KP-ABCDEFGH234567",
        journal="20",
        date=day,
        currency="EUR",
        bank_account="550000",
        opening=Decimal("10"),
        closing=Decimal("10") + value,
        lines=(
            OutgoingLine(day, "550000", value, description),
            OutgoingLine(day, "499000", -value, description),
        ),
    )


def odata(text: str) -> bytes:
    return json.dumps({"error": {"code": "", "message": {"lang": "", "value": text}}}).encode()


# ------------------------------------------------------------------------------ wire values


def test_both_shapes_of_a_list_are_read() -> None:
    assert mapping.rows({"d": [{"A": 1}]}) == ([{"A": 1}], "")
    assert mapping.rows({"d": {"results": [{"A": 1}], "__next": "http://x/y"}}) == ([{"A": 1}], "http://x/y")
    assert mapping.rows({"d": {"results": []}}) == ([], "")


def test_amounts_keep_every_digit() -> None:
    row = mapping.decode(b'{"a": 999999999.99, "b": 0.01, "c": 12345678901234.56789, "d": 7}')
    assert [mapping.money(value) for value in row.values()] == [
        Decimal("999999999.99"),
        Decimal("0.01"),
        Decimal("12345678901234.56789"),
        Decimal(7),
    ]


@pytest.mark.parametrize("body", [b"", b"{", b'{"d": NaN}', b'{"d": Infinity}', b"[" * 100_000, b"\xff\xfe\x00"])
def test_what_is_not_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(mapping.UNREADABLE):
        mapping.decode(body)


@pytest.mark.parametrize("value", [None, True, 1.5, "", "a lot", []])
def test_what_is_no_amount_is_unreadable(value: object) -> None:
    with pytest.raises(mapping.UNREADABLE):
        mapping.money(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/Date(1772323200000)/", date(2026, 3, 1)),
        ("/Date(-86400000)/", date(1969, 12, 31)),
        ("2024-05-30T00:00:00", date(2024, 5, 30)),
        ("2024-05-30", date(2024, 5, 30)),
        (None, None),
        ("", None),
    ],
)
def test_dates(value: str | None, expected: date | None) -> None:
    assert mapping.day(value) == expected


def test_filter_values_are_quoted() -> None:
    assert mapping.literal("O'Neil") == "'O''Neil'"
    assert mapping.literal(date(2026, 3, 31)) == "datetime'2026-03-31'"


# ------------------------------------------------------------------------------ master data


def test_padded_codes_lose_their_padding() -> None:
    vat = mapping.vat_code({"Code": "0  ", "Description": "None", "Percentage": Decimal("0.2")})
    assert (vat.code, vat.percentage) == ("0", Decimal("0.2"))


@pytest.mark.parametrize(
    ("hid", "status", "blocking", "expected", "reason"),
    [
        ({"Hid": "7"}, 0, 0, DossierStatus.INACTIVE, ""),
        ({"Hid": "7"}, 1, 0, DossierStatus.ACTIVE, ""),
        ({"Hid": "7"}, 2, 0, DossierStatus.ARCHIVED, ""),
        ({"Hid": "7"}, 1, 1, DossierStatus.BLOCKED, "backup"),
        ({"Hid": "7"}, 1, 101, DossierStatus.BLOCKED, "deletion"),
        ({"Hid": "7"}, 1, 42, DossierStatus.BLOCKED, "other"),
        ({"HID": "7"}, 0, 0, DossierStatus.ACTIVE, ""),
        ({"HID": "7"}, 1, 0, DossierStatus.ARCHIVED, ""),
    ],
)
def test_both_lists_of_dossiers_are_read(
    hid: dict[str, str], status: int, blocking: int, expected: DossierStatus, reason: str
) -> None:
    row = {"Code": 124132, "Description": " Bakkerij ", "Status": status, "BlockingStatus": blocking, "Country": "BE "}
    found = mapping.dossier(row | hid)
    assert (found.code, found.name, found.number, found.country) == ("124132", "Bakkerij", "7", "BE")
    assert (found.status, found.blocking) == (expected, reason)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (10, "cash"),
        (12, "bank"),
        (20, "receivable"),
        (22, "payable"),
        (24, "vat"),
        (110, "revenue"),
        (121, "costs"),
        (7, "other"),
    ],
)
def test_kinds_of_ledger_accounts(number: int, kind: str) -> None:
    row = {"ID": "g", "Code": "1", "Description": "x", "Type": number, "IsBlocked": True}
    account = mapping.ledger_account(row)
    assert (account.kind, account.blocked) == (kind, True)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(10, JournalType.CASH), (12, JournalType.BANK), (16, JournalType.OTHER), (90, JournalType.GENERAL)],
)
def test_types_of_journals(number: int, kind: JournalType) -> None:
    row = {"ID": "g", "Code": "20", "Description": "KBC", "Type": number, "BankAccountIBAN": "BE68 5390 0754 7034"}
    found = mapping.journal(row)
    assert (found.type, found.iban) == (kind, "BE68539007547034")


def test_a_period_knows_its_closed_journals() -> None:
    period = {"FinYear": 2026, "FinPeriod": 3, "StartDate": "/Date(1772323200000)/", "EndDate": "/Date(1774915200000)/"}
    status = [
        {"Year": 2026, "Period": 3, "Journal": "20", "Status": 1},
        {"Year": 2026, "Period": 3, "Journal": "90", "Status": 0},
        {"Year": 2025, "Period": 3, "Journal": "70", "Status": 1},
    ]
    (found,) = mapping.periods([period], status)
    assert (found.starts_on, found.ends_on) == (date(2026, 3, 1), date(2026, 3, 31))
    assert (found.is_open("20"), found.is_open("90"), found.is_open("70")) == (False, True, True)


# ------------------------------------------------------------------------------ entries


def test_a_bank_entry_leaves_the_bank_side_to_exact() -> None:
    assert mapping.render(an_entry(), ACCOUNTS).decode() == (
        '{"JournalCode":"20","Currency":"EUR","OpeningBalanceFC":10.00,"ClosingBalanceFC":110.00,'
        '"BankEntryLines":[{"Date":"2026-03-09","GLAccount":"b0000000-0000-0000-0000-000000000002",'
        '"AmountFC":100.00,"Description":"Café «Ω» \\"x\\"","Notes":"KP-ABCDEFGH234567"}]}'
    )


def test_a_general_entry_has_every_line_debit_positive() -> None:
    body = json.loads(mapping.render(an_entry(EntryKind.GENERAL), ACCOUNTS))
    assert [line["AmountFC"] for line in body["GeneralJournalEntryLines"]] == [100, -100]
    assert "OpeningBalanceFC" not in body


@given(st.decimals(min_value="-999999999.99", max_value="999999999.99", places=2))
def test_lines_add_up_from_opening_to_closing(amount: Decimal) -> None:
    body = mapping.decode(mapping.render(an_entry(amount=str(amount)), ACCOUNTS))
    assert (
        body["OpeningBalanceFC"] + sum(line["AmountFC"] for line in body["BankEntryLines"]) == body["ClosingBalanceFC"]
    )
    assert body["BankEntryLines"][0]["AmountFC"] == amount


@pytest.mark.parametrize(
    ("written", "expected"), [("1", b":1.00,"), ("-0.00", b":0.00,"), ("1E+3", b":1000.00,"), ("0.12500", b":0.125,")]
)
def test_equal_amounts_are_written_alike(written: str, expected: bytes) -> None:
    assert b'"AmountFC"' + expected in mapping.render(an_entry(amount=written), ACCOUNTS)


def test_a_long_description_is_cut() -> None:
    body = json.loads(mapping.render(an_entry(description="é" * 100), ACCOUNTS))
    assert body["BankEntryLines"][0]["Description"] == "é" * 60


def test_an_unknown_ledger_account_is_told_before_sending() -> None:
    with pytest.raises(Rejected) as caught:
        mapping.render(an_entry(), {"550000": BANK})
    assert (caught.value.code, caught.value.values) == ("exact.account_unknown", {"account": "499000"})


def test_an_echo_of_nothing_but_the_key_is_enough() -> None:
    entry = mapping.posted({"EntryID": "guid", "EntryNumber": None, "JournalCode": None, "Currency": None})
    assert (entry.id, entry.number, entry.journal) == ("guid", "", "")


@pytest.mark.parametrize("row", [{}, {"EntryID": None}, {"EntryID": ""}])
def test_an_echo_without_a_key_is_unreadable(row: dict[str, object]) -> None:
    with pytest.raises(mapping.UNREADABLE):
        mapping.posted(row)


def line_row(entry: str, number: int, account: str, amount: str, notes: str = "KP-A") -> dict[str, object]:
    return {
        "EntryID": entry,
        "EntryNumber": 26200001,
        "JournalCode": "20",
        "Currency": "EUR",
        "LineNumber": number,
        "Date": "/Date(1773014400000)/",
        "GLAccountCode": account,
        "AmountFC": Decimal(amount),
        "Description": "d",
        "Notes": notes,
    }


def test_the_total_is_the_same_with_and_without_the_bank_side() -> None:
    own = [line_row("e", 2, "499000", "-100"), line_row("e", 1, "499000", "30")]
    (without,) = mapping.entries(own)
    (shown,) = mapping.entries([*own, line_row("e", 0, "550000", "70", notes="")], "550000")
    assert without == shown
    assert (without.total_debit, without.line_count) == (Decimal(100), 2)
    assert [line.amount for line in without.lines] == [Decimal(30), Decimal(-100)]


def test_lines_are_gathered_by_entry() -> None:
    found = mapping.entries([line_row("e", 1, "1", "1"), line_row("f", 1, "1", "2"), line_row("e", 2, "1", "-1")])
    assert {entry.id: entry.line_count for entry in found} == {"e": 2, "f": 1}


def test_an_entry_with_two_different_notes_has_no_reference_of_ours() -> None:
    (found,) = mapping.entries([line_row("e", 1, "1", "1"), line_row("e", 2, "1", "1", notes="other")])
    assert found.reference == ""


# ------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("This entry is not balanced on: 2021 / 12 (Type: Other) - Difference: EUR 1.000,00", "unbalanced"),
        ("Opening balance plus all bank entry lines should result in the closing balance", "unbalanced"),
        ("Periode is afgesloten: 2026 – 3", "period_closed"),
        ("Period is closed: 2026 – 3", "period_closed"),
        ("Unknown: Fiscal year (Period - date table)", "fiscal_year_unknown"),
        ("Invalid: Journal (type)", "journal_type"),
        ("Invalid journal. The journal must be a cash journal.", "journal_type"),
        ("Ongeldig dagboek. Het dagboek moet een bankdagboek zijn.", "journal_type"),
        ("Deze boeking is niet in evenwicht op: 2026 / 3 (Type: Overig) - Verschil: EUR 0,01", "unbalanced"),
        ("Beginsaldo plus alle bankboekingsregels moet het eindsaldo opleveren", "unbalanced"),
        ("Onbekend: Boekjaar (Periode - datumtabel)", "fiscal_year_unknown"),
        ("Ongeldig: Btw-percentage []", "vat_code"),
        ("Niet toegestaan: Btw-code", "vat_code"),
        ("In gebruik: Boekstuknummer", "entry_number_used"),
        ("Gegeven bestaat reeds.", "duplicate"),
        ("Mandatory: Relationship", "relation_missing"),
        ("Mandatory: Diary", "journal_unknown"),
        ("Ongeldige referentie: Journals", "journal_unknown"),
        ("Ongeldig: Grootboekrekeningtype", "account_type"),
        ("Geblokkeerd: Grootboekrekening", "account_blocked"),
        ("Mandatory: G/L account", "account_unknown"),
        ("Ongeldige referentie: Grootboekrekening", "account_unknown"),
        ("Document Type not allowed", "user_rights"),
        ("Mandatory: Relationship\r\nPeriode is afgesloten: 2026 – 3", "period_closed"),
    ],
)
def test_business_refusals_in_their_own_words(text: str, code: str) -> None:
    error = mapping.failure(500, {}, odata(text))
    assert isinstance(error, Rejected)
    assert (error.code, error.provider_text) == (f"exact.{code}", text)


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (403, "Forbidden - User division is not within division scope.", "division_scope"),
        (403, "Forbidden", "user_rights"),
        (403, "Forbidden - Application Scope Violated. Cannot read 'organization.administration' scope.", "app_scope"),
        (403, "Something else", "user_rights"),
        (404, "Resource not found", "not_found"),
        (400, "Error processing request stream. The property name is invalid.", "malformed"),
        (400, "Filtering on these fields is not supported: Notes", "filter_refused"),
        (400, "This $filter parameter is not supported for this resource", "filter_refused"),
        (400, "An error has occurred", "refused"),
    ],
)
def test_refusals_told_apart(status: int, text: str, code: str) -> None:
    error = mapping.failure(status, {}, odata(text))
    assert isinstance(error, Rejected)
    assert (error.code, error.status) == (f"exact.{code}", status)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (500, b"<html>oops</html>"),
        (500, odata("Object reference not set to an instance of an object.")),
        (500, odata("Er is een fout opgetreden.")),
        (500, odata("Something nobody has seen yet")),
        (503, odata("Periode is afgesloten: 2026 – 3")),
        (502, b""),
    ],
)
def test_a_fault_of_theirs_is_never_a_refusal(status: int, body: bytes) -> None:
    error = mapping.failure(status, {}, body)
    assert isinstance(error, Temporary)
    assert error.sent


@pytest.mark.parametrize(("status", "body"), [(400, b""), (403, b"<html>"), (409, b"{}"), (302, b""), (404, b"[]")])
def test_a_refusal_without_words_is_unexpected(status: int, body: bytes) -> None:
    assert isinstance(mapping.failure(status, {}, body), UnexpectedReply)


def test_unauthorised_asks_for_a_new_log_in() -> None:
    assert isinstance(mapping.failure(401, {}, b""), AuthorisationExpired)


DATED = {"Date": "Mon, 09 Mar 2026 10:00:30 GMT"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (DATED | {"X-RateLimit-Minutely-Reset": "1773050460000"}, 30),
        (DATED | {"X-RateLimit-Minutely-Reset": "1773057600000"}, 60),
        (DATED | {"X-RateLimit-Minutely-Reset": "1773050000000"}, 1),
        (DATED | {"X-RateLimit-Reset": "1773057600000"}, 7170),
        ({"X-RateLimit-Minutely-Reset": "1773050460000"}, 60),
        (DATED | {"X-RateLimit-Reset": "soon"}, 86400),
        ({}, None),
    ],
)
def test_too_many_calls_say_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    error = mapping.failure(429, headers, b"")
    assert isinstance(error, Temporary)
    assert (error.retry_after, error.sent) == (seconds, False)


def test_every_code_has_an_explanation() -> None:
    named = {f"exact.{code}" for _, code in mapping.GENERAL_REFUSALS + mapping.BOOKING_REFUSALS}
    raised = {
        "exact.authorisation_expired",
        "exact.cut_off",
        "exact.endless_list",
        "exact.foreign_link",
        "exact.no_dossier",
        "exact.not_found",
        "exact.rate_limited",
        "exact.refused",
        "exact.timeout",
        "exact.too_large",
        "exact.too_late",
        "exact.unreachable",
        "exact.unreadable",
    }
    assert named | raised == set(EXPLANATIONS)
    assert {explanation.who for explanation in EXPLANATIONS.values()} <= {"firm", "client", "bank", "us"}
