"""What Salt Edge tells us unasked, believed only with its signature."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from portal.connectors.errors import Rejected
from portal.connectors.feed import Fetch, Notice
from portal.connectors.saltedge import mapping

KEY = "public-key"  # what `fetch_keys` is asked for: Salt Edge has no address for it, so it comes from our settings
EVENTS = frozenset(("success", "fail", "notify", "destroy"))


def callbacks(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    host: str,
    application: str,
    fetch_keys: Fetch,
) -> Sequence[Notice]:
    """See `portal.connectors.feed.Callbacks`. One to three identical ones are normal and give identical notices.

    The signature covers our address and the body, not the time: an old callback sent again says nothing
    but "look", so `now` is not asked. Nor are `host` and `application`: the key is Salt Edge's for all.
    """
    given = next((value for name, value in headers.items() if name.lower() == "signature"), "")
    _verify(fetch_keys(KEY), given, url.encode() + b"|" + body)
    try:
        data = json.loads(body)["data"]
        return [_notice(url, data)]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Rejected("saltedge.callback_unreadable") from None


def returned(query: Mapping[str, str]) -> Notice:
    """What the address says with which a person comes back from linking or renewing: a hint, signed by nobody.

    Without a link and without an error nothing is known yet: the callback tells, or nobody.
    """
    error = query.get("error_class", "")
    return Notice(
        event="return",
        link=query.get("connection_id", ""),
        state=query.get("state", ""),
        failed=bool(error),
        code=mapping.code_of(error) if error else "",
    )


def _verify(pem: bytes, signature: str, signed: bytes) -> None:
    """Raises Rejected. A key of ours that cannot be read is a ValueError: nobody outside is to blame."""
    key = load_pem_public_key(pem)
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the public key of Salt Edge is RSA")
    try:
        key.verify(base64.b64decode(signature, validate=True), signed, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        raise Rejected("saltedge.callback_signature") from None


def _notice(url: str, data: mapping.Row) -> Notice:
    error = mapping.text(data.get("error_class"))
    return Notice(
        event=_event(url, data, error),
        link=mapping.text(data["connection_id"]),
        state=mapping.text((data.get("custom_fields") or {}).get("state")),
        failed=bool(error),
        code=mapping.code_of(error) if error else "",
    )


def _event(url: str, data: mapping.Row, error: str) -> str:
    """Told by the address when each kind has its own, else by what only one kind says."""
    last = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    if last in EVENTS:
        return last
    if error:
        return "fail"
    return "notify" if mapping.text(data.get("stage")) not in ("", "finish") else "success"
