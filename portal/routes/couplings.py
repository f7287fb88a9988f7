"""Couplings of a client account with their history, and what each of them syncs."""

from __future__ import annotations

import uuid

from flask import Response, flash, request, url_for
from flask_babel import gettext as _

from portal import runtime
from portal.access import Permission, Right
from portal.activity.service import timeline
from portal.connectors import registry
from portal.connectors.errors import ConnectorError
from portal.couplings import configurations as room
from portal.couplings import documents, reading, service
from portal.couplings.books import DossierBooks, read_books, takes_documents
from portal.couplings.defaults import defaults_for
from portal.couplings.models import Configuration, Coupling
from portal.couplings.preferences import wishes, with_wishes
from portal.kernel import clock
from portal.kernel.errors import Conflict, NotFound, PortalError
from portal.ledger.accounts import accounts
from portal.ledger.models import BankAccount
from portal.ledger.reading import oldest_lines
from portal.routes import _approvals, _coupling_bulk, _coupling_wizard, _couplings, wording
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._couplings import blueprint
from portal.routes._htmx import go_to, page
from portal.routes._timeline import events
from portal.routes.forms.couplings import ConfigurationForm, fields_of
from portal.store import service as store
from portal.sync.overview import coupling_views, posting_counts

# The wizard and the portal's page for many clients put their views on the same blueprint.
__all__ = ["_coupling_bulk", "_coupling_wizard", "blueprint"]
COUPLINGS = "/c/<uuid:client>/couplings"
ONE = COUPLINGS + "/configurations/<uuid:configuration_id>"


@blueprint.get(COUPLINGS)
@here_is("couplings")
@require(Permission.COUPLINGS, Right.VIEW)
def index(client: uuid.UUID) -> Response:
    views = coupling_views(scope())
    coupled = {view.row.app for view in views}
    installed = store.on_offer(scope())
    return page(
        "couplings/index.html",
        views=views,
        waits=_approvals.waits_for("coupling", *(view.row.id for view in views)),
        read={view.row.id: read_books(scope(), view.row.id).fetched_at for view in views},
        counts={view.row.id: posting_counts(scope(), view.row.id) for view in views},
        past=[row for row in service.history(scope()) if row.state == "ended"],
        ended=lambda code: _("replaced") if code == service.REPLACED else _("ended"),
        uncoupled=sorted(registry.CONNECTORS.keys() - coupled, key=lambda app: (app not in installed, app)),
        label_of=lambda app: registry.load(app).MANIFEST.label,
        takes_documents=takes_documents,
        effect_of=lambda row: room.effect_of(row, clock.today()) if row.state == "active" else None,
        may_edit=_couplings.may(Right.EDIT),
        may_couple=_couplings.may(Right.CREATE),
    )


@blueprint.post(COUPLINGS + "/<uuid:coupling_id>/end")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.EDIT)
def end(client: uuid.UUID, coupling_id: uuid.UUID) -> Response:
    row = service.end_coupling(scope(), coupling_id)
    db().commit()
    flash(
        _("The coupling with dossier %(number)s has ended; what was booked stays booked.", number=row.dossier_number),
        "ok",
    )
    return go_to(url_for("couplings.index", client=client))


@blueprint.post(COUPLINGS + "/<uuid:coupling_id>/books")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.EDIT)
def books(client: uuid.UUID, coupling_id: uuid.UUID) -> Response:
    """Read the dossier's accounts, journals and periods anew, and say how many."""
    scope().get(Coupling, coupling_id)
    db().rollback()
    try:
        found = reading.read_anew(runtime.get().database, _couplings.ask(), client, coupling_id)
    except ConnectorError as error:
        flash(" ".join(_couplings.told(error)), "stop")
    else:
        flash(
            _("Read just now: %(accounts)s ledger accounts, %(journals)s journals, %(periods)s periods.",
              accounts=len(found.accounts), journals=len(found.journals), periods=len(found.periods)), "ok",
        )  # fmt: skip
    endpoint = "couplings.configure" if request.form.get("next") == "configure" else "couplings.index"
    return go_to(url_for(endpoint, client=client))


# ------------------------------------------------------------------ a new configuration


@blueprint.get(COUPLINGS + "/configure")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.CREATE)
def configure(client: uuid.UUID) -> Response:
    coupling = _coupling(request.args.get("coupling", ""))
    if coupling is None:
        return go_to(url_for("couplings.index", client=client))
    return _new(coupling)


def _coupling(wanted: str) -> Coupling | None:
    """The one asked for, else the only one there is."""
    if wanted:
        row = scope().get(Coupling, wanted)
        if row.state != "active":
            raise Conflict("coupling.ended", number=row.dossier_number)
        return row
    return next((row for row in service.history(scope()) if row.state == "active"), None)


def _new(coupling: Coupling, form: ConfigurationForm | None = None, status: int = 200) -> Response:
    found, known = read_books(scope(), coupling.id), _unbooked()
    if form is None and known and found.fetched_at:
        wanted = request.args.get("account", "")
        account = next((one for one in known if str(one.id) == wanted), known[0])
        proposed = defaults_for(found, account, coupling.country, clock.today())
        wished = with_wishes(proposed, wishes(scope(), coupling.app), found, account)
        form = ConfigurationForm(data=fields_of(wished, account.id))
    return _configuration_page(coupling, form, found, known, None, status)


