"""A small sandbox to test against, and the few calls that every test makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

APP = "11111111-2222-4333-8444-555555555555"
PUBLISHED = "11111111-2222-4333-8444-666666666666"
SECRET = "app-secret"
BACK = "http://127.0.0.1:9/back"
DIVISION, OTHER, FRENCH = 1001, 1002, 1003
NOON = "2026-05-20T12:00:05+00:00"


class World:
    """One server with three divisions in `be`; `token` belongs to its firm user."""

    def __init__(self, url: str, token: str = "") -> None:
        """A new world, or with `token` one that is there already."""
        self.url = url
        self.http = requests.Session()
        self.token = token
        if not token:
            self._make()

    def _make(self) -> None:
        self.control("clock", set=NOON, freeze=True)
        for code, country in ((DIVISION, "BE"), (OTHER, "BE"), (FRENCH, "FR")):
            self.control("divisions", code=code, name=f"Division {code}", country=country, environment="be")
        self.control("users", login="kantoor", name="Anke", environment="be", current=DIVISION)
        self.control("users", login="english", name="Ann", environment="be", language="EN-US", current=DIVISION)
        self.control("users", login="klant", name="Luc", environment="be", role="client", divisions=[DIVISION])
        self.control("users", login="beperkt", name="Sara", environment="be", role="portal", divisions=[DIVISION])
        for app, published in ((APP, False), (PUBLISHED, True)):
            self.control("apps", client_id=app, secret=SECRET, redirect_uris=[BACK], published=published)
        self.settings(per_minute=0, errors_per_hour=0)
        self.token = self.grant()["access_token"]

    # ---- control

    def control(self, path: str, **values: Any) -> Any:
        answer = self.http.post(f"{self.url}/control/api/{path}", json=values)
        assert answer.ok, answer.text
        return answer.json()

    def look(self, path: str) -> Any:
        answer = self.http.get(f"{self.url}/control/api/{path}")
        assert answer.ok, answer.text
        return answer.json()

    def settings(self, **values: Any) -> None:
        self.control("settings", **values)

    def advance(self, seconds: float) -> None:
        self.control("clock", advance=seconds)

    def fault(self, kind: str, **values: Any) -> None:
        self.control("faults", kind=kind, **values)

    def grant(self, login: str = "kantoor", app: str = APP, **values: Any) -> dict[str, str]:
        tokens: dict[str, str] = self.control("grants", client_id=app, login=login, environment="be", **values)
        return tokens

    def entries(self, division: int = DIVISION) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.look(f"ledger?division={division}")["entries"]
        return found

    def balance(self, account: str, division: int = DIVISION) -> str:
        rows = self.look(f"balances?division={division}")["balances"]
        return next((row["balance"] for row in rows if row["gl_account"] == account), "0.00")

    # ---- the provider

    def api(self, method: str, path: str, *, token: str = "", **values: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.token}", "Accept": "application/json"}
        headers |= values.pop("headers", {})
        return self.http.request(method, f"{self.url}/be/api/v1/{path}", headers=headers, **values)

    def get(self, path: str, **values: Any) -> Any:
        answer = self.api("GET", path, **values)
        assert answer.status_code == 200, answer.text
        return answer.json()["d"]

    def all(self, path: str, token: str = "") -> Iterator[dict[str, Any]]:
        """Every row of a list, page after page."""
        rows = self.get(path, token=token)
        while isinstance(rows, dict):
            yield from rows["results"]
            if "__next" not in rows:
                return
            rows = self.get(rows["__next"].split("/api/v1/", 1)[1], token=token)
        yield from rows

    def account(self, code: str, division: int = DIVISION) -> str:
        (row,) = self.get(f"{division}/financial/GLAccounts?$filter=Code eq '{code}'&$select=ID")["results"]
        return str(row["ID"])

    def bank_entry(self, *amounts: float, division: int = DIVISION, **head: Any) -> dict[str, Any]:
        """The body of a bank entry on the suspense account."""
        suspense = self.account("471000" if division == FRENCH else "499000", division)
        lines = [
            {"Date": "2026-05-04", "GLAccount": suspense, "AmountFC": amount, "Description": "d", "Notes": "KP-1"}
            for amount in amounts
        ]
        return {"JournalCode": "20", "BankEntryLines": lines} | head

    def post_bank(self, body: dict[str, Any], division: int = DIVISION, token: str = "") -> requests.Response:
        return self.api("POST", f"{division}/financialtransaction/BankEntries", json=body, token=token)

    def token_call(self, **form: str) -> requests.Response:
        values = {"client_id": APP, "client_secret": SECRET} | form
        return self.http.post(f"{self.url}/be/api/oauth2/token", data=values)

    def refresh(self, token: str, **form: str) -> requests.Response:
        return self.token_call(grant_type="refresh_token", refresh_token=token, **form)

    def code(self, login: str = "kantoor", app: str = APP, **query: str) -> str:
        """An authorisation code, consented without a page."""
        asked = {"client_id": app, "redirect_uri": BACK, "response_type": "code", "auto_approve": login} | query
        answer = self.http.get(f"{self.url}/be/api/oauth2/auth", params=asked, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]

    def exchange(self, code: str, **form: str) -> requests.Response:
        return self.token_call(grant_type="authorization_code", code=code, redirect_uri=BACK, **form)


def text(answer: requests.Response) -> str:
    """The message of an API refusal."""
    return str(answer.json()["error"]["message"]["value"])
