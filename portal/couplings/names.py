"""How much two company names are alike: accents, legal forms and small spelling aside."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Legal forms of Belgium, the Netherlands and France, without dots, in both spellings of a language.
_LEGAL = frozenset(
    (
        "bv", "bvba", "sprl", "srl", "nv", "sa", "cv", "cvba", "scrl", "sc", "scs", "commv", "comm", "gcv", "snc",
        "vof", "maatschap", "asbl", "vzw", "ivzw", "aisbl", "ebvba", "sas", "sasu", "eurl", "sarl", "sci", "selarl",
        "scm", "scp", "sca", "gie", "coop", "stichting", "vereniging", "eenmanszaak",
    )
)  # fmt: skip
_FILLERS = frozenset(("en", "et", "and", "und", "de", "het", "le", "la", "les", "des", "du", "d", "l", "the"))
_LETTERS = str.maketrans({"ø": "o", "œ": "oe", "æ": "ae", "ß": "ss", "ł": "l", "đ": "d", "’": "'"})
ALIKE = 0.6  # of the letter pairs of two words; less counts as different


@lru_cache(maxsize=20_000)
def words(name: str) -> tuple[str, ...]:
    """The telling words of a name: "S.R.L. Éts. Dupont & Fils" → ("ets", "dupont", "fils")."""
    folded = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS))
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    folded = re.sub(r"\b((?:[a-z]\.){2,}|(?:[a-z]\.)+[a-z]\b)", lambda m: m[0].replace(".", ""), folded)
    found = [word for word in re.split(r"[^a-z0-9]+", folded) if word]
    telling = tuple(word for word in found if word not in _LEGAL and word not in _FILLERS)
    return telling or tuple(found)


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
