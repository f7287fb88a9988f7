"""Sessions that carry a scope, and the base of every model.

Row-level security reads five settings, set at the start of *every* transaction of a session by the
`after_begin` hook below, and by `Database.direct` where there is no session, so that no call site can forget them:

- app.tenant: the acting tenant; its rows are visible and writable
- app.portal: set on portal-wide pages; rows of the clients granted to it become readable
- app.via:    set when a firm acts inside a client account; its authorisations become readable
- app.user:   the signed-in user, for the rows that belong to a person
- app.software: accounting software that reads; the bank accounts of its groups are readable, with no tenant set
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

from sqlalchemy import DateTime, MetaData, create_engine, event, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, SessionTransaction, mapped_column, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def uuid7() -> uuid.UUID:
    """Time-ordered key (RFC 9562 version 7): new rows land at the end of every index."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(secrets.token_bytes(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return uuid.UUID(int=value)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True)}


class TenantRow:
    """A row of one tenant: under row-level security, with a composite key that others refer to."""

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-20)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7, sort_order=-19)


@dataclass(frozen=True, slots=True)
class Setting:
    """What row-level security is told. Absent means: sees nothing of that kind."""

    tenant: uuid.UUID | None = None
    portal: uuid.UUID | None = None
    via: uuid.UUID | None = None
    user: uuid.UUID | None = None
    software: uuid.UUID | None = None

    def parameters(self) -> tuple[str, ...]:
        """As `SET_SCOPE` takes them."""
        told = (self.tenant, self.portal, self.via, self.user, self.software)
        return tuple(str(value or "") for value in told)


NOBODY = Setting()
Executes: TypeAlias = Session | Connection  # what a statement is given to
# So many connections are kept, once wanted at the same time; what goes beyond is made anew each time.
POOL_SIZE = 32
AWAKE_SECONDS = 1.0  # a connection that was used so recently is not asked whether it lives
# In the driver's own way of writing parameters: it goes before every transaction, however short that is.
SET_SCOPE = (
    "SELECT set_config('app.tenant', %s, true), set_config('app.portal', %s, true), set_config('app.via', %s, true),"
    " set_config('app.user', %s, true), set_config('app.software', %s, true)"
)


def set_scope(session: Session, setting: Setting) -> None:
    """Move a session to another scope: the running transaction and all later ones.

    What was changed before is written before, in the scope in which it was changed.
    """
    if session.in_transaction():
        session.flush()
    session.info["setting"] = setting
    if session.in_transaction():
        session.connection().exec_driver_sql(SET_SCOPE, setting.parameters())
        session.expire_all()


def _after_begin(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    setting: Setting = session.info.get("setting", NOBODY)
    # A savepoint inherits the settings; an unset scope sees nothing by the policies themselves.
    if setting != NOBODY and transaction.nested is False:
        connection.exec_driver_sql(SET_SCOPE, setting.parameters())


def _note_rest(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info["resting_since"] = time.monotonic()


class Database:
    """One engine and its sessions. Made once a process; `dispose()` after a fork."""

    def __init__(
        self, url: str, *, pool_size: int = POOL_SIZE, max_overflow: int = 20, application: str = "portal"
    ) -> None:
        self.engine: Engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=10,
            hide_parameters=True,  # a failed statement must not write a secret into the log
            connect_args={
                "application_name": application,
                "connect_timeout": 5,
                # A worker that hangs in a transaction must not hold a row for ever.
                "options": "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=15000 -c timezone=UTC",
            },
        )
        event.listen(self.engine, "checkin", _note_rest)
        event.listen(self.engine, "checkout", self._wake)
        self._make = sessionmaker(self.engine, expire_on_commit=False)
        event.listen(self._make, "after_begin", _after_begin)

    def session(self, setting: Setting = NOBODY) -> Session:
        return self._make(info={"setting": setting})

    @contextmanager
    def scoped(self, setting: Setting = NOBODY) -> Iterator[Session]:
        """A session that commits at the end, or rolls back and closes."""
        with self.session(setting) as session, session.begin():
            yield session

    @contextmanager
    def direct(self, setting: Setting) -> Iterator[Connection]:
        """The same without a session, for a statement or two of a call: what a session keeps track of costs as much."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(SET_SCOPE, setting.parameters())
            yield connection

    def _wake(self, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Ask a connection that has rested whether it still lives; the pool replaces a dead one.

        The pool's own ping asks at every checkout: a round trip more for each transaction of a busy process.
        """
        rested = time.monotonic() - record.info.get("resting_since", time.monotonic())
        if rested > AWAKE_SECONDS and not self._lives(connection):
            raise DisconnectionError

    def _lives(self, connection: DBAPIConnection) -> bool:
        try:
            return self.engine.dialect.do_ping(connection)
        except self.engine.dialect.loaded_dbapi.Error:
            return False

    def assert_safe_role(self) -> None:
        """Refuse to run as a role that row-level security does not bind."""
        with self.engine.connect() as connection:
            row = connection.execute(
                text(
                    "SELECT rolsuper OR rolbypassrls AS unbound,"
                    " EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
                    "  AND c.relkind = 'r' AND c.relowner = r.oid) AS owner"
                    " FROM pg_roles r WHERE rolname = current_user"
                )
            ).one()
        if row.unbound or row.owner:
            raise RuntimeError(
                "The application must connect as a role that neither owns tables nor bypasses row-level"
                " security; run `portal roles` and use the application role in DATABASE_URL."
            )
