"""A code becomes an explained card: what happened and what did not, who can mend it, and how.

Connectors explain their own refusals, rooms what they find themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.connectors import registry
from portal.connectors.manifest import Explanation
from portal.feeds import wording as feeds
from portal.routes import wording
from portal.shapes import Problem, Who
from portal.sync.explanations import EXPLANATIONS, SAME


def explain(code: str) -> Explanation:
    """There is one for every code; the plainest is the sentence of the code itself."""
    found = EXPLANATIONS.get(SAME.get(code, code)) or feeds.EXPLANATIONS.get(code) or registry.explain(code)
    return found or Explanation(wording.of_error(code), "", "us" if code.startswith("authorisation.") else "firm")


def title(code: str, values: Mapping[str, object] | None = None) -> str:
    """The few words for a code: under a state, at the head of a card."""
    return wording.filled(explain(code).title, values or {}) if code else ""


def key_of(code: str) -> str:
    """The code as part of an id of the page."""
    return re.sub("[^a-z0-9]+", "-", code.lower()).strip("-")


def rows_in_words(names: Sequence[str], shown: int = 3) -> str:
    """Like "4 dossiers: Kerkhofs, Ingels, Lindenhof and 1 more"."""
    unique = list(dict.fromkeys(names))
    first = ", ".join(unique[:shown])
    if len(unique) > shown:
        first = _("%(names)s and %(more)s more", names=first, more=len(unique) - shown)
    return str(ngettext("%(num)s client: %(names)s", "%(num)s clients: %(names)s", len(unique), names=first))


def problem(
    code: str,
    rows: str,
    *,
    values: Mapping[str, object] | None = None,
    provider_text: str = "",
    at: datetime | None = None,
    heals_at: datetime | None = None,
    test_url: str = "",
    retry_url: str = "",
    retry_label: str = "",
    about: Mapping[str, str] | None = None,
    package: str = "",
    key: str = "",
) -> Problem:
    """The card of a cause. `test_url` shows only where a test makes sense; `about` goes into the support packet."""
    found, filling = explain(code), values or {}
    facts = {"code": code, **(about or {}), **{name: str(value) for name, value in filling.items() if value}}
    if provider_text:
        facts["text"] = provider_text
    if at:
        facts["at"] = at.isoformat(timespec="seconds")
    return Problem(
        key=key or key_of(code),
        title=wording.filled(found.title, filling),
        rows=rows,
        who=cast(Who, found.who),
        happened=_happened(code, found, filling),
        people=_people(found.who, package),
        steps=[wording.filled(step, filling) for step in found.steps],
        heals_at=heals_at,
        test_url=test_url if found.can_test else "",
        retry_url=retry_url,
        retry_label=retry_label,
        packet=" ".join(f"{name}={value}" for name, value in facts.items()),
        technical=_technical(code, provider_text, at, about or {}),
    )


def _happened(code: str, found: Explanation, values: Mapping[str, object]) -> str:
    """The general words, after the sentence with this case's figures where there is one."""
    told = wording.filled(found.happened, values) if found.happened else ""
    if values and wording.knows("ERRORS", code):
        return f"{wording.of_error(code, values)} {told}".strip()
    return told


def _people(who: str, package: str) -> str:
    if who == "firm":
        return str(_("Somebody of the firm with the rights for it in %(app)s.", app=package or _("the package")))
    return str(_("Somebody of the client account who manages access.")) if who == "client" else ""


def _technical(code: str, provider_text: str, at: datetime | None, about: Mapping[str, str]) -> list[tuple[str, str]]:
    rows = [(str(_("Code")), code)]
    if provider_text:
        rows.append((str(_("Words of the package")), provider_text))
    if at:
        rows.append((str(_("Time")), at.strftime("%Y-%m-%d %H:%M:%S UTC")))
    return rows + [(name, value) for name, value in about.items() if value]
