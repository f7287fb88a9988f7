"""How sales and purchase documents go to the dossier: journal, accounts, rhythm, and VAT codes by rate."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.connectors import registry
from portal.connectors.base import EntryKind, VatCode
from portal.couplings import documents as room
from portal.couplings import vat as vat_room
from portal.couplings.books import DossierBooks, read_books, read_relations, takes_documents
from portal.couplings.configurations import usable_accounts
from portal.couplings.models import Configuration, Coupling
from portal.couplings.preferences import adopt_vat, documents_with_wishes, wishes
from portal.documents.lists import rates_of
from portal.kernel import clock
from portal.kernel.errors import Conflict, NotFound, PortalError
from portal.routes import _documents, wording
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes.forms.document_settings import DocumentSettingsForm, fields_of

blueprint = Blueprint("document_settings", __name__)
SETTINGS = "/c/<uuid:client>/couplings/<uuid:coupling_id>/documents"
KINDS = (EntryKind.PURCHASE, EntryKind.SALES)


@blueprint.get(SETTINGS)
@here_is("couplings")
@require(Permission.COUPLINGS, Right.VIEW)
def show(client: uuid.UUID, coupling_id: uuid.UUID) -> Response:
    return _page(_coupling(coupling_id))


def _coupling(coupling_id: uuid.UUID) -> Coupling:
    row = scope().get(Coupling, coupling_id)
    if row.state != "active":
        raise Conflict("coupling.ended", number=row.dossier_number)
    return row


@dataclass(frozen=True, slots=True)
class Part:
    """One of the two halves of the page."""

    kind: EntryKind
    form: DocumentSettingsForm
    row: Configuration | None


def _page(
    coupling: Coupling, wrong: tuple[EntryKind, DocumentSettingsForm] | None = None, status: int = 200
) -> Response:
    books = read_books(scope(), coupling.id)
    parts = [_part(coupling, books, kind, wrong) for kind in KINDS if takes_documents(coupling.app)]
    return page(
        "document_settings/show.html",
        coupling=coupling,
        parts=parts,
        wrong=wrong[1] if wrong else None,
        books=books,
        ledger=usable_accounts(books),
        relations=(read_relations(scope(), coupling.id) or ())[:2000],
        rates=_rates(coupling, books),
        label=registry.load(coupling.app).MANIFEST.label,
        may_edit=scope().may(Permission.COUPLINGS, Right.EDIT),
        words=_documents,
        status=status,
    )


def _part(
    coupling: Coupling, books: DossierBooks, kind: EntryKind, wrong: tuple[EntryKind, DocumentSettingsForm] | None
) -> Part:
    row = room.find_configuration(scope(), kind)
    if wrong is not None and wrong[0] is kind:
        form = wrong[1]
    else:
        known = row is not None and row.coupling_id == coupling.id
        chosen = (
            room.choices_of(row) if row is not None and known
            else documents_with_wishes(
                room.defaults_for(books, kind, coupling.country, clock.today()), wishes(scope(), coupling.app), books
            )
        )  # fmt: skip
        form = DocumentSettingsForm(formdata=None, data=fields_of(chosen), prefix=_prefix(kind))
    form.offer(books, kind)
    return Part(kind, form, row)


def _prefix(kind: EntryKind) -> str:
    """Two forms on one page: their fields have names of their own."""
    return f"{kind}-"


@dataclass(frozen=True, slots=True)
class Rate:
    """A line of the table of VAT codes. `used`: what is booked with now, "" when it has to be chosen."""

    name: str
    side: str
    category: str
    rate: Decimal
    said: str
    used: str
    candidates: Sequence[VatCode]


def _rates(coupling: Coupling, books: DossierBooks) -> list[Rate]:
    mapping = vat_room.read_mapping(scope(), coupling.id)
    keys = sorted({*rates_of(scope()), *mapping})
    return [
        Rate(
            f"code-{side}-{category}-{rate:f}", side, category, rate, mapping.get((side, category, rate), ""),
            vat_room.code_for(books.vat_codes, mapping, (side, category, rate)),
            vat_room.candidates(books.vat_codes.values(), (side, category, rate)),
        )
        for side, category, rate in keys
    ]  # fmt: skip


@blueprint.post(SETTINGS)
@here_is("couplings")
@require(Permission.COUPLINGS, Right.EDIT)
def save(client: uuid.UUID, coupling_id: uuid.UUID) -> Response:
    coupling = _coupling(coupling_id)
    if request.form.get("kind") not in KINDS:
        raise NotFound()
    kind = EntryKind(request.form["kind"])
    form = DocumentSettingsForm(prefix=_prefix(kind))
    form.offer(read_books(scope(), coupling.id), kind)
    if not form.validate():
        return _page(coupling, (kind, form), 422)
    try:
        room.save_configuration(scope(), coupling, form.chosen(kind))
        adopt_vat(scope(), coupling, read_books(scope(), coupling.id))
    except PortalError as error:
        db().rollback()
        form.take(error)
        return _page(_coupling(coupling_id), (kind, form), 422)
    db().commit()
    flash(_("Kept. Entries that were sent stay as they are."), "ok")
    return go_to(url_for("document_settings.show", client=client, coupling_id=coupling_id))


@blueprint.post(SETTINGS + "/vat")
@here_is("couplings")
@require(Permission.COUPLINGS, Right.EDIT)
def save_vat(client: uuid.UUID, coupling_id: uuid.UUID) -> Response:
    """What was chosen for each rate; nothing chosen goes back to what is proposed."""
    coupling = _coupling(coupling_id)
    rates = _rates(coupling, read_books(scope(), coupling.id))
    chosen = {
        (rate.side, rate.category, rate.rate): request.form[rate.name].strip()
        for rate in rates
        if rate.name in request.form
    }
    try:
        vat_room.save_mapping(scope(), coupling.id, chosen)
    except PortalError as error:
        db().rollback()
        flash(wording.of_error(error.code, error.values), "stop")
    else:
        db().commit()
        flash(_("The VAT codes are kept."), "ok")
    return go_to(url_for("document_settings.show", client=client, coupling_id=coupling_id, _anchor="vat"))
