"""Rate limits on what strangers may try: counted in Redis, in memory while Redis is away."""

from __future__ import annotations

from flask import request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(key_func=get_remote_address)


def by_email() -> str:
    """One address under attack from many machines is one key."""
    return "email:" + request.form.get("email", "").strip().lower()[:200]


# Guessing: per machine, and per address from all machines together.
GUESSES = "20 per minute; 100 per hour"
GUESSES_AT_ONE = "10 per 15 minutes"
MAILS = "5 per 15 minutes; 20 per day"
