"""A pair of tokens as it stands in the database: read, locked, judged by its age."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol, TypeVar

import psycopg
from sqlalchemy import GenerativeSelect, Uuid, bindparam, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from config import Settings
from portal.authorisations import applications, steady
from portal.authorisations.models import Authorisation, Credential, State
from portal.connectors.errors import AuthorisationExpired
from portal.connectors.login import OAuth2
from portal.kernel import clock
from portal.kernel.db import Database, Executes, Setting
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


class Switch(Protocol):
    """What says whether an authorisation is on."""

    @property
    def state(self) -> str: ...
    @property
    def state_code(self) -> str: ...
    @property
    def removed_at(self) -> datetime | None: ...


class Lock(Enum):
    NONE = "none"
    NOWAIT = "nowait"
    WAIT = "wait"


class Busy(Exception):
    """Another process holds the pair: it is being renewed."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair as it was read; what changes one locks its `rows`."""

    app: str
    environment: str
    generation: int
    refresh_token: bytes = field(repr=False)  # sealed
    received_at: datetime
    received_on: str
    received_tick: float | None
    expires_at: datetime
    not_before: datetime | None
    access: str = field(repr=False)

    @property
    def oauth(self) -> OAuth2:
        return applications.oauth_of(self.app)

    @property
    def lifetime(self) -> float:
        return (self.expires_at - self.received_at).total_seconds()

    def age(self) -> float | None:
        """Seconds since *we* received it; None when the wall clock went back and nothing better is known."""
        if self.received_tick is not None and self.received_on and self.received_on == steady.machine():
            return steady.tick() - self.received_tick
        wall = (clock.now() - self.received_at).total_seconds()
        return wall if wall >= 0 else None

    def is_due(self) -> bool:
        """Old enough to be renewed, by us and by the provider's rule."""
        age = self.age()
        return age is not None and age >= max(self.lifetime - MARGIN, self.oauth.min_age)

    def is_usable(self) -> bool:
        age = self.age()
        return age is None or age < self.lifetime - USABLE


_ITS_OWN = (Credential.tenant_id == Authorisation.tenant_id) & (Credential.authorisation_id == Authorisation.id)
# Read before every single call, so put together once, and without the objects of a session.
_PAIR = (
    select(
        Authorisation.state, Authorisation.state_code, Authorisation.removed_at, Credential.access_token,
        Authorisation.app, Authorisation.environment, Credential.generation, Credential.refresh_token,
        Credential.received_at, Credential.received_on, Credential.received_tick, Credential.expires_at,
        Credential.not_before,
    )
    .join(Credential, _ITS_OWN)
    .where(
        Authorisation.tenant_id == bindparam("tenant", type_=Uuid()),
        Authorisation.id == bindparam("authorisation", type_=Uuid()),
    )
)  # fmt: skip


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
            .join(Credential, _ITS_OWN)
            .where(Authorisation.tenant_id == self.tenant_id, Authorisation.id == self.authorisation_id)
            .execution_options(populate_existing=True)
        )
        with _or_busy():
            found = session.execute(_locking(query, lock)).one_or_none()
        return None if found is None else (found[0], found[1])

    def current(self) -> Pair:
        """As `read`, in a transaction of its own."""
        with self.database.direct(Setting(tenant=self.tenant_id)) as connection:
            return self.read(connection)

    def read(self, session: Executes, lock: Lock = Lock.NONE) -> Pair:
        """Raises AuthorisationExpired when it may not be used (any more), Busy as `rows` does."""
        asked = {"tenant": self.tenant_id, "authorisation": self.authorisation_id}
        with _or_busy():
            found: Any = session.execute(_locking(_PAIR, lock), asked).one_or_none()
        if found is None:
            raise AuthorisationExpired("authorisation.no_login")
        self.check(found)
        return Pair(
            app=found.app,
            environment=found.environment,
            generation=found.generation,
            refresh_token=found.refresh_token,
            received_at=found.received_at,
            received_on=found.received_on,
            received_tick=found.received_tick,
            expires_at=found.expires_at,
            not_before=found.not_before,
            access=self.open(session, "access_token", found.access_token),
        )

    def check(self, authorisation: Switch) -> None:
        """Raises AuthorisationExpired unless it is switched on: asked before every single call."""
        allowed = {State.ACTIVE} | ({State.INACTIVE, State.REFUSED} if self.trial else set())
        if authorisation.removed_at is not None or authorisation.state not in allowed:
            code = authorisation.state_code if authorisation.state == State.NEEDS_CONSENT else ""
            raise AuthorisationExpired(code or "authorisation.not_active")

    def place(self, column: str) -> Place:
        return Place("credentials", self.tenant_id, self.authorisation_id, column)

    def open(self, session: Executes, column: str, sealed: bytes) -> str:
        return self.vault.open(session, self.place(column), sealed)

    def seal(self, session: Session, column: str, secret: str) -> bytes:
        return self.vault.seal(session, self.place(column), secret)


S = TypeVar("S", bound=GenerativeSelect)


def _locking(query: S, lock: Lock) -> S:
    return query if lock is Lock.NONE else query.with_for_update(of=Credential, nowait=lock is Lock.NOWAIT)


@contextmanager
def _or_busy() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise Busy from None
        raise
