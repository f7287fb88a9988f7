"""What Xero's own refusals mean to the people who can mend them; see also `connectors.refusals`."""

from __future__ import annotations

from portal.connectors.manifest import Explanation
from portal.connectors.refusals import CHECK_CONFIGURATION, N_, SEND_AGAIN, explained

EXPLANATIONS = explained(
    "xero",
    user_rights=Explanation(
        N_("Xero refuses this organisation"),
        N_("The organisation is no longer connected, or the login lost its role in it. Nothing was booked."),
        "firm",
        (
            N_("In Xero, open Settings, then Connected apps, and check that Koppelpoort is connected."),
            N_("Check that the login still has the role Adviser or Standard in the organisation."),
            N_("Open the authorisation and connect again where needed."),
        ),
        can_test=True,
    ),
    period_closed=Explanation(
        N_("The books are locked in Xero"),
        N_("Xero books nothing up to its lock date. The entry was refused as a whole."),
        "firm",
        (N_("In Xero, open Accounting, then Advanced, and set an earlier lock date."), SEND_AGAIN),
        can_test=True,
    ),
    account_system=Explanation(
        N_("Xero keeps this ledger account to itself"),
        N_(
            "Bank accounts and the accounts of customers and suppliers are not open to manual journals. "
            "Nothing was sent."
        ),
        "firm",
        (
            N_("In Xero, make a clearing account of type current asset for this bank account."),
            N_("Choose that account as ledger account of the bank in the configuration."),
            SEND_AGAIN,
        ),
        can_test=True,
    ),
    relation_missing=Explanation(
        N_("The document has no contact in Xero"),
        N_("Nothing was sent: Xero books an invoice or bill on a contact alone."),
        "firm",
        (N_("Make the customer or supplier in Xero."), N_("Choose it on the document."), SEND_AGAIN),
    ),
    relation_unknown=Explanation(
        N_("Xero does not know this contact"),
        N_("The customer or supplier was archived or merged in Xero. Nothing was booked."),
        "firm",
        (N_("Choose another customer or supplier on the document."), SEND_AGAIN),
        can_test=True,
    ),
    vat_code=Explanation(
        N_("Xero refuses a tax rate"),
        N_("The tax rate does not exist, or may not be used with this ledger account. Nothing was booked."),
        "firm",
        (CHECK_CONFIGURATION, SEND_AGAIN),
        can_test=True,
    ),
    duplicate=Explanation(
        N_("This number exists in Xero already"),
        N_("Xero has an invoice or credit note with the same number. Nothing was booked a second time."),
        "firm",
        (N_("Look the number up in Xero. If it is the same document, mark this entry as booked."),),
        can_test=True,
    ),
)
