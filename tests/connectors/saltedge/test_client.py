"""The connector against its stand-in server."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.connectors.feed import BankFeed, FeedTransaction, RefreshStatus, TransactionStatus
from portal.connectors.login import AuthMode
from portal.connectors.registry import FEEDS, explain, load_feed
from portal.connectors.saltedge import MANIFEST, returned
from portal.connectors.saltedge.client import Client, Directory
from tests.connectors.saltedge.world import World, make_key, session


def booked(client: Client, account: str, cursor: str = "") -> tuple[list[FeedTransaction], str]:
    """(what is booked from `cursor` on, the cursor after it)."""
    found: list[FeedTransaction] = []
    for page in client.transactions(account, cursor):
        found += [row for row in page.transactions if row.status is TransactionStatus.BOOKED]
        cursor = page.cursor
    return found, cursor


def as_told(rows: list[FeedTransaction]) -> Counter[tuple[str, Decimal, str]]:
    return Counter((row.line.date.isoformat(), row.line.amount, row.line.description) for row in rows)


def as_booked(world: World, account: str) -> Counter[tuple[str, Decimal, str]]:
    since = (datetime(2026, 3, 18, tzinfo=UTC) - timedelta(days=90)).date().isoformat()
    rows = world.control.ledger(account)
    return Counter(
        (row["date"], Decimal(row["amount"]), row["description"]) for row in rows if row["booked_at"] >= since
    )


def test_it_is_on_the_list_and_keeps_the_protocol(world: World) -> None:
    module = load_feed("saltedge")
    assert "saltedge" in FEEDS
    assert module.MANIFEST.auth is AuthMode.KEY
    assert MANIFEST.kind == "feed"
    assert isinstance(module.connect(session(), world.url, world.gate, "1"), BankFeed)
    assert module.directory(session(), world.url, world.gate).institutions("BE")


def test_banks_of_a_country_by_name(world: World) -> None:
    found = world.directory.institutions("BE")
    assert [bank.name for bank in found] == sorted((bank.name for bank in found), key=str.casefold)
    assert {bank.country for bank in found} == {"BE"}
    kbc = next(bank for bank in found if bank.id == "kbc_be")
    assert (kbc.bic, kbc.max_consent_days, kbc.sandbox) == ("KREDBEBB", 180, False)
    assert "closed_bank_be" not in {bank.id for bank in found}
    assert all(bank.sandbox for bank in world.directory.institutions("XF"))


def test_a_link_is_made_and_told_back(world: World) -> None:
    back = world.consent(world.begin(state="abc"))
    assert (back["state"], back["x"]) == ("abc", "1")
    notice = returned(back)
    assert (notice.link, notice.state, notice.failed) == (back["connection_id"], "abc", False)
    client = world.client(notice.link)
    assert client.identity().user_id == world.customer
    assert world.directory.link_of(world.customer, "abc") == notice.link
    assert world.directory.link_of(world.customer, "another") == ""


def test_a_cancelled_visit_says_so(world: World) -> None:
    address = world.begin()
    answer = session().post(address, data={"decision": "cancel"})
    assert answer.status_code == 302
    query = dict(pair.split("=") for pair in answer.headers["Location"].partition("?")[2].split("&"))
    notice = returned(query)
    assert (notice.link, notice.failed, notice.code, notice.state) == ("", True, "saltedge.cancelled", "s1")
    assert explain(notice.code) is not None


def test_a_wrong_password_says_so(world: World) -> None:
    notice = returned(world.consent(world.begin(), password="wrong"))
    assert (notice.failed, notice.code) == (True, "saltedge.invalid_credentials")
    attempt = world.client(notice.link).status().last_attempt
    assert attempt is not None
    assert (attempt.status, attempt.code) == (RefreshStatus.FAILED, "saltedge.invalid_credentials")
    assert attempt.request_id


def test_a_customer_whose_identifier_is_taken_gets_another_one(world: World) -> None:
    first = world.directory.customer("client-9")
    second = world.directory.customer("client-9")
    assert first != second
    assert world.directory.connect_url(second, "kbc_be", "https://portal.example/r", "s")


def test_a_customer_that_is_gone_is_made_anew(world: World) -> None:
    begun = world.directory.begin("kbc_be", "https://portal.example/r", "s", person="client-1", customer="12345")
    assert begun.customer not in ("", "12345")


def test_a_bank_that_is_closed_is_refused(world: World) -> None:
    with pytest.raises(Rejected) as caught:
        world.begin("closed_bank_be")
    assert caught.value.code == "saltedge.provider_disabled"


def test_accounts_are_told_whole(world: World) -> None:
    client = world.link("kbc_be")
    found = client.accounts()
    assert found
    for account in found:
        assert account.number.startswith("BE")
        assert (account.currency, account.institution, account.available) == ("EUR", "kbc_be", True)
        assert account.holder == "Jan Peeters"
        assert account.consent_ends_at == datetime(2026, 3, 18, 12, tzinfo=UTC) + timedelta(days=180)
        rows = world.control.ledger(account.number)
        opening = next(
            row["opening"] for row in world.control.get("bank-accounts")["bank_accounts"]
            if row["iban"] == account.number
        )  # fmt: skip
        assert account.balance == Decimal(opening) / 100 + sum(Decimal(row["amount"]) for row in rows)


def test_every_booked_row_comes_once(world: World) -> None:
    client = world.link()
    account = client.accounts()[0]
    rows, cursor = booked(client, account.id)
    assert len({row.id for row in rows}) == len(rows) > 100
    assert as_told(rows) == as_booked(world, account.number)
    assert booked(client, account.id, cursor)[0] == rows[-1:]


def test_pages_go_to_the_end(world: World) -> None:
    number = world.control.post("bank-accounts", provider="kbc_be", login="jan.peeters", pace=30)["iban"]
    client = world.link("kbc_be")
    account = next(one for one in client.accounts() if one.number == number)
    pages = [page for page in client.transactions(account.id) if page.transactions]
    assert len(pages[0].transactions) == 1000
    assert len(pages) > 2
    assert as_told(booked(client, account.id)[0]) == as_booked(world, number)


def test_the_cursor_brings_what_is_new_day_by_day(world: World) -> None:
    client = world.link()
    account = client.accounts()[0]
    known: dict[str, FeedTransaction] = {}
    cursor = ""
    for _ in range(20):
        rows, cursor = booked(client, account.id, cursor)
        known |= {row.id: row for row in rows}
        world.advance(days=1)
        client.refresh(account.id, "192.0.2.7")
        world.advance(seconds=3)
    rows, cursor = booked(client, account.id, cursor)
    known |= {row.id: row for row in rows}
    assert as_told(list(known.values())) == as_booked(world, account.number)


def test_rows_with_an_old_date_are_not_missed(world: World) -> None:
    client = world.link()
    account = client.accounts()[0]
    _, cursor = booked(client, account.id)
    world.control.post(f"bank-accounts/{account.number}/transactions", amount="12.34", made_on="2026-01-05")
    world.advance(hours=2)
    client.refresh(account.id, "192.0.2.7")
    world.advance(seconds=3)
    rows, _ = booked(client, account.id, cursor)
    late = [row for row in rows if row.line.amount == Decimal("12.34")]
    assert [row.line.date.isoformat() for row in late] == ["2026-01-05"]


def test_pending_rows_are_told_apart_and_change_their_id(world: World) -> None:
    client = world.link()
    account = client.accounts()[0]
    _, cursor = booked(client, account.id)
    world.control.post(
        f"bank-accounts/{account.number}/transactions", amount="-9.99", counterparty="Colruyt", pending_hours=48
    )
    ids = []
    for _ in range(2):
        world.advance(hours=2)
        client.refresh(account.id, "192.0.2.7")
        world.advance(seconds=3)
        pending = [row for row in client.pending(account.id) if row.line.amount == Decimal("-9.99")]
        assert [row.status for row in pending] == [TransactionStatus.PENDING]
        ids += [row.id for row in pending]
        assert not [row for row in booked(client, account.id, cursor)[0] if row.line.amount == Decimal("-9.99")]
    assert ids[0] != ids[1]
    world.advance(days=2)
    client.refresh(account.id, "192.0.2.7")
    world.advance(seconds=3)
    assert not [row for row in client.pending(account.id) if row.line.amount == Decimal("-9.99")]
    (row,) = [row for row in booked(client, account.id, cursor)[0] if row.line.amount == Decimal("-9.99")]
    assert row.id not in ids
    assert row.line.counterparty == "Colruyt"


def test_duplicates_are_named_and_come_with_the_same_cursor(world: World) -> None:
    client = world.link()
    account = client.accounts()[0]
    pages = list(client.transactions(account.id))
    rows = [row for page in pages for row in page.transactions]
    twice = [row for row in rows if row.status is TransactionStatus.DUPLICATE]
    assert twice
    known = {row.line.bank_reference for row in rows if row.status is TransactionStatus.BOOKED}
    assert {row.line.bank_reference for row in twice} <= known
    assert (
        pages[-1].cursor
        == [page for page in pages if page.transactions[0].status is TransactionStatus.BOOKED][-1].cursor
    )


def test_a_refresh_runs_and_is_done(world: World) -> None:
    client = world.link()
    world.advance(hours=2)
    refresh = client.refresh("", "192.0.2.7")
    assert client.refreshed(refresh).status is RefreshStatus.RUNNING
    with pytest.raises(Temporary) as busy:
        client.refresh("", "192.0.2.7")
    assert busy.value.code == "saltedge.connection_already_processing"
    world.advance(seconds=3)
    done = client.refreshed(refresh)
    assert (done.status, done.request_id) == (RefreshStatus.DONE, refresh)
    assert client.status().last_success_at == datetime(2026, 3, 18, 14, 0, 2, tzinfo=UTC)


def test_too_soon_says_how_long(world: World) -> None:
    client = world.link()
    with pytest.raises(Temporary) as caught:
        client.refresh("", "192.0.2.7")
    assert (caught.value.code, caught.value.sent) == ("saltedge.connection_cannot_be_refreshed", False)
    assert caught.value.retry_after is not None
    assert 3500 < caught.value.retry_after <= 3600


def test_only_so_many_refreshes_a_day_without_a_person(world: World) -> None:
    client = world.link()
    for _ in range(4):
        world.advance(hours=2)
        client.refresh("", "")
    world.advance(hours=2)
    with pytest.raises(Temporary) as caught:
        client.refresh("", "")
    assert caught.value.code == "saltedge.background_fetch_limit_exceeded"
    assert client.refresh("", "192.0.2.7")


@pytest.mark.parametrize("kind", ["InvalidCredentials", "InteractiveTimeout", "ProviderUnavailable"])
def test_a_failing_attempt_is_told(world: World, kind: str) -> None:
    client = world.link()
    world.control.post("faults", kind=kind, endpoint="fakebank_simple_xf/*")
    world.advance(hours=2)
    refresh = client.refresh("", "192.0.2.7")
    world.advance(seconds=3)
    attempt = client.refreshed(refresh)
    assert attempt.status is RefreshStatus.FAILED
    assert attempt.text.startswith(kind)
    assert explain(attempt.code) is not None


@pytest.mark.parametrize(
    ("bank", "days"), [("fakebank_simple_xf", 180), ("fakebank_short_consent_xf", 90), ("argenta_be", 90)]
)
def test_a_consent_ends_when_the_bank_says(world: World, bank: str, days: int) -> None:
    client = world.link(bank)
    account = client.accounts()[0].id
    ends = datetime(2026, 3, 18, 12, tzinfo=UTC) + timedelta(days=days)
    assert client.status().consent_ends_at == ends
    assert client.status().ended == ""
    world.advance(days=days)
    status = client.status()
    assert (status.ended, status.consent_ends_at) == ("saltedge.consent_expired", ends)
    for call in (lambda: list(client.transactions(account)), lambda: client.refresh(account, "192.0.2.7")):
        with pytest.raises(AuthorisationExpired) as caught:
            call()
        assert caught.value.code == "saltedge.consent_expired"


def test_a_consent_without_an_end_has_none(world: World) -> None:
    assert world.link("fakebank_endless_consent_xf").status().consent_ends_at is None


def test_a_renewed_consent_keeps_accounts_and_cursor(world: World) -> None:
    client = world.link()
    before = client.accounts()
    _, cursor = booked(client, before[0].id)
    world.advance(days=181)
    address = client.renewal("https://portal.example/feeds/return", "renewed")
    notice = returned(world.consent(address))
    assert notice.state == "renewed"
    assert [(one.id, one.number) for one in client.accounts()] == [(one.id, one.number) for one in before]
    assert client.status().ended == ""
    rows, _ = booked(client, before[0].id, cursor)
    assert min(row.line.date.isoformat() for row in rows) < "2026-03-25"


def test_a_withdrawn_consent_is_not_an_expired_one(world: World) -> None:
    client = world.link()
    (connection,) = world.control.get("connections")["connections"]
    world.control.post(f"connections/{connection['id']}/end", how="revoke")
    assert client.status().ended == "saltedge.consent_revoked"
    with pytest.raises(AuthorisationExpired) as caught:
        client.accounts()
    assert caught.value.code == "saltedge.consent_revoked"


def test_revoking_twice_is_done_twice(world: World) -> None:
    client = world.link()
    client.revoke()
    client.revoke()
    with pytest.raises(Rejected) as caught:
        client.status()
    assert caught.value.code == "saltedge.connection_not_found"


@pytest.mark.parametrize(("kind", "code"), [("500", "fault"), ("503", "fault"), ("drop", "cut_off")])
def test_a_read_is_repeated_and_then_given_up(world: World, kind: str, code: str) -> None:
    client = world.link()
    world.control.post("faults", kind=kind, endpoint="connections/*", times=1, method="GET")
    if kind != "500":
        assert client.identity().user_id == world.customer
    world.control.post("faults", kind=kind, endpoint="connections/*", times=3, method="GET")
    with pytest.raises(Temporary) as caught:
        client.identity()
    assert (caught.value.code, caught.value.sent) == (f"saltedge.{code}", True)


def test_a_write_is_never_repeated(world: World) -> None:
    client = world.link()
    world.advance(hours=2)
    world.control.post("faults", kind="drop_after", endpoint="connections/*/refresh")
    with pytest.raises(Temporary) as caught:
        client.refresh("", "192.0.2.7")
    assert caught.value.sent
    asked = [one for one in world.control.get("requests")["requests"] if one["path"].endswith("/refresh")]
    assert len(asked) == 1


def test_too_many_calls_are_a_wait(world: World) -> None:
    client = world.link()
    world.control.post("faults", kind="429", endpoint="connections/*")
    with pytest.raises(Temporary) as caught:
        client.identity()
    assert (caught.value.code, caught.value.sent) == ("saltedge.too_many_requests", False)


@pytest.mark.parametrize("kind", ["garbage", "truncated"])
def test_an_unreadable_answer_is_no_answer(world: World, kind: str) -> None:
    client = world.link()
    world.control.post("faults", kind=kind, endpoint="consents", times=3)
    with pytest.raises((UnexpectedReply, Temporary)) as caught:
        client.status()
    assert caught.value.code in ("saltedge.unreadable", "saltedge.cut_off")


def test_a_slow_answer_is_a_timeout(world: World) -> None:
    link = world.consent(world.begin())["connection_id"]
    world.control.post("faults", kind="slow", seconds=1.5, endpoint="connections/*", times=3)
    with pytest.raises(Temporary) as caught:
        world.client(link, read=0.3).identity()
    assert caught.value.code == "saltedge.timeout"


def test_a_stranger_is_not_recognised(world: World) -> None:
    with pytest.raises(Rejected) as caught:
        Directory(session(secret="another"), world.url, world.gate).institutions("BE")
    assert caught.value.code == "saltedge.api_key_not_found"
    with pytest.raises(Rejected) as caught:
        Directory(session(make_key()[0]), world.url, world.gate).institutions("BE")
    assert caught.value.code == "saltedge.signature_not_match"


def test_the_gate_is_told_of_every_call(world: World) -> None:
    client = world.link()
    before = len(world.gate.calls)
    world.control.post("faults", kind="503", endpoint="accounts", times=1)
    client.accounts()
    told = [(call[0], call[2], call[3]) for call in world.gate.calls[before:]]
    assert [call for call in told if call[0] == "after"] == [
        ("after", "connections/*", 200), ("after", "consents", 200), ("after", "accounts", 503),
        ("after", "accounts", 200),
    ]  # fmt: skip
    assert [call[2] for call in told if call[0] == "before"] == [False] * 4
