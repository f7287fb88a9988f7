"""Defaults: what new configurations start from, of the firm and of one client account, and which value holds."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.connectors import registry
from portal.connectors.base import EntryKind
from portal.couplings import documents, preferences
from portal.couplings.books import DossierBooks, read_books
from portal.couplings.defaults import defaults_for
from portal.couplings.models import Configuration, Coupling
from portal.couplings.service import configurations_of
from portal.kernel import clock
from portal.kernel.errors import Invalid, NotFound
from portal.ledger.accounts import accounts
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes.forms.defaults import DefaultsForm
from portal.store.catalogue import app_of
from portal.templating import documents_word

blueprint = Blueprint("defaults", __name__)
RATES: Mapping[str, tuple[str, ...]] = {
    "BE": ("0.21", "0.12", "0.06"), "NL": ("0.21", "0.09"), "FR": ("0.2", "0.1", "0.055", "0.021"),
}  # fmt: skip
CLIENT = "/c/<uuid:client>/couplings/<uuid:coupling_id>/defaults"


def _rows(countries: tuple[str, ...], stored: Mapping[str, str]) -> list[tuple[str, str, Decimal, str]]:
    """(field, side, rate, code) of every VAT rate that is asked for, and of those that were answered before."""
    rates = {Decimal(rate) for country in countries for rate in RATES.get(country, ())}
    fields = {preferences.vat_field(side, "S", rate) for side in ("sales", "purchase") for rate in rates}
    rows = []
    for field in fields | {key for key in stored if preferences.vat_key(key)}:
        key = preferences.vat_key(field)
        if key is not None:
            rows.append((field, key[0], key[2], stored.get(field, "")))
    return sorted(rows, key=lambda row: (row[1] != "sales", -row[2]))


def _typed() -> dict[str, str]:
    return {key: value for key, value in request.form.items() if preferences.vat_key(key)}


def _save(app: str, form: DefaultsForm) -> bool:
    if not form.validate():
        return False
    try:
        preferences.save_preferences(scope(), app, form.values() | _typed())
    except Invalid as error:
        db().rollback()
        form.take(error)
        return False
    db().commit()
    flash(_("Kept. Configurations that exist stay as they are; new ones start from this."), "ok")
    return True


@blueprint.get("/p/<uuid:portal>/modules/<app>/defaults")
@here_is("apps")
@require(Permission.COUPLINGS, Right.VIEW)
def show(portal: uuid.UUID, app: str) -> Response:
    return _firm(app)


def _firm(app: str, form: DefaultsForm | None = None, status: int = 200) -> Response:
    offered = app_of(app)
    if offered.kind == "feed":
        raise NotFound()
    stored = preferences.preferences_of(scope(), scope().tenant_id, app)
    return page(
        "defaults/firm.html", app=offered, manifest=offered.manifest, form=form or DefaultsForm(data=dict(stored)),
        vat=_rows(tuple(offered.manifest.countries), _typed() or stored), status=status,
        may_edit=scope().may(Permission.COUPLINGS, Right.EDIT),
    )  # fmt: skip


@blueprint.post("/p/<uuid:portal>/modules/<app>/defaults")
@here_is("apps")
@require(Permission.COUPLINGS, Right.EDIT)
def save(portal: uuid.UUID, app: str) -> Response:
    form = DefaultsForm()
    offered = app_of(app)
    if offered.kind == "feed" or not _save(app, form):
        return _firm(app, form, 422)
    return go_to(url_for("defaults.show", portal=portal, app=app))


# ------------------------------------------------------------------ one client account


@blueprint.get(CLIENT)
@here_is("couplings")
@require(Permission.COUPLINGS, Right.VIEW)
def client_show(client: uuid.UUID, coupling_id: uuid.UUID) -> Response:
    return _client(scope().get(Coupling, coupling_id))


def _client(coupling: Coupling, form: DefaultsForm | None = None, status: int = 200) -> Response:
    books = read_books(scope(), coupling.id)
    stored = preferences.preferences_of(scope(), scope().tenant_id, coupling.app)
    found = preferences.held(scope(), coupling, books, _proposed(coupling, books))
    return page(
        "defaults/client.html", coupling=coupling, manifest=registry.app(coupling.app).MANIFEST, held=found,
        existing=_differing(coupling, found), form=form or DefaultsForm(data=dict(stored)),
        vat=_rows((coupling.country,), _typed() or stored), names=_names(), why=_why(), words=_words(),
        known=books.fetched_at, vat_key=preferences.vat_key, may_edit=scope().may(Permission.COUPLINGS, Right.EDIT),
        status=status,
    )  # fmt: skip


def _differing(coupling: Coupling, found: Sequence[preferences.Held]) -> list[tuple[Configuration, str, str, str, str]]:
    """Where a configuration says otherwise: (row, its name, field, its value, what a new one would start from)."""
    held = {one.field: one.value for one in found}
    names = {account.id: account.name for account in accounts(scope())}
    rows = []
    for row in configurations_of(scope(), coupling.id):
        name = names.get(row.bank_account_id) if row.bank_account_id else documents_word(row.entry_kind)
        for field, value in preferences.values_of(row).items():
            if held.get(field) and held[field] != value:
                rows.append((row, name or "", field, value, held[field]))
    return rows


def _proposed(coupling: Coupling, books: DossierBooks) -> dict[str, str]:
    """What the dossier itself proposes, by field."""
    today, found = clock.today(), {}
    account = next(iter(accounts(scope())), None)
    if account is not None and books.fetched_at is not None:
        bank = defaults_for(books, account, coupling.country, today)
        found = {
            "journal": bank.journal, "suspense_account": bank.suspense_account, "frequency": bank.frequency,
            "delay_days": str(bank.delay_days), "automatic": "1" if bank.automatic else "0",
        }  # fmt: skip
    for kind in (EntryKind.SALES, EntryKind.PURCHASE):
        one = documents.defaults_for(books, kind, coupling.country, today)
        found |= {f"{kind}_journal": one.journal, f"{kind}_account": one.ledger_account}
    return found


def _names() -> dict[str, str]:
    form = DefaultsForm()
    return {name: form[name].label.text for name in preferences.FIELDS}


def _words() -> dict[tuple[str, str], str]:
    """Values that are no codes of the dossier, in words."""
    return {
        ("frequency", "daily"): _("Daily"), ("frequency", "monthly"): _("Monthly"),
        ("automatic", "1"): _("Send by itself"), ("automatic", "0"): _("Prepare; we look at it first"),
    }  # fmt: skip


def _why() -> dict[str, str]:
    return {
        "client": _("chosen for this client account"), "firm": _("default of the firm"),
        "only": _("the dossier's only choice"), "proposed": _("proposed from the dossier"),
        "none": _("asked when it is configured"), "overruled": _("overruled"),
        "missing": _("not in this dossier"),
    }  # fmt: skip


@blueprint.post(CLIENT)
@here_is("couplings")
@require(Permission.COUPLINGS, Right.EDIT)
def client_save(client: uuid.UUID, coupling_id: uuid.UUID) -> Response:
    coupling, form = scope().get(Coupling, coupling_id), DefaultsForm()
    if not _save(coupling.app, form):
        return _client(scope().get(Coupling, coupling_id), form, 422)
    return go_to(url_for("defaults.client_show", client=client, coupling_id=coupling_id))
