"""Ponto's webhooks: who sent them, and what they say.

The `Signature` header is a JWT, signed with RS512 and nothing else. Its claims name the API, our
application and a digest of the very bytes of the body; the key is found by its id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA512

from portal.connectors.errors import Rejected
from portal.connectors.feed import Fetch, Notice
from portal.connectors.ponto.mapping import UNREADABLE, text

KEYS = "/webhooks/keys"
SKEW = 30  # seconds that their clock and ours may differ
MAX_TOKEN = 8192
MIN_BITS = 2048


def judge(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    host: str,
    application: str,
    fetch_keys: Fetch,
) -> Sequence[Notice]:
    """What the callback says, once it is surely from Ponto, for us and of this moment. Raises Rejected, or OSError.

    The cheap checks come first: keys are asked for only when all else fits.
    """
    token = next((value for name, value in headers.items() if name.lower() == "signature"), "")
    try:
        head, claims, signed, signature = _parts(token)
        _check_claims(claims, body, now.timestamp(), _issuer(host), application)
    except UNREADABLE:
        raise Rejected("ponto.callback_unreadable") from None
    if head.get("alg") != "RS512" or "crit" in head:
        raise Rejected("ponto.callback_algorithm")
    try:
        _verify(fetch_keys(KEYS), head.get("kid"), signed, signature)
        return [_notice(json.loads(body)["data"])]
    except InvalidSignature:
        raise Rejected("ponto.callback_signature") from None
    except UNREADABLE:
        raise Rejected("ponto.callback_unreadable") from None


def _issuer(host: str) -> str:
    parts = urlsplit(host)
    return f"{parts.scheme}://{parts.netloc}"


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    if len(token) > MAX_TOKEN or not token.isascii():
        raise ValueError("not a token")
    head, claims, signature = token.split(".")
    decoded = [json.loads(_unpacked(part)) for part in (head, claims)]
    if not all(isinstance(part, dict) for part in decoded):
        raise TypeError("not objects")
    return decoded[0], decoded[1], f"{head}.{claims}".encode(), _unpacked(signature)


def _unpacked(part: str) -> bytes:
    return base64.b64decode(part.encode() + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _check_claims(claims: Mapping[str, Any], body: bytes, now: float, issuer: str, application: str) -> None:
    digest = base64.b64encode(hashlib.sha512(body).digest())
    if not hmac.compare_digest(digest, str(claims["digest"]).encode()):
        raise Rejected("ponto.callback_digest")
    if str(claims["iss"]).rstrip("/") != issuer:
        raise Rejected("ponto.callback_issuer")
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not application or application not in audience:
        raise Rejected("ponto.callback_audience")
    if _moment(claims["iat"]) > now + SKEW or _moment(claims["exp"]) < now - SKEW:
        raise Rejected("ponto.callback_time")


def _moment(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a moment")
    return float(value)


def _verify(keys: bytes, wanted: Any, signed: bytes, signature: bytes) -> None:
    """Raises InvalidSignature also where there is no such key. The kind of key is ours to say, not the token's."""
    for key in json.loads(keys)["keys"]:
        if not wanted or key.get("kid") != wanted or key.get("kty") != "RSA" or key.get("alg", "RS512") != "RS512":
            continue
        if key.get("use", "sig") != "sig" or key.get("status", "ACTIVE") != "ACTIVE":
            continue
        numbers = RSAPublicNumbers(*(int.from_bytes(_unpacked(key[part])) for part in ("e", "n")))
        if numbers.n.bit_length() < MIN_BITS:
            continue
        numbers.public_key().verify(signature, signed, PKCS1v15(), SHA512())
        return
    raise InvalidSignature


def _notice(told: Mapping[str, Any]) -> Notice:
    """Only what happened to whom: the rest is read from Ponto itself."""
    related = told.get("relationships") or {}
    event = text(told["type"])
    return Notice(
        event=event,
        link=_related(related, "organization"),
        account=_related(related, "account"),
        failed=event == "pontoConnect.synchronization.failed",
    )


def _related(relationships: Mapping[str, Any], name: str) -> str:
    return text(((relationships.get(name) or {}).get("data") or {}).get("id"))
