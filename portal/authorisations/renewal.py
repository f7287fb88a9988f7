"""The one place where a refresh token is spent.

Such a token often works once: two processes that spend it, or one that dies between the
answer and the database, lose the grant. So:

- a row lock (NOWAIT, in a session of its own) is held from before the attempt to the answer;
- the attempt is committed, over a second connection, before the call;
- the answer goes to a sealed file first, then into the database under its next generation;
- an attempt that a crash left open is repeated once (or, where the provider gives a grace
  period, for as long as that lasts), and then a person is asked;
- only the provider's own refusal ends a grant. Silence puts the next attempt off.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config import Settings
from portal.authorisations import applications, consent, replies, spool, states
from portal.authorisations.custody import Custody, Lock, Pair
from portal.authorisations.models import Authorisation, Credential, RefreshAttempt, State
from portal.authorisations.replies import Answer, Refused, Silent, Tokens
from portal.connectors.errors import AuthorisationExpired, ConnectorError, Temporary
from portal.kernel import clock, crash
from portal.kernel.db import Database, uuid7
from portal.kernel.vault import Vault

CRASH_POINTS = (
    "token.locked", "token.attempt_committed", "token.before_call", "token.answered", "token.spooled",
    "token.before_store", "token.stored",
)  # fmt: skip
CALLS_PER_INCIDENT = 2
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0
# Without a lock an attempt may still be on its way: the database may have restarted under its holder.
ON_ITS_WAY = replies.LONGEST_CALL + 10
_OUTCOMES = {Tokens: "renewed", Refused: "refused", Silent: "transient"}
_log = structlog.get_logger(__name__)


def renew(custody: Custody, stale: str | None) -> str:
    """A token that works now and is not `stale`. Raises Busy, Temporary(sent=False), AuthorisationExpired."""
    with custody.session() as session:
        pair = custody.read(session, Lock.NOWAIT)
        crash.point("token.locked")
        if pair.access != stale and not pair.is_due():
            return pair.access
        label = spool.Label(custody.tenant_id, custody.authorisation_id, pair.generation, uuid7())
        kept = spool.find(custody.settings.home, custody.vault, session, label)
        if kept is not None:
            return _concluded(custody, session, *kept, stale)
        lost = _lost_attempts(custody, session, pair)
        wait = _reason_to_wait(pair, stale, lost)
        if wait is not None:
            if pair.is_usable() and pair.access != stale:
                return pair.access
            raise wait
        if _spent_too_often(pair, lost):
            return _concluded(custody, session, label, Refused("authorisation.token_lost"), stale)
        refresh = custody.open(session, "refresh_token", pair.refresh_token)
        return _concluded(custody, session, label, _spend(custody, pair, label, refresh), stale)


def collect_spool(database: Database, vault: Vault, settings: Settings) -> int:
    """Bring home answers that a crash left on this machine's disk; how many. Safe to repeat."""
    brought = 0
    for label in spool.waiting(settings.home):
        custody = Custody(database, vault, settings, label.tenant_id, label.authorisation_id)
        with custody.session() as session:
            rows = custody.rows(session, Lock.WAIT)
            kept = spool.find(settings.home, vault, session, label)
            if rows is None or rows[1].generation != label.generation:
                spool.drop(settings.home, label)
            elif kept is not None:
                _conclude(custody, session, *kept, None)
                session.commit()
                spool.drop(settings.home, kept[0])
                brought += 1
    return brought


def _lost_attempts(custody: Custody, session: Session, pair: Pair) -> list[RefreshAttempt]:
    """Calls that may have spent this very pair without our learning the answer, oldest first."""
    query = select(RefreshAttempt).where(
        RefreshAttempt.tenant_id == custody.tenant_id,
        RefreshAttempt.authorisation_id == custody.authorisation_id,
        RefreshAttempt.generation == pair.generation,
        RefreshAttempt.outcome.in_(("open", "unknown")),
    )
    return list(session.scalars(query.order_by(RefreshAttempt.started_at)))


def _reason_to_wait(pair: Pair, stale: str | None, lost: list[RefreshAttempt]) -> Temporary | None:
    age, now = pair.age(), clock.now()
    if age is not None and age < pair.oauth.min_age:
        return Temporary("authorisation.token_young", sent=False, retry_after=pair.oauth.min_age - age)
    pause = (pair.not_before - now).total_seconds() if pair.not_before else 0.0
    if 0 < pause <= 2 * LONGEST_PAUSE:  # longer means that the clock went back since
        return Temporary("authorisation.put_off", sent=False, retry_after=pause)
    for attempt in lost:
        since = (now - attempt.started_at).total_seconds()
        if attempt.outcome == "open" and abs(since) < ON_ITS_WAY:
            return Temporary("authorisation.renewing", sent=False, retry_after=ON_ITS_WAY - since)
    return None


def _spent_too_often(pair: Pair, lost: list[RefreshAttempt]) -> bool:
    """After a lost answer the old token is tried once more; longer only while the provider forgives."""
    if len(lost) < CALLS_PER_INCIDENT:
        return False
    return clock.now() > lost[0].started_at + timedelta(seconds=pair.oauth.grace)


