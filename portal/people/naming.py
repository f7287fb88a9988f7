"""Names that stand once in a tenant, whatever their letters' case."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select

from portal.access import Scope
from portal.kernel.errors import Invalid
from portal.permissions.models import AccountGroup, JobRoleRow


def require_free(scope: Scope, model: type[AccountGroup | JobRoleRow], name: str, but: uuid.UUID | None = None) -> None:
    """Raises Invalid("people.name_taken") when another than `but` has the name."""
    same = (model.tenant_id == scope.tenant_id, func.lower(model.name) == func.lower(name))
    if set(scope.session.scalars(select(model.id).where(*same))) - {but}:
        raise Invalid("people.name_taken", field="name", name=name)
