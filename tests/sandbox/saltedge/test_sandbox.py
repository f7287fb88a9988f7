"""The stand-in itself, without the connector: what it checks, keeps and tells."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.saltedge import Running, serve
from sandbox.saltedge.banks import BANKS, iban

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
).decode()  # fmt: skip
SECRET = "secret"
CONSENT = {"scopes": ["accounts", "transactions"]}


class World:
    """Speaks to the stand-in as an app and as its control."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False

    def control(self, method: str, path: str, **body: Any) -> Any:
        answer = self.http.request(method, f"{self.url}/control/api/{path}", json=body or None, timeout=30)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    def raw(
        self, method: str, path: str, data: Any = None, *, secret: str = SECRET, body: bytes | None = None,
        key: rsa.RSAPrivateKey = KEY, expires: int | None = None, signed_url: str = "", signature: str | None = None,
    ) -> requests.Response:  # fmt: skip
        url = f"{self.url}/api/v6/{path}"
        content = body if body is not None else b"" if data is None else json.dumps({"data": data}).encode()
        until = str(expires if expires is not None else int(time.time()) + 60)
        text = f"{until}|{method}|{signed_url or url}|".encode() + content
        made = base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
        headers = {"App-id": "app", "Secret": secret, "Expires-at": until, "Signature": made}
        if signature is not None:
            headers["Signature"] = signature
        return self.http.request(method, url, data=content, headers=headers, timeout=30, allow_redirects=False)

    def ask(self, method: str, path: str, data: Any = None) -> Any:
        answer = self.raw(method, path, data)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def refused(self, method: str, path: str, data: Any = None, **how: Any) -> str:
        answer = self.raw(method, path, data, **how)
        assert answer.status_code >= 400
        return str(answer.json()["error"]["class"])

    def page(self, bank: str = "kbc_be", **attempt: Any) -> str:
        customer = self.ask("POST", "customers", {"identifier": f"c{time.monotonic_ns()}"})["customer_id"]
        asked = {
            "customer_id": customer, "consent": CONSENT, "provider": {"code": bank},
            "attempt": {"return_to": "https://portal.example/back?state=s"} | attempt,
        }  # fmt: skip
        return str(self.ask("POST", "connections/connect", asked)["connect_url"])

    def link(self, bank: str = "kbc_be", login: str = "anna", **attempt: Any) -> str:
        back = str(self.control("POST", "consents", connect_url=self.page(bank, **attempt), login=login)["address"])
        return parse_qs(urlsplit(back).query)["connection_id"][0]

    def accounts(self, link: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"accounts?connection_id={link}"))

    def rows(self, link: str, account: str, more: str = "") -> list[dict[str, Any]]:
        path = f"transactions?connection_id={link}&account_id={account}&per_page=1000{more}"
        return list(self.ask("GET", path))

    def stand_still(self) -> None:
        self.control("POST", "clock", freeze=True)
        self.control("POST", "clock", set="2026-03-18T12:00:00Z")

    def advance(self, hours: float) -> None:
        self.control("POST", "clock", advance=hours * 3600)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = serve(data=tmp_path_factory.mktemp("saltedge"))
    yield running
    running.stop()


@pytest.fixture
def world(server: Running) -> Iterator[World]:
    world = World(server.url)
    world.control("POST", "reset")
    world.control("POST", "apps", app_id="app", secret="secret", public_key=PUBLIC)
    world.stand_still()
    world.control("POST", "settings", automatic_hours=0)
    yield world
    world.http.close()


# --------------------------------------------------------------------------- who asks


def test_what_is_signed_well_is_answered(world: World) -> None:
    assert {bank["country_code"] for bank in world.ask("GET", "providers?country_code=NL")} == {"NL"}


def test_an_app_is_known_by_id_and_secret(world: World) -> None:
    assert world.refused("GET", "providers", secret="another") == "ApiKeyNotFound"
    answer = world.http.get(f"{world.url}/api/v6/providers", timeout=10)
    assert answer.json()["error"]["class"] == "ApiKeyNotFound"


