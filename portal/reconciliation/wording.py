"""What this room says, as English message ids; `{placeholders}` are filled at the edge."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS: dict[str, str] = {
    "match.sent": N_(
        "This line is in entry {reference}, which was sent. What was sent stays as it is; correct it in the package."
    ),
    "match.line_done": N_("Nothing of this line is left to match: somebody did so before you."),
    "match.document_done": N_("{number} is paid in full by other lines already."),
    "match.document_gone": N_("This document is not here any more, or has another currency."),
    "match.document_less": N_("Of {number} {left} is open. Type an amount up to that."),
    "match.too_much": N_("The documents do not fit the {left} that is left of this line."),
    "match.nothing": N_("Choose a document, or leave the line on suspense."),
    "match.none": N_("This line has no match to take back."),
    "match.amount": N_("{typed} is not an amount. Type it as 1,234.50."),
    "match.account_unknown": N_("{account} is not an account of this dossier. Choose one of the list."),
}

TAGS: dict[str, str] = {
    "match.made": N_("matched {amount} with {number} of {party}"),
    "match.rest": N_("left {amount} on suspense"),
    "match.undone": N_("took back a match of {amount}"),
    "coupling.party_accounts": N_("set the accounts of customers and suppliers to {receivable} and {payable}"),
}
