"""Legal entities: the enterprises whose bank accounts are looked after here."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash
from flask_babel import gettext as _

from portal.access import Permission, Right
from portal.kernel.errors import Conflict, Invalid, PortalError
from portal.people import entities, reading
from portal.permissions.models import LegalEntity
from portal.routes._access import db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._people import address, both, told
from portal.routes.forms.people import EntityForm

blueprint = Blueprint("legal_entities", __name__)


@both(blueprint, "/entities", "index")
@here_is("team")
@require(Permission.LEGAL_ENTITIES, Right.VIEW)
def index(**tenant: uuid.UUID) -> Response:
    return _page(EntityForm())


@both(blueprint, "/entities", "create", methods=("POST",))
@here_is("team")
@require(Permission.LEGAL_ENTITIES, Right.CREATE)
def create(**tenant: uuid.UUID) -> Response:
    form = EntityForm()
    if form.validate():
        try:
            entities.create_entity(scope(), form.payload())
            db().commit()
            flash(_("%(name)s was added.", name=form.name.data), "ok")
            return go_to(address("legal_entities.index"))
        except Invalid as error:
            form.take(error)
    return _page(form, 422)


def _page(form: EntityForm, status: int = 200) -> Response:
    may_create = scope().may(Permission.LEGAL_ENTITIES, Right.CREATE)
    return page(
        "people/entities.html", rows=reading.entities(scope()), form=form, may_create=may_create, address=address,
        status=status,
    )  # fmt: skip


@both(blueprint, "/entities/<uuid:legal_entity_id>", "show")
@here_is("team")
@require(Permission.LEGAL_ENTITIES, Right.VIEW)
def show(legal_entity_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row = scope().get(LegalEntity, legal_entity_id)
    return _one(row, EntityForm(name=row.name, scheme=row.scheme, enterprise_number=row.enterprise_number))


@both(blueprint, "/entities/<uuid:legal_entity_id>", "change", methods=("POST",))
@here_is("team")
@require(Permission.LEGAL_ENTITIES, Right.EDIT)
def change(legal_entity_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    row, form = scope().get(LegalEntity, legal_entity_id), EntityForm()
    if form.validate():
        try:
            entities.change_entity(scope(), {"id": str(row.id), **form.payload()})
            db().commit()
            flash(_("%(name)s is saved.", name=row.name), "ok")
            return go_to(address("legal_entities.index"))
        except Invalid as error:
            form.take(error)
    return _one(row, form, 422)


def _one(row: LegalEntity, form: EntityForm, status: int = 200) -> Response:
    may_edit = scope().may(Permission.LEGAL_ENTITIES, Right.EDIT)
    return page("people/entity.html", row=row, form=form, may_edit=may_edit, address=address, status=status)


@both(blueprint, "/entities/<uuid:legal_entity_id>/remove", "remove", methods=("POST",))
@here_is("team")
@require(Permission.LEGAL_ENTITIES, Right.EDIT)
def remove(legal_entity_id: uuid.UUID, **tenant: uuid.UUID) -> Response:
    try:
        entities.remove_entity(scope(), {"id": str(legal_entity_id)})
        db().commit()
    except Conflict as error:
        _back(error)
    return go_to(address("legal_entities.index"))


def _back(error: PortalError) -> None:
    db().rollback()
    flash(told(error), "warn")
