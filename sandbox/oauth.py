"""What log-in pages and token endpoints have in common: hashes, registered addresses, Basic, PKCE, the way back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import unquote_plus, urlencode

from flask import redirect
from werkzeug.wrappers import Response

from sandbox.store import Row


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Compared in a time that tells nothing."""
    return hmac.compare_digest(one.encode(), other.encode())


def is_registered(app: Row, address: str) -> bool:
    """Whether an app may be answered at an address. A registered `…*` matches by prefix."""
    known = json.loads(app["redirect_uris"])
    return any(address == one or (one.endswith("*") and address.startswith(one[:-1])) for one in known)


def basic(header: str) -> tuple[str, str] | None:
    """Client id and secret of an Authorization header (RFC 6749, 2.3.1), or None."""
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except ValueError:  # not base64, or not UTF-8
        return None
    return unquote_plus(name), unquote_plus(secret)


def proves(verifier: str, challenge: str, method: str = "S256") -> bool:
    """PKCE (RFC 7636): whether the verifier is the one that the challenge was made of."""
    made = base64url(hashlib.sha256(verifier.encode()).digest()) if method.upper() == "S256" else verifier
    return same(made, challenge)


def base64url(raw: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def back(address: str, told: dict[str, str], status: int = 303) -> Response:
    """To the app that asked."""
    return redirect(f"{address}{'&' if '?' in address else '?'}{urlencode(told)}", status)
