"""How proposals and their reasons are worded, and how a choice of one is written in a form and read back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.kernel.errors import Invalid
from portal.kernel.i18n import Unreadable, parse_amount
from portal.reconciliation.evidence import Confidence
from portal.reconciliation.proposals import Proposal, Reason
from portal.reconciliation.reading import AccountCount, LineView
from portal.reconciliation.service import Wish
from portal.shapes import Segment

WARN = frozenset({"rivals", "foreign", "claimed", "before", "late", "oldest"})


@dataclass(frozen=True, slots=True)
class Chip:
    word: str
    warn: bool


def confidence_word(level: Confidence) -> str:
    words = {
        Confidence.CERTAIN: _("Certain"), Confidence.PROBABLE: _("Probable"), Confidence.UNLIKELY: _("Unlikely"),
    }  # fmt: skip
    return str(words[level])


def progress_of(account: AccountCount) -> list[Segment]:
    return [Segment(account.done, _("reconciled"), "ok"), Segment(account.to_go, _("to go"), "")]


def chips_of(reasons: Sequence[Reason]) -> list[Chip]:
    return [Chip(_reason(reason), reason.code in WARN) for reason in reasons]


def _reason(reason: Reason) -> str:
    count = int(reason.value) if reason.value.isdigit() and reason.code != "number" else 0
    words = {
        "reference": lambda: _("same structured reference"),
        "number": lambda: _("number %(number)s in the text", number=reason.value),
        "numbers": lambda: _("their numbers in the text"),
        "amount": lambda: _("same amount"),
        "account": lambda: _("known account"),
        "name": lambda: _("same name"),
        "name_part": lambda: _("name alike"),
        "rivals": lambda: ngettext("%(num)s other fits as well", "%(num)s others fit as well", count),
        "part": lambda: _("pays a part"),
        "over": lambda: _("pays more than is open"),
        "sum": lambda: ngettext("%(num)s document", "%(num)s documents together", count),
        "credit": lambda: _("credit note set off"),
        "oldest": lambda: _("oldest first"),
        "foreign": lambda: _("account of somebody else"),
        "before": lambda: _("paid before it was dated"),
        "late": lambda: ngettext("%(num)s day later", "%(num)s days later", count),
        "claimed": lambda: _("fits another line too"),
    }
    return str(words[reason.code]())


def choice_of(proposal: Proposal) -> str:
    """What a form sends for it: documents with amounts."""
    return ",".join(f"{part.document.id}:{part.amount}" for part in proposal.parts)


def chosen(view: LineView, choice: str) -> Proposal | None:
    """The proposal that is still made for the line and was chosen."""
    return next((proposal for proposal in view.proposals if choice_of(proposal) == choice), None)


def wishes_of(choice: str) -> tuple[Wish, ...]:
    """Documents and amounts as a form sent them. Raises Invalid "match.nothing"."""
    try:
        pairs = [piece.split(":") for piece in choice.split(",") if piece]
        return tuple((uuid.UUID(document), _figure(amount)) for document, amount in pairs)
    except (ValueError, InvalidOperation):
        raise Invalid("match.nothing") from None


def _figure(text: str) -> Decimal:
    amount = Decimal(text)
    if not amount.is_finite() or abs(amount.adjusted()) > 15:
        raise ValueError(text)
    return amount


def ticked(documents: Sequence[str], amounts: Mapping[str, str]) -> tuple[Wish, ...]:
    """Documents ticked by hand; an amount that is left empty is as much as fits. Raises Invalid."""
    found: list[Wish] = []
    for document in documents[:100]:
        typed = amounts.get(f"amount-{document}", "").strip()
        try:
            found.append((uuid.UUID(document), abs(parse_amount(typed)) if typed else None))
        except Unreadable:
            raise Invalid("match.amount", typed=typed) from None
        except ValueError:
            raise Invalid("match.nothing") from None
    return tuple(found)
