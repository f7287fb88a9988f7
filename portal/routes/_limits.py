"""Rate limits on what strangers may try: counted in Redis, in memory while Redis is away."""

from __future__ import annotations

import redis
from flask import request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from portal.kernel.errors import TooMany

limiter = Limiter(key_func=get_remote_address)
_meanwhile = FixedWindowRateLimiter(MemoryStorage())  # while Redis is away


def spend(what: str, who: str, rate: str) -> None:
    """Count one try of somebody who is known, whatever machine it comes from. Raises TooMany."""
    item = parse(rate)
    if not limiter.enabled:
        return
    try:
        left = limiter.limiter.hit(item, what, who)
    except redis.RedisError:
        left = _meanwhile.hit(item, what, who)
    if not left:
        raise TooMany()


def by_email() -> str:
    """One address under attack from many machines is one key."""
    return "email:" + request.form.get("email", "").strip().lower()[:200]


# Guessing: per machine, and per address from all machines together.
GUESSES = "20 per minute; 100 per hour"
GUESSES_AT_ONE = "10 per 15 minutes"
MAILS = "5 per 15 minutes; 20 per day"
