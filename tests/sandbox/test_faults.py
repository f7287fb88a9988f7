"""Scripted trouble does what it says, where it says, as often as it says."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import requests

from tests.sandbox.world import DIVISION, OTHER, World

BANK = "financialtransaction/BankEntries"


def is_dropped(call: Callable[[], requests.Response]) -> bool:
    try:
        call()
    except requests.ConnectionError:
        return True
    return False


def test_dropped_before_or_after_the_commit(world: World) -> None:
    body = world.bank_entry(1)
    world.fault("drop_before_commit", endpoint=BANK)
    assert is_dropped(lambda: world.post_bank(body))
    assert len(world.entries()) == 0
    world.fault("drop_after_commit", endpoint=BANK)
    assert is_dropped(lambda: world.post_bank(body))
    assert len(world.entries()) == 1
    assert world.post_bank(body).status_code == 201


def test_a_late_commit_arrives_when_its_time_has_come(world: World) -> None:
    body = world.bank_entry(1)
    world.fault("commit_late", endpoint=BANK, seconds=90)
    assert is_dropped(lambda: world.post_bank(body))
    world.advance(89)
    assert len(world.entries()) == 0
    world.advance(1)
    assert len(world.entries()) == 1
    (late,) = world.look("late-writes")["late_writes"]
    assert late["outcome"] == world.entries()[0]["id"]


def test_a_late_commit_arrives_by_itself_when_time_passes(world: World) -> None:
    body = world.bank_entry(1)
    world.control("clock", real=True)
    world.fault("commit_late", endpoint=BANK, seconds=0.2)
    token = world.grant()["access_token"]
    assert is_dropped(lambda: world.post_bank(body, token=token))
    ends = time.monotonic() + 5
    while not world.entries() and time.monotonic() < ends:
        time.sleep(0.05)
    assert len(world.entries()) == 1


def test_a_late_commit_that_is_refused_by_then_is_not_booked(world: World) -> None:
    body = world.bank_entry(1)
    world.fault("commit_late", endpoint=BANK, seconds=60)
    assert is_dropped(lambda: world.post_bank(body))
    world.control("periods", division=DIVISION, year=2026, period=5, status="closed")
    world.advance(60)
    assert world.entries() == []
    assert world.look("late-writes")["late_writes"][0]["outcome"] == "Periode is afgesloten: 2026 – 5"


@pytest.mark.parametrize("kind", ["429", "500", "503"])
def test_refusals_do_nothing(world: World, kind: str) -> None:
    body = world.bank_entry(1)
    world.fault(kind, endpoint=BANK)
    assert world.post_bank(body).status_code == int(kind)
    assert world.entries() == []
    assert world.post_bank(body).status_code == 201


def test_a_scripted_429_tells_when_to_come_back(world: World) -> None:
    world.settings(per_minute=60)
    world.fault("429")
    headers = world.api("GET", f"{DIVISION}/financial/Journals").headers
    assert headers["X-RateLimit-Minutely-Remaining"] == "0"
    assert "X-RateLimit-Limit" not in headers


def test_spoilt_answers_come_after_the_work(world: World) -> None:
    body = world.bank_entry(1)
    world.fault("500_after_commit", endpoint=BANK)
    assert world.post_bank(body).status_code == 500
    world.fault("garbage", endpoint=BANK)
    garbage = world.post_bank(body)
    assert garbage.status_code == 201
    with pytest.raises(requests.JSONDecodeError):
        garbage.json()
    world.fault("truncated", endpoint=BANK)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        world.post_bank(body)
    assert len(world.entries()) == 3


@pytest.mark.parametrize(("phase", "booked"), [("before", 0), ("after", 1)])
def test_a_slow_answer_waits_before_or_after_the_work(world: World, phase: str, booked: int) -> None:
    body = world.bank_entry(1)
    world.fault("slow", endpoint=BANK, seconds=0.6, phase=phase)
    with pytest.raises(requests.ReadTimeout):
        world.api("POST", f"{DIVISION}/{BANK}", json=body, timeout=0.2)
    assert len(world.entries()) == booked
    time.sleep(0.6)
    assert len(world.entries()) == 1


def test_grants_tokens_and_periods_change_under_the_clients_feet(world: World) -> None:
    body = world.bank_entry(1)
    world.fault("close_period", endpoint=BANK)
    assert "Periode is afgesloten" in world.post_bank(body).text
    world.fault("expire_token")
    assert world.post_bank(body).status_code == 401
    tokens = world.grant()
    world.fault("revoke_grant")
    assert world.post_bank(body, token=tokens["access_token"]).status_code == 401
    world.advance(580)
    assert world.refresh(tokens["refresh_token"]).status_code == 400


def test_a_lost_token_answer_costs_the_refresh_token(world: World) -> None:
    tokens = world.grant()
    world.advance(580)
    world.fault("token_answer_lost")
    assert world.api("GET", "current/Me", token=tokens["access_token"]).status_code == 200
    assert is_dropped(lambda: world.refresh(tokens["refresh_token"]))
    assert world.refresh(tokens["refresh_token"]).json()["error_description"] == "Old refresh token used."


def test_a_dropped_token_call_costs_nothing(world: World) -> None:
    tokens = world.grant()
    world.advance(580)
    world.fault("drop_before_commit", endpoint="token")
    assert is_dropped(lambda: world.refresh(tokens["refresh_token"]))
    assert world.refresh(tokens["refresh_token"]).status_code == 200


def test_a_fault_hits_only_what_it_names(world: World) -> None:
    world.fault("503", endpoint="*/BankEntries", division=OTHER, method="post", times=None)
    assert world.post_bank(world.bank_entry(1)).status_code == 201
    assert world.api("GET", f"{OTHER}/{BANK}").status_code == 200
    assert world.post_bank({}, OTHER).status_code == 503
    assert world.post_bank({}, OTHER).status_code == 503
    world.http.delete(f"{world.url}/control/api/faults")
    assert world.post_bank({}, OTHER).status_code == 500


def test_a_fault_may_let_the_first_calls_pass(world: World) -> None:
    world.fault("503", skip=2)
    assert [world.api("GET", "current/Me").status_code for _ in range(4)] == [200, 200, 503, 200]


def test_probability_is_decided_by_the_seed(world: World) -> None:
    def outcome(seed: str) -> list[int]:
        world.http.delete(f"{world.url}/control/api/faults")
        world.fault("503", probability=0.5, seed=seed, times=None)
        return [world.api("GET", "current/Me").status_code for _ in range(24)]

    first = outcome("one")
    assert set(first) == {200, 503}
    assert outcome("one") == first
    assert outcome("two") != first


def test_nonsense_is_refused(world: World) -> None:
    for wrong in ({"kind": "earthquake"}, {"kind": "503", "where": "here"}, {"kind": "503", "times": "many"}):
        assert world.http.post(f"{world.url}/control/api/faults", json=wrong).status_code == 400
