"""What became of a statement file, in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.connectors import registry
from portal.connectors.files import refusals
from portal.ledger import wording as ledger_words
from portal.ledger.models import Import, ParkedFile
from portal.routes import wording
from portal.shapes import Tone


@dataclass(frozen=True, slots=True)
class Outcome:
    title: str
    text: str
    tone: Tone


def outcome(row: Import) -> Outcome:
    if row.state == "refused":
        return Outcome(_("Refused, nothing stored"), refused(row.code, row.values, row.line), "stop")
    warnings = " ".join(warning(one) for one in row.warnings)
    if row.state == "known" or not (row.stored or not row.known):
        if not row.known:
            return Outcome(_("Known already"), _("A statement without movements."), "warn")
        text = ngettext("Its line was stored before.", "All its %(num)s lines were stored before.", row.known)
        return Outcome(_("Known already"), " ".join((text, warnings)).strip(), "warn")
    if not row.stored:
        return Outcome(_("Stored"), " ".join((_("A statement without movements."), warnings)).strip(), "ok")
    title = ngettext("%(num)s line stored", "%(num)s lines stored", row.stored)
    known = ngettext("%(num)s was known already.", "%(num)s were known already.", row.known) if row.known else ""
    return Outcome(title, " ".join((known, warnings)).strip(), "ok")


@dataclass(frozen=True, slots=True)
class Result:
    """One offered file in a report; `url` leads to the question that it waits for."""

    filename: str
    outcome: Outcome
    state: str  # "stored", "known", "refused", "asked"
    stored: int = 0
    url: str = ""
    offered_at: datetime | None = None


def result(row: Import | ParkedFile) -> Result:
    if isinstance(row, Import):
        return Result(row.filename, outcome(row), row.state, row.stored)
    told = Outcome(_("Waits for an answer"), refused(row.code, row.values, row.line), "warn")
    url = url_for("mappings.show", client=row.tenant_id, parked_id=row.id)
    return Result(row.filename, told, "asked", url=url, offered_at=row.created_at)


def refused(code: str, values: Mapping[str, Any], line: int | None) -> str:
    """Why nothing was stored, with the place in the file."""
    texts = refusals.REFUSALS | ledger_words.REFUSALS
    text = wording.filled(texts.get(code, wording.GENERAL["error"]), values)
    if line:
        return str(_("Line %(line)s: %(why)s", line=line, why=text))
    if "entry" in values:
        return str(_("Entry %(entry)s: %(why)s", entry=values["entry"], why=text))
    return text


def warning(told: Mapping[str, Any]) -> str:
    """`told` as in Import.warnings: code, values, line."""
    return wording.filled(refusals.WARNINGS.get(told["code"], told["code"]), told["values"])


def format_word(key: str) -> str:
    """The name of a file's format, of a feed's provider, or of a hand."""
    if key == "hand":
        return str(_("typed by hand"))
    if key in registry.FEEDS:
        return registry.app(key).MANIFEST.label
    return {"camt053": "CAMT.053", "camt": "CAMT.053"}.get(key, key.upper())


def origin_word(origin: str, format: str) -> str:
    """Who told a line: "file, CODA", "feed, Ponto" or "typed by hand"."""
    if origin == "hand":
        return format_word("hand")
    word = format_word(format)
    return str(_("feed, %(name)s", name=word) if origin == "feed" else _("file, %(name)s", name=word))
