"""A feed provider, signed in: by the tokens of an authorisation, or as our own application."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Protocol

import requests

from config import Settings
from portal.authorisations import applications, connecting
from portal.authorisations.custody import Means
from portal.connectors import registry
from portal.connectors.errors import AuthorisationExpired
from portal.connectors.feed import BankFeed, Directory
from portal.connectors.login import AuthMode
from portal.connectors.manifest import Manifest
from portal.feeds.models import Feed
from portal.kernel import http
from portal.kernel.db import Setting
from portal.kernel.vault import Place


class Opener(Protocol):
    """Tests put a provider in memory in its place."""

    def __call__(self, means: Means, feed: Feed, *, person: bool = False, link: str = "") -> BankFeed: ...


def manifest_of(provider: str) -> Manifest:
    """Raises Invalid for a provider that does not exist."""
    return applications.manifest_of(provider)


def logs_in(provider: str) -> bool:
    """Whether a link is a log-in (OAuth 2), and not a key of our own."""
    return manifest_of(provider).auth is AuthMode.OAUTH2


def open_feed(means: Means, feed: Feed, *, person: bool = False, link: str = "") -> BankFeed:
    """Makes no call yet. `person`: somebody waits. `link` looks at another one than the stored, before it is taken.

    Raises AuthorisationExpired where there is no log-in or no link.
    """
    book = (means.database, means.vault, means.settings)
    if logs_in(feed.provider):
        if feed.authorisation_id is None:
            raise AuthorisationExpired("authorisation.no_login")
        return connecting.connect_feed(*book, feed.tenant_id, feed.authorisation_id, person=person)
    wanted = link or secret(means, feed, "link")
    if not wanted:
        raise AuthorisationExpired("feed.no_link")
    connector = registry.load_feed(feed.provider)
    return connector.connect(*_as_ourselves(means.settings, feed.provider, feed.environment), _Free(), wanted)


def open_directory(means: Means, provider: str, environment: str) -> Directory:
    """What the provider tells before there is a link. Raises Conflict where we are not registered there."""
    host = _as_ourselves(means.settings, provider, environment)
    return registry.load_feed(provider).directory(*host, _Free())


def environment_of(settings: Settings, provider: str) -> str:
    """Where new links of this provider are made: its stand-in on a demo machine, else the real one."""
    hosts = list(manifest_of(provider).hosts)
    return "sandbox" if settings.demo and "sandbox" in hosts else hosts[0]


def is_stand_in(settings: Settings, provider: str, environment: str) -> bool:
    """Whether no real bank is behind it."""
    known = manifest_of(provider).hosts.get(environment, "").rstrip("/")
    return environment == "sandbox" or applications.host_of(settings, provider, environment) != known


def link_hash(provider: str, link: str) -> bytes:
    """By which a callback finds a link whose id is sealed."""
    return hashlib.sha256(f"{provider}|{link}".encode()).digest()


def place(feed: Feed, column: str) -> Place:
    return Place("feeds", feed.tenant_id, feed.id, column)


def secret(means: Means, feed: Feed, column: str) -> str:
    """What is sealed in `customer`, `link` or `offered`; "" when nothing is."""
    sealed: bytes | None = getattr(feed, column)
    if sealed is None:
        return ""
    with means.database.scoped(Setting(tenant=feed.tenant_id)) as session:
        return means.vault.open(session, place(feed, column), sealed)


def _as_ourselves(settings: Settings, provider: str, environment: str) -> tuple[requests.Session, str]:
    session = http.session(certificate=applications.certificate(settings, provider))
    session.auth = applications.signature(settings, provider)
    return session, applications.host_of(settings, provider, environment)


class _Free:
    """Links that hang on our own key have no budget of their own; the provider's refusals tell when to wait."""

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        return None

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        return None
