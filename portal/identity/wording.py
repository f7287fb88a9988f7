"""Sentences for the codes of this room."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS = {
    "email.invalid": N_("{email} is not an e-mail address. Check it for typing errors."),
    "name.empty": N_("Fill in a name."),
    "password.short": N_("Use at least {length} characters; a few unrelated words do well."),
    "password.long": N_("Use at most {length} characters."),
    "password.common": N_("This password is easy to guess. Use a few unrelated words."),
    "password.wrong": N_("This is not your present password."),
    "password.not_of_account": N_("This is not the password that was chosen for this account."),
    "login.wrong": N_("Address and password do not belong together. Check both, or ask for a new password."),
    "login.unverified": N_("Your e-mail address is not proved yet. Open the link in the mail we sent you."),
    "passkey.refused": N_("This passkey was not accepted. Try again, or sign in with your password."),
    "passkey.many": N_("You have {most} passkeys already. Remove one that you do not use."),
    "link.dead": N_("This link was used already or is too old. Ask for a new one."),
    "second_factor.code": N_("This code is not right, or was used already. Wait for the next one and type it in."),
    "second_factor.recovery": N_("This recovery code is not right, or was used already."),
    "second_factor.in_force": N_("A second factor is in force already."),
    "second_factor.nothing_to_confirm": N_("There is no second factor that waits for a code. Start again."),
}
TAGS: dict[str, str] = {}
