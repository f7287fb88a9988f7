"""Sentences for the codes of this room."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS = {
    "enterprise_number.scheme": N_("Choose a country."),
    "enterprise_number.characters": N_("{number} has characters that do not belong in an enterprise number."),
    "enterprise_number.length": N_("{number} does not have {length} digits. Check it against the register."),
    "enterprise_number.check": N_("{number} cannot be right: its check digits do not fit. Check it for typing errors."),
    "role.unknown": N_("Choose a role from the list."),
    "member.unknown": N_("Nobody with a proved address {email} is known here. Ask this person to sign up first."),
    "member.already": N_("{email} belongs to this account already."),
    "member.last_head": N_("This is the last person who can let others in. Give somebody else that role first."),
    "portal.email_taken": N_("Another portal proved to hold this address already. Use another one."),
    "portal.email_unverified": N_("Prove the address of the portal first: open the link in the mail we sent to it."),
    "grant.ends_in_the_past": N_("The last day has passed already. Choose today or later, or leave it empty."),
    "grant.already": N_("{email} has access already, or was asked to take it. Withdraw that first to change it."),
    "grant.not_living": N_("This access was withdrawn or ended already."),
    "assignment.what": N_("Choose a person and what changes."),
    "assignment.person": N_("Choose a person."),
    "assignment.reason_empty": N_("Say why, in a few words: it stands in the audit trail."),
    "assignment.end": N_("Choose a moment from now on, at most {days} days ahead."),
    "assignment.sees_all": N_("{name} sees every client already; access for a time would change nothing."),
    "assignment.has_already": N_("{name} looks after all of these until further notice."),
    "assignment.administrator": N_("An administrator sees every client. Give this person another role first."),
    "management.order": N_("The management of this account began on {on}; it cannot end before that."),
}
TAGS = {
    "portal.created": N_("made the portal {name}"),
    "client.created": N_("made the client account {name}"),
    "portal.email_verified": N_("proved the address {email}; clients can let the firm in with it"),
    "tenant.edited": N_("changed the details of {name}"),
    "member.added": N_("added {name} as {role}"),
    "member.role_changed": N_("changed the role of {name}: {before} → {role}"),
    "member.ended": N_("ended the membership of {name}"),
    "clients.assigned": N_("assigned {count} client accounts to {name}"),
    "clients.unassigned": N_("ended the assignment of {count} client accounts {name}"),
    "assignment.given": N_("gave {name} access to {client} until {until}: {reason}"),
    "assignment.ended": N_("the access of {name} to {client} ended by its end time"),
    "member.limited": N_("let {name} see assigned clients alone"),
    "member.unlimited": N_("let {name} see every client"),
    "portal.limited": N_("let everybody but administrators see assigned clients alone"),
    "portal.unlimited": N_("let everybody see every client"),
    "grant.given": N_("gave {email} access as {role}"),
    "grant.withdrawn": N_("withdrew the access of {email}"),
    "grant.ended": N_("access of {email} ended on {ends_on}"),
    "grant.activated": N_("access became active: the address was proved"),
    "access.requested": N_("asked {email} for access"),
    "management.begun": N_("came under the management of the firm from {on} on"),
    "management.ended": N_("left the management of the firm on {on}"),
    "access.declined": N_("declined the request of {firm}"),
}
