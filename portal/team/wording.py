"""Sentences for the codes of this room."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS = {
    "newcomer.known": N_("{client} is your client already, under this enterprise number."),
    "newcomer.twice": N_("The same enterprise number stands in row {row} already."),
    "newcomers.wrong": N_("{count} rows need your attention; nothing was made. Mend them and try again."),
    "newcomers.too_many": N_("At most {most} accounts at once. Split the list."),
    "newcomers.none": N_("Nothing was chosen."),
    "newcomers.no_right": N_("{name} may not make client accounts any more."),
    "newcomers.gave_up": N_("It did not work after several attempts. Try this list again."),
    "newcomers.file_large": N_("The file is larger than {most} MB. Split the list."),
    "newcomers.file_empty": N_("The file holds no rows below its head."),
    "newcomers.file_columns": N_("The first row must name the columns; at least a name and an enterprise number."),
    "newcomers.file_broken": N_("The file cannot be read from row {row} on: a quotation mark is not closed."),
    "takeover.has_owner": N_("{client} has an owner already."),
    "takeover.asked_already": N_("{email} was asked already and has not answered. Withdraw that first."),
    "takeover.not_open": N_("No invitation is open."),
    "takeover.not_managed": N_("{client} is not managed by your firm; its owner decides about it."),
    "move.unknown_firm": N_(
        "No firm proved to hold the address {email}. Ask the new firm for the address of its portal."
    ),
    "move.same_firm": N_("{email} is the firm that has access now. Type the address of the other firm."),
    "leaving.self": N_("You cannot end your own access here. Ask another administrator."),
    "leaving.successor": N_("Choose who takes over {name}, or the log-in loses its owner."),
}
TAGS = {
    "clients.made": N_("made {count} client accounts: {clients}"),
    "client.made": N_("made the account {name} for the client, let in {email} and put it under its management"),
    "client.moved": N_("moved the account from {before} to {email}"),
    "takeover.asked": N_("asked {email} to take the account over"),
    "takeover.withdrawn": N_("withdrew the invitation of {email}"),
    "takeover.declined": N_("declined to take the account over from {firm}"),
    "takeover.taken": N_("{name} took the account over from {firm}"),
    "member.left": N_("closed the place of {name}: {authorisations} log-ins handed over, {clients} clients given on"),
}
