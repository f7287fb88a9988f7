"""The door for accounting software: HTTP Basic with user code and password, limits, and from where it comes.

A stranger who guesses locks the door for the addresses he comes from, not for the software: from where
it came last, and with a password that was right shortly before, it always gets in.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import cast

from flask import Response, g, request, url_for
from sqlalchemy.orm import Session

from portal.kernel.errors import NotFound, PortalError, TooMany
from portal.routes import _limits, _problem_json
from portal.software import credentials
from portal.software.credentials import Caller, Refused

CALLS = "300 per minute"
WRONG_HERE = "10 per 15 minutes"  # with one user code from one address
WRONG_FROM_HERE = "60 per 15 minutes"  # with whatever user code from one address
WRONG_ANYWHERE = "300 per hour"  # with one user code, from wherever the software did not come from last


def enter(session: Session) -> Response | None:
    """Who calls stands in `g.caller` then; an answer when nobody may."""
    g.session = session
    address = request.remote_addr or ""
    try:
        code, password = _given()
        caller = credentials.find(session, code)
        if not credentials.is_known(caller, password):
            _room_for_guesses(code, caller, address)
        try:
            caller = credentials.prove(caller, password)
        except Refused:
            _count_guess(code, caller, address)
            raise
        g.window = _limits.count("software", str(caller.user_id), CALLS)
        if g.window.left < 0:
            raise TooMany("software.too_many", limit=g.window.limit, seconds=g.window.seconds)
        credentials.admit(caller, address, url_for("software_itself.sign_in", _external=True))
        credentials.act(session, caller, address)
    except PortalError as error:
        session.rollback()
        return with_limits(refusal(error))
    g.caller = caller
    return None


def caller() -> Caller:
    """The software of this request, on routes under @with_user_code."""
    return cast(Caller, g.caller)


def refusal(error: PortalError) -> Response:
    if type(error) is NotFound:
        error = NotFound("software.not_found")
    response = _problem_json.of_error(error)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="Koppelpoort", charset="UTF-8"'
    if response.status_code == 429:
        response.headers["Retry-After"] = str(error.values["seconds"])
    return response


def with_limits(response: Response) -> Response:
    """How many calls are left (RateLimit-* of draft-ietf-httpapi-ratelimit-headers-07)."""
    window: _limits.Window | None = g.get("window")
    if window is not None:
        response.headers["RateLimit-Limit"] = str(window.limit)
        response.headers["RateLimit-Remaining"] = str(max(0, window.left))
        response.headers["RateLimit-Reset"] = str(window.seconds)
    return response


def _given() -> tuple[str, str]:
    """User code and password of the Authorization header, in UTF-8."""
    scheme, _, told = request.headers.get("Authorization", "").partition(" ")
    try:
        code, colon, password = b64decode(told.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise Refused("software.no_credentials") from None
    if scheme.lower() != "basic" or not colon or not code:
        raise Refused("software.no_credentials")
    return code.strip().lower(), password


def _guesses(code: str, caller: Caller | None, address: str) -> list[tuple[str, str, str]]:
    code, from_where = code[:100], _network(address)
    found = [
        ("software guess", f"{code} {from_where}", WRONG_HERE),
        ("software guesses", from_where, WRONG_FROM_HERE),
    ]
    if caller is None or caller.last_address != address:
        found.append(("software guessed", code, WRONG_ANYWHERE))
    return found


def _room_for_guesses(code: str, caller: Caller | None, address: str) -> None:
    for what, who, rate in _guesses(code, caller, address):
        window = _limits.look(what, who, rate)
        if window.left <= 0:
            raise TooMany("software.locked", seconds=window.seconds)


def _count_guess(code: str, caller: Caller | None, address: str) -> None:
    for what, who, rate in _guesses(code, caller, address):
        _limits.count(what, who, rate)


def _network(address: str) -> str:
    """Whoever has an IPv6 address has 2^64 of them."""
    return ":".join(address.split(":")[:4]) if ":" in address and "." not in address else address
