"""What lists and pages of runs say: results in words, chips, explained causes, the findings of a night."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.connectors import registry
from portal.kernel import clock
from portal.routes import _problems
from portal.routes._access import scope
from portal.shapes import Chip, Problem, Segment
from portal.sync.watching import GROUPS, BatchView, NightView
from portal.templating import formats, here

MOST_CARDS = 12  # causes in full; more than these are told by their number


def outcome(row: Any, state: str) -> str:
    """The few words under a run's state: why it does not go on, or what it did."""
    if state == "queued" or (state == "running" and row.code):
        if row.code:
            again = formats().when(row.next_try_at, clock.now())
            return str(_("%(why)s; again %(when)s", why=_problems.title(row.code, row.values), when=again))
        return ""
    if state in ("failed", "attention"):
        codes = [row.code] if row.code else [refusal["code"] for refusal in row.refusals]
        return _problems.title(codes[0], row.values if row.code else None) if codes else ""
    if row.under_way:
        return str(ngettext("%(num)s entry is being sent", "%(num)s entries are being sent", row.under_way))
    if row.checking:
        return str(ngettext("%(num)s entry is being looked up", "%(num)s entries are being looked up", row.checking))
    if state == "draft":
        return str(ngettext("%(num)s draft waits to be sent", "%(num)s drafts wait to be sent", row.drafts))
    return str(_("nothing new")) if state == "booked" and not row.booked else ""


def duration(row: Any) -> str:
    """Like "18 s" or "3 min"; "" when it did not begin or did not end."""
    if not row.started_at or not row.finished_at:
        return ""
    seconds = max(round((row.finished_at - row.started_at).total_seconds()), 1)
    return str(_("%(n)s s", n=seconds) if seconds < 120 else _("%(n)s min", n=round(seconds / 60)))


def batch_title(batch: BatchView) -> str:
    number = formats().number
    if not batch.finished:
        return str(_("%(done)s of %(total)s synchronised", done=number(batch.ended), total=number(batch.total)))
    if batch.count("failed"):
        failed = batch.count("failed")
        return str(_("%(done)s done, %(failed)s need you", done=number(batch.count("done")), failed=number(failed)))
    return str(ngettext("%(n)s synchronisation done", "All %(n)s synchronisations done", batch.total,
                        n=number(batch.total)))  # fmt: skip


def batch_lead(batch: BatchView) -> str:
    when = formats().when(batch.started_at, clock.now())
    parts = [_("Started %(when)s by %(who)s.", when=when, who=batch.starter or _("somebody"))]
    if batch.remaining is not None:
        minutes = max(round(batch.remaining.total_seconds() / 60), 1)
        parts.append(ngettext("About %(num)s minute to go.", "About %(num)s minutes to go.", minutes))
    if not batch.finished:
        parts.append(_("You may close this page, the work goes on."))
    return " ".join(parts)


def batch_segments(batch: BatchView) -> list[Segment]:
    return [
        Segment(batch.count("done"), _("done"), "ok"),
        Segment(batch.count("failed"), _("need you"), "stop"),
        Segment(batch.count("running"), _("running"), "brand"),
        Segment(batch.count("queued"), _("queued"), ""),
    ]


def batch_chips(batch: BatchView, current: str) -> list[Chip]:
    words = {"failed": _("Need you"), "running": _("Running"), "queued": _("Queued"), "done": _("Done")}
    chips = [Chip(_("All"), here(state=None, page=None), batch.total, current == "")]
    for group in GROUPS:
        tone: Any = "stop" if group == "failed" else ""
        chips.append(Chip(words[group], here(state=group, page=None), batch.count(group), current == group, tone))
    return chips


# --------------------------------------------------------------------------- causes of a batch


@dataclass(slots=True)
class _Cause:
    code: str
    names: list[str] = field(default_factory=list)
    row: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    at: datetime | None = None
    heals_at: datetime | None = None
    reference: str = ""
    again: bool = False  # whether anything that it holds up can be tried again


def causes(batch: BatchView, may_act: bool) -> list[Problem]:
    """One card a cause: those that need a person first, then those that heal by themselves."""
    found: dict[tuple[str, bool], _Cause] = {}
    for row, state in batch.rows:
        for code, values, text, at, heals_at, reference in _hits(row, state):
            cause = found.setdefault((code, heals_at is not None), _Cause(code))
            if cause.row is None:
                cause.row, cause.values, cause.text, cause.at, cause.reference = row, values, text, at, reference
            cause.names.append(row.client)
            cause.again = cause.again or (heals_at is None and _can_be_retried(row, code))
            if heals_at is not None:
                cause.heals_at = min(heals_at, cause.heals_at or heals_at)
    ordered = sorted(found.values(), key=lambda cause: (cause.heals_at is not None, -len(cause.names), cause.code))
    return [_card(batch, cause, may_act) for cause in ordered[:MOST_CARDS]]


