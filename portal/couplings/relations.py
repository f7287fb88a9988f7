"""Which customer or supplier of the dossier a document's party is: by number, else by name, never by a guess."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal.connectors.base import Relation
from portal.tenants.numbers import number_keys


@dataclass(frozen=True, slots=True)
class Wanted:
    """A party as its document calls it. `side`: "sales" looks for a customer, "purchase" for a supplier."""

    side: str
    name: str
    country: str
    vat_number: str
    enterprise_number: str

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(number_keys(self.country, self.vat_number, self.enterprise_number))


def find_relations(relations: Iterable[Relation], wanted: Wanted) -> Sequence[Relation]:
    """The one that it certainly is; none, or several that are alike, for a person to settle.

    A number counts more than a name: whoever has another number is somebody else. Of several with the
    same number the one that is customer or supplier already is meant. Blocked ones are left out.
    """
    usable = [relation for relation in relations if not relation.blocked]
    keys, name = wanted.keys, _plain(wanted.name)
    found = [relation for relation in usable if keys & _keys(relation)] if keys else []
    if not found and name:
        found = [relation for relation in usable if _plain(relation.name) == name and not (keys and _keys(relation))]
    of_side = [relation for relation in found if _is_of(wanted.side, relation)]
    return of_side if of_side and len(found) > 1 else found


def _keys(relation: Relation) -> frozenset[str]:
    return frozenset(number_keys(relation.country, relation.vat_number, relation.enterprise_number))


def _is_of(side: str, relation: Relation) -> bool:
    return relation.customer if side == "sales" else relation.supplier


def _plain(name: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in name.casefold()).split())
