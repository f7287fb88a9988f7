"""Which banks can be linked, and by whom: the lists of all providers laid side by side."""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from portal.authorisations.custody import Means
from portal.connectors import registry
from portal.connectors.errors import ConnectorError
from portal.connectors.feed import Institution
from portal.feeds import opening
from portal.feeds.linking import Choice
from portal.kernel.errors import Invalid, PortalError

KEPT = 3600.0  # seconds for which a list of banks is good
_log = structlog.get_logger(__name__)
_lists: dict[tuple[str, str, str, str], tuple[float, Sequence[Institution]]] = {}
_lock = threading.Lock()
_LEGAL = re.compile(r"\b(bank|banque|nv|sa|bv|n v|belgium|belgique|belgie|retail)\b")


@dataclass(slots=True)
class BankChoice:
    """One bank, and by provider the id that it has there."""

    key: str
    name: str
    ways: dict[str, Institution] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """`away`: providers that did not tell their banks just now."""

    banks: Sequence[BankChoice]
    away: Sequence[str]

    def find(self, words: str) -> list[BankChoice]:
        wanted = _plain(words)
        return [bank for bank in self.banks if wanted in _plain(bank.name)]


def offer(means: Means, country: str) -> Offer:
    """All banks of a country, by name. Asks the providers at most once an hour."""
    banks: dict[str, BankChoice] = {}
    away = []
    for provider in registry.FEEDS:
        try:
            found = _institutions(means, provider, country)
        except (ConnectorError, PortalError) as error:
            _log.info("feeds.no_banks", provider=provider, code=error.code)
            away.append(provider)
            continue
        for one in found:
            key = one.bic[:6].lower() if one.bic and len(one.bic) >= 8 else _plain(one.name)
            bank = banks.get(key) or banks.get(_plain(one.name))
            if bank is None:
                bank = banks[key] = BankChoice(key, one.name)
                banks.setdefault(_plain(one.name), bank)
            bank.ways.setdefault(provider, one)
    distinct = {id(bank): bank for bank in banks.values()}.values()
    return Offer(sorted(distinct, key=lambda bank: _plain(bank.name)), away)


def choice(means: Means, country: str, bank: str, provider: str) -> Choice:
    """What the form chose. Raises Invalid for a bank that this provider does not reach."""
    found = next((one for one in offer(means, country).banks if one.key == bank), None)
    if found is None or provider not in found.ways:
        raise Invalid("feed.bank_unknown", field="bank")
    way, environment = found.ways[provider], opening.environment_of(means.settings, provider)
    sandbox = way.sandbox or opening.is_stand_in(means.settings, provider, environment)
    return Choice(provider, environment, way.id, found.name, country, sandbox)


def _institutions(means: Means, provider: str, country: str) -> Sequence[Institution]:
    environment = opening.environment_of(means.settings, provider)
    key = (str(means.settings.home), provider, environment, country)
    with _lock:
        kept = _lists.get(key)
    if kept is not None and time.monotonic() - kept[0] < KEPT:
        return kept[1]
    found = opening.open_directory(means, provider, environment).institutions(country)
    with _lock:
        _lists[key] = (time.monotonic(), found)
    return found


def _plain(name: str) -> str:
    """Lower case, no accents, no legal forms: providers write one bank in several ways."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", " ", bare)
    return re.sub(r"\s+", " ", _LEGAL.sub(" ", words)).strip() or words.strip()
