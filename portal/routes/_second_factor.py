"""Setting up a second factor, for people and for accounting software: the secret, then a code that proves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import segno
from flask import Response

from portal import runtime
from portal.identity import second_factor as factor
from portal.identity import sessions
from portal.identity.models import User
from portal.kernel.errors import PortalError
from portal.routes._access import db, entered
from portal.routes._htmx import page
from portal.routes.auth import _give_cookie
from portal.routes.forms.me import CodeForm


def show_secret(template: str, user: User) -> Response:
    """As a picture and as text."""
    secret = factor.pending_secret(db(), runtime.get().vault, user)
    db().commit()
    return _secret_page(template, user, secret, CodeForm(formdata=None))


def take_code(template: str, codes_template: str, confirm: Callable[[str], Sequence[str]]) -> Response:
    """The recovery codes, once, when `confirm` takes the code; every other session ends. Else the secret again."""
    form = CodeForm()
    try:
        codes = confirm(form.code.data or "")
    except PortalError as error:
        db().rollback()
        form.take(error)
        user = _user()
        return _secret_page(template, user, factor.pending_secret(db(), runtime.get().vault, user), form, 422)
    user = _user()
    sessions.revoke_all(db(), user.id, but=entered().session_id)
    token = sessions.rotate(db(), entered().session_id, second_factor_at=user.totp_confirmed_at)
    db().commit()
    return _give_cookie(page(codes_template, codes=codes), token)


def _user() -> User:
    return db().get_one(User, entered().user_id)


def _secret_page(template: str, user: User, secret: str, form: CodeForm, status: int = 200) -> Response:
    picture = segno.make(factor.provisioning_uri(user, secret)).svg_data_uri(scale=5, border=2)
    return page(template, secret=secret, picture=picture, form=form, status=status)
