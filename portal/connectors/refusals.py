"""What the refusals that every package knows mean to people, in words that fit each of them.

A connector adds its own, and words its own way what is particular at its provider.
"""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.manifest import Explanation

N_ = str  # marks a message id for extraction

RETRIED = N_("Nothing needs to be done. Koppelpoort tries again by itself.")
CHECK_CONFIGURATION = N_("Open the configuration of this client account and check the ledger accounts and the journal.")
SEND_AGAIN = N_("Send the entry again.")
SUPPORT = N_("Copy the support packet and send it to Koppelpoort.")
LOOKS_FIRST = N_("Koppelpoort looks first whether something was booked, and sends nothing twice.")

_UNREADABLE = Explanation(
    N_("The package answered something that cannot be read"),
    LOOKS_FIRST,
    "us",
    (N_("If this stays, copy the support packet and send it to Koppelpoort."),),
)
_SHARED = {
    "authorisation_expired": Explanation(
        N_("The package asks for a new log-in"),
        N_("This connection is no longer accepted. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        (N_("Open the authorisation."), N_("Connect again, in the same way as before.")),
        can_test=True,
    ),
    "user_rights": Explanation(
        N_("The connection has no rights for this"),
        N_("The package refused: the connection may not see or book this. Nothing was booked."),
        "firm",
        (N_("Ask the administrator of the package to give this connection rights in the dossier."),),
        can_test=True,
    ),
    "not_found": Explanation(
        N_("The package does not know what was asked for"),
        N_("The dossier or a part of it has been removed, or is not shared. Nothing was booked."),
        "firm",
        (N_("Check that the dossier still exists and is shared with Koppelpoort."), CHECK_CONFIGURATION),
        can_test=True,
    ),
    "period_closed": Explanation(
        N_("The period is closed in the package"),
        N_("Nothing is booked in a closed period. The entry was refused as a whole."),
        "firm",
        (N_("Open the period in the package, or change the date of the entry."), SEND_AGAIN),
        can_test=True,
    ),
    "fiscal_year_unknown": Explanation(
        N_("The fiscal year does not exist in the package"),
        N_("The dossier has no fiscal year for the date of this entry. Nothing was booked."),
        "firm",
        (N_("Create the fiscal year in the package."), SEND_AGAIN),
        can_test=True,
    ),
    "unbalanced": Explanation(
        N_("The package says that the entry does not balance"),
        N_("Debit and credit of the lines differ. Nothing was booked."),
        "us",
        (SUPPORT,),
    ),
    "account_unknown": Explanation(
        N_("A ledger account does not exist in the dossier"),
        N_("The entry names a ledger account that the package does not have. Nothing was booked."),
        "firm",
        (CHECK_CONFIGURATION, SEND_AGAIN),
        can_test=True,
    ),
    "account_blocked": Explanation(
        N_("A ledger account is closed in the package"),
        N_("The package does not book on a closed ledger account. Nothing was booked."),
        "firm",
        (N_("Open the ledger account in the package, or choose another one in the configuration."), SEND_AGAIN),
        can_test=True,
    ),
    "journal_unknown": Explanation(
        N_("The journal does not exist in the dossier"),
        N_("The chosen journal has been removed from the package, or its code was changed. Nothing was booked."),
        "firm",
        (CHECK_CONFIGURATION, SEND_AGAIN),
        can_test=True,
    ),
    "journal_type": Explanation(
        N_("The journal is of the wrong type"),
        N_("The package does not accept this kind of entry in the chosen journal. Nothing was booked."),
        "firm",
        (N_("Choose a journal of the right type in the configuration of the coupling."), SEND_AGAIN),
        can_test=True,
    ),
    "currency": Explanation(
        N_("The package takes no entry in this currency"),
        N_("The entry is in another currency than the package books in. Nothing was sent."),
        "firm",
        (N_("Book this entry by hand."),),
    ),
    "duplicate": Explanation(
        N_("The package says that this is there already"),
        N_("The entry was refused as a repetition. Koppelpoort booked nothing a second time."),
        "firm",
        (N_("Look the entry up in the package by its reference."),),
        can_test=True,
    ),
    "refused": Explanation(
        N_("The package refused the entry"),
        N_("The words of the package are in the technical details. Nothing was booked."),
        "firm",
        (CHECK_CONFIGURATION, SEND_AGAIN),
    ),
    "application_refused": Explanation(
        N_("The registration of Koppelpoort is not accepted"),
        N_("The provider does not accept how Koppelpoort is registered with it. Nothing was booked."),
        "us",
        (SUPPORT,),
    ),
    "rate_limited": Explanation(
        N_("The package asks us to wait"),
        N_("The number of calls that the package allows was reached. Nothing is lost."),
        "us",
        (RETRIED,),
    ),
    "server_error": Explanation(N_("The package has a fault"), LOOKS_FIRST, "us", (RETRIED,)),
    "too_late": Explanation(
        N_("Preparing the entry took too long"), N_("Nothing was sent, and nothing is lost."), "us", (RETRIED,)
    ),
    "unreachable": Explanation(
        N_("The package cannot be reached"), N_("No connection could be made. Nothing was sent."), "us", (RETRIED,)
    ),
    "timeout": Explanation(N_("The package answers too slowly"), LOOKS_FIRST, "us", (RETRIED,)),
    "cut_off": Explanation(N_("The connection with the package broke off"), LOOKS_FIRST, "us", (RETRIED,)),
    "unreadable": _UNREADABLE,
    "too_large": _UNREADABLE,
    "foreign_link": _UNREADABLE,
    "endless_list": _UNREADABLE,
}


def explained(key: str, **own: Explanation) -> Mapping[str, Explanation]:
    """All explanations of the connector `key`: the shared ones, and its own instead of or besides them."""
    return {f"{key}.{code}": explanation for code, explanation in {**_SHARED, **own}.items()}