def _spend(custody: Custody, pair: Pair, label: spool.Label, refresh: str) -> Answer:
    """Write ahead, call, and keep the answer."""
    with custody.session() as session, session.begin():
        mine = (
            RefreshAttempt.tenant_id == label.tenant_id,
            RefreshAttempt.authorisation_id == label.authorisation_id,
        )
        left_open = update(RefreshAttempt).where(*mine, RefreshAttempt.outcome == "open")
        session.execute(left_open.values(outcome="unknown", finished_at=clock.now()))
        session.add(
            RefreshAttempt(
                tenant_id=label.tenant_id,
                id=label.attempt_id,
                authorisation_id=label.authorisation_id,
                generation=label.generation,
                started_at=clock.now(),
            )
        )
        box = spool.Box.make(custody.vault, session, label)
    crash.point("token.attempt_committed")
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    answer = replies.ask(custody.settings, pair.app, pair.environment, form)
    if isinstance(answer, Tokens):
        spool.keep(custody.settings.home, box, answer)
        crash.point("token.spooled")
    return answer


def _concluded(custody: Custody, session: Session, label: spool.Label, answer: Answer, stale: str | None) -> str:
    """Write the answer down, then give the token or raise what came of it."""
    try:
        result = _conclude(custody, session, label, answer, stale)
        crash.point("token.before_store")
        session.commit()
    except DBAPIError:
        # The connection went, and the lock with it: once more over a new one, which sees who came between.
        try:
            with custody.session() as other:
                result = _conclude(custody, other, label, answer, stale)
                other.commit()
        except DBAPIError:
            raise Temporary("authorisation.database_away", sent=False, retry_after=5) from None
    crash.point("token.stored")
    spool.drop(custody.settings.home, label)
    if isinstance(result, ConnectorError):
        raise result
    return result


def _conclude(
    custody: Custody, session: Session, label: spool.Label, answer: Answer, stale: str | None
) -> str | ConnectorError:
    rows = custody.rows(session, Lock.WAIT)
    if rows is None:
        return AuthorisationExpired("authorisation.no_login")
    authorisation, credential = rows
    overtaken = credential.generation != label.generation
    if not overtaken:
        _apply(custody, session, authorisation, credential, answer)
    attempt = session.get(RefreshAttempt, (label.tenant_id, label.attempt_id))
    if attempt is not None:
        attempt.outcome, attempt.finished_at = _OUTCOMES[type(answer)], clock.now()
        attempt.detail = "overtaken" if overtaken else getattr(answer, "code", "")
    _log.info("token.renewal", authorisation=str(label.authorisation_id), outcome=_OUTCOMES[type(answer)])
    session.flush()
    return _outcome(custody, session, None if overtaken else answer, stale)


def _outcome(custody: Custody, session: Session, answer: Answer | None, stale: str | None) -> str | ConnectorError:
    try:
        pair = custody.read(session)
    except AuthorisationExpired as expired:
        return expired
    if isinstance(answer, Refused):
        return AuthorisationExpired(answer.code, provider_text=answer.text)
    if not isinstance(answer, Silent):
        return pair.access
    if pair.access != stale and (answer.early or pair.is_usable()):
        return pair.access
    pause = ((pair.not_before or clock.now()) - clock.now()).total_seconds()
    return Temporary(answer.code, sent=False, retry_after=max(pause, 1.0))


def _apply(
    custody: Custody, session: Session, authorisation: Authorisation, credential: Credential, answer: Answer
) -> None:
    if authorisation.removed_at is not None:
        session.delete(credential)
    elif isinstance(answer, Tokens):
        unused = applications.oauth_of(authorisation.app).refresh_lifetime
        store(custody, session, credential, answer, unused)
        if authorisation.state == State.NEEDS_CONSENT:  # the answer was found on a disk after all
            states.move(authorisation, State.ACTIVE)
    elif isinstance(answer, Refused):
        consent.ask(session, custody.vault, custody.settings, authorisation, answer.code, answer.text)
    else:
        credential.failures += 1
        credential.not_before = clock.now() + timedelta(seconds=answer.retry_after or pause_after(credential.failures))


def store(custody: Custody, session: Session, credential: Credential, tokens: Tokens, unused: float) -> None:
    """Put a new pair in the place of the old one; its refresh token lives `unused` seconds. The caller locks."""
    received: datetime = tokens.receipt.at
    credential.generation += 1
    credential.access_token = custody.seal(session, "access_token", tokens.access)
    credential.refresh_token = custody.seal(session, "refresh_token", tokens.refresh)
    credential.received_at = received
    credential.received_on = tokens.receipt.machine
    credential.received_tick = tokens.receipt.tick if tokens.receipt.machine else None
    credential.expires_at = received + timedelta(seconds=tokens.lifetime)
    credential.refresh_expires_at = received + timedelta(seconds=unused)
    credential.failures, credential.not_before = 0, None


def pause_after(failures: int) -> float:
    """Seconds: 30, 60, 120 … up to an hour, each a fifth more or less so that many do not come at once."""
    pause: float = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311  (spreads load, guards nothing)
