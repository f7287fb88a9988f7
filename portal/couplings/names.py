"""How much two company names are alike: accents, legal forms and small spelling aside."""

from __future__ import annotations

from functools import lru_cache

from portal.tenants.names import words

ALIKE = 0.6  # of the letter pairs of two words; less counts as different


def similarity(one: str, other: str) -> float:
    """0 to 1, longer words weighing more, in any order; 1 when all telling words are the same."""
    a, b = words(one), words(other)
    if not a or not b:
        return 0.0
    if sorted(a) == sorted(b) or "".join(a) == "".join(b):
        return 1.0
    total = sum(map(len, a)) + sum(map(len, b))
    return (_found(a, b) + _found(b, a)) / total


def _found(some: tuple[str, ...], among: tuple[str, ...]) -> float:
    return sum(len(word) * max(_alike(word, other) for other in among) for word in some)


def _alike(one: str, other: str) -> float:
    if one == other:
        return 1.0
    a, b = _pairs(one), _pairs(other)
    likeness = 2 * len(a & b) / (len(a) + len(b))
    return likeness if likeness >= ALIKE else 0.0


@lru_cache(maxsize=20_000)
def _pairs(word: str) -> frozenset[str]:
    padded = f" {word} "
    return frozenset(padded[i : i + 2] for i in range(len(padded) - 1))
