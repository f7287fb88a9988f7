"""What people do with authorisations: connect, name, hand over, switch on and off, remove."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select, text

from portal.access import Scope
from portal.activity import service as activity
from portal.authorisations import applications, login, renewal, rows, states, typed
from portal.authorisations.applications import application, host_of
from portal.authorisations.connecting import connect, connect_feed
from portal.authorisations.custody import Custody, Means
from portal.authorisations.limits import close_breaker
from portal.authorisations.login import Arrival, LoginRefused
from portal.authorisations.models import Authorisation, Credential, State
from portal.authorisations.states import health
from portal.connectors import registry
from portal.connectors.base import Dossier, Identity
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Rejected
from portal.connectors.login import AuthMode, Form
from portal.exchange.files import check_nothing_waits
from portal.kernel import clock, queue
from portal.kernel.db import Database
from portal.kernel.errors import Conflict, Invalid

__all__ = [
    "Finished", "Outcome", "Seen", "activate", "application", "asking", "begin_login", "close_breaker", "connect",
    "connect_feed", "deactivate", "finish_login", "health", "held_by", "held_by_each", "host_of",
    "list_authorisations", "recognise_login", "remove", "rename", "ring_due", "same_key", "set_owner", "uses",
]  # fmt: skip

recognise_login = login.recognise


class Outcome(StrEnum):
    CONNECTED = "connected"  # a new authorisation
    RENEWED = "renewed"  # the same login again
    REUSED = "reused"  # this login had another authorisation here; that one got the new tokens


@dataclass(frozen=True, slots=True)
class Finished:
    """`elsewhere`: another tenant has this login too; providers may end the older connection."""

    authorisation: Authorisation
    outcome: Outcome
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What the provider showed when an authorisation was activated."""

    identity: Identity
    dossiers: Sequence[Dossier]


def list_authorisations(scope: Scope, app: str = "") -> Sequence[tuple[Authorisation, str]]:
    """Each with its health, by name. Without those that were removed."""
    query = (
        select(Authorisation, Credential)
        .outerjoin(
            Credential,
            (Credential.tenant_id == Authorisation.tenant_id) & (Credential.authorisation_id == Authorisation.id),
        )
        .where(Authorisation.tenant_id == scope.tenant_id, Authorisation.removed_at.is_(None))
        .order_by(func.lower(Authorisation.name))
    )
    rows = scope.session.execute(query.where(Authorisation.app == app) if app else query).all()
    return [(row, health(row, credential, clock.now())) for row, credential in rows]


def held_by(scope: Scope, user_id: uuid.UUID) -> Sequence[Authorisation]:
    """What would lose its owner with this person, for whoever lets a colleague go."""
    mine = (Authorisation.tenant_id == scope.tenant_id, Authorisation.removed_at.is_(None))
    return scope.session.scalars(select(Authorisation).where(*mine, Authorisation.owner_id == user_id)).all()


def held_by_each(scope: Scope) -> Mapping[uuid.UUID, Sequence[Authorisation]]:
    """All that have an owner, by that person and by name."""
    found: dict[uuid.UUID, list[Authorisation]] = {}
    for row, _health in list_authorisations(scope):
        if row.owner_id is not None:
            found.setdefault(row.owner_id, []).append(row)
    return found


def begin_login(
    means: Means,
    scope: Scope,
    session_id: uuid.UUID,
    app: str,
    environment: str,
    name: str,
    authorisation_id: uuid.UUID | None = None,
    given: Mapping[str, str] | None = None,
) -> str:
    """The address at the provider to send the browser to. `given` answers the app's form, where it has one.

    Without `authorisation_id` an inactive authorisation is made under `name`; one that was
    made so before and never logged in is taken up again. Raises Invalid, Conflict and LoginRefused.
    """
    if authorisation_id is not None:
        row = rows.living(scope, authorisation_id)
        return login.begin(means, scope, session_id, row, _known(means, scope, row))
    form = typed.checked(means.settings, applications.manifest_of(app), given or {})
    applications.host_of(means.settings, app, environment)
    row = rows.unused(scope, app, environment, name) or rows.create(scope, app, environment, name)
    typed.keep(_custody(means, scope, row), scope.session, row, None, form)
    return login.begin(means, scope, session_id, row, form)


