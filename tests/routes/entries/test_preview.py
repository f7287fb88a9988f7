"""What the page of a draft shows is what goes out, byte for byte."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date

from tests.routes.conftest import SignIn
from tests.routes.entries.desk import Desk, shown, words
from tests.sync import provider
from tests.sync.office import store_books


def test_totals_hash_and_bytes(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    client = sign_in(desk.staff)
    html = client.get(desk.url(entry)).text
    page = words(html)
    assert "3 lines ready to send" in page
    assert "March 2024, Current account, to journal 20" in page
    assert "Pretend Books" in page
    assert "112.50 112.50" in page  # both totals: the bank's side balances the others
    assert "Difference 0.00, balanced" in page
    raw = client.get(desk.url(entry, "/payload")).data
    assert entry.reference.encode() in raw
    assert hashlib.sha256(raw).hexdigest() == shown(html)["sha256"]
    text = client.get(desk.url(entry, ".csv")).text
    assert ";499000;" in text
    assert ";110.25;" in text


def test_what_would_be_refused_blocks_the_sending(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    desk.correct(entry, 2, "613000")
    html = sign_in(desk.staff).get(desk.url(entry)).text
    page = words(html)
    assert "2 lines ready, 1 to put right first" in page
    assert "A ledger account is blocked in the package" in page
    assert "Account 613000 is blocked in dossier" in page
    assert html.count("kp-entry-blocked") == 1
    assert shown(html) == {}, "there is no sending form"


def test_a_closed_period_is_marked_at_each_of_its_lines(desk: Desk, sign_in: SignIn) -> None:
    closed = [
        replace(p, closed_journals=frozenset({"20"})) for p in provider.PERIODS if (p.year, p.number) == (2024, 3)
    ]
    store_books(desk.office.database, desk.office.coupling, periods=closed)
    entry = desk.draft()
    html = sign_in(desk.staff).get(desk.url(entry)).text
    assert html.count("kp-entry-blocked") == 3
    assert html.count('id="problem-entry-period-closed"') == 1, "one card a cause"
    assert "Period 3 of 2024 is closed for journal 20." in html


def test_counters_filter_the_lines(desk: Desk, sign_in: SignIn) -> None:
    desk.sent("ok")
    entry = desk.draft((date(2024, 3, 30), "3.00"), (date(2024, 3, 31), "4.00"))
    desk.correct(entry, 1, "612000")
    client = sign_in(desk.staff)
    changed = client.get(desk.url(entry, "?effect=changed")).text
    assert "1 of 2 shown" in changed
    assert "499000 Suspense" in words(changed)
    skipped = words(client.get(desk.url(entry, "?effect=skipped")).text)
    assert "3 skipped" in skipped
    assert skipped.count("in entry KP-") == 3


def test_many_lines_come_in_pages(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft(*((date(2024, 3, 1 + n % 28), "1.00") for n in range(60)))
    client = sign_in(desk.staff)
    first, second = client.get(desk.url(entry)).text, client.get(desk.url(entry, "?page=2")).text
    assert "50 of 60 shown" in first
    assert "The bank’s side" not in first
    assert "10 of 60 shown" in second
    assert "The bank’s side" in second
