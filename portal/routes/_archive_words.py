"""What an account consists of, in words, for the page before it is deleted."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext as _

from portal.kernel.words import N_

# The tables that mean something to their owner; the rest is told in one line.
TABLES: Mapping[str, str] = {
    "statement_lines": N_("Bank lines"),
    "statements": N_("Bank statements"),
    "bank_accounts": N_("Bank accounts"),
    "documents": N_("Invoices and credit notes"),
    "document_files": N_("Files of documents"),
    "entries": N_("Entries"),
    "postings": N_("Sendings to a package"),
    "couplings": N_("Couplings, present and past"),
    "configurations": N_("Configurations"),
    "authorisations": N_("Log-ins at packages"),
    "feeds": N_("Links to banks"),
    "memberships": N_("People of this account"),
    "grants": N_("Access that was given"),
    "activities": N_("Lines of the audit trail"),
    "data_keys": N_("Keys of its secrets"),
}
STOPS: Mapping[str, str] = {
    "couplings": N_("Couplings through which entries are sent"),
    "configurations": N_("Configurations that run by themselves"),
    "feeds": N_("Links that fetch from a bank"),
    "authorisations": N_("Log-ins at packages"),
    "members": N_("People who sign in here; who belongs nowhere else is deleted too"),
    "grants": N_("Firms and people who work in this account"),
    "clients": N_("Client accounts that let this firm in; they stay, without the firm"),
    "client_couplings": N_("Couplings of client accounts that go through a log-in of this firm"),
}


def tables_in_words(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """(what, rows), known ones first; then all other rows together."""
    known = [(_(word), counts[name]) for name, word in TABLES.items() if name in counts]
    rest = sum(count for name, count in counts.items() if name not in TABLES)
    return [*known, (_("Everything else"), rest)] if rest else known