def finish_login(means: Means, scope: Scope, session_id: uuid.UUID, app: str, given: Mapping[str, str]) -> Finished:
    """Take in who came back from the provider; the caller found the tenant by `login.tenant_of(given["state"])`.

    Raises LoginRefused, with the old grant intact, when it does not fit or is another login.
    """
    arrival = login.arrive(means, scope.tenant_id, session_id, app, given)
    user_id = arrival.identity.user_id
    row = rows.present(scope, arrival.authorisation_id)
    twin = None if row.remote_user_id else rows.same_login(scope, row, user_id)
    # First the pair, then its authorisation: a renewal under way takes them in this order too.
    credential = rows.locked_credential(scope, (twin or row).id)
    target = rows.living(scope, (twin or row).id)
    if target.remote_user_id not in ("", user_id):
        expected, got = target.remote_user_name or target.remote_email, arrival.identity.user_name
        raise LoginRefused("consent.other_login", expected=expected, got=got)
    outcome = Outcome.REUSED if twin else Outcome.RENEWED if target.remote_user_id else Outcome.CONNECTED
    if twin is not None:
        scope.session.delete(row)
        scope.session.flush()
    _take_in(means, scope, target, credential, arrival)
    scope.session.flush()
    rows.wake(scope, target)
    asked = {"tenant": scope.tenant_id, "app": target.app, "environment": target.environment, "user": user_id}
    elsewhere = scope.session.execute(
        text("SELECT login_connected_elsewhere(:tenant, :app, :environment, :user)"), asked
    ).scalar_one()
    activity.record(
        scope, f"authorisation.{outcome}", rows.subject(target), name=target.name, login=arrival.identity.user_name,
        company=arrival.identity.company, elsewhere=elsewhere,
    )  # fmt: skip
    return Finished(target, outcome, elsewhere)


def activate(means: Means, scope: Scope, authorisation_id: uuid.UUID) -> Seen:
    """Really call the provider; active if it answers. Raises Conflict with what was said if not."""
    row = rows.present(scope, authorisation_id)
    book = (means.database, means.vault, means.settings, scope.tenant_id, row.id)
    auth = applications.manifest_of(row.app).auth
    with asking(auth):
        if row.app in registry.FEEDS:
            seen = Seen(connect_feed(*book, person=True, trial=True).identity(), ())
        else:
            provider = connect(*book, person=True, trial=True)
            seen = Seen(provider.identity(), provider.dossiers())
    by_form = auth in (AuthMode.KEY, AuthMode.FILE)
    if not by_form and seen.identity.user_id != row.remote_user_id:
        raise Conflict("authorisation.other_login", expected=row.remote_user_name, got=seen.identity.user_name)
    row = rows.living(scope, authorisation_id)
    if by_form:
        same_key(scope, row, seen)
    if states.move(row, State.ACTIVE):
        activity.record(scope, "authorisation.activated", rows.subject(row), name=row.name, dossiers=len(seen.dossiers))
    rows.wake(scope, row)
    return seen


@contextmanager
def asking(auth: AuthMode) -> Iterator[None]:
    """Around calls while somebody waits: what goes wrong becomes a Conflict that says what to do."""
    try:
        yield
    except AuthorisationExpired as expired:
        code = "authorisation.key_refused" if auth is AuthMode.KEY else "authorisation.needs_login"
        raise Conflict(code, reason=expired.code, text=expired.provider_text) from None
    except Rejected as refused:
        raise Conflict("authorisation.refused", reason=refused.code, text=refused.provider_text) from None
    except ConnectorError as error:
        raise Conflict("authorisation.no_answer", reason=error.code) from None


def same_key(scope: Scope, row: Authorisation, seen: Seen) -> None:
    """Write down whose key it is. Raises Conflict for a key of another login than before, or of one connected already.

    Keys of some providers tell nobody: then it must see some of the dossiers that were seen before.
    """
    identity = seen.identity
    got = identity.user_name or identity.company or applications.manifest_of(row.app).label
    user_id = identity.user_id or row.id.hex
    if row.remote_user_id not in ("", user_id):
        raise Conflict("authorisation.other_key", expected=row.remote_user_name or row.remote_company, got=got)
    twin = rows.same_login(scope, row, user_id)
    if twin is not None:
        raise Conflict("authorisation.login_taken", login=got, name=twin.name)
    known = rows.known_dossiers(scope, row)
    if not identity.user_id and known and not known & {dossier.code for dossier in seen.dossiers}:
        raise Conflict("authorisation.other_dossiers")
    row.remote_user_id, row.remote_user_name = user_id, identity.user_name
    row.remote_email, row.remote_company = identity.email, identity.company
    row.default_dossier = identity.default_dossier


def deactivate(scope: Scope, authorisation_id: uuid.UUID) -> Authorisation:
    """Off at the next call of any process, as each reads the state; the tokens stay for another time."""
    row = rows.living(scope, authorisation_id)
    if states.move(row, State.INACTIVE):
        activity.record(scope, "authorisation.deactivated", rows.subject(row), name=row.name)
    return row


