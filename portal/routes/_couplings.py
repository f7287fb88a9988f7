"""What the pages of couplings share: their blueprint, the way to the provider, and words for codes."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint
from flask_babel import gettext as _

from portal import runtime
from portal.access import Permission, Right
from portal.connectors import registry
from portal.connectors.errors import ConnectorError
from portal.couplings import reading
from portal.couplings import wording as words
from portal.couplings.asking import BooksOnTrial
from portal.couplings.proposals import Confidence, Proposal, Reason
from portal.kernel.errors import NotFound
from portal.routes import _problems, wording
from portal.routes._access import scope
from portal.routes._authorisations import where
from portal.templating import formats

blueprint = Blueprint("couplings", __name__)
trial = BooksOnTrial()
BARS = {Confidence.CERTAIN: 3, Confidence.LIKELY: 2, Confidence.UNLIKELY: 1, Confidence.UNUSABLE: 0}


def manifest(app: str) -> Any:
    if app not in registry.CONNECTORS:
        raise NotFound()
    return registry.load(app).MANIFEST


def ask() -> reading.Connect:
    """How to reach the provider while a person waits."""
    made = runtime.get()
    return reading.connector(made.database, made.vault, made.settings, person=True)


def may(right: Right) -> bool:
    return scope().may(Permission.COUPLINGS, right)


def reason(told: Reason) -> str:
    values = {key: formats().date(value) if isinstance(value, date) else value for key, value in told.values.items()}
    return wording.filled(words.REASONS[told.code], values)


def certainty(proposal: Proposal) -> tuple[int, str, str]:
    """Bars, word and reasons of a proposal."""
    word = wording.filled(words.CONFIDENCE[proposal.confidence], {}).capitalize()
    return BARS[proposal.confidence], word, ", ".join(reason(told) for told in proposal.reasons)


def country_word(environment: str) -> str:
    return where(environment) or _("files")


def told(error: ConnectorError) -> tuple[str, str]:
    """What a provider's failure means: a title and what happened."""
    found = _problems.explain(error.code)
    happened = wording.filled(found.happened, error.values) if found.happened else ""
    return _problems.title(error.code, error.values), happened
