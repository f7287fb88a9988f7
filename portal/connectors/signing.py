"""How requests show a key that people typed: to the server it is for, and to no other."""

from __future__ import annotations

from collections.abc import Mapping

import requests
from requests.auth import AuthBase


class Signature(AuthBase):
    """Adds headers to requests to `host`, which may hold a path; raises ValueError for any other address."""

    def __init__(self, host: str, headers: Mapping[str, str]) -> None:
        self._root = host.rstrip("/") + "/"
        self._headers = dict(headers)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not (request.url or "").startswith(self._root):
            raise ValueError("a key goes to its own provider only")
        request.headers.update(self._headers)
        return request


def bearer(host: str, token: str, **others: str) -> Signature:
    """`others`: further headers, with "_" for "-"."""
    headers = {name.replace("_", "-"): value for name, value in others.items()}
    return Signature(host, {"Authorization": f"Bearer {token}", **headers})
