"""The control page and the demo it starts with."""

from __future__ import annotations

from collections import Counter

import pytest
from stdnum import iban
from stdnum.be import vat as belgian
from stdnum.fr import siren, siret
from stdnum.fr import tva as french
from stdnum.nl import btw as dutch

from tests.sandbox.world import BACK, DIVISION, World


def test_the_page_shows_everything_at_a_glance(world: World) -> None:
    world.post_bank(world.bank_entry(12.5))
    world.fault("503", endpoint="financial/Journals")
    page = world.http.get(f"{world.url}/control/").text
    for shown in ("Division 1001", "kantoor", "financial/Journals", "BankEntries", "active", "frozen"):
        assert shown in page
    books = world.http.get(f"{world.url}/control/divisions/{DIVISION}").text
    assert "26200001" in books
    assert "-12.50" in books
    assert world.http.get(f"{world.url}/control/divisions/5").status_code == 404


def test_no_secret_is_shown_or_logged(world: World) -> None:
    tokens = world.grant()
    world.api("GET", "current/Me", token=tokens["access_token"])
    world.refresh(tokens["refresh_token"])
    shown = world.http.get(f"{world.url}/control/").text
    for path in ("requests", "grants", "apps", "users", "token-calls", "state"):
        shown += world.http.get(f"{world.url}/control/api/{path}").text
    for secret in (*tokens.values(), "app-secret"):
        assert len(secret) < 8 or secret not in shown


def test_the_buttons_work_without_script(world: World) -> None:
    world.http.post(f"{world.url}/control/time", data={"what": "advance", "seconds": "90"})
    assert world.look("clock")["now"].startswith("2026-05-20T12:01:35")
    world.http.post(f"{world.url}/control/time", data={"what": "freeze"})
    assert world.look("clock")["frozen"] is False
    world.http.post(f"{world.url}/control/trouble", data={"kind": "503", "method": "", "times": "2"})
    (fault,) = world.look("faults")["faults"]
    assert (fault["kind"], fault["times"], fault["method"]) == ("503", 2, None)
    world.http.post(f"{world.url}/control/trouble", data={"remove": str(fault["id"])})
    assert world.look("faults")["faults"] == []
    (grant,) = [row for row in world.look("grants")["grants"] if row["state"] == "active"]
    world.http.post(f"{world.url}/control/grants/{grant['id']}/revoke")
    assert world.api("GET", "current/Me").status_code == 401


@pytest.mark.parametrize(
    ("button", "form"),
    [
        ("trouble", {"kind": "earthquake"}), ("trouble", {"kind": "slow", "seconds": "-1"}),
        ("trouble", {"kind": "503", "times": "many"}), ("trouble", {"kind": "503", "package": "xero"}),
        ("time", {"what": "advance", "seconds": "1e30"}), ("time", {"what": "rewind"}),
    ],
)  # fmt: skip
def test_a_wrong_form_is_told_on_the_page(world: World, button: str, form: dict[str, str]) -> None:
    before = world.look("clock")
    answer = world.http.post(f"{world.url}/control/{button}", data=form)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert world.look("faults")["faults"] == []
    assert world.look("clock") == before


def test_the_ledger_is_found_by_reference(world: World) -> None:
    world.post_bank(world.bank_entry(1))
    assert len(world.look("ledger?reference=KP-1")["entries"]) == 1
    assert world.look("ledger?reference=KP-2")["entries"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"set": "yesterday"}),
        ("clock", {"advance": 1e30}),
        ("faults", {"kind": "slow", "seconds": -1}),
        ("faults", {"kind": "503", "fired": 1}),
        ("settings", {"per_minute": "many"}),
        ("settings", {"unknown": 1}),
        ("divisions", {"name": "no code"}),
        ("divisions", {"code": DIVISION, "name": "again"}),
        ("divisions", {"code": 5, "name": "x", "country": "XX"}),
        ("grants", {"client_id": "x", "login": "kantoor", "environment": "be"}),
        ("periods", {"division": 1, "year": 2026, "period": 1, "status": "ajar"}),
        ("reset", {"seed": "wild"}),
    ],
)
def test_wrong_control_calls_are_400(world: World, path: str, body: dict[str, object]) -> None:
    answer = world.http.post(f"{world.url}/control/api/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_demo_has_120_divisions_with_numbers_that_check(world: World) -> None:
    world.control("reset", seed="demo")
    divisions = world.look("divisions")["divisions"]
    assert len(divisions) == len({row["name"] for row in divisions}) == 120
    assert Counter(row["environment"] for row in divisions) == {"be": 113, "nl": 4, "fr": 3}
    for row in divisions:
        assert iban.is_valid(row["iban"])
        if row["country"] == "BE":
            assert belgian.is_valid(row["vat_number"])
            assert row["vat_number"] == "BE" + row["enterprise_number"]
        elif row["country"] == "NL":
            assert dutch.is_valid(row["vat_number"])
            assert len(row["enterprise_number"]) == 8
        else:
            assert french.is_valid(row["vat_number"])
            assert siren.is_valid(row["enterprise_number"])
            assert siret.is_valid(row["siret"])
    states = Counter((row["status"], row["blocking"] > 0) for row in divisions)
    assert states == {(1, False): 109, (2, False): 6, (0, False): 3, (1, True): 2}
    first = world.look("divisions")
    world.control("reset", seed="demo")
    assert world.look("divisions") == first


def test_the_demo_firm_sees_its_licence_and_the_client_its_own(world: World) -> None:
    world.control("reset", seed="demo")
    app = "6f1a1c0e-7d0b-4f55-9c0e-2f6d0b7f5a01"
    seen = {}
    for login in ("kantoor", "client", "zonder"):
        token = world.grant(login, app=app)["access_token"]
        rows = world.all("320100/system/Divisions?$select=Code", token)
        seen[login] = len(list(rows))
    assert seen == {"kantoor": 111, "client": 1, "zonder": 0}


def test_a_reset_forgets_tokens_too(world: World) -> None:
    world.control("reset")
    assert world.look("divisions")["divisions"] == []
    asked = {"client_id": "x", "redirect_uri": BACK, "response_type": "code"}
    assert world.http.get(f"{world.url}/be/api/oauth2/auth", params=asked).status_code == 400
    assert world.api("GET", "current/Me").status_code == 401
