"""Passwords: argon2id, and what is too weak to accept (ASVS 6.2)."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from portal.kernel.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 12, 128
# 46 MiB, one pass: the first of the two settings that ASVS accepts; 56 ms on a small core.
_hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
# Each hash takes 46 MiB and a core; a burst of log-ins must not take the machine.
_slots = threading.BoundedSemaphore(4)
_NOBODY = "$argon2id$v=19$m=47104,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$NTQ2RmFrZUhhc2hPZk5vYm9keUF0QWxsMTIzNDU2Nzg"

# The stems that fill every list of leaked passwords; with digits and signs around them they stay weak.
_COMMON = (
    "password", "passwort", "wachtwoord", "motdepasse", "welkom", "welcome", "bienvenue", "qwerty", "azerty",
    "letmein", "iloveyou", "jetaime", "admin", "administrator", "boekhouder", "boekhouding", "comptable",
    "comptabilite", "accountant", "accounting", "koppelpoort", "exactonline", "zomer", "winter", "lente", "herfst",
    "summer", "spring", "autumn", "soleil", "football", "voetbal", "monkey", "dragon", "sunshine", "princess",
    "test", "demo", "changeme", "secret", "geheim", "belgium", "belgie", "belgique", "nederland", "france",
)  # fmt: skip
_RUNS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "azertyuiop", "asdfghjkl", "qsdfghjklm")
_LEET = str.maketrans("4@310$57!", "aaeiossti")


def hash_password(password: str) -> str:
    with _slots:
        return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Takes as long for an unknown user (`None`) as for a known one."""
    if len(password) > MAX_LENGTH:
        return False
    with _slots:
        try:
            return _hasher.verify(password_hash or _NOBODY, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


def check_strength(password: str, *own_words: str) -> None:
    """Refuse what is short, common, a run of keys, or made of the user's own words. Raises Invalid."""
    if len(password) < MIN_LENGTH:
        raise Invalid("password.short", field="password", length=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        raise Invalid("password.long", field="password", length=MAX_LENGTH)
    plain = password.lower()
    rest = _without(plain, _COMMON)
    rest = min(rest, _without(plain.translate(_LEET), _COMMON), key=len)
    rest = _without(rest, [w for word in own_words for w in _words(word)])
    if len(set(_without_runs(rest))) < 6:
        raise Invalid("password.common", field="password")


def _words(text: str) -> list[str]:
    cut = "".join(c if c.isalnum() else " " for c in text.lower())
    return [word for word in cut.split() if len(word) >= 4]


def _without(text: str, words: Iterable[str]) -> str:
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, "")
    return text


def _without_runs(text: str) -> str:
    for run in _RUNS:
        for line in (run, run[::-1]):
            for length in range(len(line), 3, -1):
                for start in range(len(line) - length + 1):
                    text = text.replace(line[start : start + length], "")
    return text
