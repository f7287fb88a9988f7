"""What Business Central's own refusals mean to the people who can mend them; see also `connectors.refusals`."""

from __future__ import annotations

from portal.connectors.manifest import Explanation
from portal.connectors.refusals import N_, RETRIED, SEND_AGAIN, explained

_DELETE_BATCHES = (N_("Delete the journal batches named Koppelpoort in Business Central."), SEND_AGAIN)

EXPLANATIONS = explained(
    "business_central",
    authorisation_expired=Explanation(
        N_("Microsoft asks for a new log-in"),
        N_("Business Central no longer accepts this connection. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        (N_("Open the authorisation."), N_("Choose Log in again and use the same Microsoft account as before.")),
        can_test=True,
    ),
    no_environment=Explanation(
        N_("This log-in has no environment"),
        N_("Business Central names no environment that this log-in may use."),
        "firm",
        (N_("Ask the administrator of Business Central for a licence and for access to an environment."),),
        can_test=True,
    ),
    user_rights=Explanation(
        N_("The log-in has no rights for this"),
        N_("Business Central refused the connected log-in. Nothing was booked."),
        "firm",
        (N_("Ask the administrator to give this user rights to make and post general journals in the company."),),
        can_test=True,
    ),
    period_closed=Explanation(
        N_("The date is not allowed in Business Central"),
        N_("The date is outside the posting dates that the company allows. Nothing was booked."),
        "firm",
        (
            N_("Open General Ledger Setup or User Setup in Business Central and check Allow Posting From and To."),
            SEND_AGAIN,
        ),
        can_test=True,
    ),
    account_indirect=Explanation(
        N_("A ledger account takes no direct entries"),
        N_("The ledger account is kept by Business Central itself, such as that of a bank account or of customers."),
        "firm",
        (
            N_("Choose a ledger account with Direct Posting in the configuration, such as a suspense account."),
            SEND_AGAIN,
        ),
        can_test=True,
    ),
    dimension_missing=Explanation(
        N_("Business Central asks for a dimension"),
        N_(
            "The ledger account may only be used with a dimension, which Koppelpoort does not send. Nothing was booked."
        ),
        "firm",
        (N_("Give the ledger account a default dimension value in Business Central."), SEND_AGAIN),
        can_test=True,
    ),
    vat_code=Explanation(
        N_("The ledger account asks for VAT"),
        N_("A posting type or VAT group on the ledger account does not fit this entry. Nothing was booked."),
        "firm",
        (N_("Clear the general posting type of the ledger account, or choose another one."), SEND_AGAIN),
    ),
    duplicate=Explanation(
        N_("A journal batch of this name is in the way"),
        N_("A journal batch of the same name could not be removed. Nothing was booked."),
        "firm",
        _DELETE_BATCHES,
        can_test=True,
    ),
    changed=Explanation(
        N_("Somebody changed the journal batch"),
        N_("A journal batch of Koppelpoort was changed by somebody else. Nothing was booked."),
        "firm",
        _DELETE_BATCHES,
        can_test=True,
    ),
    batch_gone=Explanation(
        N_("The journal batch was not posted"),
        N_("It was thrown away before it was posted, by a later attempt or by hand. Nothing was booked."),
        "us",
        (RETRIED,),
    ),
)
