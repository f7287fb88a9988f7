"""Mails to be sent: a row in the transaction that causes them, rung for and sent by a job.

The values may hold a one-time link, so they are sealed until the mail has gone.
"""

from __future__ import annotations

import json
import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, select
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


class MailAttachment(Base):
    """A file that goes along; it leaves with the mail."""

    __tablename__ = "mail_attachments"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    mail_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("mails.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    media_type: Mapped[str]
    content: Mapped[bytes]  # sealed base64


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    media_type: str
    content: bytes


def place_of(mail_id: uuid.UUID) -> Place:
    return Place("mails", NO_TENANT, mail_id, "values")


def write(
    session: Session,
    vault: Vault,
    *,
    to: str,
    template: str,
    locale: str,
    values: dict[str, str],
    attachments: Iterable[Attachment] = (),
) -> Mail:
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
    for each in attachments:
        session.flush()
        row = MailAttachment(id=uuid7(), mail_id=mail_id, name=each.name, media_type=each.media_type)
        row.content = vault.seal(session, _place(row.id), b64encode(each.content).decode())
        session.add(row)
    queue.ring(session, "mail.send", mail_id)
    return mail


def attachments_of(session: Session, vault: Vault, mail: Mail) -> list[Attachment]:
    """In the order in which they were added."""
    query = select(MailAttachment).where(MailAttachment.mail_id == mail.id).order_by(MailAttachment.id)
    return [
        Attachment(row.name, row.media_type, b64decode(vault.open(session, _place(row.id), row.content)))
        for row in session.scalars(query)
    ]


def _place(attachment_id: uuid.UUID) -> Place:
    return Place("mail_attachments", NO_TENANT, attachment_id, "content")
