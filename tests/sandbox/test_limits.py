"""Calls per minute and day, and the block after too many errors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.sandbox.world import DIVISION, OTHER, World

JOURNALS = f"{DIVISION}/financial/Journals"


def test_every_answer_tells_what_is_left(world: World) -> None:
    world.settings(per_minute=60, per_day=5000)
    world.api("GET", JOURNALS)
    headers = world.api("GET", JOURNALS).headers
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("5000", "4998")
    assert (headers["X-RateLimit-Minutely-Limit"], headers["X-RateLimit-Minutely-Remaining"]) == ("60", "58")
    minute = datetime.fromtimestamp(int(headers["X-RateLimit-Minutely-Reset"]) / 1000, UTC)
    day = datetime.fromtimestamp(int(headers["X-RateLimit-Reset"]) / 1000, UTC)
    assert (minute.isoformat(), day.isoformat()) == ("2026-05-20T12:01:00+00:00", "2026-05-21T00:00:00+00:00")


def test_over_the_minute_is_429_until_the_next_whole_minute(world: World) -> None:
    world.settings(per_minute=3)
    for _ in range(3):
        assert world.api("GET", JOURNALS).status_code == 200
    hit = world.api("GET", JOURNALS)
    assert (hit.status_code, hit.content) == (429, b"")
    assert hit.headers["X-RateLimit-Minutely-Remaining"] == "0"
    assert "X-RateLimit-Limit" not in hit.headers
    assert world.api("GET", f"{OTHER}/financial/Journals").status_code == 200
    world.advance(55)
    assert world.api("GET", JOURNALS).status_code == 200


def test_over_the_day_is_429_with_the_days_headers_only(world: World) -> None:
    world.settings(per_minute=100, per_day=2)
    world.api("GET", JOURNALS)
    world.api("GET", JOURNALS)
    hit = world.api("GET", JOURNALS)
    assert (hit.status_code, hit.headers["X-RateLimit-Remaining"]) == (429, "0")
    assert "X-RateLimit-Minutely-Limit" not in hit.headers
    world.control("clock", set="2026-05-21T00:00:01+00:00")
    token = world.grant()["access_token"]
    assert world.api("GET", JOURNALS, token=token).status_code == 200


@pytest.mark.parametrize("status", [429, 403])
def test_more_than_ten_errors_block_the_key_for_an_hour(world: World, status: int) -> None:
    world.settings(errors_per_hour=10, error_block_status=status, token_lifetime=86_400)
    token = world.grant()["access_token"]
    for _ in range(11):
        assert world.api("GET", f"{JOURNALS}?$filter=X eq 1", token=token).status_code == 400
    assert world.api("GET", JOURNALS, token=token).status_code == status
    assert world.api("GET", f"{DIVISION}/financial/GLAccounts", token=token).status_code == 200
    assert world.api("GET", f"{OTHER}/financial/Journals", token=token).status_code == 200
    world.advance(3601)
    assert world.api("GET", JOURNALS, token=token).status_code == 200


def test_business_refusals_do_not_count_as_errors(world: World) -> None:
    world.settings(errors_per_hour=10)
    body = world.bank_entry(1, ClosingBalanceFC=5, OpeningBalanceFC=0)
    assert {world.post_bank(body).status_code for _ in range(15)} == {500}


def test_errors_of_an_expired_token_count(world: World) -> None:
    world.settings(errors_per_hour=10)
    stale = world.token
    world.advance(700)
    for _ in range(11):
        assert world.api("GET", JOURNALS, token=stale).status_code == 401
    fresh = world.grant()["access_token"]
    assert world.api("GET", JOURNALS, token=fresh).status_code == 429