def test_a_signature_must_fit_everything(world: World) -> None:
    another = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert world.refused("GET", "providers", key=another) == "SignatureNotMatch"
    assert world.refused("GET", "providers", signed_url=f"{world.url}/api/v6/customers") == "SignatureNotMatch"
    assert world.refused("GET", "providers", signature="nonsense") == "SignatureNotMatch"
    assert world.refused("GET", "providers", signature="") == "SignatureMissing"
    assert world.refused("GET", "providers?country_code=BE", signed_url=f"{world.url}/api/v6/providers") == (
        "SignatureNotMatch"
    )


@pytest.mark.parametrize("seconds", [-1, 3700, -100_000])
def test_a_request_is_not_valid_for_ever(world: World, seconds: int) -> None:
    assert world.refused("GET", "providers", expires=int(time.time()) + seconds) == "ExpiresAtInvalid"


def test_an_app_without_a_key_need_not_sign(world: World) -> None:
    world.control("POST", "apps", app_id="app", secret="secret", public_key="")
    assert world.raw("GET", "providers", signature="").status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data": 1}', b"\xff"])
def test_a_body_that_is_none_is_refused(world: World, body: bytes) -> None:
    assert world.refused("POST", "customers", body=body) == "WrongRequestFormat"


def test_nothing_is_where_nothing_is(world: World) -> None:
    assert world.refused("GET", "nothing/here") == "RouteNotFound"
    assert world.refused("GET", "connections/1") == "ConnectionNotFound"
    assert world.refused("GET", "connections?customer_id=1") == "CustomerNotFound"
    assert world.refused("GET", "providers?per_page=1001") == "WrongRequestFormat"


def test_a_limit_of_the_minute(world: World) -> None:
    world.control("POST", "settings", per_minute=2)
    answers = [world.raw("GET", "providers").status_code for _ in range(4)]
    assert answers == [200, 200, 429, 429]
    world.advance(1)
    assert world.raw("GET", "providers").status_code == 200


# --------------------------------------------------------------------------- customers and pages


def test_an_identifier_is_taken_once(world: World) -> None:
    made = world.ask("POST", "customers", {"identifier": "x"})
    assert world.refused("POST", "customers", {"identifier": "x"}) == "DuplicatedCustomer"
    assert [row["customer_id"] for row in world.ask("GET", "customers")] == [made["customer_id"]]


def test_a_person_goes_through_the_pages(world: World) -> None:
    address = world.page("", return_to="https://portal.example/back?state=s", custom_fields={"state": "s"})
    banks = world.http.get(address, timeout=10)
    assert "KBC" in banks.text
    assert "Fake Bank" not in banks.text
    login = world.http.post(address, data={"bank": "kbc_be"}, timeout=10)
    assert "Log in at KBC" in login.text
    accounts = world.http.post(address, data={"bank": "kbc_be", "login": "anna", "password": "x"}, timeout=10)
    number = iban_in(accounts.text)
    done = world.http.post(
        address, data={"bank": "kbc_be", "login": "anna", "password": "x", "step": "accounts", "accounts": number},
        timeout=10, allow_redirects=False,
    )  # fmt: skip
    query = parse_qs(urlsplit(done.headers["Location"]).query)
    assert (query["state"], done.status_code) == (["s"], 302)
    assert [one["extra"]["iban"] for one in world.accounts(query["connection_id"][0])] == [number]
    assert world.http.get(address, timeout=10).status_code == 410


def iban_in(page: str) -> str:
    return page.partition('name="accounts"')[2].partition('value="')[2].partition('"')[0]


def test_choosing_no_account_is_asked_again(world: World) -> None:
    data = {"bank": "kbc_be", "login": "anna", "password": "x", "step": "accounts"}
    assert "Choose at least one account" in world.http.post(world.page(), data=data, timeout=10).text


def test_a_page_is_over_after_an_hour(world: World) -> None:
    address = world.page()
    world.advance(1.1)
    assert world.http.get(address, timeout=10).status_code == 410


