"""What each refusal means to the people who can mend it."""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.manifest import Explanation
from portal.connectors.refusals import N_, SEND_AGAIN, SUPPORT, explained

_NEW_KEY = (
    N_("In MyUnisoft, open Paramètres, then Connecteurs cabinet, and choose Koppelpoort."),
    N_("Choose Générer and copy the key before closing the window."),
    N_("Open the authorisation here and paste the key."),
)

EXPLANATIONS: Mapping[str, Explanation] = explained(
    "myunisoft",
    authorisation_expired=Explanation(
        N_("MyUnisoft no longer accepts the key"),
        N_("The key was withdrawn, or is not whole. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        _NEW_KEY,
        can_test=True,
    ),
    not_activated=Explanation(
        N_("MyUnisoft does not let this key be activated"),
        N_("The key exists, but it may not be used yet."),
        "firm",
        _NEW_KEY,
        can_test=True,
    ),
    routes_missing=Explanation(
        N_("The key may not do all that is needed"),
        N_("MyUnisoft tells what a key may be used for, and something is missing there. Nothing was booked."),
        "us",
        (SUPPORT,),
    ),
    dossier_inactive=Explanation(
        N_("The dossier is inactive in MyUnisoft"),
        N_("MyUnisoft gives no access to a dossier without an active formula. Nothing was booked."),
        "firm",
        (N_("Ask the administrator of MyUnisoft to choose a formula for the dossier."), SEND_AGAIN),
        can_test=True,
    ),
    list_cut=Explanation(
        N_("MyUnisoft gave only a part of a list"),
        N_("A list was longer than MyUnisoft gives at once. Nothing was booked."),
        "us",
        (SUPPORT,),
    ),
)
