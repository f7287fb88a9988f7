"""The telling words of a company's name: accents, legal forms and order aside."""

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
_DOTTED = re.compile(r"\b((?:[a-z]\.){2,}|(?:[a-z]\.)+[a-z]\b)")
_WORD = re.compile(r"[a-z0-9]+")
_LETTERS = str.maketrans({"ø": "o", "œ": "oe", "æ": "ae", "ß": "ss", "ł": "l", "đ": "d", "’": "'"})


@lru_cache(maxsize=20_000)
def words(name: str) -> tuple[str, ...]:
    """The telling words of a name: "S.R.L. Éts. Dupont & Fils" → ("ets", "dupont", "fils")."""
    folded = name.lower()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded.translate(_LETTERS))
        folded = "".join(c for c in folded if not unicodedata.combining(c))
    if "." in folded:
        folded = _DOTTED.sub(lambda m: m[0].replace(".", ""), folded)
    found = _WORD.findall(folded)
    telling = tuple(word for word in found if word not in _LEGAL and word not in _FILLERS)
    return telling or tuple(found)


def name_key(name: str) -> str:
    """The same for "Jansen Bakkerij B.V." and "BAKKERIJ JANSEN"; "" for no name."""
    return " ".join(sorted(words(name)))
