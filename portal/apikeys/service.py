"""Keys are made, shown once, used and revoked; a repeated call gets its first answer again."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.access import Scope
from portal.activity import service as activity
from portal.apikeys.models import ApiCall, ApiKey
from portal.kernel import clock
from portal.kernel.db import uuid7
from portal.kernel.errors import Conflict, Invalid

MARK = "kp_"
MAX_NAME = 60
MAX_KEYS = 50
NOTED = timedelta(minutes=1)  # how exact the last use is
REMEMBERED = timedelta(days=30)  # how long a repeated call is recognised


def make_key(scope: Scope, name: str) -> tuple[ApiKey, str]:
    """(the key, its secret); the secret can never be shown again.

    Raises Invalid "api_key.name" and Conflict "api_key.many".
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise Invalid("api_key.name", field="name", limit=MAX_NAME)
    if sum(key.revoked_at is None for key in list_keys(scope)) >= MAX_KEYS:
        raise Conflict("api_key.many", limit=MAX_KEYS)
    secret = MARK + secrets.token_urlsafe(32)
    key = ApiKey(
        tenant_id=scope.tenant_id, id=uuid7(), name=name, prefix=secret[:11], key_hash=_hash(secret),
        created_at=clock.now(), created_by=scope.actor.user_id,
    )  # fmt: skip
    scope.session.add(key)
    scope.session.flush()
    activity.record(scope, "api_key.made", ("api_key", key.id), name=name, prefix=key.prefix)
    return key, secret


def revoke_key(scope: Scope, key_id: uuid.UUID | str) -> ApiKey:
    """From now on it opens nothing; what it handed in stays."""
    key = scope.get(ApiKey, key_id, lock=True)
    if key.revoked_at is None:
        key.revoked_at, key.revoked_by = clock.now(), scope.actor.user_id
        activity.record(scope, "api_key.revoked", ("api_key", key.id), name=key.name, prefix=key.prefix)
    return key


def list_keys(scope: Scope) -> Sequence[ApiKey]:
    """Living ones first, newest first."""
    query = select(ApiKey).where(ApiKey.tenant_id == scope.tenant_id)
    return scope.session.scalars(query.order_by(ApiKey.revoked_at.is_not(None), ApiKey.created_at.desc())).all()


def find_key(session: Session, tenant_id: uuid.UUID, secret: str) -> ApiKey | None:
    """The living key of this tenant; the session must see the tenant. Found by its hash, so nothing is compared."""
    query = select(ApiKey).where(
        ApiKey.tenant_id == tenant_id, ApiKey.key_hash == _hash(secret), ApiKey.revoked_at.is_(None)
    )
    return session.scalars(query).one_or_none()


def note_use(session: Session, key: ApiKey) -> None:
    now = clock.now()
    if key.last_used_at is None or now - key.last_used_at > NOTED:
        mine = (ApiKey.tenant_id == key.tenant_id, ApiKey.id == key.id)
        session.execute(update(ApiKey).where(*mine).values(last_used_at=now))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]


def repeated(session: Session, key: ApiKey, idempotency_key: str, request: bytes) -> Answer | None:
    """The first answer to this call; None when it is new, and then `answered` has to follow in this transaction.

    Whoever repeats a call that is still being answered waits for it. Raises Conflict
    "api_call.other_request" for the same idempotency key with another `request`.
    """
    now = clock.now()
    of_key = (ApiCall.tenant_id == key.tenant_id, ApiCall.api_key_id == key.id)
    session.execute(delete(ApiCall).where(*of_key, ApiCall.created_at < now - REMEMBERED))
    values = {
        "tenant_id": key.tenant_id, "id": uuid7(), "api_key_id": key.id, "idempotency_key": idempotency_key,
        "request_hash": hashlib.sha256(request).digest(), "status": 0, "answer": {}, "created_at": now,
    }  # fmt: skip
    made = insert(ApiCall).values(values).on_conflict_do_nothing(constraint="uq_api_calls_key").returning(ApiCall.id)
    if session.scalar(made) is not None:
        return None
    before = session.scalars(select(ApiCall).where(*of_key, ApiCall.idempotency_key == idempotency_key)).one()
    if before.request_hash != values["request_hash"]:
        raise Conflict("api_call.other_request")
    return Answer(before.status, before.answer)


def answered(session: Session, key: ApiKey, idempotency_key: str, answer: Answer) -> None:
    mine = (
        ApiCall.tenant_id == key.tenant_id, ApiCall.api_key_id == key.id, ApiCall.idempotency_key == idempotency_key,
    )  # fmt: skip
    session.execute(update(ApiCall).where(*mine).values(status=answer.status, answer=answer.body))


def _hash(secret: str) -> bytes:
    """A plain hash is enough: the secret has 256 random bits, so nobody tries them out."""
    return hashlib.sha256(secret.encode()).digest()
