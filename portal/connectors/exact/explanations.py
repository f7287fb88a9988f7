"""What each refusal means to the people who can mend it."""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.manifest import Explanation

N_ = str  # marks a message id for extraction

_RETRY_LATER = N_("Nothing needs to be done. Koppelpoort tries again by itself.")
_CHECK_CONFIGURATION = N_(
    "Open the configuration of this client account and check the ledger accounts and the journal."
)
_SEND_AGAIN = N_("Send the entry again.")
_ASK_EXACT_RIGHTS = N_("Ask the Exact administrator of your office to give this login rights in the dossier.")

_UNREADABLE = Explanation(
    N_("Exact answered something that cannot be read"),
    N_("Koppelpoort looks first whether something was booked, and sends nothing twice."),
    "us",
    (N_("If this stays, copy the support packet and send it to Koppelpoort."),),
)

EXPLANATIONS: Mapping[str, Explanation] = {
    "exact.authorisation_expired": Explanation(
        N_("Exact Online asks for a new log-in"),
        N_("Exact no longer accepts this connection. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        (N_("Open the authorisation."), N_("Choose Log in again and use the same Exact login as before.")),
        can_test=True,
    ),
    "exact.division_scope": Explanation(
        N_("This dossier is not shared with Koppelpoort"),
        N_("The app has access to some dossiers of this login, and this one is not among them. Nothing was booked."),
        "firm",
        (
            N_("In Exact Online, open the menu under your name and choose My Exact Online, then Security Center."),
            N_("Under Permissions for my apps, choose Koppelpoort and then Manage administrations."),
            N_("Move the dossier to the right and save."),
        ),
        can_test=True,
    ),
    "exact.user_rights": Explanation(
        N_("The Exact login has no rights for this"),
        N_("Exact refused the connected login: it may not see or book this, or the dossier no longer exists."),
        "firm",
        (
            N_("Check that the dossier still exists and that the connected login is an office user."),
            _ASK_EXACT_RIGHTS,
        ),
        can_test=True,
    ),
    "exact.app_scope": Explanation(
        N_("Koppelpoort was not given this permission at Exact"),
        N_("The registration of the app lacks a permission that this needs. Nothing was booked."),
        "us",
        (N_("Copy the support packet and send it to Koppelpoort."),),
    ),
    "exact.no_dossier": Explanation(
        N_("This Exact login has no dossier"),
        N_("Exact names no dossier for the connected login, so the list cannot be read."),
        "firm",
        (_ASK_EXACT_RIGHTS,),
        can_test=True,
    ),
    "exact.not_found": Explanation(
        N_("Exact does not know what was asked for"),
        N_("The dossier or a part of it has been removed at Exact. Nothing was booked."),
        "firm",
        (_CHECK_CONFIGURATION,),
        can_test=True,
    ),
    "exact.period_closed": Explanation(
        N_("The period is closed in Exact"),
        N_("Exact books nothing in a closed period. The entry was refused as a whole."),
        "firm",
        (N_("Open the period for this journal in Exact, or change the date of the entry."), _SEND_AGAIN),
        can_test=True,
    ),
    "exact.fiscal_year_unknown": Explanation(
        N_("The fiscal year does not exist in Exact"),
        N_("The dossier has no fiscal year for the date of this entry. Nothing was booked."),
        "firm",
        (N_("Create the fiscal year with its periods in Exact."), _SEND_AGAIN),
        can_test=True,
    ),
    "exact.unbalanced": Explanation(
        N_("Exact says that the entry does not balance"),
        N_("The lines do not add up to the balances sent with them. Nothing was booked."),
        "us",
        (N_("Copy the support packet and send it to Koppelpoort."),),
    ),
    "exact.account_unknown": Explanation(
        N_("A ledger account does not exist in the dossier"),
        N_("The entry names a ledger account that Exact does not have. Nothing was booked."),
        "firm",
        (_CHECK_CONFIGURATION, _SEND_AGAIN),
        can_test=True,
    ),
    "exact.account_blocked": Explanation(
        N_("A ledger account is blocked in Exact"),
        N_("Exact does not book on a blocked ledger account. Nothing was booked."),
        "firm",
        (N_("Unblock the ledger account in Exact, or choose another one in the configuration."), _SEND_AGAIN),
        can_test=True,
    ),
    "exact.account_type": Explanation(
        N_("A ledger account is of the wrong type"),
        N_("Exact does not accept this type of ledger account in this journal. Nothing was booked."),
        "firm",
        (_CHECK_CONFIGURATION, _SEND_AGAIN),
    ),
    "exact.journal_type": Explanation(
        N_("The journal is of the wrong type"),
        N_("Exact does not accept this kind of entry in the chosen journal. Nothing was booked."),
        "firm",
        (N_("Choose a journal of the right type in the configuration of the coupling."), _SEND_AGAIN),
        can_test=True,
    ),
    "exact.journal_unknown": Explanation(
        N_("The journal does not exist in the dossier"),
        N_("The chosen journal has been removed at Exact, or its code was changed. Nothing was booked."),
        "firm",
        (_CHECK_CONFIGURATION, _SEND_AGAIN),
        can_test=True,
    ),
    "exact.vat_code": Explanation(
        N_("Exact does not accept the VAT code"),
        N_("A ledger account or line asks for a VAT code that this journal does not allow. Nothing was booked."),
        "firm",
        (N_("Check the default VAT code of the ledger account in Exact."), _SEND_AGAIN),
    ),
    "exact.relation_missing": Explanation(
        N_("Exact asks for a customer or supplier"),
        N_("The entry or its ledger account may only be used with a relation. Nothing was booked."),
        "firm",
        (
            N_("Of a document: make the customer or supplier in Exact, with its VAT or enterprise number."),
            N_("Of a bank line: choose a suspense account that needs no relation."),
            _SEND_AGAIN,
        ),
    ),
    "exact.entry_number_used": Explanation(
        N_("The entry number is taken in Exact"),
        N_("Another entry in this journal has the number that Exact wanted to give. Nothing was booked."),
        "firm",
        (N_("Check the numbering of the journal in Exact."), _SEND_AGAIN),
    ),
    "exact.duplicate": Explanation(
        N_("Exact says that this is there already"),
        N_("Exact refused the entry as a repetition. Koppelpoort booked nothing a second time."),
        "firm",
        (N_("Look the entry up in Exact by its reference."),),
        can_test=True,
    ),
    "exact.refused": Explanation(
        N_("Exact refused the entry"),
        N_("The words of Exact are in the technical details. Nothing was booked."),
        "firm",
        (_CHECK_CONFIGURATION, _SEND_AGAIN),
    ),
    "exact.malformed": Explanation(
        N_("Exact could not read what Koppelpoort sent"),
        N_("This is a fault of Koppelpoort. Nothing was booked."),
        "us",
        (N_("Copy the support packet and send it to Koppelpoort."),),
    ),
    "exact.filter_refused": Explanation(
        N_("Exact no longer allows this search"),
        N_("This is a matter between Koppelpoort and Exact. Nothing was booked."),
        "us",
        (N_("Copy the support packet and send it to Koppelpoort."),),
    ),
    "exact.rate_limited": Explanation(
        N_("Exact asks us to wait"),
        N_("The number of calls that Exact allows was reached. Nothing is lost."),
        "us",
        (_RETRY_LATER,),
    ),
    "exact.server_error": Explanation(
        N_("Exact has a fault"),
        N_("Exact could not answer. Koppelpoort looks first whether something was booked, and sends nothing twice."),
        "us",
        (_RETRY_LATER,),
    ),
    "exact.unreachable": Explanation(
        N_("Exact cannot be reached"), N_("No connection could be made. Nothing was sent."), "us", (_RETRY_LATER,)
    ),
    "exact.too_late": Explanation(
        N_("Preparing the entry took too long"), N_("Nothing was sent, and nothing is lost."), "us", (_RETRY_LATER,)
    ),
    "exact.timeout": Explanation(
        N_("Exact answers too slowly"),
        N_("No answer came in time. Koppelpoort looks first whether something was booked, and sends nothing twice."),
        "us",
        (_RETRY_LATER,),
    ),
    "exact.cut_off": Explanation(
        N_("The connection with Exact broke off"),
        N_("The answer was lost. Koppelpoort looks first whether something was booked, and sends nothing twice."),
        "us",
        (_RETRY_LATER,),
    ),
    "exact.unreadable": _UNREADABLE,
    "exact.too_large": _UNREADABLE,
    "exact.foreign_link": _UNREADABLE,
    "exact.endless_list": _UNREADABLE,
}
