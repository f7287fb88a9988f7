"""What a package brings: its address, its routes, and how it says no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Request, Response

from sandbox.packages.access import TokenRules

if TYPE_CHECKING:
    from sandbox.packages.core import Stand


@dataclass(frozen=True, slots=True)
class Call:
    """What a request is about, told from its address, headers and body alone.

    `limited_by` is what the provider counts calls for: a dossier, a token. `secret` is the token
    or key that signs it.
    """

    dossier: str = ""
    endpoint: str = ""
    write: bool = False
    limited_by: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits as published. 0: none. `window` in seconds."""

    per_window: int = 0
    window: int = 60
    per_day: int = 0
    at_once: int = 0


@dataclass(frozen=True, slots=True)
class Package:
    """`key` is the first part of every address.

    `routes` makes the blueprint, with addresses below `/<key>`. `call` tells what a request is about.
    `refusal` words 429, 500 and 503: the status, the seconds to wait, and, of a 429, which limit
    ("window", "day", "at_once").
    `settings` are switches of its own with their defaults.
    """

    key: str
    name: str
    country: str
    routes: Callable[[Stand], Blueprint]
    call: Callable[[Request], Call]
    refusal: Callable[[int, float, str], Response]
    limits: Rules = Rules()
    tokens: TokenRules = field(default_factory=TokenRules)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: Callable[[Stand], None] | None = None  # more demo data than the shared chart


def bearer(request: Request) -> str:
    """The token of an Authorization header, else ""."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
