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

_UNREADABLE = Explanation(N_("Pennylane answered something that cannot be read"), _LOOKS_FIRST, "us", (_PACKET,))

EXPLANATIONS: Mapping[str, Explanation] = {
    "pennylane.authorisation_expired": Explanation(
        N_("Pennylane no longer accepts the token"),
        N_("The token was revoked or has ended. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        (
            N_("Make a new token in Pennylane, under Settings, Connectivity, Developers."),
            N_("Open the authorisation and type the new token."),
        ),
        can_test=True,
    ),
    "pennylane.scope_missing": Explanation(
        N_("The token may not do this"),
        N_("The token was made without a right that this needs; the technical details name it. Nothing was booked."),
        "firm",
        (
            N_("Make a token in Pennylane that also has this right."),
            N_("Open the authorisation and type the new token."),
        ),
        can_test=True,
    ),
    "pennylane.forbidden": Explanation(
        N_("Pennylane does not open this company to the token"),
        N_("The company is not one that this token may see or book in. Nothing was booked."),
        "firm",
        (N_("Check in Pennylane that the company belongs to the firm and that the token covers it."),),
        can_test=True,
    ),
    "pennylane.not_found": Explanation(
        N_("Pennylane does not know what was asked for"),
        N_("The company or a part of it has been removed, or is not of this token. Nothing was booked."),
        "firm",
        (_CHECK,),
        can_test=True,
    ),
    "pennylane.other_company": Explanation(
        N_("The token is of another company"),
        N_("A company's token opens that company only, and this dossier is another one. Nothing was booked."),
        "firm",
        (N_("Make an authorisation with the token of this company, or with a token of the firm."),),
        can_test=True,
    ),
    "pennylane.unbalanced": Explanation(
        N_("Pennylane says that the entry does not balance"),
        N_("Debit and credit of the lines differ. Nothing was booked."),
        "us",
        (_PACKET,),
    ),
    "pennylane.period_closed": Explanation(
        N_("The fiscal year is closed in Pennylane"),
        N_("Pennylane books nothing in a closed or frozen year. The entry was refused as a whole."),
        "firm",
        (N_("Open the fiscal year in Pennylane, or change the date of the entry."), _SEND_AGAIN),
        can_test=True,
    ),
    "pennylane.fiscal_year_unknown": Explanation(
        N_("The fiscal year does not exist in Pennylane"),
        N_("The company has no fiscal year for the date of this entry. Nothing was booked."),
        "firm",
        (N_("Create the fiscal year in Pennylane."), _SEND_AGAIN),
        can_test=True,
    ),
    "pennylane.account_unknown": Explanation(
        N_("Pennylane does not accept a ledger account"),
        N_("The entry names a ledger account that the company does not have or no longer uses. Nothing was booked."),
        "firm",
        (_CHECK, _SEND_AGAIN),
        can_test=True,
    ),
    "pennylane.journal_unknown": Explanation(
        N_("Pennylane does not accept the journal"),
        N_("The chosen journal has been removed, or its code was changed. Nothing was booked."),
        "firm",
        (_CHECK, _SEND_AGAIN),
        can_test=True,
    ),
    "pennylane.too_many_lines": Explanation(
        N_("The entry has more lines than Pennylane takes"),
        N_("Pennylane takes at most 1,000 lines in one entry. Nothing was sent."),
        "firm",
        (N_("Choose a shorter period for the entries in the configuration of this client account."),),
    ),
    "pennylane.refused": Explanation(
        N_("Pennylane refused the entry"),
        N_("The words of Pennylane are in the technical details. Nothing was booked."),
        "firm",
        (_CHECK, _SEND_AGAIN),
    ),
    "pennylane.rate_limited": Explanation(
        N_("Pennylane asks us to wait"),
        N_("The number of calls that Pennylane allows was reached. Nothing is lost."),
        "us",
        (_RETRY_LATER,),
    ),
    "pennylane.server_error": Explanation(N_("Pennylane has a fault"), _LOOKS_FIRST, "us", (_RETRY_LATER,)),
    "pennylane.unreachable": Explanation(
        N_("Pennylane cannot be reached"),
        N_("No connection could be made. Nothing was sent."),
        "us",
        (_RETRY_LATER,),
    ),
    "pennylane.timeout": Explanation(N_("Pennylane answers too slowly"), _LOOKS_FIRST, "us", (_RETRY_LATER,)),
    "pennylane.cut_off": Explanation(
        N_("The connection with Pennylane broke off"), _LOOKS_FIRST, "us", (_RETRY_LATER,)
    ),
    "pennylane.unreadable": _UNREADABLE,
    "pennylane.too_large": _UNREADABLE,
    "pennylane.endless_list": _UNREADABLE,
}
