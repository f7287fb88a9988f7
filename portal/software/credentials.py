"""Who calls with a user code and a password: asked of the database at each call, so that an end counts at once."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.identity import passwords
from portal.kernel import clock
from portal.kernel.db import Setting, set_scope
from portal.kernel.errors import Forbidden, PortalError
from portal.software.verified import Verified

_LOGIN = text("SELECT * FROM software_login(:code)")
_NOTE = text("SELECT note_software_use(:user, :now, :address)")
_kept = Verified()


class Refused(PortalError):
    """User code and password are not accepted."""

    code = "software.wrong"
    status = 401


@dataclass(frozen=True, slots=True)
class Caller:
    """Software that calls. `ready`: its first sign-in is done."""

    user_id: uuid.UUID
    tenant_id: uuid.UUID
    id: uuid.UUID
    name: str
    password_hash: str
    previous_password_hash: str
    password_changed_at: datetime
    ready: bool
    networks: Sequence[str]
    last_address: str


def find(session: Session, code: str) -> Caller | None:
    """The living software user with this code."""
    row = session.execute(_LOGIN, {"code": code[:100].replace("\x00", "")}).one_or_none()
    return Caller(*row) if row else None


def is_known(caller: Caller | None, password: str) -> bool:
    """Whether this password was found right shortly before, and is still the one."""
    return caller is not None and _kept.knows(caller.password_hash, password)


def prove(caller: Caller | None, password: str) -> Caller:
    """The caller whose password this is. Takes as long for an unknown code.

    Raises Refused "software.wrong", and "software.password_changed" for the password from before.
    """
    if caller is not None and _kept.knows(caller.password_hash, password):
        return caller
    if passwords.matches(caller.password_hash if caller else None, password) and caller is not None:
        _kept.remember(caller.password_hash, password)
        return caller
    before = caller.previous_password_hash if caller else ""
    if passwords.matches(before or None, password) and caller is not None:
        raise Refused("software.password_changed", day=clock.day(caller.password_changed_at).isoformat())
    raise Refused()


def admit(caller: Caller, address: str, sign_in_url: str) -> None:
    """Raises Forbidden "software.first_sign_in" and "software.address"."""
    if not caller.ready:
        raise Forbidden("software.first_sign_in", url=sign_in_url)
    if caller.networks and not _within(address, caller.networks):
        raise Forbidden("software.address", address=address)


def act(session: Session, caller: Caller, address: str) -> None:
    """Note the use, and move the session to where this software reads; nothing can be written from then on."""
    session.execute(text("SET LOCAL synchronous_commit = off"))  # a use that a crash forgets does no harm
    session.execute(_NOTE, {"user": caller.user_id, "now": clock.now(), "address": address[:64]})
    session.commit()
    set_scope(session, Setting(software=caller.user_id))
    session.execute(text("SET TRANSACTION READ ONLY"))


def _within(address: str, networks: Sequence[str]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in ipaddress.ip_network(network) for network in networks)
