"""The token rules: once, not too early, not too late, one connection per login."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sandbox.world import APP, BACK, DIVISION, OTHER, PUBLISHED, SECRET, World


def test_a_code_is_exchanged_for_tokens_once(world: World) -> None:
    code = world.code()
    first, again = world.exchange(code), world.exchange(code)
    assert first.status_code == 200
    assert first.json()["expires_in"] == "600"
    assert first.json()["token_type"] == "bearer"
    assert world.get("current/Me", token=first.json()["access_token"])["results"][0]["UserName"] == "kantoor"
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_a_code_lives_three_minutes(world: World) -> None:
    code = world.code()
    world.advance(181)
    assert world.exchange(code).status_code == 400


def test_a_code_is_a_jwt_and_bound_to_its_redirect_address(world: World) -> None:
    code = world.code()
    assert code.count(".") == 2
    wrong = world.token_call(grant_type="authorization_code", code=code, redirect_uri="http://127.0.0.1:9/else")
    assert wrong.status_code == 400


def test_a_verifier_is_checked_when_a_challenge_was_sent(world: World) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {"code_challenge": challenge, "code_challenge_method": "S256"}
    assert world.exchange(world.code(**asked)).status_code == 400
    assert world.exchange(world.code(**asked), code_verifier="x" * 50).status_code == 400
    assert world.exchange(world.code(**asked), code_verifier="é" * 50).status_code == 400
    assert world.exchange(world.code(**asked), code_verifier=verifier).status_code == 200


def test_the_client_may_authenticate_by_basic(world: World) -> None:
    form = {"grant_type": "authorization_code", "code": world.code(), "redirect_uri": BACK}
    answer = world.http.post(f"{world.url}/be/api/oauth2/token", data=form, auth=(APP, SECRET))
    assert answer.status_code == 200


def test_a_wrong_secret_is_refused(world: World) -> None:
    answer = world.exchange(world.code(), client_secret="guess")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


@pytest.mark.parametrize(("age", "allowed"), [(0, False), (569, False), (570, True), (3000, True)])
def test_a_refresh_is_allowed_570_seconds_after_the_last_token(world: World, age: int, allowed: bool) -> None:
    tokens = world.grant()
    world.advance(age)
    answer = world.refresh(tokens["refresh_token"])
    if allowed:
        assert answer.status_code == 200
        assert answer.json()["refresh_token"] != tokens["refresh_token"]
    else:
        assert answer.status_code == 400
        assert answer.headers["Reason"].startswith("TooEarlyToRefreshTokens: ")
        assert answer.json() == {
            "error": "access_denied",
            "error_description": "Rate limit exceeded: access_token not expired",
        }


def test_a_refused_early_refresh_costs_nothing(world: World) -> None:
    tokens = world.grant()
    assert world.refresh(tokens["refresh_token"]).status_code == 400
    world.advance(570)
    assert world.refresh(tokens["refresh_token"]).status_code == 200


def test_a_refresh_token_works_once(world: World) -> None:
    tokens = world.grant()
    world.advance(580)
    assert world.refresh(tokens["refresh_token"]).status_code == 200
    again = world.refresh(tokens["refresh_token"])
    assert again.status_code == 401
    assert again.json() == {"error": "unauthorized_client", "error_description": "Old refresh token used."}


def test_of_many_refreshes_at_once_one_wins(world: World) -> None:
    tokens = world.grant()
    world.advance(580)
    with ThreadPoolExecutor(16) as pool:
        statuses = [a.status_code for a in pool.map(lambda _: world.refresh(tokens["refresh_token"]), range(16))]
    assert sorted(statuses) == [200] + [401] * 15


def test_a_grace_can_be_switched_on(world: World) -> None:
    world.settings(refresh_grace=60)
    tokens = world.grant()
    world.advance(580)
    assert world.refresh(tokens["refresh_token"]).status_code == 200
    assert world.refresh(tokens["refresh_token"]).status_code == 200
    world.advance(61)
    assert world.refresh(tokens["refresh_token"]).status_code == 401


def test_a_refresh_token_ends_after_thirty_unused_days(world: World) -> None:
    tokens = world.grant()
    world.advance(30 * 86_400)
    answer = world.refresh(tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.json()["error_description"] == (
        "The refresh token expired at 6/19/2026 12:00:05 PM and it is now 6/19/2026 12:00:05 PM."
    )


def test_a_token_ends_after_six_hundred_seconds_used_or_not(world: World) -> None:
    world.advance(599)
    assert world.api("GET", "current/Me").status_code == 200
    world.advance(1)
    assert world.api("GET", "current/Me").status_code == 401


def test_the_older_token_lives_on_unless_switched(world: World) -> None:
    tokens = world.grant()
    world.advance(575)
    world.refresh(tokens["refresh_token"])
    assert world.api("GET", "current/Me", token=tokens["access_token"]).status_code == 200
    world.settings(single_access_token=True)
    tokens = world.grant()
    world.advance(575)
    world.refresh(tokens["refresh_token"])
    assert world.api("GET", "current/Me", token=tokens["access_token"]).status_code == 401


def test_the_same_login_connecting_again_ends_the_older_chain_at_consent(world: World) -> None:
    older = world.exchange(world.code()).json()
    world.code()
    assert world.api("GET", "current/Me", token=older["access_token"]).status_code == 401
    world.advance(580)
    answer = world.refresh(older["refresh_token"])
    assert answer.status_code == 400
    assert answer.json()["error_description"] == "Token is not allowed, because of invalid or empty chainId"


def test_the_older_chain_may_end_at_its_next_refresh_instead(world: World) -> None:
    world.settings(reconnect_kills="refresh")
    older = world.grant()
    newer = world.grant()
    assert world.api("GET", "current/Me", token=older["access_token"]).status_code == 200
    world.advance(580)
    assert world.refresh(older["refresh_token"]).status_code == 400
    assert world.refresh(newer["refresh_token"]).status_code == 200


def test_another_login_or_another_app_does_not_disturb(world: World) -> None:
    mine = world.grant()
    world.grant("english")
    world.grant(app=PUBLISHED)
    assert world.api("GET", "current/Me", token=mine["access_token"]).status_code == 200


def test_a_withdrawn_consent_ends_all_its_tokens(world: World) -> None:
    tokens = world.grant()
    world.http.post(f"{world.url}/be/api/oauth2/revoke", data={"token": tokens["refresh_token"]})
    assert world.api("GET", "current/Me", token=tokens["access_token"]).status_code == 401
    world.advance(580)
    assert world.refresh(tokens["refresh_token"]).status_code == 400


def test_countries_are_separate(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.token}", "Accept": "application/json"}
    assert world.http.get(f"{world.url}/nl/api/v1/current/Me", headers=headers).status_code == 401
    assert world.http.get(f"{world.url}/api/v1/current/Me", headers=headers).status_code == 401


def test_token_calls_are_counted_and_may_be_limited(world: World) -> None:
    tokens = world.exchange(world.code()).json()
    world.refresh(tokens["refresh_token"])
    world.advance(580)
    tokens = world.refresh(tokens["refresh_token"]).json()
    rows = world.look("token-calls")["token_calls"]
    assert {row["outcome"]: row["calls"] for row in rows} == {
        "issued": 2,
        "Rate limit exceeded: access_token not expired": 1,
    }
    assert {row["login"] for row in rows} == {"kantoor"}
    world.settings(token_calls_per_day=3)
    world.advance(580)
    assert world.refresh(tokens["refresh_token"]).json()["error"] == "access_denied"
    world.advance(86_400)
    assert world.refresh(tokens["refresh_token"]).status_code == 200


def test_a_published_app_reaches_the_chosen_divisions_only(world: World) -> None:
    token = world.grant(app=PUBLISHED, divisions=[DIVISION])["access_token"]
    codes = [row["Code"] for row in world.get(f"{DIVISION}/system/Divisions", token=token)["results"]]
    assert codes == [DIVISION]
    refused = world.api("GET", f"{OTHER}/financial/Journals", token=token)
    assert refused.status_code == 403
    assert "Forbidden - User division is not within division scope." in refused.text


def test_a_self_registered_app_has_no_division_scope(world: World) -> None:
    token = world.grant(divisions=[DIVISION])["access_token"]
    assert len(world.get(f"{DIVISION}/system/Divisions", token=token)["results"]) == 3
