"""Whatever Salt Edge answers, the client gives data or one of the five errors, and never waits for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.connectors.errors import ConnectorError, UnexpectedReply
from portal.connectors.saltedge.client import Client, Directory
from portal.kernel import http
from tests.connectors.contract.world import RecordingGate
from tests.connectors.saltedge.test_mapping import ACCOUNT, CONNECTION, CONSENT

HOST = "https://www.saltedge.com"
ROOT = f"{HOST}/api/v6"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(
        ["2026-03-14", "posted", "2026-13-45", "XF", "active", "-", "NaN"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["data", "meta", "next_id", "id", "amount", "made_on", "status", "extra", "last_attempt", "currency_code",
             "customer_id", "connect_url", "error", "class", "code", "name", "country_code", "custom_fields"]
        ), inner, max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip


def client() -> Client:
    return Client(http.session(), HOST, RecordingGate(), "111", sleep=lambda seconds: None)


CALLS: list[Callable[[], object]] = [
    lambda: client().identity(),
    lambda: client().accounts(),
    lambda: list(client().transactions("333")),
    lambda: client().pending("333"),
    lambda: client().status(),
    lambda: client().refresh("333", "192.0.2.7"),
    lambda: client().refreshed("55"),
    lambda: client().renewal("https://portal.example/", "s"),
    lambda: client().revoke(),
    lambda: Directory(http.session(), HOST, RecordingGate()).institutions("BE"),
    lambda: Directory(http.session(), HOST, RecordingGate()).begin("b", "https://p.example/", "s", person="p"),
    lambda: Directory(http.session(), HOST, RecordingGate()).link_of("222", "s"),
]


def answered(call: Callable[[], object], body: str, status: int = 200) -> None:
    """The same answer to everything."""
    reply = http.Reply(status, {}, body.encode())
    with mock.patch.object(http, "exchange", return_value=reply):
        try:
            call()
        except ConnectorError:
            return


@settings(max_examples=150, deadline=None)
@given(document=ANYTHING, status=st.sampled_from([200, 200, 200, 400, 404, 406, 429, 500]))
def test_any_json_is_data_or_one_of_the_five(document: Any, status: int) -> None:
    for call in CALLS:
        answered(call, json.dumps(document), status)


@settings(max_examples=60, deadline=None)
@given(row=ANYTHING, following=st.none() | st.text(max_size=3))
def test_any_row_is_data_or_one_of_the_five(row: Any, following: str | None) -> None:
    for call in CALLS:
        answered(call, json.dumps({"data": [row], "meta": {"next_id": following}}))


@pytest.mark.parametrize("body", ["", "\x00", "[" * 100_000, '{"data":' * 50_000, "\ufeff{}", "{} {}", "1e999999999"])
def test_what_is_no_json_is_unreadable(body: str) -> None:
    for call in CALLS:
        answered(call, body)


def listing(rows: list[Any], following: str | None = None) -> str:
    return json.dumps({"data": rows, "meta": {"next_id": following}}, default=float)


def test_a_list_that_turns_in_a_circle_ends() -> None:
    with responses.RequestsMock() as server:
        server.get(f"{ROOT}/accounts", body=listing([ACCOUNT]))
        server.get(f"{ROOT}/transactions", body=listing([], "7"))
        with pytest.raises(UnexpectedReply) as caught:
            list(client().transactions("333333333333333333"))
    assert caught.value.code == "saltedge.endless_list"


def test_a_page_address_that_is_none_is_not_given_to_a_browser() -> None:
    for address in ("javascript:alert(1)", "", "data:text/html,x", None, 5):
        with responses.RequestsMock() as server:
            server.post(f"{ROOT}/connections/111/reconnect", json={"data": {"connect_url": address}})
            with pytest.raises(UnexpectedReply):
                client().renewal("https://portal.example/", "s")


def test_a_status_needs_no_more_than_it_is_told() -> None:
    with responses.RequestsMock() as server:
        server.get(f"{ROOT}/connections/111", json={"data": {"id": "111"}})
        server.get(f"{ROOT}/consents", json={"data": []})
        status = client().status()
    assert (status.consent_ends_at, status.last_attempt, status.ended) == (None, None, "")


def test_a_whole_connection_is_read() -> None:
    with responses.RequestsMock() as server:
        server.get(f"{ROOT}/connections/111", body=json.dumps({"data": CONNECTION}))
        server.get(f"{ROOT}/consents", json={"data": [CONSENT], "meta": {}})
        server.get(f"{ROOT}/accounts", body=listing([ACCOUNT]))
        (account,) = client().accounts()
    assert account.consent_ends_at is not None
    assert str(account.balance) == "2007.2"
