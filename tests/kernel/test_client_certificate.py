"""A certificate of our own on a connection, against a real TLS server that asks for one."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from portal.kernel import http

PASSWORD = "opens-the-key"


def certificate(folder: Path, name: str, password: str = "") -> http.Certificate:
    """Self-signed for 127.0.0.1, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, SHA256())
    )
    sealed = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    chain, private = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed))
    return http.Certificate(chain, private, password)


class Server:
    """Answers whoever shows the one certificate that it knows, and tells the name in it."""

    def __init__(self, own: http.Certificate, known: http.Certificate) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(own.chain, own.key)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_verify_locations(known.chain)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            raw, _ = self._listener.accept()
            if self._stopped.is_set():
                raw.close()
                return
            with suppress(OSError), self._context.wrap_socket(raw, server_side=True) as connection:
                connection.recv(65536)
                shown = x509.load_der_x509_certificate(connection.getpeercert(True) or b"")
                name = str(shown.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))

    def stop(self) -> None:
        self._stopped.set()
        with suppress(OSError), socket.create_connection(self._listener.getsockname()):
            pass
        self._thread.join(5)
        self._listener.close()


@pytest.fixture
def own(tmp_path: Path) -> http.Certificate:
    return certificate(tmp_path, "server")


@pytest.fixture
def ours(tmp_path: Path) -> http.Certificate:
    return certificate(tmp_path, "koppelpoort", PASSWORD)


@pytest.fixture
def server(own: http.Certificate, ours: http.Certificate) -> Iterator[Server]:
    made = Server(own, ours)
    yield made
    made.stop()


def call(server: Server, trusted: http.Certificate | None, shown: http.Certificate | None) -> http.Reply:
    with http.session(connect=2, read=2, certificate=shown) as session:
        session.verify = str(trusted.chain) if trusted else True
        return http.exchange(session, "GET", server.url)


def test_the_certificate_is_shown(server: Server, own: http.Certificate, ours: http.Certificate) -> None:
    assert call(server, own, ours).body == b"koppelpoort"


def test_without_it_there_is_no_answer(server: Server, own: http.Certificate) -> None:
    with pytest.raises(http.TransportError):
        call(server, own, None)


def test_a_stranger_gets_no_answer(server: Server, own: http.Certificate, tmp_path: Path) -> None:
    with pytest.raises(http.TransportError):
        call(server, own, certificate(tmp_path, "stranger"))


def test_the_other_side_is_still_checked(server: Server, ours: http.Certificate) -> None:
    """Showing who we are does not mean believing anybody."""
    with pytest.raises(http.TransportError) as caught:
        call(server, None, ours)
    assert caught.value.sent is False


def test_a_certificate_that_cannot_be_read_is_said_at_once(ours: http.Certificate, tmp_path: Path) -> None:
    for broken in (
        ours._replace(password="another"),
        ours._replace(chain=tmp_path / "nowhere.pem"),
        ours._replace(key=ours.chain),
    ):
        with pytest.raises(OSError):  # noqa: PT011 - the words are OpenSSL's and differ by its version
            http.session(certificate=broken)
