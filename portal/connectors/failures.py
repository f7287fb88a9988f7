"""Refusals as most packages give them, as one of the five errors."""

from __future__ import annotations

import re
from collections.abc import Iterable

from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary

_PLAIN = {403: "user_rights", 404: "not_found"}


class Words:
    """Codes by the words of a refusal: (regular expression, code), the first that is found tells. Case is nothing."""

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        known = tuple(known)
        self.codes = frozenset(code for _, code in known)
        self._known = [(re.compile(words, re.IGNORECASE), code) for words, code in known]

    def code(self, told: str) -> str:
        """Of what was told, "" for what nobody knows."""
        return next((code for pattern, code in self._known if pattern.search(told)), "")


def rejected(key: str, status: int, words: str, code: str = "") -> Rejected:
    """They read it and said no; where `code` is "", their status tells all there is to tell."""
    return Rejected(f"{key}.{code or _PLAIN.get(status, 'refused')}", provider_text=words, status=status)


def expired(key: str, status: int, words: str = "") -> AuthorisationExpired:
    return AuthorisationExpired(f"{key}.authorisation_expired", provider_text=words, status=status)


def limited(key: str, seconds: float, words: str = "", status: int = 429) -> Temporary:
    """A limit said no before the request was looked at: nothing was done."""
    return Temporary(f"{key}.rate_limited", retry_after=seconds, sent=False, provider_text=words, status=status)


def fault(key: str, status: int, words: str = "") -> Temporary:
    """Of theirs: nobody knows what became of the request."""
    return Temporary(f"{key}.server_error", provider_text=words, status=status)
