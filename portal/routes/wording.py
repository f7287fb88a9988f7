"""Codes become sentences here, in the reader's language: errors, refused files, activities."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from flask_babel import gettext

from portal.kernel.words import N_

ROOMS = (
    "portal.permissions.wording", "portal.people.wording",
    "portal.identity.wording", "portal.tenants.wording", "portal.approvals.wording", "portal.store.wording",
    "portal.authorisations.wording", "portal.exchange.wording",
    "portal.couplings.wording", "portal.ledger.wording", "portal.feeds.wording", "portal.documents.wording",
    "portal.apikeys.wording", "portal.software.wording", "portal.reconciliation.wording", "portal.sync.wording",
    "portal.archives.wording", "portal.billing.wording", "portal.team.wording",
)  # fmt: skip

GENERAL: Mapping[str, str] = {
    "error": N_("This did not work. Nothing was changed."),
    "not_found": N_("This is not here, or not yours to see."),
    "forbidden": N_("Your role does not allow this. Nothing was changed."),
    "conflict": N_("What you saw has changed in the meantime. Load the page again to see how it stands."),
    "invalid": N_("Something in the form is wrong."),
    "too_many": N_("Too many attempts. Wait a few minutes, then try again."),
}


@cache
def _collected(kind: str) -> dict[str, str]:
    found = dict(GENERAL) if kind == "ERRORS" else {}
    for room in ROOMS:
        found.update(getattr(import_module(room), kind, {}))
    return found


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"({key})"


def filled(text: str, values: Mapping[str, object]) -> str:
    """Values that are missing leave their name standing rather than fail the page."""
    return str(gettext(text)).format_map(_Known(values))


def of_error(code: str, values: Mapping[str, object] | None = None) -> str:
    texts = _collected("ERRORS")
    return filled(texts.get(code, texts["error"]), values or {})


def of_activity(tag: str, values: Mapping[str, object]) -> str:
    """The sentence of an activity; an unknown tag shows itself, so that nothing hides."""
    text = _collected("TAGS").get(tag)
    return tag if text is None else filled(text, values)


def part(code: str) -> str:
    """What a row of a diff is about; an unknown code shows itself."""
    text = _collected("PARTS").get(code)
    return code if text is None else filled(text, {})


def knows(kind: str, code: str) -> bool:
    return code in _collected(kind)
