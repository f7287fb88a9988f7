"""Servers that people name: what is refused by its look, by its addresses, and at the connection itself."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from portal.kernel import http, outward

NAME = "books.kantoor.be"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://books.kantoor.be", "https://books.kantoor.be"),
        ("  HTTPS://Books.Kantoor.BE/ ", "https://books.kantoor.be"),
        ("https://books.kantoor.be.", "https://books.kantoor.be"),
        ("https://books.kantoor.be:443/", "https://books.kantoor.be"),
        ("https://books.kantoor.be:8443/odoo/", "https://books.kantoor.be:8443/odoo"),
        ("https://bäckerei.de", "https://xn--bckerei-5wa.de"),
    ],
)
def test_a_server_of_a_public_name_is_kept_in_one_way(typed: str, kept: str) -> None:
    assert outward.address(typed) == kept


REFUSED = {
    "scheme": """
        http://books.kantoor.be HTTP://books.kantoor.be ftp://books.kantoor.be file:///etc/passwd gopher://books.kantoor.be
        books.kantoor.be //books.kantoor.be javascript:alert(1) https:\\\\127.0.0.1 https://books.kantoor.be\\@127.0.0.1
    """,
    "host": """
        https:// https:///path https://localhost https://LOCALHOST. https://intern https://printer.local https://x.localhost
        https://db.internal https://metadata.google.internal https://nas.lan https://router.home https://1.0.0.127.in-addr.arpa
        https://127.0.0.1 https://127.1 https://127.0.1 https://2130706433 https://0x7f000001 https://0x7f.0.0.1
        https://0177.0.0.1 https://017700000001 https://0 https://10.0.0.1 https://172.16.0.1 https://192.168.1.1
        https://169.254.169.254 https://100.64.0.1 https://198.18.0.1 https://224.0.0.1 https://255.255.255.255
        https://8.8.8.8 https://[::1] https://[::] https://[::ffff:127.0.0.1] https://[::ffff:7f00:1] https://[fe80::1]
        https://[fe80::1%25eth0] https://[fc00::1] https://[64:ff9b::7f00:1] https://[2002:7f00:1::] https://[2606:4700::1111]
        https://user@books.kantoor.be https://user:pw@books.kantoor.be https://books.kantoor.be@127.0.0.1 https://@books.kantoor.be
        https://-books.kantoor.be https://books..kantoor.be https://.books.be https://books_.kantoor.be https://127.0.0.1.
        https://１２７.0.0.1 https://①②⑦.0.0.1 https://example.test https://a.example
        https://books.kantoor.be%2f.evil.be https://books.kantoor.be%00.evil.be
    """,
    "port": """
        https://books.kantoor.be:22 https://books.kantoor.be:80 https://books.kantoor.be:5432 https://books.kantoor.be:6379
        https://books.kantoor.be:0 https://books.kantoor.be:99999 https://books.kantoor.be:-1 https://books.kantoor.be:x
    """,
    "path": """
        https://books.kantoor.be?x=1 https://books.kantoor.be/#x https://books.kantoor.be/?@127.0.0.1
        https://books.kantoor.be/a/../b https://books.kantoor.be/%2e%2e/ https://books.kantoor.be//127.0.0.1/
    """,
}


@pytest.mark.parametrize(("code", "typed"), [(code, one) for code, many in REFUSED.items() for one in many.split()])
def test_everything_else_is_refused_by_its_look(code: str, typed: str) -> None:
    with pytest.raises(outward.Unsuitable) as caught:
        outward.address(typed)
    assert caught.value.code == code


@pytest.mark.parametrize("sign", ["\x00", "\r\n", "\t", " ", "\x7f"])
def test_signs_that_nobody_sees_are_refused(sign: str) -> None:
    with pytest.raises(outward.Unsuitable):
        outward.address(f"https://books.kantoor{sign}.be")


PUBLIC = (
    "8.8.8.8",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
)
INSIDE = """
    127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.1.2.3 172.16.0.1 172.31.255.255 192.168.0.1 169.254.169.254 100.64.0.1
    192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.251 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::a00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 fe80::1 fe80::1%eth0 fec0::1 fc00::1
    fd00:ec2::254 ff02::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1
    2001:0:4136:e378:8000:63bf:80ff:fffe books.kantoor.be
"""  # fmt: skip


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_of_everybody(text: str) -> None:
    assert outward.is_public(text)


@pytest.mark.parametrize("text", INSIDE.split())
def test_addresses_that_are_not_everybodys(text: str) -> None:
    assert not outward.is_public(text)


# ------------------------------------------------------------------------------ connections


@dataclass
class Resolver:
    """In place of the system's: each question gets the next of the answers, the last one for ever."""

    answers: list[list[tuple[str, int]]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int, *_: object, **__: object) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in ip], socket.SOCK_STREAM, 6, "", (ip, at)) for ip, at in answer]


