"""What became of a document file, and how a document stands, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.connectors.files import document_words, refusals
from portal.documents import wording as room
from portal.documents.models import Document, DocumentFile
from portal.routes import wording
from portal.routes._timeline import shown_values
from portal.templating import formats


@dataclass(frozen=True, slots=True)
class Outcome:
    title: str
    text: str
    tone: str


def outcome(row: DocumentFile) -> Outcome:
    if row.state == "refused":
        return Outcome(_("Refused"), refused(row.code, row.values, row.line), "stop")
    if row.state == "known":
        return Outcome(_("Known already"), _("The document was stored before."), "warn")
    title = ngettext("%(num)s document stored", "%(num)s documents stored", row.stored)
    parts = [ngettext("%(num)s was known already.", "%(num)s were known already.", row.known)] if row.known else []
    parts += [warning(told) for told in row.warnings[:3]]
    return Outcome(title, " ".join(parts), "warn" if row.warnings else "ok")


def refused(code: str, values: Mapping[str, Any], line: int | None) -> str:
    """Why nothing was stored, with the place in the file."""
    texts = refusals.REFUSALS | document_words.REFUSALS | room.REFUSALS
    text = wording.filled(texts.get(code, wording.GENERAL["error"]), shown_values(values))
    return str(_("Line %(line)s: %(why)s", line=line, why=text)) if line else text


def warning(told: Mapping[str, Any]) -> str:
    return wording.filled(document_words.WARNINGS.get(told["code"], told["code"]), shown_values(told["values"]))


def format_word(key: str) -> str:
    return str({"ubl": "UBL", "cii": "Factur-X", "takings": _("takings")}.get(key, ""))


def kind_word(direction: str, kind: str) -> str:
    words: dict[tuple[str, str], str] = {
        ("sales", "invoice"): _("Sales invoice"),
        ("sales", "credit"): _("Sales credit note"),
        ("sales", "takings"): _("Takings"),
        ("purchase", "invoice"): _("Purchase invoice"),
        ("purchase", "credit"): _("Purchase credit note"),
    }
    return words[direction, kind]


def category_word(category: str) -> str:
    """What the VAT category means; the code itself for one that has no word."""
    words: dict[str, str] = {
        "S": _("normal"), "Z": _("zero rate"), "E": _("exempt"), "AE": _("reverse charge"),
        "K": _("within the EU"), "G": _("export"), "O": _("outside VAT"),
    }  # fmt: skip
    return words.get(category, category)


def paid_word(document: Document) -> tuple[str, str]:
    """State key of the components, and its word."""
    if document.settled == document.due:
        return "booked", _("Paid") if document.due else _("Nothing to pay")
    if document.settled == Decimal(0):
        return "queued", _("Open")
    return "running", _("Partly paid")


def entry_word(standing: str) -> tuple[str, str]:
    """State key of the components, and its word, of how the entry of a document stands."""
    return {
        "waiting": ("queued", _("Waiting")),
        "drafted": ("draft", _("In a draft")),
        "sent": ("running", _("Handed over")),
        "booked": ("booked", _("Booked")),
    }[standing]


def quantity_word(quantity: Decimal | None) -> str:
    if quantity is None:
        return "–"
    text = f"{quantity.normalize():f}"
    return text if formats().language == "en" else text.replace(".", ",")
