"""What the ledger says, as English message ids; `{placeholders}` are filled at the edge."""

from __future__ import annotations

from portal.kernel.words import N_
from portal.ledger.models import Import

# What became of a file. The words of a refusal are those of its `code`.
RESULTS: dict[str, str] = {
    "stored": N_("{stored} lines stored."),
    "partly": N_("{stored} lines stored, {known} were known already."),
    "known": N_("Known already: all {known} lines were stored before."),
    "empty": N_("A statement without movements; its balance was stored."),
    "known_empty": N_("Known already: a statement without movements."),
}

# Refusals that the store adds to those of the readers of files.
REFUSALS: dict[str, str] = {
    "file.other_account": N_(
        "This file is of account {found} in {currency}, not of {expected}. Offer it on the page of that account, or "
        "on the page for all accounts."
    ),
    "file.no_account": N_("The file does not say which bank account it is of. Choose the account."),
    "file.amount": N_("The amount {text} is larger than any that can be stored. Download the file again."),
    "file.too_many_statements": N_("The file holds more than {limit} statements. Download a shorter period."),
    "file.statements_a_day": N_("The file holds more than {limit} statements of one account on one day."),
}

ERRORS: dict[str, str] = {
    "bank_account.name": N_("Give a name of at most {limit} characters."),
    "mapping.twice": N_("Two columns were given the same meaning. Leave one of them unused."),
    "mapping.incomplete": N_("Say which column holds the date and which the amount, or debit and credit."),
    "parked.account": N_("Choose the account, or give its number."),
    "parked.number": N_("Give an account number of 5 to 34 letters and digits."),
    "parked.currency": N_("Give a currency of three letters, such as EUR."),
    "import.drafted": N_("Lines of {filename} are in an entry already, so the file stays."),
    "import.shared": N_("{other} counts on lines of {filename}. Delete {other} first."),
}

TAGS: dict[str, str] = {
    "bank_account.seen": N_("brought in bank account {number} for the first time"),
    "bank_account.renamed": N_("renamed {before} to {name}"),
    "import.asked": N_("offered {filename}, which waits for an answer"),
    "import.forgotten": N_("let go of {filename}, which waited for an answer"),
    "csv_mapping.learnt": N_("said what the columns of {filename} mean"),
    "import.stored": N_("imported {filename}: {stored} lines stored, {known} known already"),
    "import.known": N_("offered {filename}: all {known} lines were known already"),
    "import.refused": N_("offered {filename}: refused"),
    "lines.fed": N_("{provider}: {stored} lines stored, {updated} say more now"),
    "import.deleted": N_("deleted {filename} and its {lines} lines"),
}


def result_of(row: Import) -> str:
    """Which of RESULTS tells what became of the file; "" when it was refused."""
    if row.state == "refused":
        return ""
    if row.state == "known":
        return "known" if row.known else "known_empty"
    if not row.stored:
        return "empty" if not row.known else "known"
    return "partly" if row.known else "stored"
