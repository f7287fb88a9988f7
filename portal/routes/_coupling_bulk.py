"""Coupling many clients at once, on the portal: what is certain with one button, the rest one by one."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flask import Response, flash, request, url_for
from flask_babel import gettext as _

from portal import runtime
from portal.access import Permission, Right
from portal.authorisations.models import Authorisation, State
from portal.authorisations.service import list_authorisations
from portal.connectors import registry
from portal.connectors.errors import ConnectorError
from portal.couplings import asking, service
from portal.couplings.candidates import candidates
from portal.couplings.service import Outcome
from portal.kernel.errors import Conflict
from portal.routes import _couplings, wording
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._couplings import blueprint
from portal.routes._htmx import go_to, page
from portal.sync.setting_up import configure_usual

BULK = "/p/<uuid:portal>/couplings/bulk"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one client, in words."""

    client_id: uuid.UUID
    name: str
    ok: bool
    text: str


@blueprint.get(BULK)
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def bulk(portal: uuid.UUID) -> Response:
    return _bulk(None, request.args.get("authorisation", ""))


@blueprint.post(BULK)
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def bulk_chosen(portal: uuid.UUID) -> Response:
    """The same page for the clients that were ticked in the list."""
    return _bulk([as_id(value) for value in request.form.getlist("id")], request.form.get("authorisation", ""))


def _bulk(chosen: Sequence[uuid.UUID] | None, wanted: str) -> Response:
    usable = [row for app in registry.CONNECTORS for row, _health in list_authorisations(scope(), app)
              if row.state == State.ACTIVE]  # fmt: skip
    authorisation = _pick(usable, wanted, chosen)
    found = candidates(scope(), authorisation, chosen) if authorisation else []
    return page(
        "couplings/bulk.html", usable=usable, authorisation=authorisation, found=found, chosen=chosen,
        certain=[one for one in found if one.certain], certainty=_couplings.certainty,
        label_of=lambda app: registry.load(app).MANIFEST.label, country_word=_couplings.country_word,
    )  # fmt: skip


def _pick(usable: Sequence[Authorisation], wanted: str, chosen: Sequence[uuid.UUID] | None) -> Authorisation | None:
    """The one asked for, else the one that is sure of most clients."""
    for row in usable:
        if str(row.id) == wanted:
            return row
    if len(usable) < 2:
        return next(iter(usable), None)
    return max(usable, key=lambda row: sum(one.certain for one in candidates(scope(), row, chosen, by_name=0)))


@blueprint.post(BULK + "/dossiers")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def bulk_read(portal: uuid.UUID) -> Response:
    """Read the dossiers of the authorisation anew."""
    authorisation = scope().get(Authorisation, as_id(request.form.get("authorisation", "")))
    db().rollback()
    try:
        fetched = asking.list_anew(
            runtime.get().database, _couplings.ask(), portal, "portal", authorisation.id, scope().actor
        )
        flash(_("%(count)s dossiers read just now, %(new)s of them new.", count=fetched.count, new=fetched.new), "ok")
    except ConnectorError as error:
        flash(" ".join(_couplings.told(error)), "stop")
    return go_to(url_for("couplings.bulk", portal=portal, authorisation=authorisation.id))


@blueprint.post(BULK + "/activate")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def bulk_activate(portal: uuid.UUID) -> Response:
    """Couple the ticked clients with the dossier that is certainly theirs; each stands on its own."""
    authorisation = scope().get(Authorisation, as_id(request.form.get("authorisation", "")))
    if authorisation.state != State.ACTIVE:
        raise Conflict("coupling.authorisation_off", name=authorisation.name)
    chosen = [as_id(value) for value in request.form.getlist("id")]
    outcomes = service.activate_certain(scope(), authorisation, chosen) if chosen else []
    db().commit()
    results = [_result(one, _("Coupled with dossier %(number)s.", number=one.dossier_number)) for one in outcomes]
    return _results(results, coupled=[one.client_id for one in outcomes if not one.code])


@blueprint.post(BULK + "/configure")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def bulk_configure(portal: uuid.UUID) -> Response:
    """The usual configuration for each known bank account of the ticked clients, prepared for a person to look at."""
    chosen = [as_id(value) for value in request.form.getlist("id")]
    outcomes = configure_usual(scope(), chosen)
    db().commit()
    results = [_result(one, _configured(one)) for one in outcomes]
    again = [one.client_id for one in outcomes if one.code == "configuration.books_unread"]
    return _results(results, coupled=again)


def _configured(one: Outcome) -> str:
    if one.code:
        return ""
    values = {"account": one.values["account"], "journal": one.values["journal"]}
    return str(_("%(account)s goes to journal %(journal)s, monthly.", **values))


def _result(one: Outcome, done: str) -> Result:
    text = wording.of_error(one.code, one.values) if one.code else done
    return Result(one.client_id, one.client_name, not one.code, text)


def _results(results: Sequence[Result], *, coupled: Collection[uuid.UUID]) -> Response:
    return page(
        "couplings/results.html", results=results, coupled=coupled, done=sum(one.ok for one in results),
    )  # fmt: skip
