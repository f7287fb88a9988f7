"""Client accounts that the firm makes and manages: one by one, from a package's list, or out of a file."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from portal import runtime
from portal.access import Permission, Right
from portal.authorisations.models import Authorisation, State
from portal.authorisations.service import list_authorisations
from portal.connectors import registry
from portal.kernel.errors import Invalid, PortalError
from portal.routes import wording
from portal.routes._access import as_id, db, entered, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, is_htmx, page, stop_polling
from portal.routes._limits import MAILS, limiter
from portal.routes.forms.clients import InviteForm, ListForm, NewClientForm
from portal.shapes import Segment
from portal.team import from_dossiers, lists, newcomer_lists, newcomers, takeovers
from portal.team.models import NewcomerList, NewcomerRow
from portal.team.newcomers import Newcomer
from portal.tenants.numbers import SCHEMES
from portal.tenants.service import get_tenant

blueprint = Blueprint("clients", __name__, url_prefix="/p/<uuid:portal>/clients")
SHOWN = 300  # rows of a list on one page; the others are counted


@blueprint.get("")
@here_is("clients")
@require(Permission.OVERVIEW, Right.VIEW)
def index(portal: uuid.UUID) -> Response:
    return _index(InviteForm())


def _index(form: InviteForm, status: int = 200, asked: uuid.UUID | None = None) -> Response:
    return page(
        "clients/index.html", form=form, asked=asked, rows=takeovers.managed_by(scope()), status=status,
        lists=newcomer_lists.under_way(scope()), may_make=scope().may(Permission.COUPLINGS, Right.CREATE),
    )  # fmt: skip


@blueprint.get("/new")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def new(portal: uuid.UUID) -> Response:
    return page("clients/new.html", form=NewClientForm())


@blueprint.post("/new")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def create(portal: uuid.UUID) -> Response:
    form = NewClientForm()
    if not form.validate():
        return page("clients/new.html", form=form, status=422)
    try:
        made = newcomers.make_one(scope(), form.details())
    except PortalError as error:
        form.take(error)
        return page("clients/new.html", form=form, status=422)
    db().commit()
    flash(_("%(client)s has an account now, managed by your firm.", client=form.details().name), "ok")
    return go_to(url_for("client.home", client=made))


# ------------------------------------------------------------------------------- out of a package


@blueprint.get("/dossiers")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def dossiers(portal: uuid.UUID) -> Response:
    usable = [row for app in registry.CONNECTORS for row, _health in list_authorisations(scope(), app)
              if row.state == State.ACTIVE]  # fmt: skip
    wanted = request.args.get("authorisation", "")
    chosen = next((row for row in usable if str(row.id) == wanted), next(iter(usable), None))
    find = request.args.get("q", "").replace("\0", "")[:100]
    offers = from_dossiers.on_offer(scope(), chosen, find) if chosen else []
    return page(
        "clients/dossiers.html", usable=usable, authorisation=chosen, offers=offers[:SHOWN], total=len(offers), q=find,
        new=sum(offer.newcomer.is_new for offer in offers), told=_told,
        label_of=lambda app: registry.load(app).MANIFEST.label,
    )  # fmt: skip


@blueprint.post("/dossiers")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def create_from_dossiers(portal: uuid.UUID) -> Response:
    authorisation = scope().get(Authorisation, as_id(request.form.get("authorisation", "")))
    listed = from_dossiers.submit_for(scope(), authorisation, set(request.form.getlist("code")))
    return _to_list(listed, url_for("clients.dossiers", portal=portal, authorisation=authorisation.id))


# ------------------------------------------------------------------------------- out of a file


@blueprint.get("/list")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def csv(portal: uuid.UUID) -> Response:
    return page("clients/csv.html", form=ListForm())


@blueprint.post("/list")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def look(portal: uuid.UUID) -> Response:
    """What the file would make, row by row. Changes nothing."""
    form = ListForm()
    if not form.validate():
        return page("clients/csv.html", form=form, status=422)
    return _looked(form, form.file.data.read(lists.MOST_BYTES + 1))


@blueprint.post("/list/make")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def create_from_list(portal: uuid.UUID) -> Response:
    """The text that was shown, checked anew; nothing is begun while a row of it is wrong."""
    content = request.form.get("rows", "").encode()
    form = ListForm()
    try:
        listed = newcomer_lists.submit(scope(), _newcomers(content))
    except PortalError as error:
        form.take(error)
        return _looked(form, content)
    return _to_list(listed, url_for("clients.index", portal=portal))


def _newcomers(content: bytes) -> Sequence[Newcomer]:
    return newcomers.checked(scope(), lists.read(content, get_tenant(scope()).country))


def _looked(form: ListForm, content: bytes) -> Response:
    try:
        found = _newcomers(content)
    except PortalError as error:
        form.take(error)
        return page("clients/csv.html", form=form, status=422)
    first = sorted(found, key=lambda one: (not one.problems, one.row))
    return page(
        "clients/preview.html", form=form, rows=first[:SHOWN], total=len(found), told=_told,
        new=sum(one.is_new for one in found), wrong=sum(bool(one.problems) for one in found),
        known=sum(bool(one.known and not one.problems) for one in found),
        text=content.decode("utf-8-sig", "replace"), SCHEMES=SCHEMES, status=422 if form.errors else 200,
    )  # fmt: skip


def _told(one: Newcomer) -> Sequence[str]:
    """What is wrong with it, in the reader's words."""
    return [wording.of_error(problem.code, problem.values) for problem in one.problems]


