"""Which VAT code of the dossier stands for a category and rate: as a person said, else the only one that fits."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal

from sqlalchemy import delete, select

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors.base import VatCode
from portal.couplings.books import read_books
from portal.couplings.models import Coupling, VatMapping
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Invalid

Key = tuple[str, str, Decimal]  # (side, category, rate)
SIDES = ("sales", "purchase")
CATEGORIES = ("S", "Z", "E", "AE", "K", "G", "O", "L", "M")
# Categories whose code follows from the rate; the others mean a scheme that only people can name.
_BY_RATE = frozenset(("S", "L", "M"))


def read_mapping(scope: Scope, coupling_id: uuid.UUID) -> dict[Key, str]:
    query = select(VatMapping).where(VatMapping.tenant_id == scope.tenant_id, VatMapping.coupling_id == coupling_id)
    return {(row.side, row.category, row.rate.normalize()): row.code for row in scope.session.scalars(query)}


def code_for(codes: Mapping[str, VatCode], mapping: Mapping[Key, str], key: Key) -> str:
    """The code to book with; "" when it has to be asked. What a person said counts while the dossier has it."""
    side, category, rate = key
    said = mapping.get((side, category, rate.normalize()), "")
    if said in codes and not codes[said].blocked:
        return said
    fitting = [code.code for code in candidates(codes.values(), key)]
    return fitting[0] if category in _BY_RATE and rate and len(fitting) == 1 else ""


def candidates(codes: Iterable[VatCode], key: Key) -> list[VatCode]:
    """Codes of this side and percentage that come on top of the amount, or charge nothing where nothing is charged."""
    side, _, rate = key
    return sorted(
        (
            code for code in codes
            if not code.blocked and code.side in ("", side) and code.percentage == rate and code.type != "including"
        ),
        key=lambda code: code.code,
    )  # fmt: skip


def save_mapping(scope: Scope, coupling_id: uuid.UUID | str, chosen: Mapping[Key, str]) -> None:
    """Keep what was chosen; "" forgets. Raises Invalid "vat_mapping.code" for one that the dossier does not have."""
    coupling = scope.get(Coupling, coupling_id, lock=True)
    codes, before = read_books(scope, coupling.id).vat_codes, read_mapping(scope, coupling.id)
    now = clock.now()
    for (side, category, rate), code in chosen.items():
        key = (side, category, rate.normalize())
        if code and code not in codes:
            raise Invalid("vat_mapping.code", vat_code=code, dossier=coupling.dossier_number)
        if before.get(key, "") == code:
            continue
        scope.session.execute(
            delete(VatMapping).where(
                VatMapping.tenant_id == scope.tenant_id, VatMapping.coupling_id == coupling.id,
                VatMapping.side == side, VatMapping.category == category, VatMapping.rate == rate,
            )
        )  # fmt: skip
        if code:
            scope.session.add(
                VatMapping(
                    tenant_id=scope.tenant_id, id=uuid7(), coupling_id=coupling.id, side=side, category=category,
                    rate=rate, code=code, changed_at=now, changed_by=scope.actor.user_id,
                )
            )  # fmt: skip
        activity.record(
            scope, "vat_mapping.changed", ("coupling", coupling.id),
            side=side, category=category, rate=f"{rate * 100:f}", before=before.get(key, ""), after=code,
        )  # fmt: skip
    scope.session.flush()
