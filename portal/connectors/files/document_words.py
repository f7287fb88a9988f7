"""What each refusal and warning of a document says, as English message ids; see `refusals`."""

from __future__ import annotations


def N_(message: str) -> str:
    return message


REFUSALS: dict[str, str] = {
    "document.unknown_format": N_(
        "This is not a document we can read. Hand in a UBL (Peppol) or Factur-X invoice, or takings as CSV."
    ),
    "document.not_an_invoice": N_(
        "The file is XML, but <{element}> is no invoice or credit note in UBL or Factur-X. Ask for one of these."
    ),
    "document.xml": N_("The file is not well-formed XML: {problem}. Ask for the document again."),
    "document.doctype": N_("The file has a DOCTYPE, which invoices never have. It was not read. Ask for it again."),
    "document.depth": N_("The file is nested too deep to be an invoice."),
    "document.pdf": N_("The PDF is damaged ({problem}). Ask for the document again."),
    "document.pdf_locked": N_("The PDF is locked with a password. Ask for one that is not."),
    "document.pdf_without_invoice": N_(
        "The PDF is a picture of an invoice only: no Factur-X invoice is embedded in it. Ask for Factur-X or Peppol."
    ),
    "document.missing": N_("The document has no {what}. Ask whoever made it for a complete one."),
    "document.amount": N_("“{text}” ({what}) is not an amount. Ask for a correct document."),
    "document.decimals": N_("The amount {text} ({what}) is not in whole cents. Ask for a correct document."),
    "document.rate": N_("“{text}” is not a VAT rate. Ask for a correct document."),
    "document.date": N_("“{text}” ({what}) is not a date. Ask for a correct document."),
    "document.currency": N_("{what} is in {found} where the document is in {expected}. Ask for a correct document."),
    "document.sum": N_(
        "The totals do not add up: the document says {told}, but its parts make {counted} (rule {rule}). Ask for a "
        "correct document."
    ),
    "document.vat": N_(
        "The VAT at {rate} % is {told}, but comes to {counted} (rule {rule}). Ask for a correct document."
    ),
    "document.base": N_(
        "The amount taxed at {rate} % is {told}, but the lines at that rate make {counted} (rule {rule}). Ask for a "
        "correct document."
    ),
    "document.no_rates": N_(
        "The document tells {vat} of VAT but not at which rates. Ask for Factur-X with the profile BASIC or higher."
    ),
    "document.no_takings": N_("The file has a first line but no takings. Add one line for each day and rate."),
    "document.columns": N_("This line has {found} columns where the first line has {expected}. Correct the line."),
    "document.csv": N_("The file is not readable as CSV: {problem}. Save it as CSV again."),
    "document.plain_amount": N_(
        "“{text}” ({what}) is not a plain amount: write 1234.50 or 1234,50, without a sign for thousands."
    ),
}

WARNINGS: dict[str, str] = {
    "document.vat_rounded": N_("The VAT at {rate} % is {told}; counted over the whole it would be {counted}."),
    "document.base_rounded": N_("The amount taxed at {rate} % is {told}; the lines make {counted}."),
    "document.line": N_("Line {line} is {told}; quantity times price is {counted}."),
}
