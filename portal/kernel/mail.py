"""Mails to be sent: a row in the transaction that causes them, rung for and sent by a job.

The values may hold a one-time link, so they are sealed until the mail has gone.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel import clock, queue
from portal.kernel.db import Base, uuid7
from portal.kernel.vault import NO_TENANT, Place, Vault


class Mail(Base):
    __tablename__ = "mails"
    __table_args__ = (Index("ix_mails_due", "next_try_at", postgresql_where="sent_at IS NULL AND given_up_at IS NULL"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    to_email: Mapped[str]
    template: Mapped[str]  # templates/emails/<template>.txt and .html
    locale: Mapped[str]
    values: Mapped[bytes]  # sealed JSON
    created_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")


def place_of(mail_id: uuid.UUID) -> Place:
    return Place("mails", NO_TENANT, mail_id, "values")


def write(session: Session, vault: Vault, *, to: str, template: str, locale: str, values: dict[str, str]) -> Mail:
    """Put a mail in the outbox; it goes after the commit."""
    now, mail_id = clock.now(), uuid7()
    mail = Mail(
        id=mail_id,
        to_email=to,
        template=template,
        locale=locale,
        values=vault.seal(session, place_of(mail_id), json.dumps(values)),
        created_at=now,
        next_try_at=now,
    )
    session.add(mail)
    queue.ring(session, "mail.send", mail_id)
    return mail
