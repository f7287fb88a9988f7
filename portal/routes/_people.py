"""What the pages about job roles, account groups, legal entities and people share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, url_for

from portal.approvals.tasks import Outcome, perform
from portal.kernel.errors import Conflict, Forbidden, PortalError
from portal.people.payload import Payload
from portal.routes import _approvals, _both, wording
from portal.routes._access import View, db, scope

address = _both.address


def both(blueprint: Blueprint, rule: str, name: str, **options: Any) -> Callable[[View], View]:
    """As `_both.both`, where the pages about people begin."""
    return _both.both(blueprint, "/p/<uuid:portal>/team", "/c/<uuid:client>/people", rule, name, **options)


def people_address() -> str:
    """The list of people: the team of a firm, or the people of a client account."""
    portal = scope().kind == "portal"
    return url_for("team.index", portal=scope().tenant_id) if portal else address("people.index")


def done(kind: str, payload: Payload, text: str) -> Outcome:
    """Do it or submit it, commit, and say which of the two it was."""
    outcome = perform(scope(), kind, payload)
    if outcome.task is None:
        flash(text, "ok")
    _approvals.tell_waiting(outcome)
    db().commit()
    return outcome


def tried(kind: str, payload: Payload, text: str) -> bool:
    """For a button: what stands in the way is told on the page that comes next."""
    try:
        done(kind, payload, text)
    except (Conflict, Forbidden) as error:
        if "permission" in error.values:
            raise
        db().rollback()
        flash(told(error), "warn")
        return False
    return True


def told(error: PortalError) -> str:
    return wording.of_error(error.code, error.values)
