"""Both directions: the requests of an app are checked with its public key, our callbacks signed with our own."""

from __future__ import annotations

import base64
import os
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.saltedge.errors import ApiError

LONGEST = 3600  # seconds that a request may be valid


def own_key(path: Path) -> rsa.RSAPrivateKey:
    """The key that signs callbacks, made on first use."""
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.write(pem)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path} holds no RSA key")
    return key


def public_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def sign(key: rsa.RSAPrivateKey, url: str, body: bytes) -> str:
    signed = key.sign(url.encode() + b"|" + body, padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signed).decode()


def check(
    public_key: str, given: str, expires: str, method: str, url: str, body: bytes, clocks: tuple[datetime, datetime]
) -> None:
    """Raises ApiError. `clocks`: real time and ours; a caller does not follow when ours is moved, so one must fit."""
    if not given or not expires:
        raise ApiError("SignatureMissing", "Signature and Expires-at are required for this app.")
    if not expires.isdigit() or not any(0 < int(expires) - now.timestamp() <= LONGEST for now in clocks):
        raise ApiError("ExpiresAtInvalid", "Expires-at must be at most one hour from now.")
    key = serialization.load_pem_public_key(public_key.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ApiError("SignatureNotMatch", "The app has no RSA key.")
    try:
        signature = base64.b64decode(given, validate=True)
        signed = f"{expires}|{method}|{url}|".encode() + body
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise ApiError("SignatureNotMatch", "The signature does not match the request.") from None