def _hits(row: Any, state: str) -> Iterator[tuple[str, Mapping[str, Any], str, datetime | None, datetime | None, str]]:
    """(code, values, the package's words, since, heals at, reference) of everything that holds a row up."""
    if row.code and state in ("queued", "running") and row.state != "done":
        yield row.code, row.values, "", None, row.next_try_at, ""
    elif row.code and row.state in ("failed", "done"):
        yield row.code, row.values, str(row.values.get("text", "")), row.finished_at, None, ""
    for refusal in row.refusals:
        at = datetime.fromisoformat(refusal["at"])
        yield refusal["code"], {}, refusal["text"], at, None, refusal["reference"]
    for wait in row.waits:
        yield wait["code"], {}, wait["text"], None, datetime.fromisoformat(wait["at"]), ""


def _can_be_retried(row: Any, code: str) -> bool:
    refused = any(refusal["code"] == code and refusal["state"] == "rejected" for refusal in row.refusals)
    return refused or (row.state == "failed" and row.code == code)


def _card(batch: BatchView, cause: _Cause, may_act: bool) -> Problem:
    key = _problems.key_of(cause.code) + ("-wait" if cause.heals_at else "")
    test = url_for("runs.test", portal=scope().tenant_id, batch_id=batch.id, run_id=cause.row.id, card=key)
    again = url_for("runs.retry", portal=scope().tenant_id, batch_id=batch.id, cause=cause.code)
    return _problems.problem(
        cause.code, _problems.rows_in_words(cause.names), values=cause.values, provider_text=cause.text, at=cause.at,
        heals_at=cause.heals_at, key=key, package=registry.load(cause.row.app).MANIFEST.label,
        test_url=test if may_act else "", retry_url=again if may_act and cause.again else "",
        about={"run": str(cause.row.id), "dossier": cause.row.dossier_number, "reference": cause.reference},
    )  # fmt: skip


# --------------------------------------------------------------------------- a night


def night_title(view: NightView) -> str:
    if not view.findings and not view.sum("booked"):
        return str(_("Nothing was to be booked") if not view.sum("offered") else _("Nothing is booked yet"))
    if not view.findings:
        return str(_("All that was booked stands in the books exactly once"))
    if not view.unseen:
        return str(_("Every difference was looked at"))
    return str(ngettext("%(num)s entry differs from the books", "%(num)s entries differ from the books", view.unseen))


def finding_cards(view: NightView) -> list[Problem]:
    """One card a kind of finding that nobody has seen yet, with the clients it was found at."""
    names: dict[str, list[str]] = {}
    apps: dict[str, str] = {}
    references: dict[str, list[str]] = {}
    for row in view.rows:
        for finding in row.findings:
            if "seen_at" in finding:
                continue
            kind = finding["kind"]
            names.setdefault(kind, []).append(row.client)
            apps.setdefault(kind, row.app)
            references.setdefault(kind, []).append(finding["reference"])
    return [
        _problems.problem(
            f"comparison.{kind}", _problems.rows_in_words(hit), package=registry.load(apps[kind]).MANIFEST.label,
            about={"night": view.night.isoformat(), "reference": ",".join(references[kind][:5])},
        )
        for kind, hit in sorted(names.items(), key=lambda item: -len(item[1]))
    ]  # fmt: skip


def finding_words(finding: Mapping[str, Any]) -> str:
    """What is wrong with one entry, with its figures."""
    numbers = ", ".join(finding.get("remote") or ())
    match finding["kind"]:
        case "missing":
            return str(_("booked, but not found"))
        case "doubled":
            return str(_("stands there more than once: %(numbers)s", numbers=numbers))
        case "altered":
            return str(
                _("sent %(ours)s, found %(theirs)s", ours=_side(finding["ours"]), theirs=_side(finding["theirs"]))
            )
        case "not_undone":
            return str(_("does not cancel what it undoes; left over: %(left)s", left=finding["theirs"]))
        case "unexpected":
            return str(_("stands there as %(numbers)s, while we do not hold it for booked", numbers=numbers))
    return str(_("a reference we never gave out: %(numbers)s", numbers=numbers))


def seen_words(finding: Mapping[str, Any]) -> str:
    """Who answered for it, when and why; "" when nobody did yet."""
    if "seen_at" not in finding:
        return ""
    at = formats().when(datetime.fromisoformat(finding["seen_at"]), clock.now())
    return str(_("seen by %(who)s, %(when)s: %(note)s", who=finding["seen_by"], when=at, note=finding["note"]))


def _side(text: str) -> str:
    """One side of an altered entry, "100.00 / 3", in words: its debit and its number of lines."""
    debit, _slash, lines = text.partition(" / ")
    if not lines.isdecimal():
        return text
    return str(ngettext("%(debit)s in %(num)s line", "%(debit)s in %(num)s lines", int(lines),
                        debit=formats().money(Decimal(debit))))  # fmt: skip
