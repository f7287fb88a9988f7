"""What this room says, as English message ids; `{placeholders}` are filled at the edge."""

from __future__ import annotations

from portal.kernel.words import N_

# Refusals that the store adds to those of the readers of files.
REFUSALS: dict[str, str] = {
    "document.other_client": N_(
        "This is of {supplier} for {customer}; {client} is on neither side. Hand it in at the account that it is of."
    ),
    "document.both_sides": N_("{name} is both supplier and customer of this document. Nobody invoices themselves."),
    "document.conflict": N_(
        "{party} has another document {number} already: {date}, {gross} {currency}. This one is of {other_date}, "
        "{other_gross}. Delete the one that is wrong first, or ask for a correct number."
    ),
    "file.amount": N_("The amount {text} is larger than any that can be stored. Ask for a correct document."),
}

ERRORS: dict[str, str] = {
    "document.drafted": N_("{number} is in an entry already, so it stays."),
    "document.settled": N_("{number} is reconciled with a bank line already, so it stays. Undo that first."),
}

TAGS: dict[str, str] = {
    "document.sales": N_("stored {number} for {party}: {gross} {currency} ({filename})"),
    "document.purchase": N_("stored {number} of {party}: {gross} {currency} ({filename})"),
    "document.deleted": N_("deleted {number} of {gross} {currency}"),
    "document_file.known": N_("handed in {filename}: known already"),
    "document_file.refused": N_("handed in {filename}: refused"),
}
