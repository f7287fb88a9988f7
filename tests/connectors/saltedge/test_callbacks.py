"""Only what Salt Edge signed for our very address is believed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from portal.connectors.errors import Rejected
from portal.connectors.feed import Callbacks, Notice
from portal.connectors.saltedge import callbacks, returned
from tests.connectors.saltedge import vectors
from tests.connectors.saltedge.world import APP, PUBLIC, SECRET, World

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
judge: Callbacks = callbacks


def judged(
    body: bytes, signature: str, url: str = vectors.CALLED_AT, header: str = "Signature", key: str = ""
) -> Sequence[Notice]:
    pem = (key or vectors.public_pem()).encode()
    return judge(
        url, {header: signature}, body, NOW, host="https://www.saltedge.com", application="app",
        fetch_keys=lambda path: pem,
    )  # fmt: skip


def sign(body: bytes, url: str = vectors.CALLED_AT) -> str:
    signed = vectors.key().sign(url.encode() + b"|" + body, padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signed).decode()


def told(**data: Any) -> bytes:
    ours = {"connection_id": "111", "customer_id": "222", "custom_fields": {"state": "abc"}}
    return json.dumps({"data": ours | data, "meta": {"version": "6", "time": "2026-03-18T12:00:00Z"}}).encode()


def test_a_known_callback_is_read() -> None:
    (notice,) = judged(vectors.CALL, vectors.CALLED)
    assert notice == Notice("success", link="111", state="abc")


def test_the_name_of_the_header_may_be_written_in_any_case() -> None:
    assert judged(vectors.CALL, vectors.CALLED, header="signature")


def test_identical_callbacks_give_identical_notices() -> None:
    assert judged(vectors.CALL, vectors.CALLED) == judged(vectors.CALL, vectors.CALLED)


@pytest.mark.parametrize("position", range(0, len(vectors.CALL), 7))
def test_not_a_byte_may_be_changed(position: int) -> None:
    changed = bytearray(vectors.CALL)
    changed[position] ^= 1
    with pytest.raises(Rejected) as caught:
        judged(bytes(changed), vectors.CALLED)
    assert caught.value.code == "saltedge.callback_signature"


@pytest.mark.parametrize(
    "signature",
    ["", "garbage", "====", vectors.POSTED, vectors.CALLED[:-4], vectors.CALLED.lower(), "é", vectors.CALLED + "\n"],
)
def test_another_signature_is_refused(signature: str) -> None:
    with pytest.raises(Rejected) as caught:
        judged(vectors.CALL, signature)
    assert caught.value.code == "saltedge.callback_signature"


@pytest.mark.parametrize(
    "url",
    [
        "https://portal.example/callbacks/saltedge/",
        "http://portal.example/callbacks/saltedge",
        "https://other.example/",
    ],
)
def test_a_callback_for_another_address_is_refused(url: str) -> None:
    with pytest.raises(Rejected):
        judged(vectors.CALL, vectors.CALLED, url)


def test_the_key_of_another_is_refused() -> None:
    with pytest.raises(Rejected):
        judged(vectors.CALL, vectors.CALLED, key=PUBLIC)


def test_no_header_is_refused() -> None:
    with pytest.raises(Rejected):
        judged(vectors.CALL, vectors.CALLED, header="X-Signature")


def test_a_key_of_ours_that_cannot_be_read_is_our_own_fault() -> None:
    with pytest.raises(ValueError, match=r"PEM|deserialize|load"):
        judged(vectors.CALL, vectors.CALLED, key="nothing")


NONSENSE = (
    b"", b"[]", b"null", b"{}", b'{"data": 5}', b'{"data": {}}', b"\xff",
    b'{"data": {"connection_id": 1, "custom_fields": 3}}',
)  # fmt: skip


@pytest.mark.parametrize("body", NONSENSE)
def test_signed_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        judged(body, sign(body))
    assert caught.value.code == "saltedge.callback_unreadable"


@pytest.mark.parametrize(
    ("url", "data", "event", "code"),
    [
        (vectors.CALLED_AT, {"error_class": "InvalidCredentials"}, "fail", "saltedge.invalid_credentials"),
        (vectors.CALLED_AT, {"stage": "fetch_recent"}, "notify", ""),
        (vectors.CALLED_AT, {"stage": "finish"}, "success", ""),
        (vectors.CALLED_AT, {}, "success", ""),
        ("https://portal.example/c/notify", {"stage": "finish"}, "notify", ""),
        ("https://portal.example/c/fail/", {"error_class": "AispConsentExpired"}, "fail", "saltedge.consent_expired"),
        ("https://portal.example/c/destroy", {}, "destroy", ""),
    ],
)
def test_the_kind_is_told_by_address_or_content(url: str, data: Mapping[str, str], event: str, code: str) -> None:
    body = told(**data)
    (notice,) = judged(body, sign(body, url), url)
    assert (notice.event, notice.link, notice.code, notice.failed) == (event, "111", code, bool(code))


def test_coming_back_is_told_by_the_address() -> None:
    assert returned({"state": "x"}) == Notice("return", state="x")
    cancelled = Notice("return", state="x", failed=True, code="saltedge.cancelled")
    assert returned({"state": "x", "error_class": "Cancelled"}) == cancelled
    assert returned({"connection_id": "1", "state": "x"}) == Notice("return", link="1", state="x")


# --------------------------------------------------------------------------- from the stand-in


class Listener:
    """A web server that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append((dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the test reads `heard`."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/callbacks/saltedge"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.stop()


def test_what_the_stand_in_tells_is_believed(world: World, listener: Listener) -> None:
    world.control.post("settings", deliver=False, callback_copies=3)
    world.control.post("apps", app_id=APP, secret=SECRET, public_key=PUBLIC, callbacks=listener.url)
    key = world.control.text("public-key")
    client = world.link(state="xyz")
    world.control.post("faults", kind="ProviderUnavailable")
    world.advance(hours=2)
    client.refresh("", "192.0.2.7")
    world.advance(seconds=3)
    world.control.post("callbacks/deliver")
    notices = [
        notice for headers, body in listener.heard
        for notice in judged(body, headers["Signature"], listener.url, key=key)
    ]  # fmt: skip
    link = world.directory.link_of(world.customer, "xyz") or notices[0].link
    assert {notice.link for notice in notices} == {link}
    assert [notice.event for notice in notices] == ["notify"] * 3 + ["success"] * 3 + ["notify"] * 3 + ["fail"]
    assert notices[3] == notices[4] == notices[5] == Notice("success", link=link, state="xyz")
    assert (notices[-1].failed, notices[-1].code) == (True, "saltedge.provider_unavailable")
    assert len({body for _, body in listener.heard[3:6]}) == 1
