"""How long things are kept. What proves a booking stays; what only served to get there goes after its time.

Each account says how long files of documents and traces of fetching are kept, and can put all of
it on hold. What belongs to people and to the installation has the fixed periods below.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, text, update
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.activity.service import record
from portal.apikeys.models import ApiCall
from portal.archives.models import Retention
from portal.documents.models import DocumentFile
from portal.feeds.models import FeedFetch, FeedReminder
from portal.identity.models import OneTimeToken, SignIn, UserSession
from portal.kernel import clock
from portal.kernel.db import Base, Database, Setting
from portal.kernel.errors import Invalid
from portal.kernel.mail import Mail

ORIGINAL_MONTHS, TRACE_DAYS = 120, 90  # ten years, as the law asks of vouchers; three months
LEAST_MONTHS, LEAST_DAYS = 12, 7
SIGN_INS, SESSIONS, TOKENS, MAILS = (timedelta(days=days) for days in (365, 90, 30, 90))
_TENANTS = text("SELECT all_tenants()")


def periods(scope: Scope) -> Retention:
    """As this account chose, or the usual ones."""
    row = scope.session.get(Retention, scope.tenant_id)
    usual = {"original_months": ORIGINAL_MONTHS, "trace_days": TRACE_DAYS, "hold": False}
    return row or Retention(tenant_id=scope.tenant_id, changed_at=clock.now(), **usual)


def choose(scope: Scope, *, original_months: int, trace_days: int, hold: bool) -> None:
    """Raises Invalid("retention.short") with the field that is too short, and Forbidden for whoever sees a part."""
    scope.require_every_account()
    for field, given, least in (
        ("original_months", original_months, LEAST_MONTHS),
        ("trace_days", trace_days, LEAST_DAYS),
    ):
        if given < least:
            raise Invalid("retention.short", field=field, least=least)
    row = periods(scope)
    row.original_months, row.trace_days, row.hold, row.changed_at = original_months, trace_days, hold, clock.now()
    scope.session.add(row)
    told: dict[str, Any] = {"original_months": original_months, "trace_days": trace_days, "hold": hold}
    record(scope, "retention.changed", ("tenant", scope.tenant_id), **told)


def remove_old(database: Database) -> None:
    """Everything whose time is over. Safe to repeat: what is gone is gone, and nothing is written when nothing goes."""
    with database.scoped() as session:
        _remove_of_people(session, clock.now())
        tenants = session.scalars(_TENANTS).all()
    for tenant_id in tenants:
        with database.scoped(Setting(tenant=tenant_id)) as session:
            remove_of(Scope.system(session, tenant_id))


def remove_of(scope: Scope) -> tuple[int, int]:
    """Of one account; (rows, files) that went. Nothing while it is on hold."""
    kept, now = periods(scope), clock.now()
    if kept.hold:
        return 0, 0
    since = now - timedelta(days=kept.trace_days)
    rows = sum(
        _gone(scope.session, delete(model).where(model.tenant_id == scope.tenant_id, *old))
        for model, old in _traces(since)
    )
    originals = _gone(
        scope.session,
        update(DocumentFile)
        .where(
            DocumentFile.tenant_id == scope.tenant_id,
            DocumentFile.content.is_not(None),
            DocumentFile.created_at < _months_before(now, kept.original_months),
        )
        .values(content=None),
    )
    if rows or originals:
        record(scope, "retention.removed", ("tenant", scope.tenant_id), rows=rows, originals=originals)
    return rows, originals


def _traces(since: datetime) -> Sequence[tuple[Any, tuple[ColumnElement[bool], ...]]]:
    return (
        (FeedFetch, (FeedFetch.started_at < since, FeedFetch.state != "running")),
        (FeedReminder, (FeedReminder.sent_at < since, FeedReminder.ends_on < clock.day(since))),
        (ApiCall, (ApiCall.created_at < since,)),
    )


def _remove_of_people(session: Session, now: datetime) -> None:
    old: Sequence[tuple[type[Base], ColumnElement[bool]]] = (
        (SignIn, SignIn.at < now - SIGN_INS),
        (UserSession, UserSession.expires_at < now - SESSIONS),
        (OneTimeToken, OneTimeToken.expires_at < now - TOKENS),
        (Mail, Mail.sent_at < now - MAILS),
    )
    for model, when in old:
        session.execute(delete(model).where(when))


def _gone(session: Session, statement: Any) -> int:
    return len(session.execute(statement.returning(text("1"))).all())


def _months_before(now: datetime, months: int) -> datetime:
    total = now.year * 12 + now.month - 1 - months
    return now.replace(year=total // 12, month=total % 12 + 1, day=min(now.day, 28))
