"""What a coupling syncs: made, changed and stopped, and checked against the dossier's books."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.access import Scope
from portal.activity import service as activity
from portal.connectors.base import EntryKind, Journal, LedgerAccount
from portal.couplings.books import DossierBooks, read_books
from portal.couplings.models import Configuration, Coupling
from portal.couplings.nearest import nearest_account
from portal.couplings.periods import last_due, next_due, next_period
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid

FREQUENCIES = ("daily", "monthly")
MAX_DELAY = 14
EARLIEST_START = date(2000, 1, 1)
KINDS = (EntryKind.BANK, EntryKind.GENERAL)


class Account(Protocol):
    """What is asked of a bank account here; the ledger keeps it."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def number(self) -> str: ...
    @property
    def currency(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person fills in. Codes as the dossier writes them."""

    entry_kind: str
    journal: str
    bank_ledger_account: str
    suspense_account: str
    frequency: str
    starts_on: date
    ends_on: date | None = None
    delay_days: int = 0
    automatic: bool = True


class InvalidChoices(Invalid):
    """One or more fields are wrong; this is the first, `all` has each with its own field and code."""

    def __init__(self, problems: list[Invalid]) -> None:
        first = problems[0]
        super().__init__(first.code, field=first.field, **first.values)
        self.all = tuple(problems)


@dataclass(frozen=True, slots=True)
class Effect:
    """The period that goes out next, and on which day."""

    start: date
    end: date
    goes_out_on: date


def create_configuration(
    scope: Scope, coupling_id: uuid.UUID | str, account: Account, choices: Choices
) -> Configuration:
    """Raises InvalidChoices, and Conflict "coupling.ended", "configuration.books_unread" or
    "configuration.account_taken"."""
    coupling = active_coupling(scope, coupling_id)
    _check(scope, coupling, account, choices, None)
    return write_configuration(scope, coupling, account, choices)


def write_configuration(scope: Scope, coupling: Coupling, account: Account, choices: Choices) -> Configuration:
    """As it was checked before against the books of the dossier. Raises Conflict "configuration.account_taken"."""
    now = clock.now()
    row = Configuration(
        tenant_id=scope.tenant_id,
        id=uuid7(),
        coupling_id=coupling.id,
        bank_account_id=account.id,
        state="active",
        created_at=now,
        changed_at=now,
        **asdict(choices),
    )
    set_due(row)
    _write(scope, row, account)
    _record(scope, "configuration.created", row, account=account.number)
    return row


def edit_configuration(
    scope: Scope, configuration_id: uuid.UUID | str, account: Account, choices: Choices
) -> Configuration:
    """Change all but the bank account. Entries that were offered stay as they are."""
    row = _living(scope, configuration_id)
    coupling = active_coupling(scope, row.coupling_id)
    _check(scope, coupling, account, choices, row.id)
    changes = {key: value for key, value in asdict(choices).items() if getattr(row, key) != value}
    before = {key: getattr(row, key) for key in changes}
    for key, value in changes.items():
        setattr(row, key, value)
    if changes:
        row.changed_at = clock.now()
        set_due(row)
        _record(scope, "configuration.changed", row, account=account.number, before=before, after=changes)
    scope.session.flush()
    return row


def deactivate_configuration(scope: Scope, configuration_id: uuid.UUID | str) -> Configuration:
    row = _living(scope, configuration_id)
    if row.state == "active":
        _stop(row, "inactive")
        _record(scope, "configuration.deactivated", row)
    scope.session.flush()
    return row


def reactivate_configuration(scope: Scope, configuration_id: uuid.UUID | str, account: Account) -> Configuration:
    """Checked anew, for the dossier may have changed meanwhile."""
    row = _living(scope, configuration_id)
    coupling = active_coupling(scope, row.coupling_id)
    if row.state != "active":
        _check(scope, coupling, account, choices_of(row), row.id)
        row.state, row.changed_at = "active", clock.now()
        set_due(row)
        _write(scope, row, account)
        _record(scope, "configuration.reactivated", row, account=account.number)
    return row


def delete_configuration(scope: Scope, configuration_id: uuid.UUID | str) -> None:
    """It is shown no more; what it booked keeps its history."""
    row = _living(scope, configuration_id)
    _stop(row, "deleted")
    _record(scope, "configuration.deleted", row)
    scope.session.flush()


def choices_of(row: Configuration) -> Choices:
    return Choices(**{name: getattr(row, name) for name in Choices.__slots__})


def effect_of(configuration: Configuration, today: date) -> Effect | None:
    """Which period goes out next and when; None when the end date has passed."""
    coming = next_period(configuration, today)
    due = next_due(configuration, today)
    if coming is None or due is None:
        return None
    return Effect(*coming, due.date())


def effect_of_choices(choices: Choices, today: date) -> Effect | None:
    """The same for a form that is not saved yet."""
    return effect_of(Configuration(**asdict(choices)), today)


# ------------------------------------------------------------------ checks


def problems(books: DossierBooks, coupling: Coupling, account: Account, choices: Choices, today: date) -> list[Invalid]:
    """Everything that is wrong with the choices, by field, in the order of the form."""
    return [
        *_journal_problems(books, coupling, account, choices),
        *_account_problems(books, choices),
        *date_problems(
            books, choices.journal, choices.frequency, choices.delay_days, choices.starts_on, choices.ends_on, today
        ),
    ]


def _journal_problems(books: DossierBooks, coupling: Coupling, account: Account, choices: Choices) -> Iterator[Invalid]:
    values = {"journal": choices.journal, "dossier": coupling.dossier_number}
    if choices.entry_kind not in KINDS:
        yield Invalid("configuration.entry_kind", field="entry_kind")
        return
    journal = books.journals.get(choices.journal)
    if journal is None:
        yield Invalid("configuration.journal_unknown", field="journal", **values)
        return
    if journal.blocked:
        yield Invalid("configuration.journal_blocked", field="journal", **values)
    if journal.type not in books.fitting(EntryKind(choices.entry_kind)):
        yield Invalid(f"configuration.journal_not_{choices.entry_kind}", field="journal", **values)
    currency = journal.currency or coupling.currency
    if choices.entry_kind == EntryKind.BANK and currency and currency != account.currency:
        told = values | {"found": currency, "expected": account.currency}
        yield Invalid("configuration.journal_currency", field="journal", **told)
    if choices.entry_kind == EntryKind.BANK and journal.iban and journal.iban != account.number:
        yield Invalid("configuration.journal_iban", field="journal", **values, iban=journal.iban)


def _account_problems(books: DossierBooks, choices: Choices) -> Iterator[Invalid]:
    journal = books.journals.get(choices.journal)
    bank = choices.entry_kind == EntryKind.BANK
    wanted = journal.ledger_account if journal and bank else ""
    found = list(ledger_problems(books, choices.bank_ledger_account, "bank_ledger_account", wanted, "bank"))
    yield from found
    if not found and wanted and choices.bank_ledger_account != wanted:
        values = {"account": choices.bank_ledger_account, "journal": choices.journal, "suggestion": wanted}
        yield Invalid("configuration.account_not_of_journal", field="bank_ledger_account", **values)
    yield from ledger_problems(books, choices.suspense_account, "suspense_account", "", "")
    if choices.suspense_account == choices.bank_ledger_account:
        yield Invalid("configuration.same_accounts", field="suspense_account", account=choices.suspense_account)


def ledger_problems(books: DossierBooks, code: str, field: str, wanted: str, kind: str) -> Iterator[Invalid]:
    account = books.accounts.get(code)
    if account is not None and not account.blocked:
        return
    suggestion = wanted or nearest_account(books.accounts.values(), code, kind)
    why = "account_unknown" if account is None else "account_blocked"
    if suggestion:
        yield Invalid(f"configuration.{why}_try", field=field, account=code, suggestion=suggestion)
    else:
        yield Invalid(f"configuration.{why}", field=field, account=code)


def date_problems(
    books: DossierBooks,
    journal: str,
    frequency: str,
    delay_days: int,
    starts_on: date,
    ends_on: date | None,
    today: date,
) -> Iterator[Invalid]:
    if frequency not in FREQUENCIES:
        yield Invalid("configuration.frequency", field="frequency")
    if not 0 <= delay_days <= MAX_DELAY:
        yield Invalid("configuration.delay", field="delay_days", most=MAX_DELAY)
    if ends_on is not None and ends_on < starts_on:
        yield Invalid("configuration.ends_before_start", field="ends_on")
    if not EARLIEST_START <= starts_on <= today.replace(year=today.year + 1, day=1):
        yield Invalid("configuration.start_too_far", field="starts_on")
        return
    period = books.period_of(starts_on)
    if period is None:
        yield Invalid("configuration.no_period", field="starts_on", date=starts_on)
    elif not period.is_open(journal):
        open_ = [p.starts_on for p in books.periods if p.starts_on > starts_on and p.is_open(journal)]
        values = {"year": period.year, "period": period.number, "journal": journal}
        if open_:
            yield Invalid("configuration.period_closed_try", field="starts_on", **values, suggestion=min(open_))
        else:
            yield Invalid("configuration.period_closed", field="starts_on", **values)


def usable_journals(books: DossierBooks, kind: str) -> list[Journal]:
    types = books.fitting(EntryKind(kind))
    found = (journal for journal in books.journals.values() if journal.type in types and not journal.blocked)
    return sorted(found, key=lambda journal: journal.code)


def usable_accounts(books: DossierBooks) -> list[LedgerAccount]:
    return sorted((a for a in books.accounts.values() if not a.blocked), key=lambda account: account.code)


# ------------------------------------------------------------------ steps


def _check(scope: Scope, coupling: Coupling, account: Account, choices: Choices, own_id: uuid.UUID | None) -> None:
    books = read_books(scope, coupling.id)
    if books.fetched_at is None:
        raise Conflict("configuration.books_unread", number=coupling.dossier_number)
    found = problems(books, coupling, account, choices, clock.today())
    others = _others(scope, own_id)
    if any(other.bank_account_id == account.id for other in others):
        raise Conflict("configuration.account_taken", number=account.number)
    same = any(other.coupling_id == coupling.id and other.journal == choices.journal for other in others)
    if same and choices.entry_kind == EntryKind.BANK:
        found.append(Invalid("configuration.journal_taken", field="journal", journal=choices.journal))
    if found:
        raise InvalidChoices(found)


def _others(scope: Scope, own_id: uuid.UUID | None) -> list[Configuration]:
    query = select(Configuration).where(
        Configuration.tenant_id == scope.tenant_id, Configuration.state == "active", Configuration.id != own_id
    )
    return list(scope.session.scalars(query))


def active_coupling(scope: Scope, coupling_id: uuid.UUID | str) -> Coupling:
    """Locked. Raises Conflict "coupling.ended"."""
    coupling = scope.get(Coupling, coupling_id, lock=True)
    if coupling.state != "active":
        raise Conflict("coupling.ended", number=coupling.dossier_number)
    return coupling


def _living(scope: Scope, configuration_id: uuid.UUID | str) -> Configuration:
    row = scope.get(Configuration, configuration_id, lock=True)
    if row.state == "deleted":
        raise Conflict("configuration.deleted")
    return row


def _stop(row: Configuration, state: str) -> None:
    row.state, row.next_due_at, row.changed_at = state, None, clock.now()


def set_due(row: Configuration) -> None:
    """Periods that have passed already are due at once; then each in its turn."""
    if row.state != "active":
        row.next_due_at = None
    elif last_due(row.frequency, row.delay_days, clock.today()) >= row.starts_on:
        row.next_due_at = clock.now()
    else:
        row.next_due_at = next_due(row, clock.today())


def _write(scope: Scope, row: Configuration, account: Account) -> None:
    number = account.number
    try:
        with scope.session.begin_nested():
            scope.session.add(row)
    except IntegrityError as error:
        if "uq_configurations_bank_account" in str(error.orig):
            raise Conflict("configuration.account_taken", number=number) from None
        raise


def _record(scope: Scope, tag: str, row: Configuration, **more: Any) -> None:
    activity.record(scope, tag, ("configuration", row.id), context=row.coupling_id, journal=row.journal, **more)
