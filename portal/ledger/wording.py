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
    "file.not_in_groups": N_(
        "Account {found} is in none of your account groups. Ask somebody who manages account groups to add it, or to "
        "import this file."
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
    "import.matched": N_("Lines of {filename} are matched with documents, so the file stays. Undo the matches first."),
    "import.fed": N_("A feed brought these lines, not a file. Delete them, or the statement, instead."),
    "line.drafted": N_("This stands in the draft {reference}. Throw that draft away first; its lines then wait again."),
    "line.posted": N_("This was handed over with entry {reference}, so it stays. Correct it in the books."),
    "line.matched": N_("This is matched with a document. Undo the match first."),
    "line.entered": N_("This line stands in entry {reference}. Throw the draft away first to correct it."),
    "line.field": N_("The bank told this, so it stays as it is."),
    "line.text": N_("Give at most {limit} characters."),
    "line.reason": N_("Say why, in at most {limit} characters."),
    "hand.empty": N_("Give at least one line."),
    "hand.most": N_("Give at most {limit} lines at a time."),
    "hand.nothing": N_("Each line needs an amount other than nought."),
    "hand.balance": N_("Opening balance and lines do not lead to the closing balance: the difference is {difference}."),
    "export.no_balance": N_(
        "No statement tells the balance there, so no statement can be written. The lines as CSV can."
    ),
    "export.partial": N_(
        "Some lines of this statement came with another file. Export the period of the account instead."
    ),
    "export.chain": N_(
        "The balances of this account do not chain. Import what is missing first, or take the lines as CSV."
    ),
    "export.period": N_("The last day lies before the first."),
    "coda.write_balance": N_("CODA needs an opening balance, and none is known."),
    "coda.write_amount": N_("CODA holds three decimals and twelve digits; {text} does not fit. Take CAMT.053 instead."),
    "camt.write_balance": N_("CAMT.053 needs both balances, and one is not known."),
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
    "statement.typed": N_("typed in a statement: {stored} lines stored, {known} known already"),
    "statement.deleted": N_("deleted a statement and its {lines} lines: {reason}"),
    "line.corrected": N_("corrected the line of {date} over {amount}"),
    "line.deleted": N_("deleted the line of {date} over {amount}: {reason}"),
    "line.restored": N_("put the line of {date} over {amount} back"),
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
