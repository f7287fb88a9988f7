"""What connectors to servers share: lists, signatures, refusals and what is read back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import requests

from portal.connectors import failures, ledgers, paging, signing
from portal.connectors.base import LedgerAccount, OutgoingLine
from portal.connectors.calls import Calls
from portal.connectors.errors import Rejected, UnexpectedReply
from portal.kernel import http

ACCOUNTS = {"1": LedgerAccount("1", "A", "17", "general"), "2": LedgerAccount("2", "B", "x", "general")}


class Gate:
    """Lets everything pass."""

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None: ...
    def after(self, dossier: str, endpoint: str, status: int, headers: Any) -> None: ...


def answering(monkeypatch: pytest.MonkeyPatch, *bodies: bytes) -> tuple[Calls, list[tuple[str, Any]]]:
    """Calls that are answered by these, one after the other, and what was asked."""
    went, waiting = list[tuple[str, Any]](), list(bodies)

    def exchange(session: object, method: str, url: str, *, params: Any = None, **given: object) -> http.Reply:
        went.append((url, params))
        return http.Reply(200, http.NO_HEADERS, waiting.pop(0))

    monkeypatch.setattr(http, "exchange", exchange)
    return Calls("app", requests.Session(), "https://package.example", Gate(), lambda reply: None), went


def rows_of(page: Any) -> tuple[list[Any], str]:
    return page["rows"], page.get("next", "")


def test_a_list_is_read_to_its_last_page() -> None:
    pages: dict[int, tuple[list[str], int | None]] = {1: (["a", "b"], 2), 2: ([], 3), 3: (["c"], None)}
    assert paging.all_rows("app", 1, pages.__getitem__) == ["a", "b", "c"]


def test_a_page_that_leads_to_itself_ends_nothing() -> None:
    with pytest.raises(UnexpectedReply) as caught:
        paging.all_rows("app", "x", lambda place: ([1], "x"))
    assert caught.value.code == "app.endless_list"


def test_a_list_without_an_end_is_left() -> None:
    asked: list[int] = []

    def page(number: int) -> tuple[list[int], int | None]:
        asked.append(number)
        return [], number + 1

    with pytest.raises(UnexpectedReply):
        paging.all_rows("app", 1, page)
    assert len(asked) == paging.MAX_PAGES


@pytest.mark.parametrize("link", ["https://package.example/list?after=1", "?after=1", "/list?after=1"])
def test_a_link_is_followed_with_nothing_added_to_it(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    following = b'{"rows": [1], "next": "%s"}' % link.encode()
    calls, went = answering(monkeypatch, following, b'{"rows": [2]}')
    assert paging.linked(calls, "7", "list", "list", rows_of, {"size": "1"}) == [1, 2]
    assert went == [
        ("https://package.example/list", {"size": "1"}), ("https://package.example/list?after=1", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("link", "code"),
    [("https://elsewhere.example/list", "foreign_link"), ("https://package.example/list", "endless_list")],
)
def test_a_link_elsewhere_or_to_the_same_page_is_refused(monkeypatch: pytest.MonkeyPatch, link: str, code: str) -> None:
    calls, went = answering(monkeypatch, b'{"rows": [1], "next": "%s"}' % link.encode())
    with pytest.raises(UnexpectedReply) as caught:
        paging.linked(calls, "7", "list", "list", rows_of)
    assert (caught.value.code, len(went)) == (f"app.{code}", 1)


def test_rows_that_cannot_be_taken_apart_are_told() -> None:
    calls = Calls("app", requests.Session(), "https://package.example", Gate(), lambda reply: None)
    assert calls.each(int, ["1", "2"]) == [1, 2]
    with pytest.raises(UnexpectedReply) as caught:
        calls.each(int, ["1", "x"])
    assert caught.value.code == "app.unreadable"


def signed(url: str) -> requests.PreparedRequest:
    request = requests.Request("GET", url).prepare()
    return signing.bearer("https://package.example/books/", "secret", X_Database="kantoor")(request)


def test_a_signature_is_shown_to_its_server() -> None:
    headers = signed("https://package.example/books/list").headers
    assert (headers["Authorization"], headers["X-Database"]) == ("Bearer secret", "kantoor")


@pytest.mark.parametrize(
    "url",
    ["https://package.example.evil/books/", "https://package.example/other", "http://package.example/books/list"],
)
def test_a_signature_is_shown_nowhere_else(url: str) -> None:
    with pytest.raises(ValueError, match="own provider"):
        signed(url)


def test_words_tell_a_code_the_first_that_fits() -> None:
    words = failures.Words((("period.*closed", "period_closed"), ("closed", "account_blocked")))
    assert words.code("The Period is CLOSED") == "period_closed"
    assert words.code("account closed") == "account_blocked"
    assert words.code("no") == ""
    assert words.codes == {"period_closed", "account_blocked"}


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(422, "unbalanced", "unbalanced"), (403, "", "user_rights"), (404, "", "not_found"), (400, "", "refused")],
)
def test_a_status_tells_where_words_do_not(status: int, code: str, told: str) -> None:
    refusal = failures.rejected("app", status, "words", code)
    assert (refusal.code, refusal.status, refusal.provider_text) == (f"app.{told}", status, "words")


def test_only_a_limit_is_sure_that_nothing_was_done() -> None:
    limited, fault = failures.limited("app", 7), failures.fault("app", 503)
    assert (limited.sent, limited.retry_after, limited.status) == (False, 7, 429)
    assert (fault.sent, fault.status) == (True, 503)


def test_an_account_is_one_of_the_dossier() -> None:
    assert ledgers.account("app", "2", ACCOUNTS).name == "B"
    assert ledgers.account_number("app", "1", ACCOUNTS) == 17


@pytest.mark.parametrize("code", ["2", "3"])
def test_an_account_without_a_number_is_unknown(code: str) -> None:
    with pytest.raises(Rejected) as caught:
        ledgers.account_number("app", code, ACCOUNTS)
    assert (caught.value.code, caught.value.values) == ("app.account_unknown", {"account": code})


def test_an_entry_is_counted_and_totalled() -> None:
    on = date(2026, 3, 31)
    lines = [OutgoingLine(on, "1", Decimal("1.10"), ""), OutgoingLine(on, "2", Decimal("-1.10"), "")]
    found = ledgers.entry("7", "2026/7", "KP-A", "BQ", on, "EUR", lines)
    assert (found.total_debit, found.line_count, found.lines) == (Decimal("1.10"), 2, tuple(lines))
    assert ledgers.entry("7", "", "KP-A", "", None, "").total_debit == 0
