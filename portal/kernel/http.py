"""Calls to other people's servers: bounded in time and size, no redirects, no secrets in words.

Knows no provider and none of the connectors' errors: a call gives a `Reply`, whatever its
status, or raises `TransportError`, which says whether the request may have arrived.
"""

from __future__ import annotations

import html
import json
import ssl
import threading
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, urlsplit

import requests
import structlog
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from portal.kernel import outward

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
MAX_BYTES = 16 * 1024 * 1024
AT_ONCE = 16  # calls under way in one process; who comes after them waits so many seconds for its turn
TURN_SECONDS = 5.0
RETRY_PAUSES = (0.5, 2.0)
BUSY = frozenset({502, 503, 504})
NO_HEADERS: Mapping[str, str] = CaseInsensitiveDict()
SECRET_HEADERS = ("Authorization", "Secret", "X-Third-Party-Secret")
SHORTEST = 8  # signs of a secret: what is shorter would be found everywhere
_MASK = b"[secret]"
_log = structlog.get_logger(__name__)
_turns = threading.BoundedSemaphore(AT_ONCE)


class TransportError(Exception):
    """There is no usable reply.

    `code`: "unreachable", "not_public", "too_late", "timeout", "cut_off" or "too_large". `sent` is False only when
    the request surely never left this machine; otherwise the other side may have acted on it.
    """

    def __init__(self, code: str, host: str, *, sent: bool) -> None:
        super().__init__(f"{code}: {host}")
        self.code = code
        self.host = host
        self.sent = sent


class Certificate(NamedTuple):
    """Who we say we are on a connection: PEM files, and the password of the key ("" when it has none)."""

    chain: Path
    key: Path
    password: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply of any status. `body` is decompressed; header names match in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Session(requests.Session):
    """Follows no redirect: it would carry our signature to an address nobody chose.

    `masked`: secrets besides those in headers, that no reply may repeat to us.
    """

    masked: Sequence[str] = ()

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _BoundedAdapter(HTTPAdapter):
    """Puts a time-out on every call, also where the caller forgot one."""

    def __init__(
        self,
        *,
        connect: float,
        read: float,
        max_bytes: int,
        pool: int,
        certificate: Certificate | None,
        outward_only: bool,
    ) -> None:
        self.timeout = (connect, read)
        self.max_bytes = max_bytes
        self.certificate = certificate
        self.outward_only = outward_only
        super().__init__(pool_connections=4, pool_maxsize=pool, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        if self.certificate is not None:
            context = ssl.create_default_context()
            context.load_cert_chain(*self.certificate)
            kwargs["ssl_context"] = context
        super().init_poolmanager(*args, **kwargs)
        if self.outward_only:
            self.poolmanager.pool_classes_by_scheme = outward.POOLS

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = kwargs.get("timeout") or self.timeout
        return super().send(request, *args, **kwargs)


def session(
    *,
    connect: float = CONNECT_SECONDS,
    read: float = READ_SECONDS,
    max_bytes: int = MAX_BYTES,
    pool: int = 16,
    certificate: Certificate | None = None,
    outward_only: bool = False,
) -> Session:
    """A pooled session that ignores proxies, netrc and cookies. Set `.auth` to sign its requests, and `.masked`.

    `connect` and `read` are seconds. A call takes at most `connect` for the connection, `read`
    for the headers and `read` again for the whole body. `outward_only` is for servers that people name:
    over https and to public addresses only (see `kernel.outward`). Raises OSError for a `certificate`
    that cannot be read.
    """
    made = Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    bounds = {"connect": connect, "read": read}
    for scheme, shown in (("https://", certificate), ("http://", None)):
        made.mount(
            scheme,
            _BoundedAdapter(**bounds, max_bytes=max_bytes, pool=pool, certificate=shown, outward_only=outward_only),
        )
    return made


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    body: bytes | Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    out_of_turn: bool = False,
) -> Reply:
    """Make one call; a mapping as `body` is sent as a form. Raises TransportError.

    It waits for its turn where AT_ONCE calls are under way; `out_of_turn` is for what other calls wait for.
    What the session's own `auth` raises passes through untouched: nothing was sent then.
    Raises TypeError for a session that was not made here, because it would know no bounds.
    """
    adapter = session.get_adapter(url)
    if not isinstance(adapter, _BoundedAdapter):
        raise TypeError("the session must come from portal.kernel.http.session()")
    target = urlsplit(url)
    host = target.netloc.rpartition("@")[2]
    started = time.monotonic()
    outcome: int | str = "failed"
    try:
        # Signed before its turn: a token may have to be asked from the database, or from its own provider.
        asked = session.prepare_request(requests.Request(method, url, headers=headers, data=body, params=params))
        turn = nullcontext() if out_of_turn else _turn(host)
        with turn, session.send(asked, stream=True, allow_redirects=False) as response:
            content = _read(response, adapter)
        outcome = response.status_code
        secrets = [str(response.request.headers.get(name, "")).rpartition(" ")[2] for name in SECRET_HEADERS]
        content = _without([*secrets, *getattr(session, "masked", ())], content)
        return Reply(outcome, CaseInsensitiveDict(response.headers), content)
    except TransportError as failure:
        outcome = failure.code
        raise
    except (requests.RequestException, urllib3.exceptions.HTTPError) as failure:
        # Without `from None` the chain would carry the prepared request and its signature.
        code, sent = _tell_apart(failure)
        outcome = code
        raise TransportError(code, host, sent=sent) from None
    finally:
        seconds = round(time.monotonic() - started, 3)
        _log.info("call", method=method, host=host, path=target.path, status=outcome, seconds=seconds)


