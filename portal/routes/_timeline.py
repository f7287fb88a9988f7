"""Activities as the events of a timeline, worded for the reader."""

from __future__ import annotations

from collections.abc import Iterable

from portal.activity.models import Activity
from portal.routes import wording
from portal.shapes import Event, Tone

_ICONS = {
    "grant": "person-lock", "access": "person-lock", "member": "person-gear", "clients": "person-gear",
    "portal": "building", "client": "person", "tenant": "pencil", "authorisation": "key", "coupling": "plug",
    "configuration": "sliders", "import": "upload", "statement": "bank", "entry": "journal-check",
    "posting": "send", "run": "arrow-repeat", "comparison": "check2-all", "dossiers": "folder2-open",
}  # fmt: skip
_TONES: dict[str, Tone] = {
    "posting.rejected": "stop", "posting.parked": "warn", "posting.uncertain": "wait", "posting.doubled": "stop",
    "import.refused": "warn", "authorisation.lapsed": "stop", "comparison.differs": "warn",
}  # fmt: skip


def events(rows: Iterable[Activity]) -> list[Event]:
    return [event(row) for row in rows]


def event(row: Activity) -> Event:
    code = str(row.data.get("code") or "")
    return Event(
        at=row.at,
        text=wording.of_activity(row.tag, row.data),
        who=row.actor_name if row.actor_kind == "person" else "",
        icon=_ICONS.get(row.tag.partition(".")[0], "arrow-repeat"),
        tone=_TONES.get(row.tag, ""),
        code=code,
        packet=f"{row.at.isoformat()} {row.tag} {code} {row.subject_kind} {row.subject_id}" if code else "",
    )
