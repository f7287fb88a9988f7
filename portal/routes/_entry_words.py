"""What lists and pages of entries say: heads, chips, reasons, explained cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from portal.kernel import clock
from portal.routes import _problems
from portal.shapes import Chip, Problem, Segment, Tone
from portal.sync.reading import EntryFilter, EntryList, EntryView
from portal.templating import formats, here

# state of an entry → the component's state, and the word for lists that have no component
STATE_KEYS: Mapping[str, str] = {
    "failed": "failed", "parked": "attention", "checking": "checking", "draft": "draft", "running": "running",
    "queued": "queued", "booked": "booked", "undone": "undone", "dropped": "none",
}  # fmt: skip
WORDS: Mapping[str, Any] = {
    "failed": _l("Refused"), "parked": _l("Waits for your decision"), "checking": _l("Being looked up"),
    "draft": _l("Draft"), "running": _l("Being sent"), "queued": _l("Queued"), "booked": _l("Booked"),
    "undone": _l("Undone"), "dropped": _l("Thrown away"),
}  # fmt: skip
MONTHS = 24


def period(frequency: str, start: date, sequence: int) -> str:
    """Like "March 2026", "05/03/2026", with "supplement 1" for lines that came late."""
    fmt = formats()
    words = fmt.month(start) if frequency == "monthly" else fmt.date(start)
    return str(_("%(period)s, supplement %(n)s", period=words, n=sequence)) if sequence else words


def called(frequency: str, start: date, sequence: int, *, undoes: bool) -> str:
    """The name of an entry: its period, and whether it undoes what was booked for that."""
    words = period(frequency, start, sequence)
    return str(_("Undoing of %(period)s", period=words)) if undoes else words


def why(row: Any) -> str:
    """The few words under the state of a row."""

    def when(at: Any) -> str:
        return formats().when(at, clock.now())

    match row.state:
        case "queued" if row.code and row.next_try_at:
            return str(_("%(why)s; again %(when)s", why=_problems.title(row.code), when=when(row.next_try_at)))
        case "checking" if row.settles_at and row.settles_at > clock.now():
            return str(_("looked up %(when)s", when=when(row.settles_at)))
        case "checking":
            return str(_("being looked up in the package"))
        case "parked":
            return str(_("waits for your decision: %(why)s", why=_problems.title(row.code)))
        case "dropped":
            return str(_("thrown away"))
    return _problems.title(row.code) if row.code and row.state != "draft" else ""


def months(today: date) -> list[tuple[str, str]]:
    """(value, words) of the last two years, this month first."""
    found, day = [], today.replace(day=1)
    for _month in range(MONTHS):
        found.append((day.strftime("%Y-%m"), formats().month(day)))
        day = (day - timedelta(days=1)).replace(day=1)
    return found


@dataclass(frozen=True, slots=True)
class Head:
    title: str
    lead: str


def list_head(found: EntryList, asked: EntryFilter) -> Head:
    """The answer first: what asks for a person, else that nothing does."""
    number = formats().number
    if asked.sent:
        done = found.count("booked", "undone", "failed", "parked")
        lead = _("You may close this page, the work goes on.") if done < found.total else _("All of them have ended.")
        title = _("%(done)s of %(total)s entries done", done=number(done), total=number(found.total))
        return Head(title, lead)
    asking, drafts = found.count("failed", "parked"), found.count("draft")
    under_way = found.count("queued", "running", "checking")
    if asking:
        title = ngettext("%(n)s entry needs you", "%(n)s entries need you", asking, n=number(asking))
    elif drafts:
        title = ngettext("%(n)s entry waits to be sent", "%(n)s entries wait to be sent", drafts, n=number(drafts))
    elif under_way:
        title = ngettext("%(n)s entry is under way", "%(n)s entries are under way", under_way, n=number(under_way))
    else:
        title = _("Every entry is booked exactly once") if found.total else _("Entries will appear here")
    if not found.total:
        return Head(title, _("Once statements have come in, each period becomes one entry."))
    parts = [
        ngettext("%(n)s to be sent", "%(n)s to be sent", drafts, n=number(drafts)),
        ngettext("%(n)s under way", "%(n)s under way", under_way, n=number(under_way)),
        ngettext("%(n)s booked", "%(n)s booked", found.count("booked"), n=number(found.count("booked"))),
    ]
    return Head(title, " · ".join(parts))


def list_chips(found: EntryList, asked: EntryFilter) -> list[Chip]:
    def chip(word: str, state: str, tone: Tone = "") -> Chip:
        count = found.count(state) if state else found.total
        return Chip(word, here(state=state or None, page=None), count, asked.state == state, tone)

    chips = [
        chip(_("All"), ""),
        chip(_("Refused"), "failed", "stop"),
        chip(_("To decide"), "parked", "warn"),
        chip(_("Looked up"), "checking", "wait"),
        chip(_("Draft"), "draft"),
        chip(_("Being sent"), "running"),
        chip(_("Queued"), "queued"),
        chip(_("Booked"), "booked"),
        chip(_("Undone"), "undone"),
    ]
    return [chip for chip in chips if chip.count or chip.current or chip.label in (_("All"), _("Draft"), _("Booked"))]


@dataclass(frozen=True, slots=True)
class Bar:
    total: int
    segments: list[Segment]
    words: str
    ended: bool


def list_progress(found: EntryList) -> Bar:
    """How far the entries are that were sent together."""
    parts = [
        Segment(found.count("booked", "undone"), _("booked"), "ok"),
        Segment(found.count("failed", "parked"), _("need you"), "stop"),
        Segment(found.count("checking"), _("being looked up"), "wait"),
        Segment(found.count("running"), _("being sent"), "brand"),
        Segment(found.count("queued"), _("queued"), ""),
    ]
    shown = [part for part in parts if part.count]
    words = ", ".join(f"{part.count} {part.word}" for part in shown)
    return Bar(found.total, shown, words, not found.count("queued", "running", "checking"))


def cards(view: EntryView, package: str) -> list[Problem]:
    """What stands in the way, a card a cause."""
    if view.state in ("failed", "parked") and view.posting:
        return [_refusal(view, package)]
    if view.state == "booked" and view.posting and view.posting.code in ("posting.altered", "posting.doubled"):
        return [_problems.problem(view.posting.code, view.entry.reference, package=package, about=_about(view))]
    found: dict[str, Problem] = {}
    for problem in view.problems:
        if problem.code in found:
            continue
        hit = sum(problem.code in [own.code for own in line.problems] for line in view.lines)
        rows = ngettext("%(num)s line", "%(num)s lines", hit) if hit else view.entry.reference
        found[problem.code] = _problems.problem(
            problem.code, rows, values=problem.values, test_url=_test_url(view, problem.code), package=package,
            about=_about(view),
        )  # fmt: skip
    return list(found.values())


def _refusal(view: EntryView, package: str) -> Problem:
    row = view.posting
    assert row is not None  # noqa: S101 - the caller has looked
    # Parked is not refused: what may stand there is looked up first, never simply sent anew.
    again = url_for("entries.retry", client=view.entry.tenant_id, entry_id=view.entry.id)
    retry = again if view.state == "failed" else ""
    return _problems.problem(
        row.code, view.entry.reference, provider_text=row.provider_text, at=row.changed_at,
        test_url=_test_url(view, row.code), retry_url=retry, retry_label=_("Send again as it is"), package=package,
        about=_about(view),
    )  # fmt: skip


def _about(view: EntryView) -> dict[str, str]:
    return {"reference": view.entry.reference, "dossier": view.coupling.dossier_number, "journal": view.entry.journal}


def _test_url(view: EntryView, code: str) -> str:
    key = _problems.key_of(code)
    return url_for("entries.test", client=view.entry.tenant_id, entry_id=view.entry.id, card=key)
