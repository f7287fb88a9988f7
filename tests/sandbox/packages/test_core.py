"""What all stand-ins share: the books, who may come in, limits, trouble, and what survives."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from sandbox.packages import create_app
from sandbox.packages.books import REFUSALS, Entry, Line, Refusal, cents, money
from sandbox.packages.core import Sandbox, Stand

DAY = date(2026, 3, 18)
BACK = "http://127.0.0.1:5000/back"
BOOKS = "/xero/api.xro/2.0"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    made = create_app(tmp_path, clock=lambda: datetime(2026, 3, 18, 12, tzinfo=UTC))
    yield made
    made.extensions["sandbox"].close()


@pytest.fixture
def sandbox(app: Flask) -> Sandbox:
    found: Sandbox = app.extensions["sandbox"]
    return found


@pytest.fixture
def stand(sandbox: Sandbox, client: FlaskClient) -> Stand:
    """Xero, with a login, one dossier and our app."""
    found = sandbox.stand("xero")
    found.access.add_login("kantoor")
    found.access.add_app("us", "secret", ["http://127.0.0.1:*"])
    assert client.post("/control/api/dossiers", json={"package": "xero", "code": "1"}).status_code == 201
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def dossier(stand: Stand) -> int:
    row = stand.books.dossier("1")
    assert row is not None
    return int(row["seq"])


def entry(*amounts: int, account: str = "499000", **more: Any) -> Entry:
    return Entry("90", DAY, [Line(account, amount) for amount in amounts or (100, -100)], **more)


# ------------------------------------------------------------------------------ books


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (entry(100, -99), "unbalanced"),
        (entry(account="1"), "account_unknown"),
        (Entry("99", DAY, [Line("499000", 0)]), "journal_unknown"),
        (Entry("90", DAY, []), "no_lines"),
        (Entry("90", date(1999, 1, 1), [Line("499000", 0)]), "no_period"),
        (entry(relation=999), "relation_unknown"),
    ],
)
def test_the_books_refuse(stand: Stand, dossier: int, wrong: Entry, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        stand.books.book(dossier, wrong)
    assert refused.value.code == code in REFUSALS
    assert stand.books.entries(dossier) == []


def test_a_locked_day_takes_nothing_and_the_next_does(stand: Stand, dossier: int, client: FlaskClient) -> None:
    client.post("/control/api/lock", json={"package": "xero", "dossier": "1", "until": "2026-03-18"})
    with pytest.raises(Refusal, match="period_closed"):
        stand.books.book(dossier, entry())
    stand.books.book(dossier, Entry("90", date(2026, 3, 19), [Line("499000", 0)]))


def test_a_key_is_booked_once_in_a_dossier(stand: Stand, dossier: int) -> None:
    first = stand.books.book(dossier, entry(key="K"))
    with pytest.raises(Refusal) as refused:
        stand.books.book(dossier, entry(key="K"))
    assert refused.value.values["id"] == first["id"]
    assert len(stand.books.entries(dossier)) == 1


def test_a_draft_need_not_balance_until_it_is_booked(stand: Stand, dossier: int) -> None:
    crooked = stand.books.book(dossier, entry(5, -4, state="draft"))
    with pytest.raises(Refusal, match="unbalanced"):
        stand.books.post(dossier, crooked["seq"])
    straight = stand.books.book(dossier, entry(5, -5, state="draft"))
    assert stand.books.post(dossier, straight["seq"])["state"] == "posted"
    with pytest.raises(Refusal, match="not_draft"):
        stand.books.post(dossier, straight["seq"])


def test_together_is_all_or_nothing(stand: Stand, dossier: int) -> None:
    def both() -> None:
        with stand.books.together():
            stand.books.book(dossier, entry())
            stand.books.book(dossier, entry(1))

    with pytest.raises(Refusal):
        both()
    assert stand.books.entries(dossier) == []


def test_many_threads_book_what_they_booked(stand: Stand, dossier: int) -> None:
    def work(number: int) -> None:
        for own in range(25):
            stand.books.book(dossier, entry(reference=f"{number}/{own}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = stand.books.entries(dossier)
    assert len({row["reference"] for row in rows}) == len(rows) == 100
    assert len({row["number"] for row in rows}) == 100


@pytest.mark.parametrize(("value", "whole"), [("12.05", 1205), (-0.01, -1), ("", 0), (None, 0), ("0.005", 1)])
def test_amounts_are_whole_cents(value: object, whole: int) -> None:
    assert cents(value) == whole
    assert cents(money(whole)) == whole


def test_what_is_no_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="not an amount"):
        cents("12,05")


# ------------------------------------------------------------------------------ who may come in


def log_in(client: FlaskClient, verifier: str = "v" * 50, **more: str) -> str:
    """Through the page; returns the code."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": "us",
        "redirect_uri": BACK,
        "response_type": "code",
        "state": "st",
        "code_challenge": challenge,
    }
    assert client.get("/xero/identity/connect/authorize", query_string=asked).status_code == 200
    answer = client.post(
        "/xero/identity/connect/authorize", data=asked | {"login": "kantoor", "decision": "allow"} | more
    )
    told = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert told["state"] == ["st"]
    return told.get("code", told.get("error", [""]))[0]


