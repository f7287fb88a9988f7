"""What each refusal means to the people who can mend it."""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.base import Explanation

N_ = str  # marks a message id for extraction

_RETRY_LATER = N_("Nothing needs to be done. Koppelpoort tries again by itself.")
_SEND_AGAIN = N_("Send the entry again.")
_CHECK = N_("Open the configuration of this client account and check the ledger accounts and the journal.")
_PACKET = N_("Copy the support packet and send it to Koppelpoort.")
_LOOKS_FIRST = N_("Koppelpoort looks first whether something was booked, and sends nothing twice.")

_UNREADABLE = Explanation(N_("Business Central answered something that cannot be read"), _LOOKS_FIRST, "us", (_PACKET,))
_TAKEN_OVER = Explanation(
    N_("The journal batch was not posted"),
    N_("Preparing it took too long, or it was thrown away meanwhile. Nothing was booked."),
    "us",
    (_RETRY_LATER,),
)

EXPLANATIONS: Mapping[str, Explanation] = {
    "business_central.authorisation_expired": Explanation(
        N_("Microsoft asks for a new log-in"),
        N_("Business Central no longer accepts this connection. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        (N_("Open the authorisation."), N_("Choose Log in again and use the same Microsoft account as before.")),
        can_test=True,
    ),
    "business_central.no_environment": Explanation(
        N_("This log-in has no environment"),
        N_("Business Central names no environment that this log-in may use."),
        "firm",
        (N_("Ask the administrator of Business Central for a licence and for access to an environment."),),
        can_test=True,
    ),
    "business_central.user_rights": Explanation(
        N_("The log-in has no rights for this"),
        N_("Business Central refused the connected log-in. Nothing was booked."),
        "firm",
        (N_("Ask the administrator to give this user rights to make and post general journals in the company."),),
        can_test=True,
    ),
    "business_central.not_found": Explanation(
        N_("Business Central does not know what was asked for"),
        N_("The company was removed, or this log-in may not see it. Nothing was booked."),
        "firm",
        (_CHECK,),
        can_test=True,
    ),
    "business_central.period_closed": Explanation(
        N_("The date is not allowed in Business Central"),
        N_("The date is outside the posting dates that the company allows. Nothing was booked."),
        "firm",
        (
            N_("Open General Ledger Setup or User Setup in Business Central and check Allow Posting From and To."),
            _SEND_AGAIN,
        ),
        can_test=True,
    ),
    "business_central.unbalanced": Explanation(
        N_("Business Central says that the entry does not balance"),
        N_("Debit and credit of the lines differ. Nothing was booked."),
        "us",
        (_PACKET,),
    ),
    "business_central.account_unknown": Explanation(
        N_("A ledger account does not exist in the company"),
        N_("The entry names a ledger account that Business Central does not have. Nothing was booked."),
        "firm",
        (_CHECK, _SEND_AGAIN),
        can_test=True,
    ),
    "business_central.account_blocked": Explanation(
        N_("A ledger account is blocked in Business Central"),
        N_("Business Central does not book on a blocked ledger account. Nothing was booked."),
        "firm",
        (
            N_("Unblock the ledger account in Business Central, or choose another one in the configuration."),
            _SEND_AGAIN,
        ),
        can_test=True,
    ),
    "business_central.account_indirect": Explanation(
        N_("A ledger account takes no direct entries"),
        N_("The ledger account is kept by Business Central itself, such as that of a bank account or of customers."),
        "firm",
        (
            N_("Choose a ledger account with Direct Posting in the configuration, such as a suspense account."),
            _SEND_AGAIN,
        ),
        can_test=True,
    ),
    "business_central.dimension_missing": Explanation(
        N_("Business Central asks for a dimension"),
        N_(
            "The ledger account may only be used with a dimension, which Koppelpoort does not send. Nothing was booked."
        ),
        "firm",
        (N_("Give the ledger account a default dimension value in Business Central."), _SEND_AGAIN),
        can_test=True,
    ),
    "business_central.vat_code": Explanation(
        N_("The ledger account asks for VAT"),
        N_("A posting type or VAT group on the ledger account does not fit this entry. Nothing was booked."),
        "firm",
        (N_("Clear the general posting type of the ledger account, or choose another one."), _SEND_AGAIN),
    ),
    "business_central.duplicate": Explanation(
        N_("Business Central says that this is there already"),
        N_("A journal batch of the same name could not be removed. Nothing was booked."),
        "firm",
        (N_("Delete the journal batches named Koppelpoort in Business Central."), _SEND_AGAIN),
        can_test=True,
    ),
    "business_central.changed": Explanation(
        N_("Somebody changed the journal batch"),
        N_("A journal batch of Koppelpoort was changed by somebody else. Nothing was booked."),
        "firm",
        (N_("Delete the journal batches named Koppelpoort in Business Central."), _SEND_AGAIN),
        can_test=True,
    ),
    "business_central.refused": Explanation(
        N_("Business Central refused the entry"),
        N_("The words of Business Central are in the technical details. Nothing was booked."),
        "firm",
        (_CHECK, _SEND_AGAIN),
    ),
    "business_central.too_late": _TAKEN_OVER,
    "business_central.batch_gone": _TAKEN_OVER,
    "business_central.rate_limited": Explanation(
        N_("Business Central asks us to wait"),
        N_("The number of calls that Business Central allows was reached. Nothing is lost."),
        "us",
        (_RETRY_LATER,),
    ),
    "business_central.server_error": Explanation(
        N_("Business Central has a fault"), _LOOKS_FIRST, "us", (_RETRY_LATER,)
    ),
    "business_central.unreachable": Explanation(
        N_("Business Central cannot be reached"),
        N_("No connection could be made. Nothing was sent."),
        "us",
        (_RETRY_LATER,),
    ),
    "business_central.timeout": Explanation(
        N_("Business Central answers too slowly"), _LOOKS_FIRST, "us", (_RETRY_LATER,)
    ),
    "business_central.cut_off": Explanation(
        N_("The connection with Business Central broke off"), _LOOKS_FIRST, "us", (_RETRY_LATER,)
    ),
    "business_central.unreadable": _UNREADABLE,
    "business_central.too_large": _UNREADABLE,
    "business_central.foreign_link": _UNREADABLE,
    "business_central.endless_list": _UNREADABLE,
}
