"""Sentences for the codes and tags of this room, and cards for what the product itself finds."""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.manifest import Explanation
from portal.kernel.words import N_

ERRORS = {
    "feed.state": N_("This is not possible now. Load the page again to see how it stands."),
    "feed.not_begun": N_("The provider did not begin the link. Nothing was changed; try again in a while. {text}"),
    "feed.no_answer": N_("The provider did not do this. Nothing was changed; try again in a while. {text}"),
    "feed.no_account": N_("The bank account could not be made. Load the page again."),
    "feed.nothing_ticked": N_("Tick at least one account."),
    "feed.interval": N_("Choose from 1 to {most} hours, or 0 to fetch only when somebody asks."),
    "feed.contact_email": N_("This is no e-mail address that can be reached."),
    "feed.contact_phone": N_("A telephone number has digits only, with + in front for another country."),
    "feed.contact_missing": N_("Give an e-mail address or a telephone number: of whoever may renew the consent."),
    "feed.not_connected": N_("{bank} is not connected now, so there is nothing to ask."),
    "feed.too_soon": N_("The bank was asked a moment ago. It may be asked again at {until}."),
    "feed.broken_off": N_("The link was broken off at the provider. Nothing was changed."),
    "feed.other_customer": N_("The provider came back with a link of somebody else. Nothing was changed."),
    "feed.no_link": N_("The bank was never connected."),
    "feed.consent_over": N_("The consent has reached its last day."),
    "feed.bank_unknown": N_("Choose a bank from the list."),
    "feed.visit_unknown": N_("This link to a bank was not started here. Start it again."),
    "feed.visit_other_browser": N_("This link to a bank was started in another browser. Start it again in this one."),
    "feed.visit_used": N_("This link to a bank was finished already."),
    "feed.visit_expired": N_("You took longer than an hour. Start again."),
    "feed.app_uninstalled": N_("The app of this bank link was uninstalled."),
    "feed.grant_withdrawn": N_("The firm that linked this bank no longer has access."),
    "renewal.unknown": N_("This link is not complete, or not ours. Copy it whole from the mail."),
    "renewal.expired": N_("This link has expired. Ask your accountant for a new one."),
    "renewal.not_allowed": N_("This link was for somebody who may no longer renew this consent."),
    "renewal.not_renewable": N_("There is nothing to renew at {bank} now."),
    "renewal.sign_in": N_("The connection itself has lapsed. Sign in and link the bank again."),
    "renewal.nobody": N_("None of the chosen consents has somebody who may renew it."),
}
TAGS = {
    "feed.begun": N_("began to link {bank}: {before_word} → Connecting"),
    "feed.given_up": N_("linking {bank} was broken off: {before_word} → Not connected"),
    "feed.connected": N_("changed {bank}: {before_word} → Connected"),
    "feed.attention": N_("changed {bank}: {before_word} → Attention"),
    "feed.consent_ended": N_("changed {bank}: {before_word} → Consent ended"),
    "feed.paused": N_("changed {bank}: {before_word} → Paused, because the firm that linked it lost its access"),
    "feed.revoked": N_("disconnected {bank}: {before_word} → Disconnected"),
    "feed.account_joined": N_("fetches {name}, {number}, from {bank} from now on"),
    "feed.account_moved": N_("no longer fetches {name} here: {bank} by {to} does"),
    "feed.interval": N_("fetches {number} every {hours} hours"),
    "feed.by_hand": N_("fetches {number} only when somebody asks"),
    "feed.fetched": N_("brought {lines} lines of {bank}"),
    "feed.asked": N_("asked {bank} for what is new"),
    "feed.consent_until": N_("told that the consent for {bank} lasts until {until}"),
    "feed.renewed": N_("renewed the consent for {bank}"),
    "feed.reminded": N_("mailed {mails} renewal links for {bank}, whose consent ends on {until}"),
    "feed.links_sent": N_("mailed {mails} renewal links for {bank}"),
}

_KEPT = N_("What was fetched stays, and nothing is lost: after the repair the missing lines come by themselves.")
_RENEW = (
    N_("Choose **Renew the consent**, or send a renewal link to whoever may."),
    N_("Log in at the bank and tick the same accounts as before."),
)
EXPLANATIONS: Mapping[str, Explanation] = {
    "feed.consent_ended": Explanation(N_("The consent at the bank has ended"), _KEPT, "client", _RENEW),
    "feed.consent_over": Explanation(N_("The consent at the bank has ended"), _KEPT, "client", _RENEW),
    "feed.consent_ends": Explanation(
        N_("The consent at the bank ends soon"), N_("Until then lines come in as before."), "client", _RENEW
    ),
    "feed.attention": Explanation(
        N_("The bank is not fetched at the moment"), _KEPT, "us", (N_("Open the bank connection: it says why."),)
    ),
    "feed.paused": Explanation(
        N_("Fetching is paused: the firm that linked the bank lost its access"),
        _KEPT,
        "client",
        (N_("Choose **Go on fetching** if you want the lines to come in without this firm."),),
    ),
    "feed.app_uninstalled": Explanation(
        N_("Fetching is paused: the app was uninstalled"),
        _KEPT,
        "firm",
        (N_("Install the app again under **Modules**, tick this client account, and choose **Go on fetching**."),),
    ),
    "feed.grant_withdrawn": Explanation(
        N_("Fetching is paused: the firm that linked the bank lost its access"),
        _KEPT,
        "client",
        (N_("Choose **Go on fetching** if you want the lines to come in without this firm."),),
    ),
    "feed.no_link": Explanation(
        N_("The bank was never connected"),
        N_("Somebody began to link it and did not come back."),
        "client",
        (N_("Choose **Link the bank again**."),),
    ),
    "feed.broken_off": Explanation(
        N_("The link was broken off at the provider"),
        N_("Nothing was changed."),
        "client",
        (N_("Choose **Link the bank again**."),),
    ),
}
