"""The key that signs webhooks: RS512 tokens, and the public half as a list of keys."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sandbox.oauth import base64url
from sandbox.store import Store

LIVES = 60  # seconds


class Key:
    """Made at the first use and kept: a restart signs as before."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made: RSAPrivateKey | None = None

    @property
    def private(self) -> RSAPrivateKey:
        if self._made is None:
            kept = self._store.value("webhook.key")
            if kept is None:
                fresh = generate_private_key(public_exponent=65537, key_size=2048)
                kept = fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
                self._store.keep("webhook.key", kept)
            loaded = load_pem_private_key(kept.encode(), None)
            if not isinstance(loaded, RSAPrivateKey):
                raise TypeError("the kept key is not an RSA key")
            self._made = loaded
        return self._made

    @property
    def id(self) -> str:
        return "sandbox_events_signature_1"

    def public(self) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        key = {
            "alg": "RS512", "e": _number(numbers.e), "kid": self.id, "kty": "RSA", "n": _number(numbers.n),
            "status": "ACTIVE", "use": "sig",
        }  # fmt: skip
        return {"keys": [key]}

    def token(self, body: bytes, issuer: str, audience: str, now: int) -> str:
        claims = {
            "aud": audience, "digest": base64.b64encode(hashlib.sha512(body).digest()).decode(), "exp": now + LIVES,
            "iat": now, "iss": issuer, "jti": str(uuid.uuid4()),
        }  # fmt: skip
        head = {"alg": "RS512", "kid": self.id, "typ": "JWT"}
        signed = f"{_part(head)}.{_part(claims)}"
        return f"{signed}.{base64url(self.private.sign(signed.encode(), PKCS1v15(), SHA512()))}"


def _part(values: dict[str, Any]) -> str:
    return base64url(json.dumps(values, separators=(",", ":")).encode())


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))
