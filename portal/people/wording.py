"""Sentences for the codes of this room."""

from __future__ import annotations

from portal.kernel.words import N_
from portal.permissions.wording import PERMISSIONS

ERRORS = {
    "people.choice": N_("Choose from what is on the page."),
    "people.name": N_("Give a name of at most {limit} characters."),
    "people.name_taken": N_("{name} exists already. Choose another name."),
    "people.not_yours": N_("You give a right that you do not have yourself. Nothing was changed."),
    "people.not_yours_alone": N_(
        "You let somebody approve their own work where you may not yourself. Nothing was changed."
    ),
    "people.wider": N_(
        "That would open bank accounts that you do not see yourself. Ask somebody who is not limited to account groups."
    ),
    "job_role.held": N_("The job role {name} is in use; people who have it: {count}. Take it from them first."),
    "job_role.self_approve": N_("Whoever approves their own work must have the right Approve there too."),
    "account_group.held": N_(
        "The group {name} is in use; people limited to it: {count}. "
        "Give them another one first, or they would see every account."
    ),
    "account_group.account": N_("One of these bank accounts is no longer within reach. Load the page again."),
    "legal_entity.held": N_("{name} is in use; account groups of it: {count}. Take them out of it first."),
    "legal_entity.known": N_("The enterprise number {number} is here already."),
}
TAGS = {
    "job_role.created": N_("made the job role {name}"),
    "job_role.changed": N_("changed the job role {name}"),
    "job_role.removed": N_("removed the job role {name}"),
    "account_group.created": N_("made the account group {name}"),
    "account_group.changed": N_("changed the account group {name}: {more} accounts more, {fewer} fewer"),
    "account_group.removed": N_("removed the account group {name}"),
    "legal_entity.created": N_("added the legal entity {name}, {number}"),
    "legal_entity.changed": N_("changed the legal entity {name}, {number}"),
    "legal_entity.removed": N_("removed the legal entity {name}"),
    "member.job_roles_changed": N_("changed the job roles of {name}: {before} → {after}"),
    "member.groups_changed": N_("changed the account groups of {name}: {before} → {after}"),
}
PARTS = {
    "people.name": N_("Name"),
    "people.email": N_("E-mail address"),
    "people.role": N_("Role"),
    "people.job_roles": N_("Job roles"),
    "people.groups": N_("Account groups"),
    "people.account": N_("Bank account"),
    "people.entity": N_("Legal entity"),
} | {f"permission.{permission.value}": word for permission, word in PERMISSIONS.items()}
