"""The pure mapping, on samples in the shape that public clients of Minox show."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.connectors.base import EntryKind, JournalType, LedgerAccount, OutgoingEntry, OutgoingLine
from portal.connectors.calls import decode
from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.connectors.minox import mapping
from portal.kernel.http import Reply

DAY = date(2026, 3, 31)
ACCOUNTS = {
    "1100": LedgerAccount("1100", "Rabobank", "1100", "bank"),
    "2000": LedgerAccount("2000", "Vraagposten", "2000", "general"),
}
ENTRY = OutgoingEntry(
    EntryKind.GENERAL, "KP-ABCDEFGH234567AB", "20", DAY, "EUR", "1100", None, None,
    (OutgoingLine(DAY, "1100", Decimal("12.50"), "Huur"), OutgoingLine(DAY, "2000", Decimal("-12.50"), "Huur")),
)  # fmt: skip
YEAR = mapping.Year(2026, date(2026, 1, 1), date(2026, 12, 31), 12)


def test_an_entry_is_rendered_line_by_line_with_its_periods() -> None:
    reference, body = mapping.completed(mapping.render(ENTRY, ACCOUNTS), [YEAR])
    assert reference == ENTRY.reference
    common = {"journal": {"id": "20"}, "document_date": "2026-03-31", "period": {"id": 3, "fiscal_year": 2026}}
    assert json.loads(body) == [
        {"account": {"id": "1100", "scheme": "MINOX", "type": "ledger_account"}, "debit": 12.5, "credit": 0,
         "description": "Huur KP-ABCDEFGH234567AB", **common},
        {"account": {"id": "2000", "scheme": "MINOX", "type": "ledger_account"}, "debit": 0, "credit": 12.5,
         "description": "Huur", **common},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "accounts", "code"),
    [
        ({"currency": "USD"}, ACCOUNTS, "currency"),
        ({"lines": ENTRY.lines[:1]}, ACCOUNTS, "unbalanced"),
        ({}, {}, "account_unknown"),
    ],
)
def test_what_cannot_be_booked_is_not_rendered(change: Any, accounts: Any, code: str) -> None:
    with pytest.raises(Rejected, match=code):
        mapping.render(replace(ENTRY, **change), accounts)


def test_a_day_in_no_fiscal_year_is_refused() -> None:
    with pytest.raises(Rejected, match="fiscal_year_unknown") as refused:
        mapping.completed(mapping.render(ENTRY, ACCOUNTS), [replace(YEAR, ends_on=date(2026, 2, 28))])
    assert refused.value.values == {"date": "2026-03-31"}


@pytest.mark.parametrize(
    ("count", "on", "number"),
    [
        (12, date(2026, 1, 31), 1), (12, date(2026, 12, 1), 12), (4, date(2026, 3, 31), 1), (4, date(2026, 4, 1), 2),
        (1, date(2026, 12, 31), 1), (13, date(2026, 1, 28), 1), (13, date(2026, 1, 29), 2),
        (13, date(2026, 12, 31), 13),
    ],
)  # fmt: skip
def test_a_day_falls_in_its_period(count: int, on: date, number: int) -> None:
    assert replace(YEAR, count=count).period_of(on) == number


@pytest.mark.parametrize("count", [1, 4, 12, 13])
def test_periods_leave_no_day_out(count: int) -> None:
    year = mapping.Year(2026, date(2025, 7, 1), date(2026, 6, 30), count)
    found = year.periods()
    assert len(found) == count
    assert (found[0].starts_on, found[-1].ends_on) == (year.starts_on, year.ends_on)
    assert all((after.starts_on - before.ends_on).days == 1 for before, after in itertools.pairwise(found))
    assert all(year.period_of(period.starts_on) == year.period_of(period.ends_on) == period.number for period in found)


def test_years_take_their_periods_from_themselves_or_the_administration() -> None:
    row = {
        "number_of_periods": 12,
        "fiscal_years": [
            {"fiscal_year": 2025, "start_date": "2025-01-01", "end_date": "2025-12-31"},
            {"fiscal_year": 2026, "number_of_periods": 4, "start_date": "2026-01-01", "end_date": "2026-12-31"},
        ],
    }
    assert [(year.number, year.count) for year in mapping.fiscal_years(row)] == [(2025, 12), (2026, 4)]


@pytest.mark.parametrize(
    ("document", "link"),
    [
        ([{"id": 1}], ""),
        ({"links": {}, "collection": [{"id": 1}]}, ""),
        ({"links": {"next": "/a?currentpage=2"}, "collection": [{"id": 1}]}, "/a?currentpage=2"),
        ({"links": {"next": {"href": "/b"}}, "collection": [{"id": 1}]}, "/b"),
    ],
)
def test_a_list_may_be_bare_or_have_links(document: Any, link: str) -> None:
    assert mapping.rows(document) == ([{"id": 1}], link)


def test_an_account_is_told_by_the_journal_that_books_against_it() -> None:
    bank = mapping.journal(
        {"id": "20", "description": "Rabo", "type": "bank", "ledger_account_id": 1100, "iban": "NL 1"}
    )
    assert (bank.type, bank.ledger_account, bank.iban) == (JournalType.BANK, "1100", "NL1")
    row = {"id": 1100, "description": "Rabobank", "isBalance": True, "blocked": {"active": True, "reason": "oud"}}
    found = mapping.ledger_account(row, [bank])
    assert (found.kind, found.blocked) == ("bank", True)
    assert mapping.ledger_account(row | {"id": 2000}, [bank]).kind == "general"
    result = row | {"id": 8000, "isBalance": False}
    assert mapping.ledger_account(result | {"debit_credit_suggestion": "credit"}, [bank]).kind == "revenue"
    assert mapping.ledger_account(result | {"debit_credit_suggestion": "debet"}, [bank]).kind == "costs"


@pytest.mark.parametrize(
    ("type_", "side"),
    [("Af te dragen (1a, 1b)", "sales"), ("Te vorderen (5b)", "purchase"),
     ("Verlegd binnen EU - levering (3b)", "sales"), ("Verlegd binnen EU - verwerving (4b)", "purchase"), ("", "")],
)  # fmt: skip
def test_the_box_of_the_return_tells_the_side(type_: str, side: str) -> None:
    found = mapping.vat_code(decode(json.dumps({"id": 2, "type": type_, "percentage": 21}).encode()))
    assert (found.side, found.percentage) == (side, Decimal("0.21"))


def test_lines_are_gathered_by_batch_or_by_number() -> None:
    def line(batch: str, number: int, amount: float, words: str) -> Any:
        return decode(json.dumps({
            "batch_id": batch, "entry_number": number, "journal": {"id": "20"}, "document_date": "2026-03-31",
            "period": {"id": 3, "fiscal_year": 2026}, "account": {"id": "1100"}, "description": words,
            "debit": max(amount, 0), "credit": max(-amount, 0),
        }).encode())  # fmt: skip

    ours, other = mapping.entries([
        line("b1", 7, 5.5, "Huur KP-AB2"), line("b1", 7, -5.5, "Huur"), line("", 8, 1, "Hand"), line("", 8, -1, "Hand"),
    ])  # fmt: skip
    assert (ours.id, ours.number, ours.reference, ours.line_count) == ("b1", "7", "KP-AB2", 2)
    assert [own.description for own in ours.lines] == ["Huur", "Huur"]
    assert (other.reference, other.total_debit, other.currency) == ("", Decimal(1), "EUR")


@pytest.mark.parametrize("words", ["", "Huur", "Huur\nmaart", "KP-X KP-Y"])
def test_a_text_comes_back_without_our_reference(words: str) -> None:
    line = replace(ENTRY.lines[0], description=words)
    body = json.loads(mapping.render(replace(ENTRY, lines=(line, ENTRY.lines[1])), ACCOUNTS))["lines"][0]
    row = body | {"entry_number": 1, "batch_id": "b", "period": {"fiscal_year": 2026}}
    (found,) = mapping.entries([decode(json.dumps(row).encode())])
    assert (found.reference, found.lines[0].description) == (ENTRY.reference, words)


def reply(status: int, *messages: str, kind: str = "error", **headers: str) -> Reply:
    told = [{"message_code": "X1", "message_type": kind, "message": words} for words in messages]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, json.dumps(told).encode() if told else b"")


@pytest.mark.parametrize(
    ("status", "words", "told"),
    [
        (400, "De periode van 2026-01-15 is afgesloten.", "period_closed"), (400, "Niet in evenwicht", "unbalanced"),
        (400, "Rekening 9 bestaat niet", "account_unknown"), (400, "Rekening 9 is geblokkeerd", "account_blocked"),
        (400, "Dagboek 9 bestaat niet", "journal_unknown"), (400, "Boekjaar onbekend", "fiscal_year_unknown"),
        (400, "Iets anders", "refused"), (403, "Geen toegang", "user_rights"), (404, "Weg", "not_found"),
        (200, "Rekening 9 bestaat niet", "account_unknown"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_by_its_words(status: int, words: str, told: str) -> None:
    error = mapping.failure(reply(status, words))
    assert isinstance(error, Rejected)
    assert (error.code, error.provider_text) == (f"minox.{told}", f"X1 {words}")


def test_what_is_no_refusal() -> None:
    assert mapping.failure(reply(200, "Let op", kind="warning")) is None
    assert mapping.failure(reply(200)) is None
    assert isinstance(mapping.failure(reply(401)), AuthorisationExpired)
    assert isinstance(mapping.failure(reply(503, "Storing")), Temporary)
    assert isinstance(mapping.failure(Reply(400, {}, b"<html>")), UnexpectedReply)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("17000", 17.0), ("1774958404000", 4.0), ("1774950000000", 1.0), ("999999", 120.0), ("soon", 120.0)],
)
def test_the_wait_is_in_milliseconds_and_never_longer_than_a_window(reset: str, seconds: float) -> None:
    error = mapping.failure(reply(429, x_rate_limit_reset=reset, Date="Tue, 31 Mar 2026 12:00:00 GMT"))
    assert isinstance(error, Temporary)
    assert (error.retry_after, error.sent) == (seconds, False)
