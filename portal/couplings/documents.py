"""Configurations for documents: all sales, or all purchases, of a client account into one journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors.base import EntryKind, JournalType
from portal.couplings.books import DossierBooks, read_books, read_relations, takes_documents
from portal.couplings.configurations import (
    InvalidChoices,
    active_coupling,
    date_problems,
    ledger_problems,
    set_due,
)
from portal.couplings.models import Configuration, Coupling
from portal.couplings.nearest import nearest_account
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid

JOURNALS = {EntryKind.SALES: JournalType.SALES, EntryKind.PURCHASE: JournalType.PURCHASE}
# Where the lines go until somebody says better: codes as they begin.
_USUAL: Mapping[EntryKind, Mapping[str, tuple[str, ...]]] = {
    EntryKind.SALES: {"BE": ("700", "702", "70"), "NL": ("80", "8"), "FR": ("707", "706", "70")},
    EntryKind.PURCHASE: {"BE": ("604", "60", "61"), "NL": ("70", "4", "7"), "FR": ("607", "606", "60")},
}


@dataclass(frozen=True, slots=True)
class DocumentChoices:
    """What a person fills in. `relation`: code of the customer for sales that name none; "" for none."""

    entry_kind: str
    journal: str
    ledger_account: str
    frequency: str
    starts_on: date
    ends_on: date | None = None
    delay_days: int = 0
    automatic: bool = False
    relation: str = ""


def find_configuration(scope: Scope, kind: str) -> Configuration | None:
    """The living one of a client account: at most one for sales, one for purchases; the active one first."""
    query = select(Configuration).where(
        Configuration.tenant_id == scope.tenant_id, Configuration.entry_kind == kind, Configuration.state != "deleted"
    )
    order = (Configuration.state != "active", Configuration.created_at.desc())
    return scope.session.scalars(query.order_by(*order).limit(1)).one_or_none()


def save_configuration(scope: Scope, coupling: Coupling, choices: DocumentChoices) -> Configuration:
    """Make it, or change it and switch it on. Entries that were offered stay as they are.

    Raises InvalidChoices, and Conflict "coupling.ended", "configuration.no_documents" or
    "configuration.books_unread".
    """
    coupling = active_coupling(scope, coupling.id)
    if not takes_documents(coupling.app):
        raise Conflict("configuration.no_documents")
    books = read_books(scope, coupling.id)
    if books.fetched_at is None:
        raise Conflict("configuration.books_unread", number=coupling.dossier_number)
    found = list(_problems(scope, books, coupling, choices))
    if found:
        raise InvalidChoices(found)
    row = find_configuration(scope, choices.entry_kind)
    new, now = row is None, clock.now()
    if row is None:
        row = Configuration(
            tenant_id=scope.tenant_id, id=uuid7(), bank_account_id=None, state="active", created_at=now,
            entry_kind=choices.entry_kind,
        )  # fmt: skip
    row.coupling_id, row.state, row.changed_at = coupling.id, "active", now
    for name, value in _columns(choices, books).items():
        setattr(row, name, value)
    set_due(row)
    if new:
        _add(scope, row)
    activity.record(
        scope, "configuration.documents_created" if new else "configuration.documents_changed",
        ("configuration", row.id), context=coupling.id, journal=row.journal, kind=row.entry_kind,
    )  # fmt: skip
    scope.session.flush()
    return row


def choices_of(row: Configuration) -> DocumentChoices:
    names = ("entry_kind", "journal", "frequency", "starts_on", "ends_on", "delay_days", "automatic", "relation")
    return DocumentChoices(ledger_account=row.suspense_account, **{name: getattr(row, name) for name in names})


def defaults_for(books: DossierBooks, kind: EntryKind, country: str, today: date) -> DocumentChoices:
    """Daily, prepared for a person to look at, into the first journal of its type; "" where nothing fits."""
    journals = sorted(j.code for j in books.journals.values() if j.type is JOURNALS[kind] and not j.blocked)
    usable = [account for account in books.accounts.values() if not account.blocked]
    wanted = "revenue" if kind is EntryKind.SALES else "costs"
    of_kind = [account for account in usable if account.kind == wanted] or usable
    account = next(
        (one.code for begin in _USUAL[kind].get(country, ()) for one in sorted(of_kind, key=lambda a: a.code)
         if one.code.startswith(begin)), "",
    )  # fmt: skip
    return DocumentChoices(
        entry_kind=kind, journal=journals[0] if journals else "",
        ledger_account=account or nearest_account(usable, "7000" if kind is EntryKind.SALES else "6000", wanted),
        frequency="daily", starts_on=today.replace(day=1), delay_days=0, automatic=False,
    )  # fmt: skip


def _columns(choices: DocumentChoices, books: DossierBooks) -> dict[str, object]:
    values = asdict(replace(choices))
    values["suspense_account"] = values.pop("ledger_account")
    values["bank_ledger_account"] = books.journals[choices.journal].ledger_account
    return values


def _problems(scope: Scope, books: DossierBooks, coupling: Coupling, choices: DocumentChoices) -> Iterator[Invalid]:
    values = {"journal": choices.journal, "dossier": coupling.dossier_number}
    journal = books.journals.get(choices.journal)
    if journal is None:
        yield Invalid("configuration.journal_unknown", field="journal", **values)
    elif journal.blocked:
        yield Invalid("configuration.journal_blocked", field="journal", **values)
    elif journal.type is not JOURNALS[EntryKind(choices.entry_kind)]:
        yield Invalid(f"configuration.journal_not_{choices.entry_kind}", field="journal", **values)
    yield from ledger_problems(books, choices.ledger_account, "ledger_account", "", "")
    yield from date_problems(
        books, choices.journal, choices.frequency, choices.delay_days, choices.starts_on, choices.ends_on,
        clock.today(),
    )  # fmt: skip
    if choices.relation:
        known = read_relations(scope, coupling.id) or ()
        if known and not any(relation.code == choices.relation for relation in known):
            yield Invalid("configuration.relation_unknown", field="relation", relation=choices.relation)


def _add(scope: Scope, row: Configuration) -> None:
    try:
        with scope.session.begin_nested():
            scope.session.add(row)
    except IntegrityError as error:
        if "uq_configurations_documents" in str(error.orig):
            raise Conflict("conflict") from None
        raise
