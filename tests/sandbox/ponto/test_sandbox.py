"""The stand-in itself, without the connector: what it checks, keeps and tells."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.ponto import Running, create_app, demo, serve
from sandbox.ponto.banks import BANKS, iban
from tests.sandbox.ponto.listener import Listener

APP, SECRET, BACK = "app-of-the-tests", "secret", "http://127.0.0.1:9/back"
NOON = "2026-05-20T12:00:05+00:00"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "client_id": APP, "redirect_uri": BACK, "response_type": "code", "state": "a-state-of-ours",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "offline_access ai",
}  # fmt: skip


class World:
    """Speaks to the stand-in as an app and as its control."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False
        self.token = ""

    def control(self, path: str, **values: Any) -> Any:
        answer = self.http.post(f"{self.url}/control/api/{path}", json=values, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def look(self, path: str, **query: str) -> Any:
        answer = self.http.get(f"{self.url}/control/api/{path}", params=query, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def api(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.url}/ponto-connect/{path}"
        return self.http.request(method, url, headers=headers, json=body, params=query, timeout=30)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.api("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def authorise(self, **changed: Any) -> requests.Response:
        query = {name: value for name, value in (ASKED | changed).items() if value is not None}
        return self.http.get(f"{self.url}/ponto-connect/oauth2/auth", params=query, allow_redirects=False, timeout=30)

    def code(self) -> str:
        return back(self.authorise(auto_approve="bakker"))["code"]

    def token_call(self, *, secret: str = SECRET, **form: str) -> requests.Response:
        url = f"{self.url}/ponto-connect/oauth2/token"
        return self.http.post(url, data=form, auth=(APP, secret), timeout=30)

    def exchange(self, code: str, **form: str) -> requests.Response:
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
        return self.token_call(**given | form)

    def refresh(self, token: str) -> requests.Response:
        return self.token_call(grant_type="refresh_token", refresh_token=token)


def back(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = serve(data=tmp_path, ticking=False)
    yield made
    made.stop()


@pytest.fixture
def world(running: Running) -> World:
    made = World(running.url)
    made.control("clock", set=NOON, freeze=True)
    made.control("apps", client_id=APP, secret=SECRET, redirect_uris=[BACK], application_id="our-application")
    made.control("organisations", login="bakker", name="Bakkerij BV")
    made.control("accounts", organisation="bakker", bank="KBC", pace=4, history_days=40)
    made.control("accounts", organisation="bakker", bank="Rabobank", pace=1)
    made.token = made.control("grants", client_id=APP, organisation="bakker")["access_token"]
    return made


# ------------------------------------------------------------------------------ log-in


def test_a_person_chooses_organisation_bank_and_accounts(world: World) -> None:
    page = world.authorise()
    assert page.status_code == 200
    assert "Bakkerij BV" in page.text
    url = f"{world.url}/ponto-connect/oauth2/auth"
    second = world.http.post(url, data=ASKED | {"organisation": "bakker", "decision": "organisation"}, timeout=30)
    assert "KBC" in second.text
    assert "Rabobank" in second.text
    empty = world.http.post(url, data=ASKED | {"organisation": "bakker", "decision": "allow"}, timeout=30)
    assert empty.status_code == 422
    numbers = [account["iban"] for account in world.look("accounts")["accounts"]]
    chosen = ASKED | {"organisation": "bakker", "decision": "allow", "accounts": numbers[:1]}
    answer = world.http.post(url, data=chosen, allow_redirects=False, timeout=30)
    assert back(answer)["state"] == "a-state-of-ours"
    assert world.exchange(back(answer)["code"]).status_code == 200


def test_a_refusal_comes_back_with_the_state(world: World) -> None:
    url = f"{world.url}/ponto-connect/oauth2/auth"
    answer = world.http.post(url, data=ASKED | {"decision": "deny"}, allow_redirects=False, timeout=30)
    assert (back(answer)["error"], back(answer)["state"]) == ("access_denied", "a-state-of-ours")


def test_pkce_is_asked_for_and_checked(world: World) -> None:
    assert back(world.authorise(code_challenge=None))["error"] == "invalid_request"
    assert back(world.authorise(code_challenge_method="plain"))["error"] == "invalid_request"
    wrong = world.exchange(world.code(), code_verifier="w" * 50)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")


def test_an_unknown_app_or_address_is_shown_no_form(world: World) -> None:
    assert world.authorise(client_id="other").status_code == 400
    assert world.authorise(redirect_uri="http://127.0.0.1:9/other").status_code == 400


def test_a_code_works_once_and_not_for_long(world: World) -> None:
    code = world.code()
    assert world.exchange(code).status_code == 200
    assert world.exchange(code).json()["error"] == "invalid_grant"
    late = world.code()
    world.control("clock", advance=301)
    assert world.exchange(late).json()["error"] == "invalid_grant"
    assert world.exchange(world.code(), redirect_uri="http://127.0.0.1:9/x").json()["error"] == "invalid_grant"


def test_tokens_live_half_an_hour_and_refresh_tokens_rotate(world: World) -> None:
    first = world.exchange(world.code()).json()
    assert first["expires_in"] == 1799
    world.token = first["access_token"]
    assert world.get("userinfo")["name"] == "Bakkerij BV"
    world.control("clock", advance=1800)
    assert world.api("GET", "userinfo").status_code == 401
    second = world.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    third = world.refresh(second["refresh_token"])
    assert third.status_code == 200


def test_a_refresh_token_that_is_used_twice_ends_the_chain(world: World) -> None:
    first = world.exchange(world.code()).json()
    second = world.refresh(first["refresh_token"]).json()
    assert world.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert world.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    world.token = second["access_token"]
    assert world.api("GET", "accounts").status_code == 401


def test_the_app_shows_its_secret_in_the_header(world: World) -> None:
    code = world.code()
    assert world.exchange(code, secret="guessed").json()["error"] == "invalid_client"
    url = f"{world.url}/ponto-connect/oauth2/token"
    form = {"grant_type": "authorization_code", "code": code, "client_id": APP, "client_secret": SECRET}
    assert world.http.post(url, data=form, timeout=30).status_code == 401


def test_a_revoked_token_is_dead(world: World) -> None:
    tokens = world.exchange(world.code()).json()
    url = f"{world.url}/ponto-connect/oauth2/revoke"
    assert world.http.post(url, data={"token": tokens["refresh_token"]}, auth=(APP, SECRET), timeout=30).ok
    assert world.refresh(tokens["refresh_token"]).status_code == 400


def test_the_token_of_the_app_alone_sees_no_accounts(world: World) -> None:
    world.token = world.token_call(grant_type="client_credentials").json()["access_token"]
    assert world.api("GET", "accounts").status_code == 403
    organisation = world.look("grants")["grants"][0]["organisation"]
    assert world.api("DELETE", f"organizations/{organisation}/integration").status_code == 200
    assert world.api("DELETE", f"organizations/{organisation}/integration").status_code == 404


# ------------------------------------------------------------------------------ lists


def test_transactions_come_newest_created_first(world: World) -> None:
    account = world.get("accounts")["data"][0]["id"]
    number = next(row["iban"] for row in world.look("accounts")["accounts"] if row["id"] == account)
    world.control("rows", account=number, amount="1.00", date="2026-04-25", remittance="Late")
    world.control(f"accounts/{account}/fetch")
    page = world.get(f"accounts/{account}/transactions", limit=3)
    assert page["data"][0]["attributes"]["remittanceInformation"] == "Late"
    assert page["data"][0]["attributes"]["executionDate"] == "2026-04-25T00:00:00.000Z"
    assert len(page["data"]) == 3
    assert page["meta"]["latestSynchronization"]["attributes"]["subtype"] == "accountTransactions"
    older = world.http.get(page["links"]["next"], headers={"Authorization": f"Bearer {world.token}"}, timeout=30).json()
    assert not {row["id"] for row in older["data"]} & {row["id"] for row in page["data"]}
    newer = world.get(f"accounts/{account}/transactions", limit=2, before=older["data"][0]["id"])
    assert [row["id"] for row in newer["data"]] == [row["id"] for row in page["data"][1:]]


def test_a_page_holds_at_most_a_hundred(world: World) -> None:
    account = world.get("accounts")["data"][0]["id"]
    assert world.api("GET", f"accounts/{account}/transactions", limit=101).status_code == 400
    assert len(world.get(f"accounts/{account}/transactions")["data"]) == 10


def test_banks_have_valid_numbers() -> None:
    for bank in BANKS:
        for own in (1, 4_711, 9_999_999):
            number = iban(bank, own)
            digits = "".join(str(int(letter, 36)) for letter in number[4:] + number[:4])
            assert int(digits) % 97 == 1
            if bank.country == "BE":
                assert (int(number[4:14]) % 97 or 97) == int(number[14:])


def test_accounts_of_others_do_not_exist(world: World) -> None:
    account = world.get("accounts")["data"][0]["id"]
    world.control("organisations", login="slager", name="Slagerij")
    world.control("accounts", organisation="slager", bank="KBC")
    world.token = world.control("grants", client_id=APP, organisation="slager")["access_token"]
    assert world.api("GET", f"accounts/{account}").status_code == 404
    assert world.api("GET", f"accounts/{account}/transactions").status_code == 404
    assert account not in {row["id"] for row in world.get("accounts")["data"]}


def test_the_same_seed_gives_the_same_year(tmp_path: Path) -> None:
    seen = []
    for name in ("one", "two"):
        made = serve(data=tmp_path / name, ticking=False)
        world = World(made.url)
        world.control("clock", set=NOON, freeze=True)
        world.control("organisations", login="bakker", name="Bakkerij BV")
        world.control("accounts", organisation="bakker", bank="KBC", pace=5, seed="fixed", history_days=365)
        seen.append([(row["date"], row["amount"], row["remittance"]) for row in world.look("ledger")["rows"]])
        made.stop()
    assert seen[0] == seen[1]
    assert len(seen[0]) > 1500


# ------------------------------------------------------------------------------ fetches


def synchronise(world: World, account: str, **changed: Any) -> requests.Response:
    attributes = {
        "resourceType": "account", "resourceId": account, "subtype": "accountTransactions",
        "customerIpAddress": "192.0.2.1",
    }  # fmt: skip
    return world.api(
        "POST", "synchronizations", {"data": {"type": "synchronization", "attributes": attributes | changed}}
    )


def test_a_fetch_needs_a_person_and_a_pause(world: World) -> None:
    account = world.get("accounts")["data"][0]["id"]
    assert synchronise(world, account, customerIpAddress="").status_code == 400
    assert synchronise(world, account).status_code == 201
    again = synchronise(world, account)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (400, "accountRecentlySynchronized")
    assert again.headers["ibanity-request-id"]
    world.control("clock", advance=301)
    assert synchronise(world, account).status_code == 201


def test_the_provider_fetches_at_its_own_hours(world: World) -> None:
    before = len(world.look("synchronizations")["synchronizations"])
    world.control("clock", set="2026-05-20T13:59:00+00:00")
    assert len(world.look("synchronizations")["synchronizations"]) == before
    world.control("clock", set="2026-05-20T14:00:00+00:00")
    made = world.look("synchronizations")["synchronizations"][before:]
    assert len(made) == 2
    assert {row["asked_by"] for row in made} == {""}


def test_a_consent_ends_after_180_days_and_is_told_once(world: World) -> None:
    world.control("clock", advance=179 * 86400)
    first = world.look("accounts")["accounts"][0]
    errors = [row for row in world.look("synchronizations")["synchronizations"] if row["errors"]]
    assert errors == []
    for _ in range(4):
        world.control("clock", advance=86400)
    failed = [row for row in world.look("synchronizations")["synchronizations"] if row["account"] == first["id"]]
    assert [row["errors"][0]["code"] for row in failed if row["errors"]] == ["authorizationExpired"]
    last = world.look("accounts")["accounts"][0]
    assert first["synchronised_at"] < last["synchronised_at"] <= last["expires_at"] == first["expires_at"]


# ------------------------------------------------------------------------------ webhooks


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def told(world: World, listener: Listener) -> Callable[[], list[dict[str, Any]]]:
    world.control(
        "apps", client_id=APP, secret=SECRET, redirect_uris=[BACK], application_id="our-application",
        webhook=listener.url,
    )  # fmt: skip

    def deliver() -> list[dict[str, Any]]:
        listener.heard.clear()
        world.control("webhooks/deliver")
        return [json.loads(body)["data"] for _, body in listener.heard]

    return deliver


def test_webhooks_tell_what_came(world: World, told: Callable[[], list[dict[str, Any]]]) -> None:
    account = world.look("accounts")["accounts"][0]
    world.control("rows", account=account["iban"], amount="12.00")
    world.control(f"accounts/{account['id']}/fetch")
    (event,) = told()
    assert event["type"] == "pontoConnect.account.transactionsCreated"
    assert event["attributes"]["count"] == 1
    assert event["relationships"]["account"]["data"]["id"] == account["id"]
    world.control(f"accounts/{account['id']}/fetch")
    assert [one["type"] for one in told()] == ["pontoConnect.synchronization.succeededWithoutChange"]
    world.control(f"accounts/{account['id']}/withdraw")
    world.control(f"accounts/{account['id']}/fetch")
    assert [one["type"] for one in told()] == ["pontoConnect.synchronization.failed"]
    world.control(f"accounts/{account['id']}/renew")
    assert told()[0]["type"] == "pontoConnect.account.reauthorized"


def test_webhooks_are_signed_by_the_published_key(
    world: World, listener: Listener, told: Callable[[], list[dict[str, Any]]]
) -> None:
    world.control(f"accounts/{world.look('accounts')['accounts'][0]['id']}/fetch")
    told()
    headers, body = listener.heard[0]
    (key,) = world.http.get(f"{world.url}/webhooks/keys", timeout=30).json()["keys"]
    head, claims, signature = headers["Signature"].split(".")
    assert unpacked(head) == {"alg": "RS512", "kid": key["kid"], "typ": "JWT"}
    numbers = rsa.RSAPublicNumbers(*(int.from_bytes(decoded(key[part]), "big") for part in ("e", "n")))
    numbers.public_key().verify(decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA512())
    said = unpacked(claims)
    assert (said["aud"], said["iss"]) == ("our-application", world.url)
    assert said["digest"] == base64.b64encode(hashlib.sha512(body).digest()).decode()
    assert abs(said["iat"] - time.time()) < 30  # real time: whoever checks lives in it


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def unpacked(part: str) -> Any:
    return json.loads(decoded(part))


def test_a_webhook_that_is_not_taken_is_sent_again(
    world: World, listener: Listener, told: Callable[[], list[dict[str, Any]]]
) -> None:
    listener.answer = 500
    world.control(f"accounts/{world.look('accounts')['accounts'][0]['id']}/fetch")
    assert len(told()) == len(told()) == 1
    listener.answer = 204
    assert len(told()) == 1
    assert told() == []
    world.control("settings", webhook_copies=3)
    world.control(f"accounts/{world.look('accounts')['accounts'][0]['id']}/fetch")
    assert len(told()) == 3


# ------------------------------------------------------------------------------ control


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    first = serve(data=tmp_path, ticking=False)
    world = World(first.url)
    world.control("clock", set=NOON, freeze=True)
    world.control("apps", client_id=APP, secret=SECRET, redirect_uris=[BACK])
    world.control("organisations", login="bakker", name="Bakkerij BV")
    world.control("accounts", organisation="bakker", bank="KBC", pace=4)
    token = world.control("grants", client_id=APP, organisation="bakker")["access_token"]
    keys = world.http.get(f"{first.url}/webhooks/keys", timeout=30).json()
    first.stop()
    second = serve(data=tmp_path, ticking=False)
    again = World(second.url)
    again.token = token
    account = again.get("accounts")["data"][0]["id"]
    assert again.get(f"accounts/{account}/transactions")["data"]
    assert again.http.get(f"{second.url}/webhooks/keys", timeout=30).json() == keys
    assert again.look("clock")["now"][:19] == NOON[:19]
    second.stop()


def test_what_makes_no_sense_is_refused(world: World) -> None:
    for path, values in (
        ("faults", {"kind": "flood"}), ("faults", {"kind": "500", "colour": "red"}), ("settings", {"colour": 1}),
        ("accounts", {"organisation": "nobody", "bank": "KBC"}), ("rows", {"account": "x", "amount": "1"}),
        ("accounts/x/end", {}), ("grants", {"client_id": APP}),
    ):  # fmt: skip
        answer = world.http.post(f"{world.url}/control/api/{path}", json=values, timeout=30)
        assert answer.status_code == 400, path
        assert answer.json()["error"]


def test_the_pages_are_there(world: World) -> None:
    number = world.look("accounts")["accounts"][0]["iban"]
    for path in ("control/", f"control/accounts/{number}"):
        page = world.http.get(f"{world.url}/{path}", timeout=30)
        assert page.status_code == 200
        assert number in page.text
    form = {"kind": "failing_fetch", "times": "2", "code": "authorizationInvalid"}
    assert world.http.post(f"{world.url}/control/trouble", data=form, timeout=30).ok
    assert world.look("faults")["faults"][0]["details"] == {"code": "authorizationInvalid"}
    added = {"amount": "55.00", "counterpart": "By hand", "remittance": "Hello"}
    page = world.http.post(f"{world.url}/control/accounts/{number}/rows", data=added, timeout=30)
    assert "By hand" in page.text
    bad = world.http.post(f"{world.url}/control/accounts/{number}/rows", data={"amount": "x"}, timeout=30)
    assert bad.status_code == 400


def test_the_demo_fills_once(tmp_path: Path) -> None:
    sandbox = create_app(tmp_path / "demo").extensions["sandbox"]
    demo.seed(sandbox)
    demo.seed(sandbox)
    assert sandbox.store.one("SELECT count(*) AS n FROM organisations")["n"] == demo.COUNT
    assert sandbox.organisation("org01")["name"] == "Van den Broeck Bouw BV"
    sandbox.close()
