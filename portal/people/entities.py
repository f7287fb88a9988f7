"""Legal entities: the enterprises whose bank accounts a tenant looks after.

Every act takes the scope of who asks and plain data, and can be carried out later from the
same data as it was stored: everything is looked up and checked again then.
"""

from __future__ import annotations

import uuid

from sqlalchemy import func, select

from portal.access import Scope
from portal.activity.service import record
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.people.payload import Payload, a_name, an_id
from portal.permissions.models import AccountGroup, LegalEntity
from portal.permissions.rights import Permission, Right
from portal.tenants.numbers import check_number

MOST_NAME = 160


def create_entity(scope: Scope, payload: Payload) -> uuid.UUID:
    """`payload`: name, scheme ("kbo", "kvk", "siren"), enterprise_number as typed. Returns the id.

    Raises Invalid for a name that is empty, a number that cannot be right, or one that is here already.
    """
    scope.require(Permission.LEGAL_ENTITIES, Right.CREATE)
    name, (scheme, number) = a_name(payload, MOST_NAME), _number(scope, payload, None)
    now = clock.now()
    row = LegalEntity(
        tenant_id=scope.tenant_id, id=uuid7(), name=name, scheme=scheme, enterprise_number=number, created_at=now,
        changed_at=now,
    )  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    record(scope, "legal_entity.created", ("legal_entity", row.id), name=name, number=number)
    return row.id


def change_entity(scope: Scope, payload: Payload) -> uuid.UUID:
    """`payload` as for `create_entity`, and id. Raises as it does, and NotFound."""
    scope.require(Permission.LEGAL_ENTITIES, Right.EDIT)
    row = scope.get(LegalEntity, an_id(payload.get("id"), "id"), lock=True)
    name, (scheme, number) = a_name(payload, MOST_NAME), _number(scope, payload, row.id)
    if (name, scheme, number) == (row.name, row.scheme, row.enterprise_number):
        return row.id
    before = row.name
    row.name, row.scheme, row.enterprise_number, row.changed_at = name, scheme, number, clock.now()
    record(scope, "legal_entity.changed", ("legal_entity", row.id), name=name, before=before, number=number)
    return row.id


def remove_entity(scope: Scope, payload: Payload) -> None:
    """`payload`: id. Raises Conflict("legal_entity.held") while account groups are of it."""
    scope.require(Permission.LEGAL_ENTITIES, Right.EDIT)
    row = scope.get(LegalEntity, an_id(payload.get("id"), "id"), lock=True)
    of_it = (AccountGroup.tenant_id == scope.tenant_id, AccountGroup.legal_entity_id == row.id)
    if number := scope.session.scalar(select(func.count()).where(*of_it)):
        raise Conflict("legal_entity.held", name=row.name, count=number)
    record(scope, "legal_entity.removed", ("legal_entity", row.id), name=row.name)
    scope.session.delete(row)
    scope.session.flush()


def _number(scope: Scope, payload: Payload, but: uuid.UUID | None) -> tuple[str, str]:
    scheme = str(payload.get("scheme") or "")
    number = check_number(scheme, str(payload.get("enterprise_number") or ""))
    same = (
        LegalEntity.tenant_id == scope.tenant_id, LegalEntity.scheme == scheme, LegalEntity.enterprise_number == number
    )  # fmt: skip
    if set(scope.session.scalars(select(LegalEntity.id).where(*same))) - {but}:
        raise Invalid("legal_entity.known", field="enterprise_number", number=number)
    return scheme, number
