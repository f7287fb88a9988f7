"""A cause on the health board in words: what, why, who mends it, and the one button that begins the repair."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.connectors import registry
from portal.kernel.words import N_
from portal.routes import wording
from portal.sync.board import Cause


@dataclass(frozen=True, slots=True)
class CauseView:
    clients: int
    state: str
    what: str
    why: str
    who_key: str
    icon: str
    verb: str
    url: str  # where the repair begins
    rows_url: str  # the clients that are hit
    since: datetime | None


WHO = {"firm": "building", "client": "person", "bank": "bank", "us": "cpu"}


def who_word(key: str) -> str:
    return str({"firm": _("Firm"), "client": _("Client"), "bank": _("Bank"), "us": "Koppelpoort"}[key])


SHORT: Mapping[str, str] = {
    "authorisation.needs_consent": N_("log-in at the package lapsed"),
    "authorisation.refused": N_("log-in at the package refused"),
    "authorisation.revoked": N_("log-in at the package withdrawn"),
    "authorisation.inactive": N_("authorisation not activated"),
    "authorisation.expiring": N_("log-in at the package lapses soon"),
    "feed.consent_ended": N_("consent at the bank ended"),
    "feed.consent_ends": N_("consent at the bank ends soon"),
    "feed.paused": N_("fetching the bank is paused"),
    "feed.attention": N_("the bank is not fetched"),
    "standing.no_coupling": N_("no coupling yet"),
    "standing.in_part": N_("not all bank accounts are yours to see"),
    "standing.no_configuration": N_("no configuration yet"),
    "standing.no_statements": N_("no statement received yet"),
    "standing.entries_wait": N_("entries wait to be sent"),
    "standing.differences": N_("differs from the package"),
}


def short(code: str, values: Mapping[str, object] | None = None) -> str:
    """The few words under a state, in a row of a list; "" when all is in order."""
    if not code:
        return ""
    if code in SHORT:
        return str(_(SHORT[code]))
    explanation = registry.explain(code)
    return wording.filled(explanation.title, values or {}) if explanation else wording.of_error(code, values)


def shorts() -> Callable[[str, str | None], str]:
    """`short` for many rows, whose values are still JSON: they share a few causes, each is worded once."""
    return cache(lambda code, values: short(code, json.loads(values or "{}")))


InWords = Callable[..., CauseView]  # what, why, who, the verb of the button, and where it leads


def in_words(portal: uuid.UUID, cause: Cause) -> CauseView:
    n = cause.clients
    clients_url = url_for("portal.home", portal=portal, code=cause.code or None, cause=cause.cause_id or None,
                          state=cause.state, _anchor="clients")  # fmt: skip
    one_url = url_for("client.home", client=cause.first_id) if n == 1 else clients_url

    def view(what: str, why: str, who: str, verb: str, url: str = "") -> CauseView:
        return CauseView(n, cause.state, what, why, who, WHO[who], verb, url or one_url, clients_url, cause.since)

    for room, told in (("authorisation.", _log_in), ("standing.", _standing), ("feed.", _feed)):
        if cause.code.startswith(room) and (found := told(portal, cause, view)):
            return found
    explanation = registry.explain(cause.code)
    who = explanation.who if explanation else "firm"
    return view(short(cause.code), _names(cause), who, ngettext("Solve", "Show %(num)s clients", n))


def _log_in(portal: uuid.UUID, cause: Cause, view: InWords) -> CauseView:
    n, app = cause.clients, registry.load(cause.app).MANIFEST.label if cause.app else ""
    if cause.code == "authorisation.expiring":
        return view(
            ngettext("coupling loses its log-in soon", "couplings lose one log-in soon", n),
            _("%(name)s at %(app)s was not used for weeks.", name=cause.authorisation_name, app=app),
            "firm", _("Test the log-in"), _authorisation(portal, cause),
        )  # fmt: skip
    if not cause.cause_id:
        return view(
            ngettext("coupling stopped", "couplings stopped, one cause", n),
            _("The client's own log-in: %(why)s.", why=short(cause.code).rstrip(".")),
            "client", _("Show"),
        )  # fmt: skip
    if cause.signed_in:
        return view(
            ngettext("coupling is being tried again", "couplings are being tried again", n),
            _("%(name)s works again; the last run of these clients stopped before that.",
              name=cause.authorisation_name),
            "us", _("Synchronise now"),
        )  # fmt: skip
    return view(
        ngettext("coupling stopped", "couplings stopped, one cause", n),
        _("%(name)s: %(why)s.", name=cause.authorisation_name, why=short(cause.code).rstrip(".")),
        "firm", _("Reconnect"), _authorisation(portal, cause),
    )  # fmt: skip


def _standing(portal: uuid.UUID, cause: Cause, view: InWords) -> CauseView | None:
    n, names = cause.clients, _names(cause)
    if cause.code == "standing.no_coupling":
        bulk = url_for("couplings.bulk", portal=portal)
        return view(ngettext("client without a coupling", "clients without a coupling", n), names, "firm",
                    _("Find their dossiers"), bulk)  # fmt: skip
    if cause.code == "standing.in_part":
        return view(ngettext("client that you see in part", "clients that you see in part", n), names, "firm",
                    _("Show"))  # fmt: skip
    if cause.code == "standing.no_configuration":
        return view(ngettext("coupling without a configuration", "couplings without a configuration", n), names,
                    "firm", _("Configure"))  # fmt: skip
    if cause.code == "standing.no_statements":
        return view(ngettext("client waits for its first statement", "clients wait for their first statement", n),
                    names, "client", _("Show"))  # fmt: skip
    if cause.code == "standing.entries_wait":
        return view(
            ngettext("client has entries to look at", "clients have entries to look at", n), names, "firm",
            ngettext("Look at %(num)s entry", "Look at %(num)s entries", cause.waiting_entries),
            url_for("entries.portal_index", portal=portal, state="draft"),
        )  # fmt: skip
    return None


def _feed(portal: uuid.UUID, cause: Cause, view: InWords) -> CauseView:
    n, names = cause.clients, _names(cause)
    if cause.code in ("feed.consent_ended", "feed.consent_ends"):
        what = (
            ngettext("client whose bank consent has ended", "clients whose bank consent has ended", n)
            if cause.code == "feed.consent_ended"
            else ngettext("client whose bank consent ends soon", "clients whose bank consent ends soon", n)
        )
        return view(what, names, "client", _("Send renewal links"), url_for("consents.index", portal=portal))
    return view(_(SHORT[cause.code]), names, "client" if cause.code == "feed.paused" else "us", _("Show"))


def _names(cause: Cause) -> str:
    return ", ".join(cause.names[:2]) + (" …" if cause.clients > 2 else "")


def _authorisation(portal: uuid.UUID, cause: Cause) -> str:
    return url_for("authorisations.show", portal=portal, authorisation_id=cause.cause_id)
