"""How a request shows that it is ours: two headers that name us, and a signature over what is sent."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from portal.kernel import clock

VALID_SECONDS = 60  # Salt Edge takes an hour at most


class Signature(requests.auth.AuthBase):
    """Signs the address with its query and the very bytes of the body, as they go out.

    `private_key` is PEM, RSA, without a password. Raises ValueError for any other key.
    """

    def __init__(
        self, app_id: str, secret: str, private_key: str | bytes, now: Callable[[], datetime] | None = None
    ) -> None:
        pem = private_key.encode() if isinstance(private_key, str) else private_key
        key = load_pem_private_key(pem, password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("Salt Edge signs with RSA only")
        self._key = key
        self._app_id = app_id
        self._secret = secret
        self._now = now or clock.now

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        expires = str(int(self._now().timestamp()) + VALID_SECONDS)
        signed = message(expires, request.method or "", request.url or "", request.body)
        request.headers["App-id"] = self._app_id
        request.headers["Secret"] = self._secret
        request.headers["Expires-at"] = expires
        request.headers["Signature"] = base64.b64encode(
            self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        ).decode()
        return request


def message(expires: str, method: str, url: str, body: bytes | str | None) -> bytes:
    """`expires|METHOD|url|body`, the bytes under the signature."""
    content = body.encode() if isinstance(body, str) else body or b""
    return f"{expires}|{method.upper()}|{url}|".encode() + content