def uses(scope: Scope, authorisation_id: uuid.UUID) -> int:
    """How many couplings sync through it, or have something under way."""
    asked = {"tenant": scope.tenant_id, "id": authorisation_id}
    count: int = scope.session.execute(text("SELECT uses_of_authorisation(:tenant, :id)"), asked).scalar_one()
    return count


def remove(scope: Scope, authorisation_id: uuid.UUID) -> None:
    """Off for good, and the tokens gone. A renewal under way wipes them itself when it ends.

    Raises Conflict while a coupling needs it, or entries in it wait for people to fetch their file.
    """
    row = rows.living(scope, authorisation_id)
    used = uses(scope, row.id)
    if used:
        raise Conflict("authorisation.in_use", name=row.name, count=used)
    check_nothing_waits(scope, row.id)
    states.move(row, State.REVOKED)
    row.removed_at = clock.now()
    scope.session.flush()
    query = select(Credential).where(Credential.tenant_id == scope.tenant_id, Credential.authorisation_id == row.id)
    free = scope.session.scalars(query.with_for_update(skip_locked=True)).one_or_none()
    if free is not None:
        scope.session.delete(free)
    activity.record(scope, "authorisation.removed", rows.subject(row), name=row.name)


def rename(scope: Scope, authorisation_id: uuid.UUID, name: str) -> Authorisation:
    row = rows.living(scope, authorisation_id)
    before, row.name = row.name, rows.free_name(scope, name, row.id)
    if before != row.name:
        activity.record(scope, "authorisation.renamed", rows.subject(row), before=before, name=row.name)
    return row


def set_owner(
    scope: Scope, authorisation_id: uuid.UUID, owner_id: uuid.UUID, deputy_id: uuid.UUID | None
) -> Authorisation:
    """Who is asked when it needs a new log-in. Both belong to this tenant. Raises Invalid."""
    row = rows.living(scope, authorisation_id)
    if owner_id == deputy_id:
        raise Invalid("authorisation.owner_is_deputy", field="deputy")
    rows.check_member(scope, owner_id, "owner")
    if deputy_id is not None:
        rows.check_member(scope, deputy_id, "deputy")
    if (row.owner_id, row.deputy_id) != (owner_id, deputy_id):
        row.owner_id, row.deputy_id = owner_id, deputy_id
        activity.record(
            scope, "authorisation.handed_over", rows.subject(row), name=row.name, owner_id=owner_id, deputy_id=deputy_id
        )
    return row


def ring_due(database: Database, limit: int = 200) -> int:
    """Ask for a renewal of what would die of disuse, or was left open by a crash; how many. And for the spool."""
    with database.scoped() as session:
        due = session.execute(
            text("SELECT tenant_id, id FROM due_authorisations(:now, :limit)"), {"now": clock.now(), "limit": limit}
        ).all()
        for tenant_id, authorisation_id in due:
            queue.ring(session, "authorisations.keep_alive", tenant_id, authorisation_id)
        queue.ring(session, "authorisations.collect_spool")
    return len(due)


def _take_in(means: Means, scope: Scope, row: Authorisation, credential: Credential, arrival: Arrival) -> None:
    """Store the new pair over the old one and switch on."""
    identity, session = arrival.identity, scope.session
    row.remote_user_id, row.remote_user_name = identity.user_id, identity.user_name
    row.remote_email, row.remote_company = identity.email, identity.company
    row.default_dossier = identity.default_dossier
    row.owner_id = row.owner_id or rows.own_person(scope)
    states.move(row, State.ACTIVE)
    custody = _custody(means, scope, row)
    if arrival.tokens is None:
        typed.keep(custody, session, row, credential, arrival.form)
        return
    unused = applications.oauth_of(row.app).refresh_lifetime
    renewal.store(custody, session, credential, arrival.tokens, unused)
    session.add(credential)


def _known(means: Means, scope: Scope, row: Authorisation) -> Form:
    """What an earlier log-in left us, so that a page of the provider mends this one and makes no other."""
    if applications.manifest_of(row.app).auth is not AuthMode.HOSTED:
        return Form(row.form)
    credential = scope.session.get(Credential, (scope.tenant_id, row.id))
    return typed.read(_custody(means, scope, row), scope.session, row, credential)


def _custody(means: Means, scope: Scope, row: Authorisation) -> Custody:
    return Custody(means.database, means.vault, means.settings, scope.tenant_id, row.id)
