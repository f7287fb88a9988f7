"""The named points at which a process can be told to die; tests and `portal chaos` visit each."""

from __future__ import annotations

CRASH_POINTS = (
    "run.started",
    "run.books_read",
    "run.drafted",
    "run.offered",
    "run.finished",
    "drafting.locked",
    "drafting.entry_written",
    "drafting.lines_taken",
    "drafting.before_commit",
    "offer.locked",
    "offer.previewed",
    "offer.posting_written",
    "offer.before_commit",
    "posting.leased",
    "posting.connected",
    "posting.sending_written",
    "posting.sending_committed",
    "posting.before_call",
    "posting.after_call",
    "posting.read_back",
    "posting.before_confirm",
    "posting.confirmed",
    "posting.rejected",
    "posting.returned",
    "posting.uncertain_written",
    "posting.uncertain_committed",
    "posting.before_lookup",
    "posting.lookup_done",
    "posting.lookup_found",
    "posting.lookup_empty",
    "posting.resend_committed",
    "posting.parked",
    "dispatch.chosen",
    "tick.taken",
    "tick.done",
    "comparison.read",
    "comparison.written",
    "batch.started",
    "batch.runs_written",
)

# Those of an undoing, besides the ones that it shares with every entry.
REVERSAL_POINTS = (
    "reversal.locked", "reversal.entry_written", "reversal.lines_written", "reversal.marked", "reversal.let_go",
)  # fmt: skip

# Those of a batch, which only packages that take one come to.
BATCH_POINTS = ("posting.batch_committed", "posting.batch_answered", "posting.batch_confirmed")
