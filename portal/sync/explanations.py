"""Why an entry, a run or a night wants a person, in full: what happened, who can mend it, and how.

By the code that the product itself gives; connectors explain their own refusals.
"""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.manifest import Explanation
from portal.kernel.words import N_

_CORRECT = N_("Choose **Correct the entry**, change it and send it again: it keeps its reference.")
_LOOK = N_("Choose **Look up again**: Koppelpoort searches the package for the reference.")
_LOG_IN = (N_("Open the authorisation."), N_("Choose **Log in again** and use the same login as before."))
_TEST = N_("Come back and choose **Test**: the lists of the dossier are read anew.")
_CONFIGURATION = N_("Or choose another one in the configuration of the coupling.")
_PACKET = (N_("If this stays, copy the support packet and send it to Koppelpoort."),)
_UNDER_WAY = N_("Koppelpoort looks in the package before it does anything, and sends nothing twice.")
_NOTHING_SENT = N_("Nothing was sent and nothing is lost: the entry waits here.")

EXPLANATIONS: Mapping[str, Explanation] = {
    "posting.unclear": Explanation(
        N_("It is not certain that this was booked"),
        N_("Twice no clear answer came, and two look-ups found nothing. Koppelpoort sends nothing more by itself."),
        "firm",
        (
            N_("Look in the package for the reference, in the journal of the entry."),
            N_("Is it there? Choose **Mark as booked** and give its number."),
            N_("Is it not there? Choose **Look up again**, and then **Send again**."),
        ),
    ),
    "posting.unfindable": Explanation(
        N_("It is not certain that this was booked"),
        N_(
            "No clear answer came, and this package cannot be asked whether an entry is there. Koppelpoort sends "
            "nothing more by itself."
        ),
        "firm",
        (
            N_("Look in the package for the reference, in the journal and on the day of the entry."),
            N_("Is it there? Choose **Mark as booked** and give its number."),
            N_("Is it not there? Choose **It is not there: send it again**."),
        ),
    ),
    "posting.poison": Explanation(
        N_("Five tries ended without a result"),
        N_("Koppelpoort was interrupted each time. The other entries of the dossier went on."),
        "us",
        (_LOOK, *_PACKET),
    ),
    "posting.internal": Explanation(N_("Something failed on our side"), _UNDER_WAY, "us", (_LOOK, *_PACKET)),
    "posting.grant_withdrawn": Explanation(
        N_("The client withdrew the access of the firm"),
        N_("From that moment nothing was sent any more. Nothing is lost: the entry waits here."),
        "client",
        (N_("Ask the client to give access again, under **Access management**."), _CORRECT),
    ),
    "posting.access_off": Explanation(
        N_("The app may not touch this client account"),
        N_("Its **Access** was unticked, or the app uninstalled. From that moment nothing was sent any more."),
        "firm",
        (N_("Tick the client account again, under **Modules**."), _CORRECT),
    ),
    "posting.removed_authorisation": Explanation(
        N_("The authorisation was removed"),
        _NOTHING_SENT,
        "firm",
        (
            N_("Connect the package again under **Authorisations**."),
            N_("Overwrite the coupling of this client with the new authorisation."),
            _CORRECT,
        ),
    ),
    "posting.coupling_ended": Explanation(
        N_("The coupling ended before this was sent"),
        _NOTHING_SENT,
        "firm",
        (N_("Activate the coupling of this client again."), _CORRECT),
    ),
    "posting.doubled": Explanation(
        N_("It stands in the package more than once"),
        N_("Koppelpoort found the reference more than once. It removes nothing from the books by itself."),
        "firm",
        (
            N_("Look in the package for the reference, in the journal of the entry."),
            N_("Keep one of them and remove the others."),
        ),
    ),
    "posting.altered": Explanation(
        N_("What stands in the package differs from what was sent"),
        N_("The total or the number of lines was changed in the package, or by a rule there."),
        "firm",
        (N_("Compare the entry in the package with its lines here, and put right there what is wrong."),),
    ),
    "posting.interrupted": Explanation(N_("The sending was interrupted"), _UNDER_WAY, "us"),
    "posting.restored": Explanation(N_("A back-up was put back"), _UNDER_WAY, "us"),
    "posting.too_late": Explanation(N_("It was not sent in time"), N_("It waits for its next turn."), "us"),
    "already_posted": Explanation(N_("The package says that this is there already"), _UNDER_WAY, "us"),
    "authorisation.needs_consent": Explanation(
        N_("The package asks for a new log-in"),
        N_("The connection lapsed. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        _LOG_IN,
    ),
    "authorisation.refused": Explanation(N_("The package refuses the connection"), _NOTHING_SENT, "firm", _LOG_IN),
    "authorisation.revoked": Explanation(
        N_("The connection was withdrawn at the package"), _NOTHING_SENT, "firm", _LOG_IN
    ),
    "authorisation.inactive": Explanation(
        N_("The authorisation is switched off"),
        _NOTHING_SENT,
        "firm",
        (N_("Open the authorisation."), N_("Choose **Test and read dossiers** to switch it on again.")),
    ),
    "run.coupling_ended": Explanation(
        N_("The coupling has ended"),
        N_("Nothing was drafted. Lines of the bank wait."),
        "firm",
        (N_("Activate the coupling of this client again."),),
    ),
    "run.poison": Explanation(
        N_("The synchronisation was interrupted five times"),
        N_("What was drafted stays; nothing was booked twice."),
        "us",
        (N_("Start it once more."), *_PACKET),
    ),
    "entry.coupling_ended": Explanation(
        N_("The coupling has ended"),
        _NOTHING_SENT,
        "firm",
        (N_("Activate the coupling of this client again, or throw the draft away: its lines come into a new draft."),),
    ),
    "entry.books_unread": Explanation(
        N_("The lists of the dossier were not read yet"),
        N_("Without its accounts, journals and periods nothing can be checked. Nothing was sent."),
        "firm",
        (N_("Choose **Test**: the lists of the dossier are read anew."),),
        can_test=True,
    ),
    "entry.empty": Explanation(N_("This entry has no lines"), _NOTHING_SENT, "firm"),
    "entry.unbalanced": Explanation(
        N_("The balances of the bank do not fit the lines"),
        N_("A line between the balance before and the balance after is missing. Nothing was sent."),
        "firm",
        (
            N_("Look under **Bank** which statement is missing, and upload it."),
            N_("Synchronise again: the line comes into this draft."),
        ),
    ),
    "entry.journal_unknown": Explanation(
        N_("The journal is not in the dossier"),
        _NOTHING_SENT,
        "firm",
        (N_("Make the journal in the package."), _CONFIGURATION, _TEST),
        can_test=True,
    ),
    "entry.journal_blocked": Explanation(
        N_("The journal is blocked in the package"),
        _NOTHING_SENT,
        "firm",
        (N_("Unblock the journal in the package."), _CONFIGURATION, _TEST),
        can_test=True,
    ),
    "entry.journal_type": Explanation(
        N_("The journal is of another type"),
        _NOTHING_SENT,
        "firm",
        (N_("Choose a journal of the right type in the configuration of the coupling."),),
    ),
    "entry.currency": Explanation(
        N_("The journal has another currency"),
        _NOTHING_SENT,
        "firm",
        (N_("Choose a journal in the currency of the bank account in the configuration of the coupling."),),
    ),
    "entry.account_is_bank": Explanation(
        N_("A line is booked on the bank account itself"),
        _NOTHING_SENT,
        "firm",
        (N_("Choose another ledger account for the marked lines."),),
    ),
    "entry.account_unknown": Explanation(
        N_("A ledger account is not in the dossier"),
        _NOTHING_SENT,
        "firm",
        (N_("Choose another ledger account for the marked lines, or make it in the package."), _TEST),
        can_test=True,
    ),
    "entry.account_blocked": Explanation(
        N_("A ledger account is blocked in the package"),
        _NOTHING_SENT,
        "firm",
        (N_("Choose another ledger account for the marked lines, or unblock it in the package."), _TEST),
        can_test=True,
    ),
    "entry.period_unknown": Explanation(
        N_("The dossier has no period for these days"),
        _NOTHING_SENT,
        "firm",
        (N_("Make the fiscal year with its periods in the package."), _TEST),
        can_test=True,
    ),
    "entry.period_closed": Explanation(
        N_("A period is closed in the package"),
        N_("The package books nothing in a closed period. Nothing was sent: the entry waits here."),
        "firm",
        (N_("Open the period for this journal in the package."), _TEST),
        can_test=True,
    ),
    "entry.vat_unmapped": Explanation(
        N_("A VAT rate has no code of the dossier yet"),
        N_("More than one code of the dossier could be meant, or none. Koppelpoort does not guess. Nothing was sent."),
        "firm",
        (
            N_("Open **Couplings**, then **Sales and purchases**."),
            N_("Choose the VAT code for each marked rate. It holds for all documents of this client."),
        ),
    ),
    "entry.relations_unread": Explanation(
        N_("The customers and suppliers of the dossier were not read yet"),
        _NOTHING_SENT,
        "firm",
        (N_("Choose **Test**: the lists of the dossier are read anew."),),
        can_test=True,
    ),
    "entry.relation_missing": Explanation(
        N_("The customer or supplier is not in the dossier"),
        N_("Nobody in the dossier has the number on the document, or its name. Nothing was sent."),
        "firm",
        (
            N_("Make the customer or supplier in the package, with its VAT or enterprise number."),
            N_("Is it there under another number? Put right the number in the package."),
            _TEST,
        ),
        can_test=True,
    ),
    "entry.relation_ambiguous": Explanation(
        N_("The customer or supplier is in the dossier more than once"),
        N_("Koppelpoort does not choose between them. Nothing was sent: the entry waits here."),
        "firm",
        (N_("Merge them in the package, or block those that are not used."), _TEST),
        can_test=True,
    ),
    "entry.relation_of_takings": Explanation(
        N_("No customer is chosen for takings"),
        _NOTHING_SENT,
        "firm",
        (
            N_("Open **Couplings**, then **Sales and purchases**."),
            N_("Fill in the customer on whose account takings are booked."),
        ),
    ),
    "comparison.missing": Explanation(
        N_("Booked, and no longer found in the package"),
        N_("The package confirmed this entry, but it does not stand in the journal any more. Nothing is sent again."),
        "firm",
        (
            N_("Look in the package whether somebody removed it or moved it to another journal."),
            N_("Was it removed by mistake? Book it anew in the package, with the same reference."),
        ),
    ),
    "comparison.not_undone": Explanation(
        N_("Undone, and yet something is left"),
        N_("The entry and the one that undoes it do not come to nothing on every ledger account in the package."),
        "firm",
        (N_("Compare the two in the package and put right there what is wrong."),),
    ),
    "comparison.unexpected": Explanation(
        N_("In the package, while we do not hold it for booked"),
        N_("An entry of ours stands in the journal, though it was refused or waits here."),
        "firm",
        (N_("Open the entry. Does it wait for a decision? Choose **Look up again**: it is then taken for booked."),),
    ),
    "comparison.unknown": Explanation(
        N_("A reference like ours that we never gave out"),
        N_("Somebody copied an entry in the package, or another installation books in this dossier."),
        "firm",
        (N_("Look the reference up in the package and see who made the entry."),),
    ),
}
SAME = {"comparison.doubled": "posting.doubled", "comparison.altered": "posting.altered"}