def _to_list(listed: NewcomerList | None, otherwise: str) -> Response:
    """To the page that shows how far it is."""
    db().commit()
    if listed is None:
        flash(_("Nothing was made: each of them has an account already, or none was ticked."), "wait")
        return go_to(otherwise)
    return go_to(url_for("clients.progress", portal=listed.tenant_id, list_id=listed.id))


@blueprint.get("/lists/<uuid:list_id>")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def progress(portal: uuid.UUID, list_id: uuid.UUID) -> Response:
    """How far the job is with a list."""
    found = newcomer_lists.progress(scope(), list_id, SHOWN)
    response = page(
        "clients/progress.html", blocks=("making",), found=found, told=_told_of_row, SCHEMES=SCHEMES,
        parts=[Segment(found.made, _("made"), "ok"), Segment(found.refused, _("refused"), "stop")],
    )  # fmt: skip
    return response if found.listed.ended_at is None or not is_htmx() else stop_polling(response)


def _told_of_row(row: NewcomerRow) -> str:
    return wording.of_error(row.code, row.values)


# ------------------------------------------------------------------------------- to its owner


@blueprint.post("/<uuid:client_id>/takeover")
@limiter.limit(MAILS)
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def invite(portal: uuid.UUID, client_id: uuid.UUID) -> Response:
    form, made = InviteForm(), runtime.get()
    takeovers.managed(scope(), client_id)  # what is not theirs is not there, whatever was typed
    if not form.validate():
        return _index(form, 422, client_id)
    try:
        row = takeovers.invite(
            scope(), made.vault, client_id, form.email.data, entered().locale, made.settings.base_url
        )
    except Invalid as error:
        form.take(error)
        return _index(form, 422, client_id)
    db().commit()
    flash(_("%(email)s was asked to take over %(client)s.", email=row.email, client=row.client_name), "ok")
    return go_to(url_for("clients.index", portal=portal))


@blueprint.post("/<uuid:client_id>/takeover/withdraw")
@here_is("clients")
@require(Permission.COUPLINGS, Right.CREATE)
def withdraw(portal: uuid.UUID, client_id: uuid.UUID) -> Response:
    takeovers.withdraw(scope(), client_id)
    db().commit()
    flash(_("The invitation is withdrawn."), "ok")
    return go_to(url_for("clients.index", portal=portal))
