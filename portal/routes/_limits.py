"""Rate limits on what strangers may try: counted in Redis, in memory while Redis is away."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
from flask import request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, RateLimiter

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


@dataclass(frozen=True, slots=True)
class Window:
    """How often something may be done, how often still, and in how many seconds anew."""

    limit: int
    left: int
    seconds: int


def count(what: str, who: str, rate: str) -> Window:
    """Count one call; `left` is -1 when it was one too many."""
    return _window(what, who, rate, lambda counter, item: counter.hit(item, what, who))


def look(what: str, who: str, rate: str) -> Window:
    """The same without counting; `left` is 0 when the next one would be too many."""
    return _window(what, who, rate, lambda counter, item: True)


def _window(what: str, who: str, rate: str, ask: Callable[[RateLimiter, RateLimitItem], bool]) -> Window:
    item = parse(rate)
    if not limiter.enabled:
        return Window(item.amount, item.amount, 0)
    try:
        counter: RateLimiter = limiter.limiter
        fits, stats = ask(counter, item), counter.get_window_stats(item, what, who)
    except redis.RedisError:
        counter = _meanwhile
        fits, stats = ask(counter, item), counter.get_window_stats(item, what, who)
    return Window(item.amount, stats.remaining if fits else -1, max(1, math.ceil(stats.reset_time - time.time())))


def by_email() -> str:
    """One address under attack from many machines is one key."""
    return "email:" + request.form.get("email", "").strip().lower()[:200]


# Guessing: per machine, and per address from all machines together.
GUESSES = "20 per minute; 100 per hour"
GUESSES_AT_ONE = "10 per 15 minutes"
MAILS = "5 per 15 minutes; 20 per day"
