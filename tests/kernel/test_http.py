"""The bounds around every outgoing call, against real sockets on loopback."""

from __future__ import annotations

import gzip
import html
import json
import socket
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

import pytest
import requests
import structlog.testing

from portal.kernel import http

Serve = Callable[[socket.socket, bytes], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """A listener that hands each connection's first request to `serve`, then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = b""
                while b"\r\n\r\n" not in request and (piece := connection.recv(65536)):
                    request += piece
                if not stopped.is_set():
                    serve(connection, request)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        with socket.create_connection(listener.getsockname()):
            pass
        thread.join(5)
        listener.close()


def quick(max_bytes: int = http.MAX_BYTES) -> requests.Session:
    return http.session(connect=1, read=0.4, max_bytes=max_bytes)


class Bearer(requests.auth.AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = "Bearer canary-0123456789"
        return request


def failure_of(call: Callable[[], object]) -> http.TransportError:
    with pytest.raises(http.TransportError) as caught:
        call()
    return caught.value


def test_a_reply_of_any_status_is_a_reply() -> None:
    with server(lambda c, _: c.sendall(b"HTTP/1.1 500 No\r\nX-Why: because\r\nContent-Length: 4\r\n\r\noops")) as url:
        reply = http.exchange(quick(), "GET", url)
    assert (reply.status, reply.headers["x-why"], reply.body) == (500, "because", b"oops")


def test_a_compressed_body_arrives_plain() -> None:
    packed = gzip.compress(b"a" * 5000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with server(lambda c, _: c.sendall(head + packed)) as url:
        assert http.exchange(quick(), "GET", url).body == b"a" * 5000


def test_a_chunked_body_arrives_whole() -> None:
    with server(
        lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    ) as url:
        assert http.exchange(quick(), "GET", url).body == b"abcde"


def test_a_refused_connection_was_surely_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    failure = failure_of(lambda: http.exchange(quick(), "POST", f"http://127.0.0.1:{port}/", body=b"x"))
    assert (failure.code, failure.sent) == ("unreachable", False)


def test_an_unknown_name_was_surely_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failure = failure_of(lambda: http.exchange(quick(), "POST", "http://nowhere.invalid/", body=b"x"))
    assert (failure.code, failure.sent) == ("unreachable", False)


def test_a_dropped_connection_may_have_been_sent() -> None:
    with server(lambda c, _: None) as url:
        failure = failure_of(lambda: http.exchange(quick(), "POST", url, body=b"x"))
    assert (failure.code, failure.sent) == ("cut_off", True)


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nd",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf",
        b"this is not HTTP\r\n\r\n",
    ],
    ids=["length", "chunked", "gzip", "nonsense"],
)
def test_a_broken_answer_may_have_been_sent(start: bytes) -> None:
    with server(lambda c, _: c.sendall(start)) as url:
        failure = failure_of(lambda: http.exchange(quick(), "POST", url, body=b"x"))
    assert (failure.code, failure.sent) == ("cut_off", True)


def test_silence_ends_in_a_time_out() -> None:
    wait = threading.Event()

    def silent(connection: socket.socket, request: bytes) -> None:
        wait.wait(2)

    with server(silent) as url:
        failure = failure_of(lambda: http.exchange(quick(), "POST", url, body=b"x"))
        wait.set()
    assert (failure.code, failure.sent) == ("timeout", True)


def test_a_dripping_body_ends_in_a_time_out() -> None:
    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _piece in range(20):
                connection.sendall(b"x")
                threading.Event().wait(0.1)
        except OSError:
            return

    with server(drip) as url:
        failure = failure_of(lambda: http.exchange(quick(), "GET", url))
    assert (failure.code, failure.sent) == ("timeout", True)


def test_a_body_beyond_the_cap_is_not_taken_in() -> None:
    packed = gzip.compress(b"0" * 300_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with server(lambda c, _: c.sendall(head + packed)) as url:
        failure = failure_of(lambda: http.exchange(quick(max_bytes=200_000), "GET", url))
    assert failure.code == "too_large"


def test_a_redirect_is_a_reply_and_is_not_followed() -> None:
    asked: list[bytes] = []

    def redirect(connection: socket.socket, request: bytes) -> None:
        asked.append(request)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    with server(redirect) as url:
        assert http.exchange(quick(), "GET", url).status == 302
    assert len(asked) == 1


def test_cookies_are_not_kept() -> None:
    asked: list[bytes] = []

    def cookie(connection: socket.socket, request: bytes) -> None:
        asked.append(request)
        connection.sendall(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\nConnection: close\r\n\r\n"))

    with server(cookie) as url, quick() as session:
        http.exchange(session, "GET", url)
        http.exchange(session, "GET", url)
    assert len(asked) == 2
    assert b"ookie" not in asked[1]


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with server(lambda c, _: c.sendall(OK)) as url:
        assert http.exchange(quick(), "GET", url).body == b"ok"


def test_a_session_without_bounds_is_not_used() -> None:
    with pytest.raises(TypeError, match="session"):
        http.exchange(requests.Session(), "GET", "http://127.0.0.1:9/")


def test_no_secret_is_in_errors_logs_or_replies() -> None:
    def echo(connection: socket.socket, request: bytes) -> None:
        body = request.split(b"Authorization: ")[1].split(b"\r\n")[0]
        connection.sendall(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    session = quick()
    session.auth = Bearer()
    with structlog.testing.capture_logs() as logs:
        with server(echo) as url:
            reply = http.exchange(session, "GET", url + "/path", params={"key": "canary-0123456789"})
        failure = failure_of(lambda: http.exchange(session, "GET", url, params={"key": "canary-0123456789"}))
    assert reply.body == b"Bearer [secret]"
    assert {**logs[0], "seconds": 0} == {
        "event": "call",
        "log_level": "info",
        "method": "GET",
        "host": url.removeprefix("http://"),
        "path": "/path",
        "status": 400,
        "seconds": 0,
    }
    assert failure.__cause__ is None
    assert failure.__suppress_context__
    assert "canary" not in f"{logs}{failure!r}{failure.__dict__}"


SECRET = 'a/b+c "d" & 0123456789'


@pytest.mark.parametrize(
    "told",
    [
        SECRET, quote(SECRET, safe=""), quote_plus(SECRET), html.escape(SECRET), json.dumps({"key": SECRET}),
        json.dumps(SECRET).replace("/", "\\/"), b64encode(SECRET.encode()).decode(),
        urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)  # fmt: skip
def test_an_echo_in_another_writing_is_masked_too(told: str) -> None:
    def echo(connection: socket.socket, request: bytes) -> None:
        body = told.encode()
        connection.sendall(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    session = http.session(connect=1, read=0.4)
    session.masked = [SECRET]
    with server(echo) as url:
        body = http.exchange(session, "GET", url).body
    assert b"[secret]" in body
    assert b"0123456789" not in body
    assert b64encode(SECRET.encode())[:20] not in body


def test_the_password_of_a_basic_log_in_is_masked_too() -> None:
    session = quick()
    session.auth = ("office", "kalm water stroomt")

    def echo(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\nContent-Length: 23\r\n\r\nbad: kalm water stroomt")

    with server(echo) as url:
        assert http.exchange(session, "GET", url).body == b"bad: [secret]"


def test_what_the_signer_raises_passes_through() -> None:
    class Broken(requests.auth.AuthBase):
        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            raise LookupError("no token")

    session = quick()
    session.auth = Broken()
    with pytest.raises(LookupError, match="no token"):
        http.exchange(session, "GET", "http://127.0.0.1:9/")


def test_a_read_is_repeated_twice_at_most() -> None:
    pauses: list[float] = []
    replies: list[http.Reply | http.TransportError] = [
        http.TransportError("cut_off", "h", sent=True),
        http.Reply(503, {}, b""),
        http.Reply(504, {}, b"last"),
    ]

    def attempt() -> http.Reply:
        outcome = replies.pop(0)
        if isinstance(outcome, http.TransportError):
            raise outcome
        return outcome

    assert http.retried(attempt, pauses.append).body == b"last"
    assert pauses == list(http.RETRY_PAUSES)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_a_read_that_was_answered_is_not_repeated(status: int) -> None:
    pauses: list[float] = []
    assert http.retried(lambda: http.Reply(status, {}, b""), pauses.append).status == status
    assert pauses == []


def test_no_more_calls_are_under_way_than_sixteen() -> None:
    under_way, most, lock = 0, 0, threading.Lock()
    full, free = threading.Event(), threading.Event()

    def hold(connection: socket.socket) -> None:
        nonlocal under_way, most
        with connection:
            connection.recv(65536)
            with lock:
                under_way += 1
                most = max(most, under_way)
                if under_way == http.AT_ONCE:
                    full.set()
            free.wait(10)
            with lock:
                under_way -= 1
            connection.sendall(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        calls = http.AT_ONCE + 8

        def accept() -> None:
            for _ in range(calls):
                connection, _address = listener.accept()
                threading.Thread(target=hold, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        session = http.session(connect=5, read=10, pool=calls)
        with ThreadPoolExecutor(calls) as pool:
            replies = [pool.submit(http.exchange, session, "GET", address) for _ in range(calls)]
            assert full.wait(5)
            time.sleep(0.3)  # time for one too many to arrive
            free.set()
            assert [reply.result().status for reply in replies] == [200] * calls
    assert most == http.AT_ONCE


def test_who_gets_no_turn_has_surely_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_turns", threading.BoundedSemaphore(1))
    monkeypatch.setattr(http, "TURN_SECONDS", 0.05)
    asked = threading.Event()
    answered = threading.Event()

    def slow(connection: socket.socket, _request: bytes) -> None:
        asked.set()
        answered.wait(5)
        connection.sendall(OK)

    with server(slow) as address, ThreadPoolExecutor(1) as pool:
        first = pool.submit(http.exchange, http.session(read=5), "GET", address)
        assert asked.wait(5)
        late = failure_of(lambda: http.exchange(http.session(), "GET", address))
        assert (late.code, late.sent) == ("too_late", False)
        answered.set()
        assert first.result().status == 200
        answered.set()
        assert http.exchange(http.session(read=5), "GET", address).status == 200  # the turn was given back


def test_what_other_calls_wait_for_has_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_turns", threading.BoundedSemaphore(1))
    monkeypatch.setattr(http, "TURN_SECONDS", 0.05)
    with server(lambda connection, _request: connection.sendall(OK)) as address:
        session = http.session()
        renewed: list[int] = []

        def renew(*_: object, **__: object) -> None:
            renewed.append(http.exchange(http.session(), "GET", address, out_of_turn=True).status)

        session.hooks["response"].append(renew)
        assert http.exchange(session, "GET", address).status == 200
        assert renewed == [200]
