"""What a token endpoint's reply means: only a refusal is one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portal.authorisations import replies
from portal.authorisations.replies import Refused, Silent, Tokens
from portal.kernel.http import Reply

FORM = {"grant_type": "refresh_token", "refresh_token": "the-old-refresh-token"}


def read(status: int, body: Any, headers: dict[str, str] | None = None) -> replies.Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return replies.read(Reply(status, headers or {}, raw), FORM, 600.0)


def flat(error: str, text: str = "") -> dict[str, str]:
    return {"error": error, "error_description": text}


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (401, flat("unauthorized_client", "Old refresh token used."), {}, Refused("authorisation.token_used")),
        (400, flat("unauthorized_client", "Old refresh token used."), {}, Refused("authorisation.token_used")),
        (
            400,
            flat("invalid_request", "The refresh token expired at 1/2/2026 3:04:05 PM and it is now …"),
            {},
            Refused("authorisation.token_expired"),
        ),
        (400, flat("invalid_grant", "Token is not allowed"), {}, Refused("authorisation.consent_withdrawn")),
        (
            400,
            flat("access_denied", "Rate limit exceeded: access_token not expired"),
            {},
            Silent("authorisation.too_early", early=True),
        ),
        (401, b"", {"Reason": "TooEarlyToRefreshTokens: x"}, Silent("authorisation.too_early", early=True)),
        (429, b"", {"Retry-After": "120"}, Silent("authorisation.rate_limited", 120.0)),
        (429, b"", {}, Silent("authorisation.rate_limited", 60.0)),
        (401, flat("invalid_client"), {}, Silent("authorisation.client_refused")),
        (500, flat("invalid_grant"), {}, Silent("authorisation.server_error")),
        (503, b"<html>", {}, Silent("authorisation.server_error")),
        (403, b"<html>", {}, Silent("authorisation.unreadable")),
        (404, b"", {}, Silent("authorisation.unreadable")),
        (400, [], {}, Silent("authorisation.unreadable")),
        (302, b"", {}, Silent("authorisation.unreadable")),
        (200, b"<html>", {}, Silent("authorisation.unreadable")),
        (200, {"access_token": ""}, {}, Silent("authorisation.unreadable")),
        (200, {"access_token": 12}, {}, Silent("authorisation.unreadable")),
    ],
)
def test_only_the_providers_own_refusal_counts_as_one(
    status: int, body: Any, headers: dict[str, str], expected: replies.Answer
) -> None:
    answer = read(status, body, headers)
    if isinstance(answer, Refused) and isinstance(expected, Refused):
        assert answer.code == expected.code
    else:
        assert answer == expected


@pytest.mark.parametrize(
    ("told", "lifetime"), [("600", 600.0), (3600, 3600.0), (None, 600.0), ("soon", 600.0), (-5, 600.0), ("nan", 600.0)]
)
def test_a_lifetime_is_a_number_or_text_or_left_out(told: object, lifetime: float) -> None:
    answer = read(200, {"access_token": "a", "refresh_token": "r"} | ({} if told is None else {"expires_in": told}))
    assert isinstance(answer, Tokens)
    assert (answer.access, answer.refresh, answer.lifetime) == ("a", "r", lifetime)


def test_a_reply_without_a_refresh_token_leaves_the_old_one() -> None:
    answer = read(200, {"access_token": "a", "expires_in": 600})
    assert isinstance(answer, Tokens)
    assert answer.refresh == "the-old-refresh-token"
