"""Sentences for the codes and tags of this room."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS = {
    "live.already": N_("This account does not rehearse: it is real already."),
    "live.feed": N_("{bank} is linked at a made-up bank. End that link first, then link the real bank."),
    "live.coupling": N_("Dossier {number} is reached at a stand-in of the package. Replace that coupling first."),
    "entry.stale": N_("This entry changed since it was shown. Look at it again; nothing was sent."),
    "entry.not_draft": N_("{reference} was sent already and can no longer be changed."),
    "entry.was_offered": N_("This entry was offered to the package before, so it stays."),
    "entry.account_missing": N_("Choose a ledger account."),
    "entry.problems": N_("{count} things would be refused. Nothing was sent."),
    "entry.empty": N_("This entry has no lines."),
    "entry.coupling_ended": N_("The coupling to dossier {dossier} has ended. Activate it again first."),
    "entry.books_unread": N_("The accounts and periods of dossier {dossier} were not read yet."),
    "entry.unbalanced": N_(
        "The balance before ({opening}) and the lines do not add up to the balance after ({closing})."
    ),
    "entry.journal_unknown": N_("Journal {journal} is not in dossier {dossier}."),
    "entry.journal_blocked": N_("Journal {journal} of dossier {dossier} is blocked."),
    "entry.journal_type": N_("Journal {journal} is of another type than this entry needs."),
    "entry.currency": N_("The entry is in {currency}, journal {journal} in {journal_currency}."),
    "entry.account_is_bank": N_("A line cannot be booked on {account}: that is the bank's own ledger account."),
    "entry.account_unknown": N_("Account {account} is not in dossier {dossier}."),
    "entry.account_blocked": N_("Account {account} is blocked in dossier {dossier}."),
    "entry.period_unknown": N_("The dossier has no financial period for {date}."),
    "entry.period_closed": N_("Period {period} of {year} is closed for journal {journal}."),
    "entry.vat_unmapped": N_("No VAT code is chosen for {rate} % ({category}). Choose it once for this dossier."),
    "entry.relations_unread": N_("The customers and suppliers of the dossier were not read yet."),
    "entry.relation_missing": N_("{party} ({number}) is not in the dossier. Make it there, then look again."),
    "entry.relation_ambiguous": N_(
        "{party} is in the dossier more than once ({codes}). Leave one of them, then look again."
    ),
    "entry.relation_of_takings": N_("No customer is chosen for takings. Choose one in the configuration of sales."),
    "posting.not_refused": N_("{reference} may stand in the package, so it cannot be changed or sent anew like this."),
    "posting.not_parked": N_("{reference} waits for no decision any more."),
    "posting.look_first": N_("Look {reference} up in the package first: it may stand there."),
    "posting.remote_id_missing": N_("Give the number the entry has in the package."),
    "reversal.reason_missing": N_("Say why this is undone: it stays with both entries."),
    "reversal.before": N_("It cannot be undone on a day before that of the entry."),
    "reversal.not_booked": N_("{reference} is not booked, so there is nothing to undo."),
    "reversal.done": N_("{reference} was undone before. What is undone once stays undone."),
    "reversal.under_way": N_("{reference} is being undone already."),
    "reversal.of_reversal": N_(
        "{reference} undoes another entry. To book that one again, send its lines again: they are free once this is"
        " booked."
    ),
    "reversal.differs": N_(
        "What stands in the package differs from what was sent, so {reference} is not undone from here. Put it right"
        " in the package."
    ),
    "reversal.files": N_("The package takes files, so {reference} is undone there."),
    "reversal.drafts": N_(
        "The package keeps entries as drafts until somebody accepts them: {reference} is undone there."
    ),
    "reversal.unfindable": N_("The package cannot be asked for an entry for sure, so {reference} is undone there."),
    "reversal.not_here": N_("This package lets nobody undo {reference} from here."),
    "reversal.invoice": N_("{reference} is of a document with VAT: a credit note undoes it."),
    "reversal.not_corrected": N_("{reference} undoes another entry line by line, so its lines stay as they are."),
    "comparison.note_missing": N_("Write down why this may stay as it is."),
    "posting.interrupted": N_("The sending was interrupted; whether it arrived is being looked up."),
    "posting.too_late": N_("It was not sent in time and waits for its next turn."),
    "posting.unclear": N_("Sent twice without a clear answer, and not found since. A person has to look."),
    "posting.unfindable": N_("It may stand in the package, which cannot be asked for it. A person has to look there."),
    "posting.batch_answers": N_("The package did not answer for each entry that was sent."),
    "posting.poison": N_("Five tries ended without a result."),
    "posting.internal": N_("Something failed on our side."),
    "posting.restored": N_("A back-up was put back; whether this was booked before is being looked up."),
    "posting.grant_withdrawn": N_("The client withdrew the access of the firm; nothing more is sent."),
    "posting.access_off": N_("The app may not touch this client account: its Access is not ticked."),
    "posting.removed_authorisation": N_("The authorisation was removed; nothing more is sent."),
    "posting.coupling_ended": N_("The coupling ended before this was sent."),
    "posting.doubled": N_("It stands in the package more than once."),
    "posting.altered": N_("What stands in the package differs from what was sent."),
    "posting.by_hand": N_("Marked as booked by a person."),
    "posting.authorisation_inactive": N_("The authorisation is switched off."),
    "posting.authorisation_needs_consent": N_("The authorisation needs a new log-in."),
    "posting.authorisation_refused": N_("The provider refuses the authorisation."),
    "posting.authorisation_revoked": N_("The authorisation was revoked."),
    "configuration.not_active": N_("This configuration is not active."),
    "run.starter_gone": N_(
        "Who started it has no access to this account any more. Nothing more was handed over; what is planned goes on."
    ),
    "run.coupling_ended": N_("The coupling has ended."),
    "run.poison": N_("The run was interrupted five times."),
    "batch.nothing": N_("None of the chosen client accounts has an active configuration that you may run."),
    "standing.no_coupling": N_("no coupling yet"),
    "standing.in_part": N_("not all bank accounts are yours to see"),
    "standing.no_configuration": N_("no configuration yet"),
    "standing.no_statements": N_("no statement received yet"),
    "standing.entries_wait": N_("entries wait to be sent"),
    "standing.differences": N_("differs from the package"),
}
TAGS = {
    "tenant.live": N_("switched {name} from rehearsal to real"),
    "entry.drafted": N_("drafted {reference}: {lines} lines of {period_start} to {period_end}"),
    "entry.drafted_document": N_("drafted {reference} for {number} of {party}"),
    "document.drafted": N_("put {number} in entry {reference}"),
    "entry.lines_added": N_("added {lines} lines to {reference}"),
    "entry.corrected": N_("corrected line {position} of {reference}: {account_before} → {account_after}"),
    "entry.dropped": N_("threw the draft {reference} away; its lines wait again"),
    "entry.offered": N_("handed {reference} over to be booked: {lines} lines, {total}"),
    "entry.reopened": N_("opened {reference} again to correct it"),
    "entry.undoing": N_("asked to undo {reference} by {other}: {reason}"),
    "entry.undoes": N_("handed over {reference}, which undoes {other}: {reason}"),
    "entry.undoing_given_up": N_("gave up undoing {reference}: {other} was not booked"),
    "entry.undoing_accepted": N_("looked at {other} and held {reference} for undone"),
    "entry.undone": N_("{reference} is undone by {other}; its lines can be drafted again"),
    "posting.confirmed": N_("booked {reference} as number {number}"),
    "posting.doubled": N_("{reference} stands in the package {copies} times"),
    "posting.altered": N_("{reference} is booked as number {number}, but differs from what was sent"),
    "posting.rejected": N_("refused {reference}: {provider_text}"),
    "posting.uncertain": N_("no clear answer for {reference}; it will be looked up"),
    "posting.resend": N_("{reference} was looked up twice and is not there; it is sent once more"),
    "posting.parked": N_("{reference} waits for a person's decision"),
    "posting.retried": N_("sent {reference} again after the refusal"),
    "posting.look_again": N_("asked to look {reference} up again"),
    "posting.sent_again": N_("asked to send {reference} again"),
    "posting.sent_after_look": N_("did not find {reference} in the package and asked to send it again"),
    "posting.marked_booked": N_("marked {reference} as booked under {remote}"),
    "run.started": N_("started a synchronisation"),
    "run.failed": N_("the synchronisation failed"),
    "batch.started": N_("started {runs} synchronisations"),
    "comparison.differs": N_(
        "the comparison found differences: {missing} missing, {doubled} doubled, {altered} altered"
    ),
    "comparison.seen": N_("looked at the difference of {reference}: {note}"),
}

# What is told of an entry that waits for approval.
PARTS: dict[str, str] = {
    "live.account": N_("Account"),
    "entry.dossier": N_("Dossier"),
    "entry.period": N_("Period"),
    "entry.journal": N_("Journal"),
    "entry.lines": N_("Lines"),
    "entry.total": N_("Amount moved"),
    "entry.undone": N_("Entry that is undone"),
    "entry.undoing": N_("Entry that undoes it"),
    "entry.on": N_("On"),
    "entry.reason": N_("Why"),
    "entry.sha256": N_("Fingerprint"),
}
