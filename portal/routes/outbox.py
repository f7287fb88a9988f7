"""The mailbox of the demo: every mail that would have gone out. Nowhere else is it there."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response

from portal import runtime
from portal.kernel.errors import NotFound
from portal.kernel.mail import Mail, attachments_of
from portal.notifications import service as notifications
from portal.routes._access import db, public
from portal.routes._htmx import page

blueprint = Blueprint("outbox", __name__, url_prefix="/outbox")


def _only_in_the_demo() -> None:
    """The links in these mails open accounts: only a demo without a mail server shows them."""
    settings = runtime.get().settings
    if not settings.demo or settings.production or settings.smtp is not None:
        raise NotFound()


@blueprint.get("")
@public
def index() -> Response:
    _only_in_the_demo()
    made = runtime.get()
    mails = notifications.outbox(db())
    return page("outbox/index.html", mails=[(mail, notifications.read(db(), made.vault, mail)[0]) for mail in mails])


@blueprint.get("/<uuid:mail_id>")
@public
def show(mail_id: uuid.UUID) -> Response:
    _only_in_the_demo()
    mail = db().get(Mail, mail_id)
    if mail is None:
        raise NotFound()
    vault = runtime.get().vault
    subject, text = notifications.read(db(), vault, mail)
    files = [each.name for each in attachments_of(db(), vault, mail)]
    return page("outbox/show.html", mail=mail, subject=subject, text=text, files=files)
