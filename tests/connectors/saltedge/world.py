"""The stand-in with one app, one customer and one connection, and the client that talks to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from portal.connectors.saltedge.client import Client, Directory
from portal.connectors.saltedge.signing import Signature
from portal.kernel import http
from tests.connectors.contract.world import RecordingGate

APP, SECRET = "test-app", "test-secret-of-the-app"
LOGIN = "jan.peeters"


def make_key() -> tuple[str, str]:
    """(private, public) as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


PRIVATE, PUBLIC = make_key()


class Control:
    """The stand-in's own control, which the connector knows nothing of."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = http.session()

    def __call__(self, method: str, path: str, **sent: Any) -> Any:
        answer = self._session.request(method, f"{self.url}/control/api/{path}", **sent)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    def text(self, path: str) -> str:
        return self._session.get(f"{self.url}/control/api/{path}").text

    def get(self, path: str, **query: str) -> Any:
        return self("GET", path, params=query)

    def post(self, path: str, **body: Any) -> Any:
        return self("POST", path, json=body)

    def ledger(self, account: str, since: str = "") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get("ledger", account=account, since=since)["rows"]
        return rows


def session(private: str = PRIVATE, secret: str = SECRET, read: float = 5) -> requests.Session:
    made = http.session(connect=2, read=read)
    made.auth = Signature(APP, secret, private)
    return made


class World:
    """`link()` goes through the pages as a person would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.control = Control(url)
        self.gate = RecordingGate()
        self.directory = Directory(session(), url, self.gate, sleep=lambda seconds: None)
        self.customer = ""

    def client(self, link: str, read: float = 5) -> Client:
        signed = session(read=read)
        return Client(signed, self.url, self.gate, link, sleep=lambda seconds: None, now=self.now)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.control.get("clock")["now"])

    def begin(self, bank: str = "fakebank_simple_xf", state: str = "s1") -> str:
        begun = self.directory.begin(
            bank, "https://portal.example/feeds/return?x=1", state, person="client-1", customer=self.customer
        )
        self.customer = begun.customer
        return begun.address

    def consent(self, address: str, **given: Any) -> dict[str, str]:
        """What the return address says."""
        back = self.control.post("consents", connect_url=address, login=LOGIN, **given)["address"]
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    def link(self, bank: str = "fakebank_simple_xf", state: str = "s1") -> Client:
        return self.client(self.consent(self.begin(bank, state))["connection_id"])

    def advance(self, **units: float) -> None:
        hours = units.get("days", 0) * 24 + units.get("hours", 0)
        self.control.post("clock", advance=hours * 3600 + units.get("seconds", 0))