def exchange(client: FlaskClient, **form: str) -> Any:
    return client.post("/xero/connect/token", data={"client_id": "us", "client_secret": "secret", **form})


def test_a_consent_gives_tokens_once(client: FlaskClient, stand: Stand) -> None:
    code = log_in(client)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    assert exchange(client, **form, code_verifier="other").json["error"] == "invalid_grant"
    tokens = exchange(client, **form, code_verifier="v" * 50).json
    assert exchange(client, **form, code_verifier="v" * 50).status_code == 400
    who = stand.access.who(tokens["access_token"])
    assert who is not None
    assert (who.login, who.dossiers) == ("kantoor", None)
    assert stand.access.who(tokens["refresh_token"]) is None


def test_a_refused_consent_goes_back_with_an_error(client: FlaskClient, stand: Stand) -> None:
    assert log_in(client, decision="deny") == "access_denied"
    assert log_in(client, login="nobody") == "access_denied"


def test_a_consent_may_name_dossiers(client: FlaskClient, stand: Stand) -> None:
    form = {"grant_type": "authorization_code", "code": log_in(client, dossiers="x"), "redirect_uri": BACK}
    token = exchange(client, **form, code_verifier="v" * 50).json["access_token"]
    assert client.get("/xero/Connections", headers={"Authorization": f"Bearer {token}"}).json == []


def test_an_app_that_is_not_registered_gets_no_page(client: FlaskClient, stand: Stand) -> None:
    asked = {"client_id": "us", "redirect_uri": "http://evil.example/", "response_type": "code"}
    assert client.get("/xero/identity/connect/authorize", query_string=asked).status_code == 400
    assert exchange(client, client_secret="wrong").status_code == 401