def test_a_log_in_always_sees_the_same_accounts(world: World) -> None:
    first = {one["extra"]["iban"] for one in world.accounts(world.link())}
    assert {one["extra"]["iban"] for one in world.accounts(world.link())} == first
    assert {one["extra"]["iban"] for one in world.accounts(world.link(login="bart"))} != first


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.code)
def test_every_account_number_is_valid(bank: Any) -> None:
    for given in (0, 1, 1234567, 9999999):
        number = iban(bank, given)
        turned = "".join(str(int(character, 36)) for character in number[4:] + number[:4])
        assert int(turned) % 97 == 1
        assert len(number) == {"BE": 16, "NL": 18, "FR": 27}[number[:2]]


# --------------------------------------------------------------------------- what the banks book


def test_the_same_days_give_the_same_rows(tmp_path: Path) -> None:
    told = []
    for name in ("one", "two"):
        running = serve(data=tmp_path / name)
        world = World(running.url)
        world.stand_still()
        world.control(
            "POST", "bank-accounts", provider="kbc_be", login="anna", iban="BE71096123456769", since="2026-01-01"
        )
        step = 24 if name == "one" else 240
        for _ in range(480 // step):
            world.advance(step)
            world.control("GET", "ledger?account=BE71096123456769")
        told.append(world.control("GET", "ledger?account=BE71096123456769")["rows"])
        world.http.close()
        running.stop()
    assert told[0] == told[1]
    assert len(told[0]) > 100


def test_the_books_grow_with_the_clock_and_the_balance_with_them(world: World) -> None:
    link = world.link()
    account = world.accounts(link)[0]
    number = account["extra"]["iban"]
    before = world.control("GET", f"ledger?account={number}")["rows"]
    world.advance(24 * 30)
    after = world.control("GET", f"ledger?account={number}")["rows"]
    assert after[: len(before)] == before
    assert len(after) > len(before) + 30
    assert world.accounts(link)[0]["balance"] == account["balance"]
    world.control("POST", f"connections/{link}/fetch")
    grown = sum(Decimal(row["amount"]) for row in after[len(before) :])
    assert Decimal(str(world.accounts(link)[0]["balance"])) - Decimal(str(account["balance"])) == grown


def test_some_rows_come_late_some_twice_alike_and_some_are_announced(world: World) -> None:
    world.control("POST", "bank-accounts", provider="kbc_be", login="busy", pace=40, since="2025-12-01")
    link = world.link(login="busy")
    account = world.accounts(link)[0]
    rows = world.control("GET", f"ledger?account={account['extra']['iban']}")["rows"]
    assert any(row["booked_at"][:10] > row["date"] for row in rows)
    alike = Counter((row["date"], row["amount"], row["description"]) for row in rows)
    assert max(alike.values()) > 1
    assert world.rows(link, account["id"], "&pending=true")
    assert world.rows(link, account["id"], "&duplicated=true")


def test_a_consent_reaches_back_as_far_as_asked(world: World) -> None:
    customer = world.ask("POST", "customers", {"identifier": "x"})["customer_id"]
    asked = {
        "customer_id": customer, "consent": CONSENT | {"from_date": "2026-03-10"}, "provider": {"code": "kbc_be"},
        "attempt": {"return_to": "https://portal.example/back"},
    }  # fmt: skip
    page = world.ask("POST", "connections/connect", asked)["connect_url"]
    back = world.control("POST", "consents", connect_url=page, login="anna")["address"]
    link = parse_qs(urlsplit(back).query)["connection_id"][0]
    rows = world.rows(link, world.accounts(link)[0]["id"])
    assert min(row["created_at"] for row in rows) >= "2026-03-10"
    assert rows
    assert all(row["extra"]["posting_date"] >= "2026-03-07" for row in rows)


def test_pages_overlap_nowhere(world: World) -> None:
    link = world.link()
    account = world.accounts(link)[0]["id"]
    whole = [row["id"] for row in world.rows(link, account)]
    found, following = [], ""
    while True:
        path = f"transactions?connection_id={link}&account_id={account}&per_page=7" + (
            f"&from_id={following}" if following else ""
        )
        page = world.raw("GET", path).json()
        found += [row["id"] for row in page["data"]]
        following = page["meta"]["next_id"]
        if not following:
            break
    assert found == whole


def test_reissued_rows_have_other_ids_and_the_same_content(world: World) -> None:
    link = world.link()
    account = world.accounts(link)[0]
    before = world.rows(link, account["id"])
    count = world.control("POST", f"bank-accounts/{account['extra']['iban']}/reissue", days=10)["rows"]
    after = world.rows(link, account["id"])
    assert count > 0
    assert len({row["id"] for row in before} - {row["id"] for row in after}) == count
    assert Counter(row["extra"]["id"] for row in before) == Counter(row["extra"]["id"] for row in after)


# --------------------------------------------------------------------------- attempts, consents, callbacks


def test_an_attempt_goes_through_its_stages(world: World) -> None:
    link = world.link()
    world.control("POST", "settings", fetch_seconds=60)
    world.advance(2)
    asked = {"attempt": {"user_present": True, "remote_ip": "192.0.2.7"}}
    first = world.ask("POST", f"connections/{link}/refresh", asked)["last_attempt"]
    assert (first["finished"], [stage["name"] for stage in first["stages"]]) == (False, ["start"])
    world.advance(30 / 3600)
    half = world.ask("GET", f"connections/{link}")["last_attempt"]
    assert [stage["name"] for stage in half["stages"]] == ["start", "connect", "fetch_accounts", "fetch_recent"]
    assert world.refused("POST", f"connections/{link}/refresh", asked) == "ConnectionAlreadyProcessing"
    world.advance(31 / 3600)
    done = world.ask("GET", f"connections/{link}")
    assert (done["last_attempt"]["finished"], done["last_attempt"]["stages"][-1]["name"]) == (True, "finish")
    assert done["next_refresh_possible_at"] == "2026-03-18T15:01:00Z"
    assert world.refused("POST", f"connections/{link}/refresh", asked) == "ConnectionCannotBeRefreshed"


def test_the_provider_fetches_by_itself(world: World) -> None:
    world.control("POST", "settings", automatic_hours=12)
    link = world.link()
    account = world.accounts(link)[0]["id"]
    before = len(world.rows(link, account))
    world.advance(24 * 10 + 1)
    assert len(world.rows(link, account)) > before
    assert world.ask("GET", f"connections/{link}")["last_success_at"] == "2026-03-28T12:00:02Z"


def test_a_consent_that_ended_gives_nothing_more(world: World) -> None:
    link = world.link("argenta_be")
    world.advance(24 * 90 - 1)
    assert world.accounts(link)
    world.advance(1)
    assert world.refused("GET", f"accounts?connection_id={link}") == "ConsentExpired"
    assert world.refused("POST", f"connections/{link}/refresh", {}) == "ConsentExpired"
    (consent,) = world.ask("GET", f"consents?connection_id={link}")
    assert (consent["revoke_reason"], consent["revoked_at"]) == ("expired", "2026-06-16T12:00:00Z")
    assert world.ask("GET", f"connections/{link}")["status"] == "inactive"


def test_a_consent_can_be_withdrawn_by_the_app(world: World) -> None:
    link = world.link()
    (consent,) = world.ask("GET", f"consents?connection_id={link}")
    assert world.ask("PUT", f"consents/{consent['id']}/revoke")["revoke_reason"] == "client"
    assert world.refused("GET", f"transactions?connection_id={link}") == "ConsentRevoked"
    assert world.ask("GET", f"connections/{link}")["status"] == "disabled"


def test_callbacks_are_identical_and_signed(world: World) -> None:
    world.control("POST", "settings", deliver=False, notify=False)
    world.control("POST", "apps", app_id="app", secret="secret", public_key=PUBLIC, callbacks="http://127.0.0.1:9/c")
    for _ in range(6):
        world.link(custom_fields={"state": "s"})
    told = world.control("GET", "callbacks")["callbacks"]
    copies = Counter((one["connection"], one["body"], one["signature"]) for one in told)
    assert len(copies) == 6
    assert set(copies.values()) <= {1, 2, 3}
    assert len(set(copies.values())) > 1
    pem = world.http.get(f"{world.url}/control/api/public-key", timeout=10).content
    key = serialization.load_pem_public_key(pem)
    assert isinstance(key, rsa.RSAPublicKey)
    for one in told:
        signed = f"{one['url']}|{one['body']}".encode()
        key.verify(base64.b64decode(one["signature"]), signed, padding.PKCS1v15(), hashes.SHA256())
        document = json.loads(one["body"])
        assert document["meta"]["version"] == "6"
        assert document["data"]["custom_fields"] == {"state": "s"}
    world.control("POST", "callbacks/deliver")
    assert {one["answer"] for one in world.control("GET", "callbacks")["callbacks"]} == {0}


# --------------------------------------------------------------------------- control


def test_the_control_page_shows_and_changes(world: World) -> None:
    link = world.link()
    number = world.accounts(link)[0]["extra"]["iban"]
    page = world.http.get(f"{world.url}/control/", timeout=10).text
    assert link in page
    assert number in page
    assert "Booked at the bank" in world.http.get(f"{world.url}/control/bank-accounts/{number}", timeout=10).text
    form = {"account": number, "amount": "-1.25", "description": "Koffie", "pending_hours": "0"}
    world.http.post(f"{world.url}/control/transaction", data=form, timeout=10)
    assert world.control("GET", f"ledger?account={number}")["rows"][-1]["description"] == "Koffie"
    world.http.post(f"{world.url}/control/trouble", data={"kind": "ProviderError", "endpoint": "kbc_be/*"}, timeout=10)
    assert [one["method"] for one in world.control("GET", "faults")["faults"]] == ["ATTEMPT"]
    world.http.post(f"{world.url}/control/trouble", data={"remove": "all"}, timeout=10)
    assert world.control("GET", "faults")["faults"] == []
    world.http.post(f"{world.url}/control/time", data={"what": "advance", "hours": "24"}, timeout=10)
    assert world.control("GET", "clock")["now"].startswith("2026-03-19")
    world.http.post(f"{world.url}/control/consent", data={"connection": link, "how": "revoke"}, timeout=10)
    assert world.refused("GET", f"accounts?connection_id={link}") == "ConsentRevoked"


def test_attempts_leave_the_faults_of_calls_alone(world: World) -> None:
    link = world.link()
    world.control("POST", "faults", kind="503")
    world.control("POST", f"connections/{link}/fetch")
    (fault,) = world.control("GET", "faults")["faults"]
    assert (fault["matched"], fault["fired"]) == (0, 0)
    assert world.raw("GET", "providers").status_code == 503
    assert world.raw("GET", "providers").status_code == 200


def test_a_reset_may_bring_the_demo(world: World) -> None:
    world.control("POST", "reset", seed="demo")
    assert {one["login"] for one in world.control("GET", "bank-accounts")["bank_accounts"]} >= {"klant01", "klant40"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "earthquake"}), ("settings", {"colour": 1}), ("settings", {"notify": 1}),
        ("bank-accounts", {"provider": "no_bank", "login": "x"}), ("connections/1/end", {"how": "expire"}),
        ("bank-accounts/BE00/transactions", {"amount": "1"}), ("bank-accounts", {"login": "x"}),
    ],
)  # fmt: skip
def test_wrong_input_is_said_to_be_wrong(world: World, path: str, body: dict[str, Any]) -> None:
    answer = world.http.post(f"{world.url}/control/api/{path}", json=body, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    running = serve(data=tmp_path)
    world = World(running.url)
    world.control("POST", "apps", app_id="app", secret="secret", public_key=PUBLIC)
    world.stand_still()
    link = world.link()
    rows = world.rows(link, world.accounts(link)[0]["id"])
    key = world.http.get(f"{world.url}/control/api/public-key", timeout=10).text
    world.http.close()
    running.stop()
    again = serve(data=tmp_path)
    world = World(again.url)
    assert world.rows(link, world.accounts(link)[0]["id"]) == rows
    assert world.http.get(f"{world.url}/control/api/public-key", timeout=10).text == key
    assert datetime.fromisoformat(world.control("GET", "clock")["now"]) == datetime(2026, 3, 18, 12, tzinfo=UTC)
    assert date.fromisoformat(rows[-1]["made_on"]) <= date(2026, 3, 18)
    world.http.close()
    again.stop()
