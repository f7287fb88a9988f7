"""Sentences for the codes and tags of this room."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS = {
    "authorisation.app_unknown": N_("There is no such app."),
    "authorisation.app_not_registered": N_("This installation is not registered at {app} yet. Ask who runs it."),
    "authorisation.environment_unknown": N_("Choose a country from the list."),
    "authorisation.name_length": N_("Give it a name of at most {length} characters."),
    "authorisation.name_taken": N_("There is an authorisation named {name} already. Choose another name."),
    "authorisation.not_a_member": N_("Choose somebody who belongs to this account."),
    "authorisation.owner_is_deputy": N_("Choose somebody else as deputy, so that there is always one to ask."),
    "authorisation.state": N_("This is not possible now. Load the page again to see how it stands."),
    "authorisation.is_removed": N_("{name} was removed. Log in anew to connect again."),
    "authorisation.in_use": N_(
        "{name} is still in use; couplings that hang on it: {count}. Overwrite or end these first,"
        " or only switch it off."
    ),
    "authorisation.needs_login": N_("The provider does not accept this connection any more. Log in again."),
    "authorisation.refused": N_("The provider refused this login: {text}"),
    "authorisation.no_answer": N_("The provider gave no usable answer. Nothing was changed; try again in a while."),
    "authorisation.other_login": N_("The provider now answers as {got} instead of {expected}. Log in again."),
    "authorisation.not_active": N_("This authorisation is switched off. Activate it first."),
    "authorisation.no_login": N_("Nobody has logged in at the provider yet."),
    "authorisation.key_refused": N_("The provider does not accept this key: {text}"),
    "authorisation.login_taken": N_(
        "This key belongs to {login}, and {name} is connected with that login already. Use that one."
    ),
    "authorisation.other_key": N_(
        "This key belongs to {got}, but this authorisation is for {expected}. The key as it was is kept. Give a key of"
        " {expected}, or make a new authorisation for {got}."
    ),
    "authorisation.other_dossiers": N_(
        "This key sees none of the dossiers that were seen before, so it is of somebody else."
        " The key as it was is kept."
    ),
    "authorisation.other_server": N_(
        "This authorisation is for {expected}. The key as it was is kept. Make a new authorisation for another server."
    ),
    # what was typed
    "authorisation.field_needed": N_("Fill this in."),
    "authorisation.field_unreadable": N_("This is too long, or holds characters that cannot be typed. Copy it again."),
    "authorisation.field_pattern": N_("This does not look right. Copy it again, whole."),
    "authorisation.field_example": N_("This does not look right. An example: {example}"),
    "authorisation.field_date": N_("Choose a day from today on."),
    "authorisation.address": N_("Give the address of the server as https://name. It must be on the public internet."),
    # why a new log-in is needed
    "authorisation.token_used": N_(
        "The provider has ended this connection. The same login may be connected elsewhere."
    ),
    "authorisation.token_expired": N_("The connection was not used for too long, so the provider ended it."),
    "authorisation.consent_withdrawn": N_("The provider has ended this connection; the consent was withdrawn there."),
    "authorisation.token_lost": N_("An answer of the provider was lost in a crash, and with it the connection."),
    # why a call waits
    "authorisation.renewing": N_("The connection is being renewed. This goes on by itself."),
    "authorisation.put_off": N_("The provider did not answer just now. Koppelpoort tries again by itself."),
    "authorisation.token_young": N_("The provider refused a fresh connection. Koppelpoort tries again by itself."),
    "authorisation.token_replaced": N_("The connection was renewed meanwhile. Koppelpoort tries again by itself."),
    "authorisation.database_away": N_("Our database was away for a moment. Koppelpoort tries again by itself."),
    "authorisation.too_early": N_("It is too early to renew the connection. Koppelpoort tries again by itself."),
    "authorisation.client_refused": N_("The provider does not know our registration. Ask who runs this installation."),
    "authorisation.rate_limited": N_("The provider asks us to wait. Koppelpoort tries again by itself."),
    "authorisation.server_error": N_("The provider has a failure. Koppelpoort tries again by itself."),
    "authorisation.unreadable": N_("The provider answered something unreadable. Koppelpoort tries again by itself."),
    "authorisation.unreachable": N_("The provider could not be reached. Koppelpoort tries again by itself."),
    "authorisation.timeout": N_("The provider did not answer in time. Koppelpoort tries again by itself."),
    "authorisation.cut_off": N_("The connection to the provider broke. Koppelpoort tries again by itself."),
    "authorisation.too_large": N_("The provider answered something unreadable. Koppelpoort tries again by itself."),
    "authorisation.limit_window": N_("So many calls in so short a time are not allowed. It goes on by itself."),
    "authorisation.limit_at_once": N_("Enough calls are under way at this moment. It goes on by itself."),
    "authorisation.limit_day": N_("The calls of today are used up for this dossier. It goes on at {until}."),
    "authorisation.limit_told": N_("The provider asked us to wait until {until}. It goes on by itself then."),
    "authorisation.breaker_open": N_(
        "The provider refused this dossier several times within the hour. To keep it from shutting us out, Koppelpoort"
        " waits until {until}. Mend the cause, then choose Try now."
    ),
    # the way back from the provider
    "consent.state_missing": N_("This address works only on the way back from the provider. Start the log-in again."),
    "consent.state_unknown": N_("This log-in was not started here. Start it again."),
    "consent.other_session": N_("This log-in was started in another browser. Start it again in this one."),
    "consent.other_app": N_("This log-in was started for another provider. Start it again."),
    "consent.other_issuer": N_(
        "The answer does not come from the provider that you were sent to. Nothing was changed."
    ),
    "consent.state_used": N_("This log-in was finished already. Start it again if you need another one."),
    "consent.state_expired": N_("You took longer than ten minutes. Start the log-in again."),
    "consent.denied": N_("You chose not to allow the connection. Nothing was changed."),
    "consent.provider_error": N_("The provider broke off the log-in: {text}"),
    "consent.no_code": N_("The provider sent no answer along. Start the log-in again."),
    "consent.code_refused": N_("The provider did not accept the log-in: {text}. Start it again."),
    "consent.provider_away": N_("The provider did not answer. Nothing was changed; start the log-in again in a while."),
    "consent.nobody": N_("The provider did not say who logged in. Nothing was changed; start the log-in again."),
    "consent.other_login": N_(
        "You logged in as {got}, but this authorisation belongs to {expected}. The connection as it was is kept."
        " Log in as {expected}, or make a new authorisation for {got}."
    ),
}
TAGS = {
    "authorisation.connected": N_("connected {name}, logged in as {login} of {company}"),
    "authorisation.renewed": N_("logged in again for {name} as {login}"),
    "authorisation.reused": N_("logged in as {login}, which is connected already: {name} goes on with the new log-in"),
    "authorisation.made": N_("made {name}; it is not active yet"),
    "authorisation.key_changed": N_("changed the key or the details of {name}"),
    "authorisation.activated": N_("activated {name}; it sees {dossiers} dossiers"),
    "authorisation.deactivated": N_("switched {name} off"),
    "authorisation.removed": N_("removed {name}"),
    "authorisation.renamed": N_("renamed {before} to {name}"),
    "authorisation.handed_over": N_("changed who looks after {name}"),
    "authorisation.needs_consent": N_("{name} needs a new log-in"),
}
