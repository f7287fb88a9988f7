"""Activities as the events of a timeline, worded for the reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _

from portal.activity.models import Activity
from portal.connectors import registry
from portal.routes import _approvals, _feeds, wording
from portal.routes._as_it_was import ROLES
from portal.shapes import Event, Tone
from portal.templating import formats

_ICONS = {
    "grant": "person-lock", "access": "person-lock", "member": "person-gear", "clients": "person-gear",
    "assignment": "person-gear", "takeover": "person-check",
    "portal": "building", "client": "person", "tenant": "pencil", "authorisation": "key", "coupling": "plug",
    "configuration": "sliders", "import": "upload",
    "document": "file-earmark-text", "document_file": "upload", "api_key": "braces", "statement": "bank",
    "software": "hdd-network", "group": "collection",
    "entry": "journal-check",
    "posting": "send", "feed": "bank2", "run": "arrow-repeat", "comparison": "check2-all", "dossiers": "folder2-open",
    "approval": "person-check",
    "file_dossier": "folder2-open", "exchange_file": "file-earmark-arrow-down", "file_form": "sliders",
}  # fmt: skip
_TONES: dict[str, Tone] = {
    "posting.rejected": "stop", "posting.parked": "warn", "posting.uncertain": "wait", "posting.doubled": "stop",
    "import.refused": "warn", "document_file.refused": "warn", "feed.attention": "warn", "feed.consent_ended": "stop",
    "feed.paused": "warn", "approval.failed": "stop", "approval.refused": "stop", "approval.expired": "warn",
    "approval.edited": "warn", "approval.self_approved": "warn",
    "authorisation.lapsed": "stop", "comparison.differs": "warn",
}  # fmt: skip


_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?\+00:00")
_FIGURE = re.compile(r"-?\d{1,16}\.\d{2,5}")


def events(rows: Iterable[Activity]) -> list[Event]:
    return [event(row) for row in rows]


def event(row: Activity) -> Event:
    code = str(row.data.get("code") or "")
    return Event(
        at=row.at,
        text=wording.of_activity(row.tag, _provider(row) | shown_values(row.data) | _worded(row)),
        who=row.actor_name if row.actor_kind == "person" else "",
        icon=_ICONS.get(row.tag.partition(".")[0], "arrow-repeat"),
        tone=_TONES.get(row.tag, ""),
        code=code,
        packet=f"{row.at.isoformat()} {row.tag} {code} {row.subject_kind} {row.subject_id}" if code else "",
    )


def _provider(row: Activity) -> dict[str, str]:
    """Who told it, where it was a provider."""
    return {"provider": label(row.actor_name)} if row.actor_kind == "provider" else {}


def label(app: str) -> str:
    """How an app is called; the key itself of one that is gone."""
    return registry.app(app).MANIFEST.label if app in registry.APPS else app


def _worded(row: Activity) -> dict[str, str]:
    """What is kept as a code, in words."""
    return _states(row) | _roles(row) | _task(row)


def _states(row: Activity) -> dict[str, str]:
    """The state that a feed came from, in words."""
    before = row.data.get("before")
    return {"before_word": _feeds.word(before)} if row.tag.startswith("feed.") and before else {}


def _roles(row: Activity) -> dict[str, str]:
    """Roles that somebody had or got, in words."""
    if not row.tag.startswith(("member.", "grant.")):
        return {}
    held = {key: row.data.get(key) for key in ("role", "before")}
    return {key: str(_(ROLES[role])) for key, role in held.items() if isinstance(role, str) and role in ROLES}


def _task(row: Activity) -> dict[str, str]:
    """What a task that waits or waited is about."""
    kind = row.data.get("kind")
    if not row.tag.startswith("approval.") or not kind:
        return {}
    shown = row.data.get("shown")
    return {"title": _approvals.title(kind, shown) if shown is not None else _approvals.kind_word(kind)}


def shown_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """Days, moments and amounts, kept as plain text, as the reader writes them."""
    fmt = formats()

    def one(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if _DAY.fullmatch(value) or _MOMENT.fullmatch(value):
            try:
                return (
                    fmt.date(date.fromisoformat(value))
                    if len(value) == 10
                    else fmt.datetime(datetime.fromisoformat(value))
                )
            except ValueError:  # somebody gave a thing a name that looks like a day
                return value
        return fmt.money(Decimal(value)) if _FIGURE.fullmatch(value) else value

    return {key: one(value) for key, value in data.items()}
