"""The home of a client account: what is the matter, the bank accounts, the couplings, and what happened."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.activity.service import timeline
from portal.connectors import registry
from portal.feeds.reading import by_bank_account, feeds
from portal.routes import _feeds, _problems
from portal.routes._access import require, scope
from portal.routes._active import here_is
from portal.routes._htmx import page
from portal.routes._shell import SCHEME_COUNTRY
from portal.routes._timeline import events
from portal.shapes import Tone
from portal.store import service as store
from portal.sync.overview import AccountView, CouplingView, Standing, account_views, client_head, coupling_views, worst
from portal.templating import formats

blueprint = Blueprint("client", __name__)
KINDS = ("", "person", "system", "provider")
PAGE = 15


@dataclass(frozen=True, slots=True)
class Banner:
    """The one thing to tell first. `verb` "" when there is nothing for this reader to do."""

    title: str
    text: str
    tone: Tone
    verb: str = ""
    url: str = ""


@blueprint.get("/c/<uuid:client>/")
@here_is("home")
@require(Permission.OVERVIEW, Right.VIEW)
def home(client: uuid.UUID) -> Response:
    head, couplings = client_head(scope()), coupling_views(scope())
    standing = worst(head, couplings)
    return page(
        "client/home.html",
        blocks=("story",),
        head=head,
        country=SCHEME_COUNTRY,
        standing=standing,
        banner=_banner(standing),
        accounts=account_views(scope(), charts=True),
        fed_by=by_bank_account(feeds(scope())),
        feed_words=_feeds,
        couplings=couplings,
        uncoupled=_uncoupled(couplings),
        label_of=lambda app: registry.load(app).MANIFEST.label,
        verb_of=partial(verb, coupled=bool(couplings)),
        sync_url=_sync_url(),
        may_upload=scope().may(Permission.STATEMENTS, Right.CREATE),
        may_couple=scope().may(Permission.COUPLINGS, Right.CREATE),
        **_story(),
    )


def _story() -> dict[str, Any]:
    """The timeline as the address filters it: of whom, and before which activity."""
    kind = request.args.get("tl", "")
    kind = kind if kind in KINDS else ""
    rows = timeline(scope(), kind=kind, before=request.args.get("before", type=int), limit=PAGE + 1)
    return {
        "events": events(rows[:PAGE]),
        "kind": kind,
        "kinds": (("", _("All")), ("person", _("Team")), ("system", _("System")), ("provider", _("Provider"))),
        "older": rows[PAGE - 1].seq if len(rows) > PAGE else None,
    }


def _uncoupled(couplings: Sequence[CouplingView]) -> list[str]:
    """Packages installed here or at the firm, while this account is coupled to none: few need two."""
    if couplings:
        return []
    installed = store.on_offer(scope())
    return [app for app in registry.CONNECTORS if app in installed]


def _sync_url() -> str:
    """Where "Synchronise now" posts to; "" for who may not."""
    may = scope().may(Permission.RUNS, Right.CREATE) and "runs.start" in current_app.view_functions
    return url_for("runs.start", client=scope().tenant_id) if may else ""


def verb(account: AccountView, *, coupled: bool) -> tuple[str, str, str]:
    """Icon, words with a count, and address of the one thing to do with an account."""
    client = scope().tenant_id
    if account.drafts:
        words = ngettext("Look at %(num)s entry", "Look at %(num)s entries", account.drafts)
        return "journal-check", words, url_for("entries.index", client=client, state="draft")
    if coupled and account.journal is None:
        url = url_for("couplings.configure", client=client, account=account.id)
        return "sliders", _("Configure its booking"), url
    if account.waiting:
        words = ngettext("See %(num)s waiting line", "See %(num)s waiting lines", account.waiting)
        return "list-ul", words, url_for("statements.lines", client=client, account_id=account.id, state="waiting")
    return "bank", _("Open the account"), url_for("statements.account", client=client, account_id=account.id)


def _banner(standing: Standing) -> Banner | None:
    client = scope().tenant_id
    may_couple = scope().may(Permission.COUPLINGS, Right.CREATE)
    if standing.state == "active" or standing.code == "standing.in_part":
        return None
    if standing.code == "standing.no_coupling":
        return Banner(
            _("Not coupled to a dossier yet"), _("Statements are stored already; nothing is booked until then."), "",
            _("Couple with a dossier") if may_couple else "", url_for("couplings.index", client=client),
        )  # fmt: skip
    if standing.code == "standing.no_configuration":
        return Banner(
            _("Coupled, but nothing is configured yet"),
            _("Say which bank account goes to which journal, and from when."), "",
            _("Configure") if may_couple else "", url_for("couplings.configure", client=client),
        )  # fmt: skip
    if standing.code == "standing.no_statements":
        return Banner(
            _("Waits for the first statement"), _("The booking is set up; it begins with the first statement."), "wait",
            _("Import a statement"), url_for("statements.index", client=client),
        )  # fmt: skip
    count = int(standing.values.get("count", 0) or 0)
    if standing.code == "standing.entries_wait":
        return Banner(
            ngettext("%(num)s entry waits for you", "%(num)s entries wait for you", count),
            _("Look at it, correct what is wrong, and send it. Nothing goes out by itself."), "warn",
            ngettext("Look at %(num)s entry", "Look at %(num)s entries", count),
            url_for("entries.index", client=client, state="draft"),
        )  # fmt: skip
    if standing.code == "standing.differences":
        return Banner(
            ngettext("%(num)s entry differs from the package", "%(num)s entries differ from the package", count),
            _("Last night's comparison found it. Nothing is sent again by itself."), "warn",
            _("Show the entries"), _differing(standing.coupling),
        )  # fmt: skip
    if standing.code.startswith("feed."):
        return _of_feed(standing)
    return _explained(standing)


def _since(standing: Standing) -> str:
    return " " + _("Since %(when)s.", when=formats().date(standing.since)) if standing.since else ""


def _of_feed(standing: Standing) -> Banner:
    """A consent that ended, or ends soon, and a bank that is not fetched."""
    client, found = scope().tenant_id, _problems.explain(standing.code)
    tone: Tone = "stop" if standing.state == "stopped" else "warn"
    what = _(found.happened) if found.happened else ""
    return Banner(
        _problems.title(standing.code, standing.values), what + _since(standing), tone,
        _("Look at the bank connection"), url_for("feeds.index", client=client),
    )  # fmt: skip


def _differing(view: CouplingView | None) -> str:
    """Address of the one entry that the last comparison names, or of the list of them."""
    client, compared = scope().tenant_id, view.compared if view else None
    if compared is None:
        return url_for("entries.index", client=client)
    named = {one["entry_id"] for one in compared.findings if one.get("entry_id") and "seen_at" not in one}
    if len(named) == 1:
        return url_for("entries.show", client=client, entry_id=named.pop())
    return url_for("entries.index", client=client, night=compared.night.isoformat())


def _explained(standing: Standing) -> Banner:
    """What the connector or the product says of a code; the repair begins at the log-in or at the entries."""
    found = _problems.explain(standing.code)
    tone: Tone = "stop" if standing.state == "stopped" else "warn"
    title = _problems.title(standing.code, standing.values)
    if standing.code.startswith("authorisation.") and standing.coupling and standing.coupling.health == "active":
        return Banner(
            _("The log-in at the package works again"),
            _("The last run stopped before that. It is being tried again; “Synchronise now” does it at once."), "warn",
        )  # fmt: skip
    if standing.code.startswith("authorisation."):
        return Banner(title, _(found.happened) if found.happened else "", tone, *_log_in(standing.coupling))
    return Banner(
        title, (_(found.happened) if found.happened else "") + _since(standing), tone,
        _("Show the entries"), url_for("entries.index", client=scope().tenant_id, state="failed"),
    )  # fmt: skip


def _log_in(view: CouplingView | None) -> tuple[str, str]:
    """Verb and address for whoever may mend the log-in from here; ("", "") for the others."""
    if view is None or not scope().may(Permission.AUTHORISATIONS, Right.EDIT):
        return "", ""
    row = view.row
    if row.authorisation_tenant_id == scope().tenant_id:
        where = url_for("authorisations.client_show", client=row.tenant_id, authorisation_id=row.authorisation_id)
    elif row.authorisation_tenant_id == scope().portal_id:
        where = url_for("authorisations.show", portal=scope().portal_id, authorisation_id=row.authorisation_id)
    else:
        return "", ""
    return _("Reconnect"), where
