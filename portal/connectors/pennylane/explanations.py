"""What Pennylane's own refusals mean to the people who can mend them; see also `connectors.refusals`."""

from __future__ import annotations

from portal.connectors.manifest import Explanation
from portal.connectors.refusals import N_, explained

_NEW_TOKEN = (
    N_("Make a new token in Pennylane, under Settings, Connectivity, Developers."),
    N_("Open the authorisation and type the new token."),
)

EXPLANATIONS = explained(
    "pennylane",
    authorisation_expired=Explanation(
        N_("Pennylane no longer accepts the token"),
        N_("The token was revoked or has ended. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        _NEW_TOKEN,
        can_test=True,
    ),
    scope_missing=Explanation(
        N_("The token may not do this"),
        N_("The token was made without a right that this needs; the technical details name it. Nothing was booked."),
        "firm",
        _NEW_TOKEN,
        can_test=True,
    ),
    user_rights=Explanation(
        N_("Pennylane does not open this company to the token"),
        N_("The company is not one that this token may see or book in. Nothing was booked."),
        "firm",
        (N_("Check in Pennylane that the company belongs to the firm and that the token covers it."),),
        can_test=True,
    ),
    other_company=Explanation(
        N_("The token is of another company"),
        N_("A company's token opens that company only, and this dossier is another one. Nothing was booked."),
        "firm",
        (N_("Make an authorisation with the token of this company, or with a token of the firm."),),
        can_test=True,
    ),
    too_many_lines=Explanation(
        N_("The entry has more lines than Pennylane takes"),
        N_("Pennylane takes at most 1,000 lines in one entry. Nothing was sent."),
        "firm",
        (N_("Choose a shorter period for the entries in the configuration of this client account."),),
    ),
)
