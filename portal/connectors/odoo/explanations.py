"""What each refusal means to the people who can mend it."""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.manifest import Explanation
from portal.connectors.refusals import CHECK_CONFIGURATION, N_, SEND_AGAIN, explained

_AGAIN = N_("Open the authorisation and type the data again.")

EXPLANATIONS: Mapping[str, Explanation] = explained(
    "odoo",
    authorisation_expired=Explanation(
        N_("Odoo no longer accepts the key"),
        N_("Keys end after three months at most. Nothing was booked and nothing is lost: entries wait."),
        "firm",
        (
            N_("In Odoo, log in as the user of this authorisation and open Preferences, then Account Security."),
            N_("Choose New API Key, with the longest time that is offered, and copy the key."),
            N_("Open the authorisation here and type the new key."),
        ),
        can_test=True,
    ),
    database_unknown=Explanation(
        N_("There is no such Odoo database at this address"),
        N_("The server does not know the database, or is no Odoo. Nothing was sent."),
        "firm",
        (N_("Compare the address and the name of the database with those in the browser."), _AGAIN),
        can_test=True,
    ),
    elsewhere=Explanation(
        N_("The address of Odoo leads elsewhere"),
        N_("The server sends on to another address, and Koppelpoort does not follow it with a key."),
        "firm",
        (N_("Type the address that the browser shows after logging in."),),
        can_test=True,
    ),
    not_public=Explanation(
        N_("The address of Odoo is not on the internet"),
        N_("The name leads to a private network. Koppelpoort asks only servers that everybody can reach."),
        "firm",
        (N_("Ask whoever runs the server to make it reachable over https."), _AGAIN),
        can_test=True,
    ),
    company_foreign=Explanation(
        N_("The Odoo user may not see this company"),
        N_("The company was taken from the user, or no longer exists. Nothing was booked."),
        "firm",
        (N_("In Odoo, open Settings, then Users, and add the company to the user of this authorisation."),),
        can_test=True,
    ),
    period_closed=Explanation(
        N_("The date is locked in Odoo"),
        N_("Odoo would book the entry on a later date. Koppelpoort sent nothing."),
        "firm",
        (N_("In Odoo, open Accounting, then Lock Dates, and make room for this date."), SEND_AGAIN),
        can_test=True,
    ),
    other_draft=Explanation(
        N_("A draft with our reference stands in Odoo and says something else"),
        N_("Somebody changed the draft, or an earlier attempt was broken off. Nothing was booked."),
        "firm",
        (N_("Look the draft up in Odoo by its reference and delete it."), SEND_AGAIN),
        can_test=True,
    ),
    not_booked=Explanation(
        N_("Odoo made a draft and did not book it"),
        N_("Odoo asks something that only a person can answer, such as an approval. Nothing was booked."),
        "firm",
        (N_("Look the draft up in Odoo by its reference, and book or delete it."), CHECK_CONFIGURATION),
        can_test=True,
    ),
    vat_differs=Explanation(
        N_("Odoo counts other VAT than the document says"),
        N_(
            "Odoo counts the VAT of a document itself and comes to another amount, mostly by a cent of rounding. "
            "The draft was taken away and nothing was booked."
        ),
        "firm",
        (
            N_("Compare the tax of each line with its amount. If a tax is wrong, choose another on the document."),
            N_("If only the rounding differs, book the document in Odoo by hand and mark it here as booked."),
        ),
    ),
    vat_code=Explanation(
        N_("Odoo does not know a tax"),
        N_("The tax was removed, or belongs to another company. Nothing was booked."),
        "firm",
        (CHECK_CONFIGURATION, SEND_AGAIN),
        can_test=True,
    ),
    relation_missing=Explanation(
        N_("Odoo does not know the customer or supplier"),
        N_("The contact was removed or belongs to another company. Nothing was booked."),
        "firm",
        (N_("Check the contact in Odoo."), SEND_AGAIN),
        can_test=True,
    ),
)
