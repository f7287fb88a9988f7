"""Accounting software in the browser: its sign-in, its first steps, and the one page it has afterwards."""

from __future__ import annotations

from flask import Blueprint, Response, flash, url_for
from flask_babel import gettext as _

from portal import runtime
from portal.identity import passwords, sessions
from portal.identity import service as identity
from portal.identity.models import User
from portal.kernel.db import Setting, set_scope
from portal.kernel.errors import Invalid, PortalError
from portal.routes._access import db, entered, public, software_itself
from portal.routes._htmx import go_to, page
from portal.routes._limits import GUESSES, GUESSES_AT_ONE, limiter, spend
from portal.routes._second_factor import show_secret, take_code
from portal.routes.auth import _give_cookie, _let_in
from portal.routes.forms.software import ChangePasswordForm, OwnPasswordForm, SignInForm
from portal.software import first_sign_in as first
from portal.software import reading

blueprint = Blueprint("software_itself", __name__, url_prefix="/software")


@blueprint.get("/signin")
@public
def sign_in() -> Response:
    return page("software/sign_in.html", form=SignInForm())


@blueprint.post("/signin")
@limiter.limit(GUESSES)
@public
def take_sign_in() -> Response:
    form = SignInForm()
    if form.validate():
        code = form.code.data.strip().lower()
        spend("software sign-in", code, GUESSES_AT_ONE)
        user = identity.log_in(db(), code, form.password.data)
        if user is not None and user.software:
            where = url_for("software_itself.show")
            return _let_in(go_to(url_for("auth.second_factor", next=where) if user.totp_confirmed_at else where), user)
        form.take(Invalid("software.wrong"))
    return page("software/sign_in.html", form=form, status=422)


def _user() -> User:
    return db().get_one(User, entered().user_id)


@blueprint.get("")
@software_itself
def show() -> Response:
    """The next of the first steps, or what there is."""
    user = _user()
    row = first.row_of(db(), user)
    if row.set_up_at is None:
        return _password_page(OwnPasswordForm())
    if user.totp_confirmed_at is None:
        return page("software/factor_begin.html")
    return _page(user, ChangePasswordForm())


def _page(user: User, form: ChangePasswordForm, status: int = 200) -> Response:
    row, base = first.row_of(db(), user), runtime.get().settings.base_url
    set_scope(db(), Setting(software=user.id, user=user.id))
    found = reading.accounts(db())
    return page(
        "software/itself.html", user=user, row=row, form=form, accounts=found.rows, groups=reading.groups(db()),
        api=f"{base}/api/v1", openapi=base + url_for("software_api.openapi"), status=status,
    )  # fmt: skip


def _password_page(form: OwnPasswordForm, status: int = 200) -> Response:
    return page("software/password.html", form=form, status=status)


@blueprint.post("/password")
@limiter.limit(GUESSES_AT_ONE)
@software_itself
def choose_password() -> Response:
    """In place of the one-time password."""
    form = OwnPasswordForm()
    try:
        if form.validate():
            first.replace_one_time_password(db(), _user(), form.password.data, entered().session_id)
            return _go_on(_("The password is changed. Now the second factor."))
    except PortalError as error:
        db().rollback()
        form.take(error)
    return _password_page(form, 422)


@blueprint.post("/password/change")
@limiter.limit(GUESSES_AT_ONE)
@software_itself
def change_password() -> Response:
    form, user = ChangePasswordForm(), _user()
    try:
        if form.validate():
            spend("password", str(user.id), GUESSES_AT_ONE)
            if not passwords.matches(user.password_hash, form.current.data):
                raise Invalid("password.wrong", field="current")
            first.change_password(db(), user, form.password.data, entered().session_id)
            return _go_on(_("The password is changed. Type the new one into your software now."))
    except PortalError as error:
        db().rollback()
        form.take(error)
    return _page(_user(), form, 422)


def _go_on(said: str) -> Response:
    token = sessions.rotate(db(), entered().session_id)
    db().commit()
    flash(said, "ok")
    return _give_cookie(go_to(url_for("software_itself.show")), token)


@blueprint.post("/second-factor")
@software_itself
def begin_second_factor() -> Response:
    user = _user()
    first.check_own_password(db(), user)
    return show_secret("software/factor.html", user)


@blueprint.post("/second-factor/confirm")
@limiter.limit(GUESSES_AT_ONE)
@software_itself
def confirm_second_factor() -> Response:
    first.check_own_password(db(), _user())
    return take_code(
        "software/factor.html", "software/codes.html",
        lambda code: first.confirm_second_factor(db(), runtime.get().vault, _user(), code),
    )  # fmt: skip
