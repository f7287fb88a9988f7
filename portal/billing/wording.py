"""Sentences for the codes and tags of this room, and the words on its documents."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS = {
    "billing.no_seller": N_("It is not known yet who sends the bills. `portal prices load` sets that and the prices."),
    "billing.no_rate": N_("There is no VAT rate for {country} on {on}. Add it to the price list."),
    "billing.not_over": N_("This month is not over yet, so it cannot be billed."),
    "billing.is_credit": N_("{number} is a credit note; only an invoice can be taken back."),
    "billing.credited": N_("{number} was taken back by {by} already."),
    "billing.vat_number": N_("“{number}” is no VAT number of this business. Check the digits, or leave it empty."),
    "billing.address": N_("An invoice needs this part of the address."),
    "billing.settled": N_("Nothing of {number} is open any more."),
    "billing.amount": N_("Not more than what is open: {rest} {currency}, in whole cents."),
    "billing.paid_in_future": N_("{on} is still to come."),
    "billing.not_paid": N_("No payment of {number} is noted."),
    "billing.no_email": N_("Invoices need an address to go to."),
}
TAGS = {
    "invoice.issued": N_("Invoice {number} of {gross} EUR came in"),
    "invoice.credit_issued": N_("Credit note {number} of {gross} EUR came in"),
    "billing.paid": N_("Payment of {amount} {currency} for {number} on {on}, noted by {by}"),
    "billing.payment_undone": N_("Payment of {amount} {currency} for {number} undone by {by}"),
    "billing.details_changed": N_("changed the billing details"),
}

ITEMS = {
    "client_account": N_("Client account"),
    "ponto_account": N_("Bank account by Ponto"),
    "saltedge_account": N_("Bank account by Salt Edge"),
}
ITEMS_OF_MANY = {
    "client_account": N_("Client accounts"),
    "ponto_account": N_("Bank accounts by Ponto"),
    "saltedge_account": N_("Bank accounts by Salt Edge"),
}
# Article 226(11a) of Directive 2006/112/EC asks for this mention.
REVERSE_CHARGE = N_("Reverse charge: the buyer accounts for VAT (articles 44 and 196 of Directive 2006/112/EC).")

INVOICE, CREDIT_NOTE = N_("Invoice"), N_("Credit note")
WHOLE_MONTH = N_("{what}, {month}")
CORRECTION = N_("Correction: {what}")
PRINTED = {
    "number": N_("Number"),
    "issued_on": N_("Date"),
    "due_on": N_("To be paid by"),
    "month": N_("Month"),
    "to": N_("To"),
    "vat_number": N_("VAT number"),
    "enterprise_number": N_("Enterprise number"),
    "description": N_("Description"),
    "quantity": N_("Quantity"),
    "price": N_("Price a month"),
    "net": N_("Amount"),
    "total_net": N_("Total without VAT"),
    "vat": N_("VAT {rate} on {net}"),
    "reversed": N_("VAT 0 % on {net}, reverse charge"),
    "total": N_("Total to be paid"),
    "total_back": N_("Total credited"),
    "days": N_("{days} of {of_days} days"),
    "pay": N_("Pay to {iban} with the reference {reference}."),
    "refers": N_("Concerns {numbers}."),
    "page": N_("Page {page} of {pages}"),
    "in_euro": N_("All amounts in euro."),
}
