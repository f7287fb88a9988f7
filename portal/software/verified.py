"""Passwords that were right a moment ago, so that a program that calls often is not hashed for each call."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

KEPT_SECONDS = 300.0
MOST = 1_000


class Verified:
    """Kept in this process only, as digests under a key that nobody else has.

    The stored hash is part of what is digested: a changed password, and whatever else the caller
    reads from the database at each call, counts at once.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._key, self._lock = now, secrets.token_bytes(32), threading.Lock()
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def knows(self, stored_hash: str, password: str) -> bool:
        digest = self._digest(stored_hash, password)
        with self._lock:
            return self._until.get(digest, 0.0) > self._now()

    def remember(self, stored_hash: str, password: str) -> None:
        digest = self._digest(stored_hash, password)
        with self._lock:
            self._until[digest] = self._now() + KEPT_SECONDS
            self._until.move_to_end(digest)
            while len(self._until) > MOST:
                self._until.popitem(last=False)

    def _digest(self, stored_hash: str, password: str) -> bytes:
        # A hash of argon2 has a salt of its own, so that it also tells whose password it is.
        return hmac.digest(self._key, f"{len(stored_hash)}:{stored_hash}{password}".encode(), hashlib.sha256)
