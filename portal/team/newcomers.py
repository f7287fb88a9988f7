"""Client accounts that a firm makes for its clients: checked, then made, and each business once.

The firm manages such an account, and is billed for it, until its owner takes it over. Many of
them are made by a job: see portal.team.newcomer_lists.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import func, select, text

from portal.access import Actor, Scope
from portal.activity.service import record
from portal.identity.service import clean_email
from portal.kernel import clock
from portal.kernel.db import Setting, set_scope, uuid7
from portal.kernel.errors import Conflict, Invalid
from portal.tenants.models import Assignment, Grant, Management, Membership, Tenant
from portal.tenants.numbers import SCHEMES, check_number, vat_of
from portal.tenants.service import Details, get_tenant

_FIELDS = {"name": "name", "enterprise_number": "enterprise_number", "email": "billing_email"}
_KNOWN = text("SELECT * FROM known_numbers(:numbers)")


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """One account to be made. `row` tells people where it came from (the line of a file, from 1).

    `key` is "kbo:0417497106", "" where the number is wrong. `known` is the client of this firm that
    has this number already: such a row is left out. `problems` stop all of them.
    """

    row: int
    details: Details
    key: str = ""
    problems: Sequence[Problem] = ()
    known: str = ""

    @property
    def is_new(self) -> bool:
        return not self.problems and not self.known


def checked(scope: Scope, rows: Sequence[tuple[int, Details]]) -> Sequence[Newcomer]:
    """Each with what is wrong with it. `scope` is the firm's; two queries for all of them."""
    numbers = [_number(details) for _, details in rows]
    keys = [key for key, _ in numbers if key]
    known = _known(scope, keys)
    first: dict[str, int] = {}
    found = []
    for (row, details), (key, problem) in zip(rows, numbers, strict=True):
        problems = [problem] if problem else []
        if not details.name.strip():
            problems.append(Problem("name.empty"))
        if key and key in first:
            problems.append(Problem("newcomer.twice", {"row": first[key]}))
        first.setdefault(key, row)
        problems += _mail_problems(details)
        found.append(Newcomer(row, details, key, problems, known.get(key, "")))
    return found


def _known(scope: Scope, keys: Sequence[str]) -> Mapping[str, str]:
    """Names by key; of a client that the person does not see the number alone."""
    rows = scope.session.execute(_KNOWN, {"numbers": keys}).all()
    seen = {client_id for (client_id,) in scope.session.execute(select(func.app_clients()))}
    return {row.key: row.name if row.id in seen else row.key.partition(":")[2] for row in rows}


def _number(details: Details) -> tuple[str, Problem | None]:
    try:
        return f"{details.scheme}:{check_number(details.scheme, details.enterprise_number)}", None
    except Invalid as wrong:
        return "", Problem(wrong.code, wrong.values)


def _mail_problems(details: Details) -> list[Problem]:
    if not details.billing_email.strip():
        return []
    try:
        clean_email(details.billing_email, "billing_email")
    except Invalid as wrong:
        return [Problem(wrong.code, wrong.values)]
    return []


def make_one(scope: Scope, details: Details) -> uuid.UUID:
    """At once. Raises Conflict, and Invalid with the field where one is to be mended."""
    [one] = checked(scope, [(1, details)])
    for problem in one.problems:
        raise Invalid(problem.code, field=_FIELDS.get(problem.code.partition(".")[0]), **problem.values)
    require_address(scope)
    [found] = make(scope, [one])
    if isinstance(found, Problem):
        raise Invalid(found.code, field="enterprise_number", **found.values)
    record(scope, "clients.made", ("tenant", scope.tenant_id), count=1, clients=details.name)
    return found


def require_address(scope: Scope) -> Tenant:
    """The firm, which clients let in by its address. Raises Conflict("portal.email_unverified")."""
    firm = get_tenant(scope)
    if firm.email is None or firm.email_verified_at is None:
        raise Conflict("portal.email_unverified")
    return firm


