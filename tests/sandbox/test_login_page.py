"""The page a person sees at the provider."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import requests

from tests.sandbox.world import APP, BACK, DIVISION, PUBLISHED, World

ASKED = {"client_id": APP, "redirect_uri": BACK, "response_type": "code", "state": "s t&te"}


def page(world: World, **query: str) -> requests.Response:
    return world.http.get(f"{world.url}/be/api/oauth2/auth", params=ASKED | query, allow_redirects=False)


def answer(world: World, app: str = APP, **form: str) -> requests.Response:
    asked = ASKED | {"client_id": app}
    return world.http.post(f"{world.url}/be/api/oauth2/auth", data=asked | form, allow_redirects=False)


def query_of(response: requests.Response) -> dict[str, list[str]]:
    assert response.status_code == 302
    assert response.headers["Location"].startswith(BACK)
    return parse_qs(urlsplit(response.headers["Location"]).query)


def test_the_page_offers_the_users_of_its_country(world: World) -> None:
    world.control("users", login="elders", environment="fr")
    shown = page(world)
    assert shown.status_code == 200
    assert 'value="kantoor"' in shown.text
    assert "elders" not in shown.text


def test_allowing_returns_code_and_state(world: World) -> None:
    back = query_of(answer(world, login="kantoor", password="demo", decision="allow"))
    assert back["state"] == ["s t&te"]
    assert world.exchange(back["code"][0]).status_code == 200


def test_a_wrong_password_shows_the_page_again(world: World) -> None:
    shown = answer(world, login="kantoor", password="wrong", decision="allow")
    assert shown.status_code == 403
    assert "not right" in shown.text


def test_refusing_returns_access_denied(world: World) -> None:
    assert query_of(answer(world, decision="deny"))["error"] == ["access_denied"]


def test_a_known_browser_needs_no_password_unless_the_login_is_forced(world: World) -> None:
    assert "logged in" not in page(world).text
    answer(world, login="kantoor", password="demo", decision="allow")
    assert "logged in" in page(world).text
    assert "logged in" not in page(world, force_login="1").text
    assert "code" in query_of(answer(world, login="kantoor", decision="allow"))


def test_an_unregistered_address_is_not_redirected_to(world: World) -> None:
    shown = page(world, redirect_uri="https://evil.example/")
    assert shown.status_code == 400
    assert "Location" not in shown.headers


def test_a_published_app_lets_the_divisions_be_chosen(world: World) -> None:
    back = query_of(
        answer(
            world,
            PUBLISHED,
            login="kantoor",
            password="demo",
            decision="allow",
            scope="chosen",
            divisions=str(DIVISION),
        )
    )
    token = world.exchange(back["code"][0], client_id=PUBLISHED).json()["access_token"]
    rows = world.get(f"{DIVISION}/system/Divisions", token=token)["results"]
    assert [row["Code"] for row in rows] == [DIVISION]
