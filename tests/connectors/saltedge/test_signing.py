"""What we sign is what OpenSSL signs, over the bytes that go out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from portal.connectors.saltedge.client import Client
from portal.connectors.saltedge.signing import Signature
from portal.kernel import http
from tests.connectors.contract.world import RecordingGate
from tests.connectors.saltedge import vectors

AT = datetime.fromtimestamp(1774000000, UTC)
HOST = "https://www.saltedge.com"


def signed() -> requests.Session:
    session = http.session()
    session.auth = Signature("app", "secret-of-the-app", vectors.private_pem(), now=lambda: AT)
    return session


def test_a_body_is_signed_as_it_goes_out() -> None:
    body = '{"data":{"identifier":"café-12"}}'.encode()
    with responses.RequestsMock() as server:
        server.post(f"{HOST}/api/v6/customers", json={})
        http.exchange(signed(), "POST", f"{HOST}/api/v6/customers", body=body)
        sent = server.calls[0].request
    assert sent.body == body
    assert sent.headers["Signature"] == vectors.POSTED
    assert sent.headers["Expires-at"] == "1774000060"
    assert (sent.headers["App-id"], sent.headers["Secret"]) == ("app", "secret-of-the-app")


def test_an_address_is_signed_with_its_query() -> None:
    with responses.RequestsMock() as server:
        server.get(f"{HOST}/api/v6/transactions", json={})
        query = {"connection_id": "7", "account_id": "8", "per_page": "1000"}
        http.exchange(signed(), "GET", f"{HOST}/api/v6/transactions", params=query)
        assert server.calls[0].request.headers["Signature"] == vectors.READ


def test_every_write_of_the_client_carries_a_signature_of_its_body() -> None:
    with responses.RequestsMock() as server:
        server.post(f"{HOST}/api/v6/connections/7/reconnect", json={"data": {"connect_url": "https://x.example/"}})
        Client(signed(), HOST, RecordingGate(), "7").renewal("https://portal.example/é?a=1", "s")
        sent = server.calls[0].request
    assert isinstance(sent.body, bytes)
    expected = Signature("app", "secret-of-the-app", vectors.private_pem(), now=lambda: AT)(
        requests.Request("POST", f"{HOST}/api/v6/connections/7/reconnect", data=sent.body).prepare()
    )
    assert sent.headers["Signature"] == expected.headers["Signature"]


def test_a_secret_that_is_echoed_is_masked() -> None:
    with responses.RequestsMock() as server:
        server.get(f"{HOST}/api/v6/customers", body=b'{"error": "secret-of-the-app is wrong"}', status=404)
        reply = http.exchange(signed(), "GET", f"{HOST}/api/v6/customers")
    assert reply.body == b'{"error": "[secret] is wrong"}'


def test_another_kind_of_key_is_refused() -> None:
    made = ec.generate_private_key(ec.SECP256R1())
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ValueError, match="RSA"):
        Signature("app", "secret", pem)
    with pytest.raises(ValueError, match=r"PEM|deserialize"):
        Signature("app", "secret", "no key at all")