@pytest.mark.parametrize("header", ["Basic é", "Basic !!", "Basic /w==", "Basic", "Bearer dXM6c2VjcmV0"])
def test_credentials_that_are_none_are_refused(client: FlaskClient, stand: Stand, header: str) -> None:
    answer = client.post("/xero/connect/token", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json == {
        "error": "invalid_client",
        "error_description": "The client is unknown or its secret is wrong.",
    }


def test_a_used_refresh_token_works_as_long_as_the_grace(client: FlaskClient, stand: Stand) -> None:
    tokens = stand.access.mint("kantoor", stand.tokens, app="us")
    form = {"grant_type": "refresh_token", "refresh_token": str(tokens["refresh_token"])}
    assert exchange(client, **form).status_code == 200
    assert exchange(client, **form).status_code == 200
    stand.clock.advance(1801)
    assert exchange(client, **form).status_code == 400


def test_access_ends_by_time_by_hand_and_by_withdrawal(stand: Stand) -> None:
    def token() -> str:
        return str(stand.access.mint("kantoor", stand.tokens)["access_token"])

    old = token()
    stand.clock.advance(1801)
    assert stand.access.who(old) is None
    expired, withdrawn, key = token(), token(), stand.access.add_key("kantoor")
    stand.access.expire(expired)
    stand.access.withdraw(secret=withdrawn)
    assert (stand.access.who(expired), stand.access.who(withdrawn)) == (None, None)
    assert stand.access.who(key)
    stand.access.withdraw()
    assert stand.access.who(key) is None


# ------------------------------------------------------------------------------ limits and trouble


def signed(stand: Stand) -> dict[str, str]:
    token = stand.access.mint("kantoor", stand.tokens)["access_token"]
    row = stand.books.dossier("1")
    assert row is not None
    return {"Authorization": f"Bearer {token}", "xero-tenant-id": row["id"]}


def test_a_window_a_day_and_their_rest(client: FlaskClient, stand: Stand) -> None:
    headers = signed(stand)
    stand.change_settings({"per_window": 2, "per_day": 3})
    answers = [client.get(f"{BOOKS}/Organisation", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["X-MinLimit-Remaining"] == "1"
    stand.clock.advance(61)
    answers = [client.get(f"{BOOKS}/Organisation", headers=headers) for _ in range(2)]
    assert [answer.headers.get("X-Rate-Limit-Problem") for answer in answers] == [None, "day"]


JOURNAL = {
    "ManualJournals": [{
        "Narration": "KP-AAAA", "Date": "2026-03-18", "Status": "POSTED",
        "JournalLines": [{"LineAmount": 1, "AccountCode": "499000"}, {"LineAmount": -1, "AccountCode": "580000"}],
    }]
}  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "booked"),
    [
        ("drop_before_commit", 0), ("drop_after_commit", 1), ("429", 0), ("500", 0), ("503", 0),
        ("500_after_commit", 1),
        ("garbage", 1), ("revoke", 0), ("expire", 0), ("close_period", 0),
    ],
)  # fmt: skip
def test_trouble_is_what_its_name_says(
    client: FlaskClient, stand: Stand, dossier: int, fault: str, booked: int
) -> None:
    spec = {"kind": fault, "package": "xero", "write": True, "details": {"until": "2026-03-31"}}
    assert client.post("/control/api/faults", json=spec).status_code == 201
    try:
        client.put(f"{BOOKS}/ManualJournals", json=JOURNAL, headers=signed(stand))
    except ConnectionAbortedError:
        assert fault.startswith("drop")
    assert len(stand.books.entries(dossier)) == booked
    ledger = client.get("/control/api/ledger", query_string={"package": "xero", "reference": "KP-AAAA"}).json
    assert ledger is not None
    assert len(ledger["entries"]) == booked


def test_a_fault_leaves_other_packages_and_reads_alone(client: FlaskClient, stand: Stand) -> None:
    client.post("/control/api/faults", json={"kind": "503", "package": "other", "times": None})
    client.post("/control/api/faults", json={"kind": "503", "package": "xero", "write": True, "times": None})
    assert client.get(f"{BOOKS}/Organisation", headers=signed(stand)).status_code == 200


def test_a_late_call_is_done_when_it_is_due(client: FlaskClient, stand: Stand, dossier: int) -> None:
    client.post("/control/api/faults", json={"kind": "commit_late", "seconds": 30})
    with pytest.raises(ConnectionAbortedError):
        client.put(f"{BOOKS}/ManualJournals?x=1", json=JOURNAL, headers=signed(stand))
    client.post("/control/api/clock", json={"advance": 29})
    assert stand.books.entries(dossier) == []
    client.post("/control/api/clock", json={"advance": 2})
    client.post("/control/api/clock", json={"advance": 60})
    assert [row["reference"] for row in stand.books.entries(dossier)] == ["KP-AAAA"]


# ------------------------------------------------------------------------------ control


def test_the_pages_show_what_is_there(client: FlaskClient, stand: Stand, dossier: int) -> None:
    stand.books.book(dossier, entry(text="<b>", reference="KP-AAAA"))
    client.post("/control/trouble", data={"kind": "503", "package": "xero", "times": "2"})
    for page, word in (("/control/", "503"), ("/control/xero", "Dossier 1"), (f"/control/xero/{dossier}", "KP-AAAA")):
        answer = client.get(page)
        assert answer.status_code == 200
        assert word in answer.text
        assert "<b>" not in answer.text
    assert client.get("/control/nothing").status_code == client.get("/control/xero/nothing").status_code == 404
    unclear = client.post("/control/trouble", data={"kind": "close_period", "package": "xero"})
    assert unclear.status_code == 400
    assert "until" in unclear.text
    client.post("/control/trouble", data={"remove": "all"})
    client.post("/control/time", data={"what": "advance", "days": "2"})
    assert "2.0 days" in client.get("/control/").text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"package": "nobody"}), ("settings", {"package": "xero", "colour": 1}),
        ("settings", {"package": "xero", "per_day": "many"}), ("faults", {"kind": "fire"}),
        ("grants", {"package": "xero", "login": "nobody"}), ("keys", {"package": "xero"}), ("apps", {}),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(client: FlaskClient, stand: Stand, path: str, body: Any) -> None:
    if path == "keys":
        body = body | {"login": "nobody"}
    answer = client.post(f"/control/api/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"]


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    def start() -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "sandbox.packages", "--port", "0", "--data", str(tmp_path), "--seed-demo"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        return child, child.stdout.readline().split()[2].rpartition("/")[0]

    child, url = start()
    body = {"package": "xero", "dossier": "0001", "journal": "90", "date": "2026-03-18"}
    lines = [{"account": "499000", "amount": "1"}, {"account": "580000", "amount": "-1"}]
    for _ in range(20):
        made = requests.post(f"{url}/control/api/entries", json=body | {"lines": lines}, timeout=10)
        assert made.status_code == 201
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    assert child.stdout is not None
    child.stdout.close()
    child, url = start()
    ledger = requests.get(f"{url}/control/api/ledger", params={"package": "xero"}, timeout=10).json()
    assert len(ledger["entries"]) == 20
    child.terminate()
    assert child.wait(10) == 0
    assert child.stdout is not None
    child.stdout.close()
