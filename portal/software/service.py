"""Software users are made with a one-time password that is shown once, get groups, and are deleted for good."""

from __future__ import annotations

import ipaddress
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, func, select

from portal.access import Scope
from portal.activity.service import record
from portal.identity import passwords, second_factor, sessions
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.people import giving
from portal.permissions.models import AccountGroup, MemberGroup
from portal.software.models import SoftwareUser
from portal.tenants.models import SOFTWARE, Membership

MAX_NAME, MAX_USERS, MAX_NETWORKS = 60, 50, 50
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no letters that look like digits


@dataclass(frozen=True, slots=True)
class Software:
    """A software user as its tenant sees it."""

    id: uuid.UUID  # of the membership too
    user_id: uuid.UUID
    name: str
    code: str
    groups: Sequence[AccountGroup]
    networks: Sequence[str]
    ready: bool  # has a password of its own and a second factor
    created_at: datetime
    last_used_at: datetime | None
    last_address: str
    uses: int


def create(scope: Scope, name: str, networks: str = "") -> tuple[Software, str]:
    """(the software user, its one-time password); the password can never be shown again. It has no group yet.

    Raises Invalid "software.name", "software.network(s)" and Conflict "software.many".
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise Invalid("software.name", field="name", limit=MAX_NAME)
    allowed = read_networks(networks)
    if len(list_software(scope)) >= MAX_USERS:
        raise Conflict("software.many", limit=MAX_USERS)
    now, password = clock.now(), _letters(4, 5)
    user = User(
        id=uuid7(), email=f"kp-{_letters(2, 5)}", name=name, software=True, locale="en-GB",
        password_hash=passwords.hash_password(password), password_changed_at=now, created_at=now,
    )  # fmt: skip
    scope.session.add(user)
    scope.session.flush()
    row = Membership(tenant_id=scope.tenant_id, id=uuid7(), user_id=user.id, role=SOFTWARE, created_at=now)
    scope.session.add(row)
    scope.session.flush()
    scope.session.add(
        SoftwareUser(tenant_id=scope.tenant_id, id=row.id, user_id=user.id, networks=allowed, created_at=now,
                     created_by=scope.actor.user_id)
    )  # fmt: skip
    scope.session.flush()
    record(scope, "software.made", ("user", user.id), name=name, code=user.email)
    return show(scope, row.id), password


def list_software(scope: Scope) -> Sequence[Software]:
    """The living ones, by name."""
    query = _living(scope).order_by(func.lower(User.name), SoftwareUser.id)
    found = scope.session.execute(query).all()
    groups = _groups_of(scope, [row.id for row, _ in found])
    return [_told(row, user, groups.get(row.id, ())) for row, user in found]


def show(scope: Scope, software_id: uuid.UUID | str, *, lock: bool = False) -> Software:
    row = scope.get(SoftwareUser, software_id, lock=lock)
    found = scope.session.execute(_living(scope).where(SoftwareUser.id == row.id)).one_or_none()
    if found is None:
        raise NotFound()
    return _told(*found, _groups_of(scope, [row.id]).get(row.id, ()))


def change_groups(scope: Scope, software_id: uuid.UUID | str, groups: Iterable[uuid.UUID | str]) -> None:
    """Counts from the next call on. Raises Invalid "software.groups", and Forbidden for more than the actor sees."""
    before, chosen = show(scope, software_id, lock=True), groups_to_give(scope, groups)
    if {one.id for one in before.groups} == {one.id for one in chosen}:
        return
    _take(scope, before.id)
    _give(scope, before.id, chosen)
    names = _names(chosen)
    record(scope, "software.groups", ("user", before.user_id), name=before.name, groups=names)


def change_networks(scope: Scope, software_id: uuid.UUID | str, networks: str) -> None:
    """From where it may come; "" is from everywhere. Raises Invalid "software.network(s)"."""
    before, allowed = show(scope, software_id), read_networks(networks)
    if list(before.networks) == allowed:
        return
    scope.get(SoftwareUser, before.id, lock=True).networks = allowed
    record(scope, "software.networks", ("user", before.user_id), name=before.name, networks=", ".join(allowed) or "*")


def delete_software(scope: Scope, software_id: uuid.UUID | str) -> None:
    """For good, from the next call on: the database brings no software back."""
    gone = show(scope, software_id)
    now, user = clock.now(), scope.session.get_one(User, gone.user_id)
    scope.get(Membership, gone.id, lock=True).ended_at = now
    user.disabled_at = now
    second_factor.switch_off(scope.session, user)
    sessions.revoke_all(scope.session, user.id)
    _take(scope, gone.id)
    record(scope, "software.deleted", ("user", user.id), name=gone.name, code=gone.code)


def all_groups(scope: Scope) -> Sequence[AccountGroup]:
    """What there is to choose from, by name."""
    query = select(AccountGroup).where(AccountGroup.tenant_id == scope.tenant_id)
    return scope.session.scalars(query.order_by(func.lower(AccountGroup.name))).all()


def read_networks(text: str) -> list[str]:
    """Addresses and networks, apart by blanks, commas or lines, as the database keeps them."""
    words = text.replace(",", " ").replace(";", " ").split()
    if len(words) > MAX_NETWORKS:
        raise Invalid("software.networks", field="networks", limit=MAX_NETWORKS)
    found = []
    for word in words:
        try:
            found.append(str(ipaddress.ip_network(word, strict=False)))
        except ValueError:
            raise Invalid("software.network", field="networks", network=word[:60]) from None
    return list(dict.fromkeys(found))


# ------------------------------------------------------------------ parts


def _living(scope: Scope) -> Select[SoftwareUser, User]:
    return (
        select(SoftwareUser, User)
        .join(User, User.id == SoftwareUser.user_id)
        .where(SoftwareUser.tenant_id == scope.tenant_id, User.disabled_at.is_(None))
    )


def _told(row: SoftwareUser, user: User, groups: Sequence[AccountGroup]) -> Software:
    ready = row.set_up_at is not None and user.totp_confirmed_at is not None
    return Software(
        row.id, user.id, user.name, user.email, groups, [str(network) for network in row.networks], ready,
        row.created_at, row.last_used_at, row.last_address, row.uses,
    )  # fmt: skip


def groups_of_tenant(scope: Scope, wanted: Iterable[uuid.UUID | str]) -> Sequence[AccountGroup]:
    """By name; NotFound for any other tenant's. Raises Invalid "software.groups" for none."""
    chosen = [scope.get(AccountGroup, group) for group in dict.fromkeys(wanted)]
    if not chosen:
        raise Invalid("software.groups", field="groups")
    return sorted(chosen, key=lambda group: group.name.lower())


