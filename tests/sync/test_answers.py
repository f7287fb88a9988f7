"""Every shape of answer to a sending, and what it makes of the posting."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from portal.connectors.base import EntryKind
from portal.connectors.exact.client import Client
from portal.kernel import http
from portal.sync.sending import Verdict, judge

BOOKED = "booked"
ENTRY = json.dumps(
    {"d": {"EntryID": "7c1a", "EntryNumber": "24200001", "JournalCode": "20", "Currency": "EUR"}}
).encode()
PAYLOAD = b'{"JournalCode":"20","BankEntryLines":[]}'


def error(text: str) -> bytes:
    return json.dumps({"error": {"code": "", "message": {"lang": "", "value": text}}}).encode()


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    named = {"Content-Length": str(len(body)), "Content-Type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body


def chunked(*parts: bytes, whole: bool = True) -> bytes:
    body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)
    return b"HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n" + body + (b"0\r\n\r\n" if whole else b"")


def shut(peer: socket.socket) -> None:
    """Nothing at all."""


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(peer: socket.socket) -> None:
    time.sleep(1.2)


def dripping(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 201 X\r\nContent-Length: 4000\r\n\r\n")
    for _ in range(12):
        time.sleep(0.1)
        peer.sendall(b" ")


def slow_head(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 20")
    time.sleep(1.2)


Answer = bytes | Callable[[socket.socket], None]
SOON = {"X_RateLimit_Minutely_Reset": str(int((time.time() + 30) * 1000)), "Date": "Sat, 21 Nov 2026 12:00:00 GMT"}
SHAPES: dict[str, tuple[Answer, str]] = {
    "201 with the entry": (reply(201, ENTRY), BOOKED),
    "200 with the entry": (reply(200, ENTRY), BOOKED),
    "201 in chunks": (chunked(ENTRY[:9], ENTRY[9:]), BOOKED),
    "201 with nulls but for the key": (reply(201, b'{"d":{"EntryID":"7c1a","EntryNumber":null}}'), BOOKED),
    "201 empty": (reply(201), Verdict.UNSURE),
    "204 empty": (b"HTTP/1.1 204 X\r\n\r\n", Verdict.UNSURE),
    "201 without a key": (reply(201, b'{"d":{"EntryNumber":"1"}}'), Verdict.UNSURE),
    "201 with a null": (reply(201, b'{"d":null}'), Verdict.UNSURE),
    "201 with a list": (reply(201, b'{"d":[]}'), Verdict.UNSURE),
    "201 of HTML": (reply(201, b"<html>Welcome</html>"), Verdict.UNSURE),
    "201 of Atom": (reply(201, b"<?xml version='1.0'?><entry/>"), Verdict.UNSURE),
    "201 of broken JSON": (reply(201, ENTRY[:-9]), Verdict.UNSURE),
    "201 cut off": (reply(201, ENTRY)[:-20], Verdict.UNSURE),
    "201 in chunks cut off": (chunked(ENTRY[:9], whole=False), Verdict.UNSURE),
    "201 of wrong letters": (reply(201, b"\xff\xfe\x00"), Verdict.UNSURE),
    "201 of NaN": (reply(201, b'{"d":{"EntryID":NaN}}'), Verdict.UNSURE),
    "301 elsewhere": (reply(301, b"", Location="http://127.0.0.1:1/"), Verdict.UNSURE),
    "302 to a log-in page": (reply(302, b"<html/>", Location="/login"), Verdict.UNSURE),
    "304": (b"HTTP/1.1 304 X\r\n\r\n", Verdict.UNSURE),
    "400 with words": (reply(400, error("Error processing request stream.")), Verdict.REFUSED),
    "400 without words": (reply(400), Verdict.UNSURE),
    "400 of HTML": (reply(400, b"<html>Bad Request</html>"), Verdict.UNSURE),
    "401": (reply(401), Verdict.NOT_SENT),
    "401 with words": (reply(401, error("Unauthorized")), Verdict.NOT_SENT),
    "403 no rights": (reply(403, error("Forbidden")), Verdict.REFUSED),
    "403 out of scope": (reply(403, error("Forbidden - User division is not within division scope.")), Verdict.REFUSED),
    "403 of a gateway": (reply(403, b"<html>blocked</html>"), Verdict.UNSURE),
    "404 with words": (reply(404, error("Resource not found")), Verdict.REFUSED),
    "404 of a gateway": (reply(404, b"<html/>"), Verdict.UNSURE),
    "408": (reply(408), Verdict.UNSURE),
    "429 with a reset": (reply(429, b"", **SOON), Verdict.NOT_SENT),
    "429 bare": (reply(429), Verdict.NOT_SENT),
    "500 closed period": (reply(500, error("Periode is afgesloten: 2024 - 3")), Verdict.REFUSED),
    "500 not balanced": (
        reply(500, error("Opening balance plus all bank entry lines should result in the closing balance")),
        Verdict.REFUSED,
    ),
    "500 business words nobody knows": (reply(500, error("Niet toegestaan: Volgende week")), Verdict.UNSURE),
    "500 internal": (reply(500, error("Object reference not set to an instance of an object.")), Verdict.UNSURE),
    "500 deadlock": (reply(500, error("Transaction was deadlocked. Try again.")), Verdict.UNSURE),
    "500 empty": (reply(500), Verdict.UNSURE),
    "502 of a gateway": (reply(502, b"<html>Bad gateway</html>"), Verdict.UNSURE),
    "503 with words": (reply(503, error("Service unavailable")), Verdict.UNSURE),
    "504": (reply(504), Verdict.UNSURE),
    "closed without a word": (shut, Verdict.UNSURE),
    "reset": (reset, Verdict.UNSURE),
    "silence": (silent, Verdict.UNSURE),
    "a head that never ends": (slow_head, Verdict.UNSURE),
    "a body that drips": (dripping, Verdict.UNSURE),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", Verdict.UNSURE),
}


@dataclass
class Server:
    """Answers one call at a time with what it is told to; counts what arrived."""

    answer: Answer = b""
    arrived: int = 0
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                data = b""
                while PAYLOAD not in data:
                    piece = peer.recv(65536)
                    if not piece:
                        break
                    data += piece
                self.arrived += PAYLOAD in data
                try:
                    if isinstance(self.answer, bytes):
                        peer.sendall(self.answer)
                    else:
                        self.answer(peer)
                except OSError:
                    continue


class OpenGate:
    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        return

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve, daemon=True).start()
    yield made
    made.listener.close()


def outcome(url: str) -> str:
    client = Client(http.session(connect=0.5, read=0.6), url, OpenGate())
    try:
        client.post("100001", EntryKind.BANK, PAYLOAD)
    except Exception as failure:
        return judge(failure)
    return BOOKED


@pytest.mark.parametrize("shape", SHAPES)
def test_only_what_is_surely_known_counts(server: Server, shape: str) -> None:
    answer, expected = SHAPES[shape]
    server.answer, before = answer, server.arrived
    assert outcome(server.url) == expected
    assert server.arrived == before + 1, "a sending is never repeated by itself"


def test_there_are_forty_shapes_at_least() -> None:
    assert len(SHAPES) >= 40


def test_a_port_where_nobody_listens_was_surely_not_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert outcome(f"http://127.0.0.1:{port}") == Verdict.NOT_SENT


def test_a_name_that_is_not_known_was_surely_not_reached() -> None:
    assert outcome("http://nowhere.invalid") == Verdict.NOT_SENT


@pytest.mark.parametrize("failure", [MemoryError(), KeyError("d"), RecursionError(), TimeoutError(), OSError(5, "io")])
def test_what_nobody_foresaw_is_unsure(failure: Exception) -> None:
    assert judge(failure) is Verdict.UNSURE
