"""A pair of tokens as it stands in the database: read, locked, judged by its age."""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import psycopg
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from config import Settings
from portal.authorisations import applications, steady
from portal.authorisations.models import Authorisation, Credential, State
from portal.connectors.errors import AuthorisationExpired
from portal.connectors.login import OAuth2
from portal.kernel import clock
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Place, Vault

MARGIN = 30.0  # seconds before its end at which a token is renewed
USABLE = 3.0  # seconds before its end until which it is still handed out


class Means(Protocol):
    """What a process works with; `portal.runtime.get()` is one."""

    @property
    def settings(self) -> Settings: ...
    @property
    def database(self) -> Database: ...
    @property
    def vault(self) -> Vault: ...


class Lock(Enum):
    NONE = "none"
    NOWAIT = "nowait"
    WAIT = "wait"


class Busy(Exception):
    """Another process holds the pair: it is being renewed."""


@dataclass(frozen=True, slots=True)
class Pair:
    authorisation: Authorisation
    credential: Credential
    oauth: OAuth2
    access: str = field(repr=False)

    @property
    def lifetime(self) -> float:
        return (self.credential.expires_at - self.credential.received_at).total_seconds()

    def age(self) -> float | None:
        """Seconds since *we* received it; None when the wall clock went back and nothing better is known."""
        row = self.credential
        if row.received_tick is not None and row.received_on and row.received_on == steady.machine():
            return steady.tick() - row.received_tick
        wall = (clock.now() - row.received_at).total_seconds()
        return wall if wall >= 0 else None

    def is_due(self) -> bool:
        """Old enough to be renewed, by us and by the provider's rule."""
        age = self.age()
        return age is not None and age >= max(self.lifetime - MARGIN, self.oauth.min_age)

    def is_usable(self) -> bool:
        age = self.age()
        return age is None or age < self.lifetime - USABLE


@dataclass(frozen=True, slots=True)
class Custody:
    """Who keeps which tokens. `trial`: also those of an authorisation that is about to be activated."""

    database: Database = field(repr=False)
    vault: Vault = field(repr=False)
    settings: Settings = field(repr=False)
    tenant_id: uuid.UUID
    authorisation_id: uuid.UUID
    trial: bool = False

    def session(self) -> Session:
        """One of its own, so that a renewal commits whatever its caller does."""
        return self.database.session(Setting(tenant=self.tenant_id))

    def reading(self) -> AbstractContextManager[Session]:
        """For a read: committed, as a rollback would have the connection forget what it has prepared."""
        return self.database.scoped(Setting(tenant=self.tenant_id))

    def rows(self, session: Session, lock: Lock = Lock.NONE) -> tuple[Authorisation, Credential] | None:
        """As committed now. Raises Busy when the lock is not to be had at once."""
        query = (
            select(Authorisation, Credential)
            .join(
                Credential,
                (Credential.tenant_id == Authorisation.tenant_id) & (Credential.authorisation_id == Authorisation.id),
            )
            .where(Authorisation.tenant_id == self.tenant_id, Authorisation.id == self.authorisation_id)
            .execution_options(populate_existing=True)
        )
        if lock is not Lock.NONE:
            query = query.with_for_update(of=Credential, nowait=lock is Lock.NOWAIT)
        try:
            found = session.execute(query).one_or_none()
        except OperationalError as error:
            if isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise Busy from None
            raise
        return None if found is None else (found[0], found[1])

    def read(self, session: Session, lock: Lock = Lock.NONE) -> Pair:
        """Raises AuthorisationExpired when it may not be used (any more), Busy as `rows` does."""
        rows = self.rows(session, lock)
        if rows is None:
            raise AuthorisationExpired("authorisation.no_login")
        authorisation, credential = rows
        self.check(authorisation)
        oauth = applications.oauth_of(authorisation.app)
        return Pair(authorisation, credential, oauth, self.open(session, "access_token", credential.access_token))

    def check(self, authorisation: Authorisation) -> None:
        """Raises AuthorisationExpired unless it is switched on: asked before every single call."""
        allowed = {State.ACTIVE} | ({State.INACTIVE, State.REFUSED} if self.trial else set())
        if authorisation.removed_at is not None or authorisation.state not in allowed:
            code = authorisation.state_code if authorisation.state == State.NEEDS_CONSENT else ""
            raise AuthorisationExpired(code or "authorisation.not_active")

    def place(self, column: str) -> Place:
        return Place("credentials", self.tenant_id, self.authorisation_id, column)

    def open(self, session: Session, column: str, sealed: bytes) -> str:
        return self.vault.open(session, self.place(column), sealed)

    def seal(self, session: Session, column: str, secret: str) -> bytes:
        return self.vault.seal(session, self.place(column), secret)
