"""The named points at which a process can be told to die while it fetches; tests visit each."""

from __future__ import annotations

CRASH_POINTS = (
    "feed.leased",
    "feed.page_read",
    "feed.locked",
    "feed.lines_written",
    "feed.before_commit",
    "feed.page_committed",
    "feed.read_to_end",
    "feed.before_finish",
    "feed.finished",
)
