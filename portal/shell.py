"""What the frame around a page shows: who acts where, and what there is to go to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Context = Literal["portal", "client", "me"]

# Words that say nothing about a firm's name, so that initials come from what does.
_WEAK = frozenset(
    {"bv", "nv", "srl", "sa", "sas", "sarl", "vof", "commv", "b.v.", "n.v."}
    | {"de", "het", "’t", "'t", "du", "van", "den", "der", "la", "le", "les", "et", "en", "&"}
)


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the side menu. `icon` is a Bootstrap icon name; `count` only where work waits."""

    label: str
    icon: str
    url: str
    active: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One row of the account switcher. `state` is a state key, "" when unknown."""

    name: str
    sub: str
    url: str
    is_portal: bool = False
    current: bool = False
    state: str = ""


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything `layouts/app.html` needs besides the page itself.

    `tenant_mark` is two letters; `portal_url` is set in a client account entered from a
    portal, and shows the way back. `switch_url` answers GET ?q= with a page, and with the
    rows of `switch_rows` for htmx. URLs left empty hide what they lead to.
    """

    ctx: Context
    tenant_name: str
    tenant_sub: str
    tenant_mark: str
    user_name: str
    user_initials: str
    home_url: str
    nav: Sequence[NavItem] = ()
    admin_nav: Sequence[NavItem] = ()
    portal_url: str = ""
    switch_url: str = ""
    me_url: str = ""
    signout_url: str = ""
    help_url: str = ""
    rehearsal: bool = False
    accounts: Sequence[Account] = field(default_factory=tuple)


def initials(name: str) -> str:
    """Two capitals for a mark: "Van den Broeck Bouw BV" → "BB", "Claire Delmotte" → "CD"."""
    words = [w for w in name.replace("-", " ").split() if w.lower() not in _WEAK and w[0].isalnum()]
    if not words:
        return name.strip()[:2].upper() or "?"
    return (words[0][0] + words[1][0] if len(words) > 1 else words[0][:2]).upper()
