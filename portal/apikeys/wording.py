"""What this room says, as English message ids."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS: dict[str, str] = {
    "api_key.name": N_("Give the key a name of at most {limit} characters, such as that of the program that uses it."),
    "api_key.many": N_("There are {limit} keys already. Revoke one that is not used any more."),
    "api_call.other_request": N_("This idempotency key was used for another request before."),
    "api_call.no_key": N_("The key is missing, unknown or revoked."),
    "api_call.key_length": N_("An idempotency key has at most {limit} characters."),
}

TAGS: dict[str, str] = {
    "api_key.made": N_("made the API key {name} ({prefix}…)"),
    "api_key.revoked": N_("revoked the API key {name} ({prefix}…)"),
}
