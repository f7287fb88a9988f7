"""What this room says, as English message ids."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS: dict[str, str] = {
    "software.name": N_("Give the software a name of at most {limit} characters, such as that of the ERP."),
    "software.groups": N_("Choose at least one account group: without one the software sees nothing."),
    "software.network": N_("{network} is no address or network. Write it like 192.0.2.17 or 2001:db8::/48."),
    "software.networks": N_("At most {limit} addresses or networks fit here."),
    "software.many": N_("There are {limit} software users already. Delete one that is not used any more."),
    "software.same_password": N_("Choose another password than the one you signed in with."),
    "software.step": N_("This step is done already, or its turn has not come."),
    "software.no_credentials": N_(
        "Send the user code and the password of the software user by HTTP Basic authentication."
    ),
    "software.wrong": N_(
        "User code and password do not belong together. Type both into your software once more. If the password is"
        " lost, an administrator deletes the software user and creates it again."
    ),
    "software.password_changed": N_(
        "The password of this software user was changed on {day}, and this is the one from before. Type the new"
        " password into your software."
    ),
    "software.first_sign_in": N_(
        "This software user has not signed in yet. Sign in once at {url} with the user code and the one-time password,"
        " choose a password of your own and set a second factor; then type the new password into your software."
    ),
    "software.address": N_(
        "This software user may not come from the address {address}. An administrator can add it to the addresses of"
        " the software user."
    ),
    "software.locked": N_(
        "Too many wrong passwords came from this address. Put the password in your software right, and wait {seconds}"
        " seconds."
    ),
    "software.too_many": N_("More than {limit} calls a minute. Wait {seconds} seconds, then go on."),
    "software.parameter": N_("The parameter {name} is not right: {expected}."),
    "software.not_acceptable": N_("This address answers as {formats}. Ask for one of these by format or Accept."),
    "software.not_found": N_("There is no such thing, or it is in none of the groups of this software user."),
}

TAGS: dict[str, str] = {
    "software.made": N_("made the software user {name} ({code})"),
    "software.groups": N_("changed the groups of the software user {name}: {groups}"),
    "software.networks": N_("changed from where the software user {name} may come: {networks}"),
    "software.deleted": N_("deleted the software user {name} ({code})"),
    "software.password": N_("chose a password of its own"),
    "software.second_factor": N_("set its second factor"),
}
