"""Sentences for the codes of this room."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS = {
    "archive.not_one": N_("This file is not an archive of Koppelpoort ({reason})."),
    "archive.damaged": N_("This archive was changed or damaged: {path} is not what its manifest says."),
    "archive.schema": N_(
        "This archive was made by another version ({archive}; here it is {here}). Read it in with the same version,"
        " then upgrade."
    ),
    "archive.under_way": N_("An archive is being made already. It will be here in a few minutes."),
    "archive.gone": N_("This archive is not here any more. Ask for a new one."),
    "erasure.name": N_("This is not the name of the account. Type it as it stands above."),
    "erasure.asked_already": N_("This account is to be deleted already."),
    "retention.short": N_("Keep it at least {least}; the law or the work asks for that."),
    "erasure.none": N_("No deletion waits that could be taken back."),
    "archive.not_empty": N_("Archives are read into an empty installation; in this one there are accounts already."),
}
TAGS = {
    "audit.fetched": N_("fetched the audit trail as a file"),
    "archive.asked": N_("asked for an archive of this account"),
    "archive.made": N_("made the archive: {files} files"),
    "archive.failed": N_("could not make the archive, after {attempts} attempts"),
    "archive.fetched": N_("fetched an archive of this account"),
    "archive.removed": N_("removed an archive before its time"),
    "erasure.asked": N_("asked to delete this account on {due}"),
    "erasure.cancelled": N_("took back the deletion of this account"),
    "retention.changed": N_("changed how long things are kept"),
    "retention.removed": N_("removed what was kept long enough: {rows} rows, {originals} files"),
}
