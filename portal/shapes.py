"""What pages hand to the larger components: words already in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from markupsafe import Markup

Tone = Literal["", "ok", "warn", "stop", "wait"]
Who = Literal["firm", "client", "bank", "us"]


@dataclass(frozen=True, slots=True)
class Crumb:
    label: str
    url: str = ""  # "" for the page itself


@dataclass(frozen=True, slots=True)
class Chip:
    """A saved filter: a link that says how many it would show."""

    label: str
    url: str
    count: int | None = None
    current: bool = False
    tone: Tone = ""  # draws the small sign of a state before the word
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline. `who` is a person's name, "" for the system, which shows `icon`."""

    at: datetime
    text: str | Markup
    who: str = ""
    icon: str = "arrow-repeat"
    tone: Tone = ""
    code: str = ""  # shown as a copy button
    packet: str = ""  # what the copy button copies, the code itself when ""
    link: str = ""
    link_label: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One cause, explained: what happened, what did not, who can mend it and how.

    `heals_at` set means that the product tries again by itself and asks nothing. `technical`
    is folded away: code, the provider's words, UTC time. `rows` names what was hit.
    """

    key: str  # unique on the page, made of letters, digits and hyphens
    title: str
    rows: str
    who: Who
    happened: str = ""
    people: str = ""
    steps: Sequence[str] = ()
    heals_at: datetime | None = None
    test_url: str = ""
    retry_url: str = ""
    retry_label: str = ""
    packet: str = ""
    technical: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: `count` units in a tone, with its word for the legend."""

    count: int
    word: str
    tone: Literal["ok", "warn", "stop", "wait", "brand", "okline", "mute", ""] = ""


@dataclass(frozen=True, slots=True)
class Paging:
    """Where a list stands. Pages count from 1; `total` is of all that match."""

    page: int
    per: int
    total: int
    sizes: Sequence[int] = (50, 100, 500)

    @property
    def first(self) -> int:
        return min((self.page - 1) * self.per + 1, self.total)

    @property
    def last(self) -> int:
        return min(self.page * self.per, self.total)

    @property
    def has_previous(self) -> bool:
        return self.page > 1

    @property
    def has_next(self) -> bool:
        return self.last < self.total