def _unbooked() -> list[BankAccount]:
    """Bank accounts that no configuration books yet."""
    booked = {one.row.bank_account_id for view in coupling_views(scope()) for one in view.configurations
              if one.row.state == "active"}  # fmt: skip
    return [account for account in accounts(scope()) if account.id not in booked]


def _configuration_page(
    coupling: Coupling, form: ConfigurationForm | None, found: DossierBooks, known: list[BankAccount],
    row: Configuration | None, status: int = 200,
) -> Response:  # fmt: skip
    if form is not None:
        form.offer(found, known)
    return page(
        "couplings/configuration.html", coupling=coupling, form=form, books=found, known=known, row=row, status=status,
        ledger=room.usable_accounts(found), hint=_coupling_wizard.hint(form),
        effect_url=url_for("couplings.effect", client=scope().tenant_id),
        effect=room.effect_of(row, clock.today()) if row is not None and row.state == "active" else None,
        events=events(timeline(scope(), row.id)) if row is not None else (), may_edit=_couplings.may(Right.EDIT),
        label=registry.load(coupling.app).MANIFEST.label, oldest=oldest_lines(scope()), via=scope().actor.via_id,
    )  # fmt: skip


@blueprint.post(COUPLINGS + "/configure")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.CREATE)
def create(client: uuid.UUID) -> Response:
    coupling = _coupling(request.args.get("coupling", ""))
    if coupling is None:
        raise NotFound()
    form, found = ConfigurationForm(), read_books(scope(), coupling.id)
    form.offer(found, _unbooked())
    if not form.validate():
        return _new(coupling, form, 422)
    account = scope().get(BankAccount, as_id(form.account.data or ""))
    try:
        room.create_configuration(scope(), coupling.id, account, form.chosen(found))
    except PortalError as error:
        db().rollback()
        form.take(error)
        return _new(scope().get(Coupling, coupling.id), form, 422)
    db().commit()
    flash(_("%(account)s is booked from now on.", account=account.name), "ok")
    return go_to(url_for("couplings.index", client=client))


# ------------------------------------------------------------------ one configuration


def _living(configuration_id: uuid.UUID) -> Configuration:
    row = scope().get(Configuration, configuration_id)
    if row.state == "deleted":
        raise NotFound()
    return row


@blueprint.get(ONE)
@here_is("couplings")
@require(Permission.COUPLINGS, Right.VIEW)
def configuration(client: uuid.UUID, configuration_id: uuid.UUID) -> Response:
    row = _living(configuration_id)
    if row.bank_account_id is None:  # sales or purchases: they have a page of their own
        return go_to(url_for("document_settings.show", client=client, coupling_id=row.coupling_id))
    return _show(row)


def _account_of(row: Configuration) -> BankAccount:
    """Raises NotFound for a configuration that books documents."""
    if row.bank_account_id is None:
        raise NotFound()
    return scope().get(BankAccount, row.bank_account_id)


def _show(row: Configuration, form: ConfigurationForm | None = None, status: int = 200) -> Response:
    coupling = scope().get(Coupling, row.coupling_id)
    account = _account_of(row)
    if form is None:
        form = ConfigurationForm(data=fields_of(room.choices_of(row), account.id))
    return _configuration_page(coupling, form, read_books(scope(), coupling.id), [account], row, status)


@blueprint.post(ONE)
@here_is("couplings")
@require(Permission.COUPLINGS, Right.EDIT)
def edit(client: uuid.UUID, configuration_id: uuid.UUID) -> Response:
    row, form = _living(configuration_id), ConfigurationForm()
    account = _account_of(row)
    found = read_books(scope(), row.coupling_id)
    form.offer(found, [account])
    if not form.validate():
        return _show(row, form, 422)
    try:
        room.edit_configuration(scope(), row.id, account, form.chosen(found))
    except PortalError as error:
        db().rollback()
        form.take(error)
        return _show(_living(configuration_id), form, 422)
    db().commit()
    flash(_("Kept. Entries that were sent stay as they are."), "ok")
    return go_to(url_for("couplings.configuration", client=client, configuration_id=configuration_id))


@blueprint.post(ONE + "/off")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.EDIT)
def switch_off(client: uuid.UUID, configuration_id: uuid.UUID) -> Response:
    row = room.deactivate_configuration(scope(), configuration_id)
    db().commit()
    if row.bank_account_id is None:
        flash(_("Switched off: nothing more is drafted of these documents."), "ok")
    else:
        flash(_("Switched off: nothing more is drafted for this bank account."), "ok")
    return go_to(url_for("couplings.configuration", client=client, configuration_id=configuration_id))


@blueprint.post(ONE + "/on")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.EDIT)
def switch_on(client: uuid.UUID, configuration_id: uuid.UUID) -> Response:
    row = _living(configuration_id)
    try:
        if row.bank_account_id is None:
            documents.save_configuration(scope(), scope().get(Coupling, row.coupling_id), documents.choices_of(row))
        else:
            room.reactivate_configuration(scope(), row.id, _account_of(row))
    except PortalError as error:
        db().rollback()
        flash(wording.of_error(error.code, error.values), "stop")
    else:
        db().commit()
        flash(_("Switched on."), "ok")
    return go_to(url_for("couplings.configuration", client=client, configuration_id=configuration_id))


@blueprint.post(ONE + "/delete")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.EDIT)
def delete(client: uuid.UUID, configuration_id: uuid.UUID) -> Response:
    room.delete_configuration(scope(), configuration_id)
    db().commit()
    flash(_("Deleted. What it booked stays booked."), "ok")
    return go_to(url_for("couplings.index", client=client))