@contextmanager
def _turn(host: str) -> Iterator[None]:
    """One of the calls under way. Raises TransportError "too_late": in TURN_SECONDS none of them ended."""
    since = time.monotonic()
    taken = _turns.acquire(timeout=TURN_SECONDS)
    try:
        # A process that was stopped for a while gets its turn too, at a time that nobody reckons with any more.
        if not taken or time.monotonic() - since > TURN_SECONDS + 1:
            raise TransportError("too_late", host, sent=False)
        yield
    finally:
        if taken:
            _turns.release()


def retried(attempt: Callable[[], Reply], sleep: Callable[[float], None] = time.sleep) -> Reply:
    """Repeat a read that was lost or met a busy server, twice at most. Never for a write."""
    for pause in RETRY_PAUSES:
        try:
            reply = attempt()
        except TransportError as failure:
            if failure.code in ("too_large", "not_public"):
                raise
        else:
            if reply.status not in BUSY:
                return reply
        sleep(pause)
    return attempt()


class _TooLarge(urllib3.exceptions.HTTPError):
    pass


class _TooSlow(urllib3.exceptions.HTTPError):
    pass


def _read(response: requests.Response, adapter: _BoundedAdapter) -> bytes:
    """The whole body, in pieces as they come, so that a dripping server cannot hold us for hours."""
    deadline = time.monotonic() + adapter.timeout[1]
    content = bytearray()
    if isinstance(response.raw, urllib3.HTTPResponse):
        while piece := response.raw.read1(65536, decode_content=True):
            content += piece
            if len(content) > adapter.max_bytes:
                raise _TooLarge
            if time.monotonic() > deadline:
                raise _TooSlow
    return bytes(content)


def _without(secrets: Sequence[str], content: bytes) -> bytes:
    """Masks what we signed in with where a server echoes it, before anybody can log or show it."""
    for secret in secrets:
        for written in ways_to_write(secret):
            content = content.replace(written.encode(), _MASK)
    return content


def ways_to_write(secret: str) -> Sequence[str]:
    """A secret as it may stand in a text: plain, for addresses, JSON and HTML, and in base 64; longest first.

    Of "name:password" in base 64 (RFC 7617) also the password. None for what is too short to be one.
    """
    if len(secret) < SHORTEST:
        return ()
    found = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret)}
    escaped = json.dumps(secret)[1:-1]
    found |= {escaped, escaped.replace("/", r"\/")}
    found |= {encode(secret.encode()).decode().rstrip("=") for encode in (b64encode, urlsafe_b64encode)}
    with suppress(ValueError):  # UnicodeDecodeError is one
        _name, _colon, password = b64decode(secret, validate=True).decode().partition(":")
        found |= {password, quote(password, safe=""), quote_plus(password)}
    return sorted((one for one in found if len(one) >= SHORTEST), key=len, reverse=True)


def _tell_apart(failure: Exception) -> tuple[str, bool]:
    """(code, may have been sent) of a failed call."""
    if isinstance(failure, _TooLarge):
        return "too_large", True
    if isinstance(failure, requests.ConnectTimeout):
        return "unreachable", False
    if isinstance(failure, (requests.Timeout, urllib3.exceptions.TimeoutError, _TooSlow)):
        return "timeout", True
    reason = getattr(failure.args[0], "reason", None) if failure.args else None
    if isinstance(reason, outward.NotPublic):
        return "not_public", False
    if isinstance(reason, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)):
        return "unreachable", False
    if isinstance(failure, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(failure):
        return "unreachable", False
    return "cut_off", True
