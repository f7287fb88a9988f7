"""Sentences for the codes of this room. Kinds bring their own titles."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS = {
    "approval.settled": N_("This task was settled or expired already."),
    "approval.stale": N_("The task was changed after you opened it. Look at what waits now, then decide."),
    "approval.decided": N_("You decided on this version already."),
    "approval.own_work": N_("You made or changed this task, so somebody else decides on it."),
    "approval.not_yours": N_("Only people who made or changed this task can withdraw it."),
    "approval.reason": N_("Write down why you refuse it."),
    "approval.same": N_("Nothing differs from the version that waits."),
    "approval.waits_already": N_(
        "A task for the same thing waits for approval already. Edit or withdraw that one under Approvals."
    ),
    "approval.other_subject": N_("This is about something else. Submit it as a task of its own."),
    "approval.subject_changed": N_(
        "What the task is about was changed after it was submitted. Nothing was done; submit it anew."
    ),
    "approval.submitter_right": N_("{name}, who submitted it, may no longer do this. Nothing was done."),
    "approval.number": N_("Choose between 0 and {most} approvals."),
    "approval.above": N_("Type an amount of 0 or more, or leave it empty."),
    "approval.too_few": N_(
        "Only {able} people here may approve this, and whoever asks does not count. At least {needed} are needed."
    ),
    "approval.rule_same": N_("These are the numbers that count now."),
}
TAGS = {
    "approval.submitted": N_("submitted for approval: {title}"),
    "approval.edited": N_("changed the task, which makes version {version}: {title}"),
    "approval.approved": N_("approved, {agreed} of {needed}: {title}"),
    "approval.self_approved": N_("approved own work by self-approve, {agreed} of {needed}: {title}"),
    "approval.refused": N_("refused: {title} ({reason})"),
    "approval.withdrawn": N_("withdrew the task: {title}"),
    "approval.expired": N_("The task expired after waiting too long: {title}"),
    "approval.carried_out": N_("Carried out after approval by {names}: {title}"),
    "approval.failed": N_("Approved, but not carried out: {title}"),
    "approval.rule_changed": N_("set the number of approvals for {title}: {before} → {after}"),
}
STATES = {
    "waiting": N_("Waiting for approval"),
    "carried_out": N_("Carried out"),
    "refused": N_("Refused"),
    "withdrawn": N_("Withdrawn"),
    "expired": N_("Expired"),
    "failed": N_("Failed"),
}
# The rows of a diff; what stands nowhere is shown as it is.
PARTS = {
    "role": N_("Role"),
    "approval.kind": N_("Kind of task"),
    "approval.number": N_("Approvals"),
    "approval.above": N_("Only above this amount"),
}
