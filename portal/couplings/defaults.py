"""What a new configuration is proposed with, so that most people only have to agree."""

from __future__ import annotations

from datetime import date

from portal.connectors.base import EntryKind, Journal
from portal.couplings.books import DossierBooks
from portal.couplings.configurations import Account, Choices, usable_journals
from portal.couplings.nearest import suspense_account


def defaults_for(books: DossierBooks, account: Account, country: str, today: date) -> Choices:
    """Monthly and automatic into the journal of the account's IBAN, from the first open month on.

    Fields for which the books hold nothing that fits are "".
    """
    journal = journal_for(books, account)
    code = journal.code if journal else ""
    bank = journal.ledger_account if journal else ""
    if not bank:
        bank = next((a.code for a in books.accounts.values() if a.kind == "bank" and not a.blocked), "")
    return Choices(
        entry_kind=books.kind_in(journal),
        journal=code,
        bank_ledger_account=bank,
        suspense_account=suspense_account(books.accounts.values(), country),
        frequency="monthly",
        starts_on=_first_open(books, code, today),
        delay_days=3,
    )


def journal_for(books: DossierBooks, account: Account) -> Journal | None:
    """The bank journal with the account's number, else the only one in its currency without any.

    A general one where the package has no bank journals.
    """
    journals = usable_journals(books, EntryKind.BANK if books.bank_entries else EntryKind.GENERAL)
    for journal in journals:
        if journal.iban == account.number:
            return journal
    free = [j for j in journals if not j.iban and j.currency in ("", account.currency)]
    free = [j for j in free if j.type == "bank"] or [j for j in free if j.type == "general"]
    return free[0] if len(free) == 1 else None


def _first_open(books: DossierBooks, journal: str, today: date) -> date:
    """The first day of this month, or of the first period after it that is open."""
    month = today.replace(day=1)
    period = books.period_of(month)
    if period is None or period.is_open(journal):
        return month
    return min((p.starts_on for p in books.periods if p.starts_on > month and p.is_open(journal)), default=month)