def make(scope: Scope, found: Sequence[Newcomer]) -> Sequence[uuid.UUID | Problem]:
    """Those that were checked, in the order given: the id of the account, or why there is none.

    Each is let in for the firm and managed by it from today. One at a time for a firm, so that no
    business gets two accounts from two lists.
    """
    firm = scope.session.get_one(Tenant, scope.tenant_id, with_for_update={"key_share": True}, populate_existing=True)
    email, known = firm.email or "", _known(scope, [one.key for one in found])
    made: list[uuid.UUID | Problem] = []
    kept = set(scope.session.identity_map.keys())
    for one in found:
        if one.problems or one.key in known:
            made.append(next(iter(one.problems), Problem("newcomer.known", {"client": known.get(one.key, "")})))
            continue
        client_id = uuid7()
        made.append(client_id)
        with inside(scope, client_id, one.details.name) as client:
            _open(client, scope.tenant_id, one, email)
        # What is written needs no memory: every move of the session goes through all that it remembers.
        for key in set(scope.session.identity_map.keys()) - kept:
            scope.session.expunge(scope.session.identity_map[key])
    _assign(scope, [client_id for client_id in made if isinstance(client_id, uuid.UUID)])
    return made


def _assign(scope: Scope, made: Sequence[uuid.UUID]) -> None:
    """Who sees assigned clients alone would not see what they made."""
    user_id = scope.actor.user_id
    if user_id is not None and is_limited(scope):
        scope.session.add_all(
            Assignment(tenant_id=scope.tenant_id, client_id=client_id, user_id=user_id, given_by=user_id)
            for client_id in made
        )
    scope.session.flush()


@contextmanager
def inside(scope: Scope, client_id: uuid.UUID, name: str = "") -> Iterator[Scope]:
    """The same person in a client account, in the same transaction; afterwards the session is back."""
    session, user_id = scope.session, scope.actor.user_id
    session.flush()
    before: Setting = session.info["setting"]
    set_scope(session, Setting(tenant=client_id, via=scope.tenant_id, user=user_id))
    try:
        yield Scope(session, client_id, "client", "", Actor(user_id, scope.actor.name, scope.tenant_id), name)
        session.flush()
    finally:
        set_scope(session, before)


def _open(client: Scope, firm_id: uuid.UUID, one: Newcomer, firm_email: str) -> None:
    details, now = one.details, clock.now()
    scheme, _, number = one.key.partition(":")
    client.tenant_name = details.name.strip()[:160]
    client.session.add(
        Tenant(
            id=client.tenant_id, kind="client", name=client.tenant_name, country=SCHEMES[scheme], scheme=scheme,
            enterprise_number=number, vat_number=vat_of(scheme, number), street=details.street.strip()[:160],
            postcode=details.postcode.strip()[:16], city=details.city.strip()[:80],
            billing_email=details.billing_email.strip().lower(), created_at=now,
        )
    )  # fmt: skip
    client.session.flush()
    grant = Grant(
        tenant_id=client.tenant_id, id=uuid7(), email=firm_email, role="editor", state="active", portal_id=firm_id,
        created_at=now, created_by=client.actor.user_id, activated_at=now,
    )  # fmt: skip
    managed = Management(
        tenant_id=client.tenant_id, id=uuid7(), portal_id=firm_id, starts_on=clock.today(), noted_at=now,
        noted_by=client.actor.user_id,
    )  # fmt: skip
    client.session.add_all((grant, managed))
    # One line for all three: the account, its grant, and who manages it.
    record(client, "client.made", ("tenant", client.tenant_id), name=client.tenant_name, email=firm_email)


def is_limited(scope: Scope) -> bool:
    query = select(Membership.assigned_only).where(
        Membership.tenant_id == scope.tenant_id, Membership.user_id == scope.actor.user_id,
        Membership.ended_at.is_(None),
    )  # fmt: skip
    return bool(scope.session.scalar(query))