@dataclass
class Server:
    """A TLS server of NAME on loopback, that counts who came."""

    port: int
    trusted: Path
    came: list[str]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    key = ec.generate_private_key(ec.SECP256R1())
    named, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(named).issuer_name(named).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), False).sign(key, SHA256())
    )  # fmt: skip
    chain = tmp_path / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain.write_bytes(made.public_bytes(Encoding.PEM) + private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    listener, stopped, came = socket.create_server(("127.0.0.1", 0)), threading.Event(), list[str]()
    context.sni_callback = lambda *told: came.append(told[1])

    def run() -> None:
        while not stopped.is_set():
            raw, _ = listener.accept()
            with raw, suppress(OSError), context.wrap_socket(raw, server_side=True) as connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield Server(listener.getsockname()[1], chain, came)
    stopped.set()
    with suppress(OSError), socket.socket() as last:  # without asking the resolver, which may be a stand-in still
        last.connect(listener.getsockname())
    thread.join(5)
    listener.close()


def session(server: Server | None = None) -> requests.Session:
    made = http.session(connect=1, read=1, outward_only=True)
    if server:
        made.verify = str(server.trusted)
    return made


def code_of(url: str, by: requests.Session | None = None) -> tuple[str, bool]:
    with pytest.raises(http.TransportError) as caught:
        http.exchange(by or session(), "GET", url)
    return caught.value.code, caught.value.sent


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every connection that is tried, none of which is made."""
    tried: list[object] = []

    def connect(_: socket.socket, place: object) -> None:
        tried.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
)
@pytest.mark.parametrize("others", [[], ["8.8.8.8"]], ids=["alone", "beside a public one"])
def test_a_name_that_leads_inside_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, no_socket: list[object], inside: str, others: list[str]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver([[(ip, 443) for ip in [*others, inside]]]))
    assert code_of(f"https://{NAME}/") == ("not_public", False)
    assert no_socket == []


def test_an_address_in_the_url_is_judged_too(no_socket: list[object]) -> None:
    for url in ("https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://localhost/"):
        assert code_of(url) == ("not_public", False)
    assert no_socket == []


def test_nothing_goes_out_unencrypted(monkeypatch: pytest.MonkeyPatch, no_socket: list[object]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver([[("8.8.8.8", 80)]]))
    assert code_of(f"http://{NAME}/") == ("not_public", False)
    assert no_socket == []


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """Asked once: an answer that would change after the check is never heard. The certificate is the name's."""
    resolver = Resolver([[("127.0.0.1", server.port)], [("127.0.0.1", 1)]])
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(outward, "is_public", lambda ip: ip == "127.0.0.1")
    assert http.exchange(session(server), "GET", f"https://{NAME}:8443/").body == b"ok"
    assert (resolver.asked, server.came) == ([NAME], [NAME])


def test_every_new_connection_is_checked_anew(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """A name that was public at first and leads inside later is not followed there."""
    resolver = Resolver([[("127.0.0.1", server.port)], [("127.0.0.2", server.port)]])
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(outward, "is_public", lambda ip: ip == "127.0.0.1")
    by = session(server)
    assert http.exchange(by, "GET", f"https://{NAME}:8443/").status == 200
    assert code_of(f"https://{NAME}:8443/", by) == ("not_public", False)
    assert len(server.came) == 1


def test_a_certificate_of_another_name_is_refused(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver([[("127.0.0.1", server.port)]]))
    monkeypatch.setattr(outward, "is_public", lambda ip: True)
    assert code_of("https://other.kantoor.be:8443/", session(server)) == ("unreachable", False)


def test_a_second_address_is_tried_when_the_first_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
    monkeypatch.setattr(socket, "getaddrinfo", Resolver([[("127.0.0.1", nobody), ("127.0.0.1", server.port)]]))
    monkeypatch.setattr(outward, "is_public", lambda ip: True)
    assert http.exchange(session(server), "GET", f"https://{NAME}:8443/").body == b"ok"


@pytest.mark.parametrize("failure", [ConnectionRefusedError(), TimeoutError()])
def test_where_nobody_answers_nothing_was_sent(monkeypatch: pytest.MonkeyPatch, failure: OSError) -> None:
    def connect(*_: object) -> None:
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", Resolver([[("8.8.8.8", 443)]]))
    monkeypatch.setattr(socket.socket, "connect", connect)
    assert code_of(f"https://{NAME}/") == ("unreachable", False)


def test_a_name_of_many_addresses_keeps_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def connect(_: object, place: object) -> None:
        tried.append(place)
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", Resolver([[(f"8.8.8.{n}", 443) for n in range(200)]]))
    monkeypatch.setattr(socket.socket, "connect", connect)
    assert code_of(f"https://{NAME}/") == ("unreachable", False)
    assert len(tried) == outward.MOST_TRIED


def test_an_unknown_name_was_surely_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert code_of(f"https://{NAME}/") == ("unreachable", False)
