"""Sending what waits in the outbox: through SMTP when it is set up, else it stays to be read there."""

from __future__ import annotations

import json
import smtplib
import uuid
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from config import Settings, Smtp
from portal.kernel import clock
from portal.kernel.mail import Mail, MailAttachment, attachments_of, place_of
from portal.kernel.vault import Vault

log = structlog.get_logger()
GIVE_UP_AFTER = 10
TIMEOUT = 20  # seconds

# (template, locale, values) → (subject, text). Templates and languages belong to the application,
# which sets this once a process.
Renderer = Callable[[str, str, dict[str, str]], tuple[str, str]]
_render: Renderer | None = None


def set_renderer(render: Renderer) -> None:
    global _render
    _render = render


def read(session: Session, vault: Vault, mail: Mail) -> tuple[str, str]:
    """Subject and text of a mail, in its reader's language."""
    return preview(mail.template, mail.locale, json.loads(vault.open(session, place_of(mail.id), mail.values)))


def preview(template: str, locale: str, values: dict[str, str]) -> tuple[str, str]:
    """Subject and text as they would go out with these values."""
    if _render is None:
        raise RuntimeError("No renderer is set; create_app() does that.")
    return _render(template, locale, values)


def compose(session: Session, vault: Vault, mail: Mail, sender: str) -> EmailMessage:
    """The mail as it goes out."""
    subject, text = read(session, vault, mail)
    message = EmailMessage()
    message["Subject"] = subject
    message["From"], message["To"] = sender, mail.to_email
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(str(mail.id), domain="koppelpoort")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    for each in attachments_of(session, vault, mail):
        kind, _, detail = each.media_type.partition("/")
        message.add_attachment(each.content, maintype=kind, subtype=detail, filename=each.name)
    return message


def send(session: Session, vault: Vault, settings: Settings, mail_id: uuid.UUID) -> bool:
    """Send one mail when it is due. A second call at the same time finds the row taken."""
    query = select(Mail).where(Mail.id == mail_id, Mail.sent_at.is_(None), Mail.given_up_at.is_(None))
    mail = session.scalars(query.with_for_update(skip_locked=True)).one_or_none()
    if mail is None or mail.next_try_at > clock.now():
        return False
    if settings.smtp is None:
        # The outbox page is the mailbox then; nothing to retry.
        mail.sent_at = clock.now()
        return True
    mail.attempts += 1
    try:
        _hand_over(settings.smtp, compose(session, vault, mail, settings.mail_from))
    except (OSError, smtplib.SMTPException) as error:
        mail.error = type(error).__name__
        mail.next_try_at = clock.now() + timedelta(minutes=min(2**mail.attempts, 240))
        if mail.attempts >= GIVE_UP_AFTER:
            mail.given_up_at = clock.now()
        log.warning("mail.failed", mail=str(mail.id), attempts=mail.attempts, error=mail.error)
        return False
    mail.sent_at, mail.error = clock.now(), ""
    # The link in it has gone out; it need not lie here any longer.
    mail.values = vault.seal(session, place_of(mail.id), "{}")
    session.execute(delete(MailAttachment).where(MailAttachment.mail_id == mail.id))
    return True


def _hand_over(smtp: Smtp, message: EmailMessage) -> None:
    kind = smtplib.SMTP_SSL if smtp.tls == "implicit" else smtplib.SMTP
    with kind(smtp.host, smtp.port, timeout=TIMEOUT) as server:
        if smtp.tls == "starttls":
            server.starttls()
        if smtp.user:
            server.login(smtp.user, smtp.password)
        server.send_message(message)


def outbox(session: Session, limit: int = 50) -> list[Mail]:
    return list(session.scalars(select(Mail).order_by(Mail.id.desc()).limit(limit)))
