"""What pages say of undoing an entry: why it is not done from here, and how it is done in the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext as _

from portal.kernel.words import N_
from portal.ledger.models import Entry
from portal.routes import wording
from portal.sync.models import Posting

_FIND = N_("Look in {package} for number {number}, reference {reference}, in journal {journal}.")
_TURN = N_("Turn it round there: the same accounts and amounts, with debit and credit exchanged.")
_ITS_OWN = N_("Does {package} offer to reverse an entry by itself? That is as good.")
_BOOK_ANEW = N_("Book what should have stood there by hand too: Koppelpoort sends these lines no more.")
# Why not from here → what people do in the package.
IN_THE_PACKAGE: Mapping[str, Sequence[str]] = {
    "reversal.files": (
        N_("Was the file not brought in yet? Leave this entry out of it when you bring it in."),
        _FIND,
        _TURN,
        _BOOK_ANEW,
    ),
    "reversal.drafts": (
        _FIND,
        N_("Does it still wait for approval there? Refuse or remove the draft."),
        N_("Was it accepted? Turn it round: the same accounts and amounts, with debit and credit exchanged."),
        _BOOK_ANEW,
    ),
    "reversal.unfindable": (_FIND, _TURN, _ITS_OWN, _BOOK_ANEW),
    "reversal.not_here": (_FIND, _TURN, _ITS_OWN, _BOOK_ANEW),
    "reversal.differs": (_FIND, N_("Put right there what differs from the lines on this page.")),
    "reversal.invoice": (
        N_("Make a credit note for the document and hand it in: it is booked like any other document."),
        N_("Or find number {number} in {package} and credit it there."),
    ),
}


def why_not(code: str, entry: Entry) -> str:
    return wording.of_error(code, {"reference": entry.reference}) if code else ""


def undo_steps(code: str, entry: Entry, posting: Posting | None, package: str) -> list[str]:
    """How to undo it without us; nothing where that is not the answer."""
    number = (posting.remote_number or posting.remote_id) if posting else ""
    values = {"package": package, "number": number, "reference": entry.reference, "journal": entry.journal}
    return [wording.filled(step, values) for step in IN_THE_PACKAGE.get(code, ())]


def instead(code: str) -> str:
    """What to do in place of undoing, where there is something."""
    match code:
        case "reversal.of_reversal":
            return str(_("Start a synchronisation: it drafts the lines anew, to be corrected and sent."))
        case "reversal.not_booked":
            return str(_("An entry that was refused is corrected; a draft is thrown away."))
    return ""
