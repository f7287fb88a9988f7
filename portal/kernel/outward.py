"""Servers that people name themselves: over https, on public addresses, and on no other than were checked.

`kernel.http.session(outward=True)` makes its connections here. A name is resolved once for each connection;
every address it has must be public, and the connection goes to one of these and not to the name. So an answer
that changes between the check and the connection changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

PORTS = frozenset({443, 8069, 8443, 9443, 10443})  # where servers of bookkeeping packages are found
MOST_TRIED = 4  # of a name's addresses; each takes the whole time for a connection when nobody answers
_NAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_INSIDE = ("local", "localhost", "internal", "intranet", "lan", "home", "corp", "arpa", "test", "example", "invalid")


class Unsuitable(ValueError):
    """An address that is not asked. `code`: "scheme", "host", "port" or "path"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NotPublic(NewConnectionError):
    """The name leads, at least in part, to addresses that are not everybody's. Nothing was sent."""


def address(typed: str) -> str:
    """The address as it is kept: "https://books.example.com:8443/path", without a slash at its end.

    Asks nobody. Raises Unsuitable for all that is no https server of a public name: numbers in place of
    a name too, because no certificate vouches for them.
    """
    text = typed.strip()
    parts = urlsplit(text)
    if parts.scheme.lower() != "https" or "\\" in text or any(ord(sign) < 33 or ord(sign) == 127 for sign in text):
        raise Unsuitable("scheme")
    try:
        name = (parts.hostname or "").rstrip(".").encode("idna").decode("ascii").lower()
        port = 443 if parts.port is None else parts.port
    except ValueError as wrong:  # UnicodeError is one
        raise Unsuitable("port" if "port" in str(wrong).lower() else "host") from None
    if "@" in parts.netloc or not _NAME.fullmatch(name) or name.rpartition(".")[2] in _INSIDE:
        raise Unsuitable("host")
    if port not in PORTS:
        raise Unsuitable("port")
    if "?" in text or "#" in text or not _PATH.fullmatch(parts.path) or {".", ".."} & set(parts.path.split("/")):
        raise Unsuitable("path")
    return f"https://{name}{'' if port == 443 else f':{port}'}{parts.path.rstrip('/')}"


def is_public(text: str) -> bool:
    """Whether an IP address is everybody's, also the IPv4 one that an IPv6 one stands for."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    return all(_is_public(one) for one in (found, *_inner(found)))


def _inner(found: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(found, IPv4Address):
        return []
    inner = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
    if found in _NAT64:
        inner.append(IPv4Address(int(found) & 0xFFFFFFFF))
    if int(found) >> 32 == 0:  # "::a.b.c.d", given up long ago and still understood
        inner.append(IPv4Address(int(found)))
    return [one for one in inner if one is not None]


def _is_public(found: IPv4Address | IPv6Address) -> bool:
    if isinstance(found, IPv6Address) and (found.ipv4_mapped or found in _NAT64):
        return True  # judged by the address inside
    special = found.is_private or found.is_multicast or found.is_reserved or found.is_unspecified
    return found.is_global and not special and not getattr(found, "is_site_local", False)


def _connected(asking: HTTPConnection) -> socket.socket:
    """A connection to a checked address of the name. Raises what urllib3's own way of connecting raises."""
    try:
        found = socket.getaddrinfo(asking.host, asking.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as unknown:
        reason = unknown if isinstance(unknown, socket.gaierror) else socket.gaierror(str(unknown))
        raise NameResolutionError(asking.host, asking, reason) from unknown
    if not found or not all(is_public(str(place[0])) for *_, place in found):
        raise NotPublic(asking, "not a public address")
    failed: OSError | None = None
    for family, kind, protocol, _, place in found[:MOST_TRIED]:
        made = socket.socket(family, kind, protocol)
        try:
            for option in asking.socket_options or ():
                made.setsockopt(*option)
            if isinstance(asking.timeout, (int, float)):
                made.settimeout(asking.timeout)
            made.connect(place)
            return made
        except OSError as refused:
            made.close()
            failed = refused
    if isinstance(failed, TimeoutError):
        raise ConnectTimeoutError(asking, "timed out") from failed
    raise NewConnectionError(asking, str(failed)) from failed


class _Guarded(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _Nowhere(HTTPConnection):
    """Without encryption nothing goes out: everybody on the way would read the key."""

    def _new_conn(self) -> socket.socket:
        raise NotPublic(self, "not over https")


class GuardedPool(HTTPSConnectionPool):
    ConnectionCls = _Guarded


class NowherePool(HTTPConnectionPool):
    ConnectionCls = _Nowhere


POOLS = {"https": GuardedPool, "http": NowherePool}  # by scheme, as urllib3's pool manager wants them
