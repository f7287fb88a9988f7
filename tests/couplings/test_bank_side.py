"""Who books the bank's side of a statement: the package, or we as a line of a general entry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID, uuid4

import pytest

from portal.connectors.base import EntryKind, Journal, JournalType
from portal.couplings.books import DossierBooks, has_bank_entries
from portal.couplings.configurations import usable_journals
from portal.couplings.defaults import defaults_for
from portal.kernel import clock

BANK, SAVINGS = (Journal(code, code, JournalType.BANK, code, "EUR", "550000") for code in ("20", "21"))
CASH, SALES, GENERAL = (
    Journal(kind[:2], kind, kind, kind) for kind in (JournalType.CASH, JournalType.SALES, JournalType.GENERAL)
)


@dataclass(frozen=True)
class Account:
    id: UUID = field(default_factory=uuid4)
    number: str = "BE68539007547034"
    currency: str = "EUR"


def books(*journals: Journal, own: bool) -> DossierBooks:
    return DossierBooks({}, {journal.code: journal for journal in journals}, {}, [], clock.now(), bank_entries=own)


def test_what_an_app_says_of_itself_decides() -> None:
    assert has_bank_entries("exact")
    assert not has_bank_entries("xero")


@pytest.mark.parametrize(
    ("own", "kind", "codes"),
    [
        (True, EntryKind.BANK, ["20", "ca"]), (True, EntryKind.GENERAL, ["ge"]),
        (False, EntryKind.BANK, []), (False, EntryKind.GENERAL, ["20", "ca", "ge"]),
        (True, EntryKind.SALES, ["sa"]), (False, EntryKind.SALES, ["sa"]),
    ],
)  # fmt: skip
def test_journals_that_take_an_entry(own: bool, kind: EntryKind, codes: list[str]) -> None:
    found = books(BANK, CASH, SALES, GENERAL, own=own)
    assert [journal.code for journal in usable_journals(found, kind)] == codes


@pytest.mark.parametrize(
    ("journals", "own", "kind", "code"),
    [
        ((BANK, GENERAL), True, EntryKind.BANK, "20"),
        ((BANK, GENERAL), False, EntryKind.GENERAL, "20"),
        ((GENERAL, SALES), False, EntryKind.GENERAL, "ge"),
        ((GENERAL,), True, EntryKind.BANK, ""),
        ((BANK, SAVINGS, GENERAL), False, EntryKind.GENERAL, ""),
        ((BANK, replace(SAVINGS, iban=Account.number)), False, EntryKind.GENERAL, "21"),
    ],
)
def test_a_new_configuration_fits_the_package(
    journals: tuple[Journal, ...], own: bool, kind: EntryKind, code: str
) -> None:
    chosen = defaults_for(books(*journals, own=own), Account(), "BE", date(2026, 3, 18))
    assert (chosen.entry_kind, chosen.journal) == (kind, code)
