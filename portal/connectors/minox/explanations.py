"""What each refusal means to the people who can mend it."""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.manifest import Explanation
from portal.connectors.refusals import N_, explained

EXPLANATIONS: Mapping[str, Explanation] = explained(
    "minox",
    authorisation_expired=Explanation(
        N_("Minox asks for a new log-in"),
        N_("Minox no longer accepts this connection. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        (
            N_("Open the authorisation."),
            N_("Choose Log in again. Only the main user of Minox (hoofdgebruiker) can give access."),
        ),
        can_test=True,
    ),
    not_found=Explanation(
        N_("Minox does not know what was asked for"),
        N_("The client number does not fit the log-in, or the administration was removed. Nothing was booked."),
        "firm",
        (
            N_("Check the client number of the authorisation: it is the number that you log in to Minox with."),
            N_("Check that the administration still exists."),
        ),
        can_test=True,
    ),
)