def groups_to_give(scope: Scope, wanted: Iterable[uuid.UUID | str]) -> Sequence[AccountGroup]:
    """The same, for somebody who gives them. Raises Forbidden "people.wider" too: the one who makes software
    is shown its password."""
    chosen = groups_of_tenant(scope, wanted)
    giving.require_within(scope, [group.id for group in chosen])
    return chosen


def _groups_of(scope: Scope, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[AccountGroup]]:
    query = (
        select(MemberGroup.membership_id, AccountGroup)
        .join(
            AccountGroup,
            (AccountGroup.tenant_id == MemberGroup.tenant_id) & (AccountGroup.id == MemberGroup.group_id),
        )
        .where(MemberGroup.tenant_id == scope.tenant_id, MemberGroup.membership_id.in_(ids))
        .order_by(func.lower(AccountGroup.name))
    )
    found: dict[uuid.UUID, list[AccountGroup]] = {}
    for membership_id, group in scope.session.execute(query):
        found.setdefault(membership_id, []).append(group)
    return found


def _give(scope: Scope, membership_id: uuid.UUID, groups: Iterable[AccountGroup]) -> None:
    scope.session.add_all(
        MemberGroup(tenant_id=scope.tenant_id, membership_id=membership_id, group_id=group.id) for group in groups
    )
    scope.session.flush()


def _take(scope: Scope, membership_id: uuid.UUID) -> None:
    mine = (MemberGroup.tenant_id == scope.tenant_id, MemberGroup.membership_id == membership_id)
    scope.session.execute(delete(MemberGroup).where(*mine))


def _names(groups: Iterable[AccountGroup]) -> str:
    return ", ".join(group.name for group in groups)


def _letters(parts: int, length: int) -> str:
    """Like "x7kq2-m9d4f": parts of letters and digits that are read out without mistakes."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(length)) for _ in range(parts))
