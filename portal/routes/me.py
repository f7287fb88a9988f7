"""A person's own pages: accounts, profile, password, second factor, sessions, requests by firms."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from sqlalchemy import text

from portal import runtime
from portal.identity import passkeys, sessions, sign_ins
from portal.identity import second_factor as factor
from portal.identity import service as identity
from portal.identity.models import LOCALES, User
from portal.kernel import clock
from portal.kernel.errors import Invalid, PortalError
from portal.routes._access import db, entered, signed_in
from portal.routes._active import here_is
from portal.routes._devices import device
from portal.routes._htmx import go_to, page, safe_next
from portal.routes._limits import GUESSES_AT_ONE, limiter, spend
from portal.routes._second_factor import show_secret, take_code
from portal.routes.auth import _give_cookie
from portal.routes.forms.me import ConfirmForm, PasswordForm, ProfileForm
from portal.team import takeovers
from portal.templating import THEME_COOKIE
from portal.tenants import grants

blueprint = Blueprint("me", __name__, url_prefix="/me")
KEYS_COOKIE = "kp-keys"  # as in static/js/keys.js
_ACCOUNTS = text("SELECT * FROM accounts_of(:user, '', 200)")


def _user() -> User:
    return db().get_one(User, entered().user_id)


@blueprint.get("/accounts")
@signed_in
def accounts() -> Response:
    rows = db().execute(_ACCOUNTS, {"user": entered().user_id}).all()
    own = [row for row in rows if row.via is None]
    if len(own) == 1 and not request.args.get("all"):
        return go_to(tenant_url(own[0].kind, own[0].id))
    return page("me/accounts.html", accounts=own, verified=entered().verified)


def tenant_url(kind: str, tenant_id: uuid.UUID) -> str:
    return url_for("portal.home", portal=tenant_id) if kind == "portal" else url_for("client.home", client=tenant_id)


@blueprint.post("/verification")
@limiter.limit("3 per 15 minutes")
@signed_in
def send_verification() -> Response:
    made = runtime.get()
    if not entered().verified:
        identity.send_verification(db(), made.vault, _user(), made.settings.base_url)
        db().commit()
    flash(_("A mail with a link is on its way to %(email)s.", email=entered().email), "ok")
    return go_to(url_for("me.accounts", all=1))


@blueprint.get("/profile")
@here_is("profile")
@signed_in
def profile() -> Response:
    return page("me/profile.html", form=ProfileForm(obj=_user()))


@blueprint.post("/profile")
@here_is("profile")
@signed_in
def edit_profile() -> Response:
    form, user = ProfileForm(), _user()
    if not form.validate():
        return page("me/profile.html", form=form, status=422)
    user.name, user.theme = form.name.data.strip(), form.theme.data
    user.locale = form.locale.data if form.locale.data in LOCALES else user.locale
    user.single_keys = form.single_keys.data
    db().commit()
    return _on_this_device(go_to(url_for("me.profile")), form.theme.data, form.single_keys.data)


def _on_this_device(response: Response, theme: str, single_keys: bool) -> Response:
    """What was chosen here by the buttons on the pages gives way to the profile; scripts read these cookies."""
    secure = runtime.get().settings.secure_cookies
    for name, value in (
        (THEME_COOKIE, "" if theme == "system" else theme),
        (KEYS_COOKIE, "on" if single_keys else "off"),
    ):
        age = 31_536_000 if value else 0
        response.set_cookie(name, value, max_age=age, path="/", secure=secure, samesite="Lax")
    return response


@blueprint.get("/security")
@here_is("security")
@signed_in
def security() -> Response:
    return _security_page(PasswordForm())


def _security_page(form: PasswordForm, status: int = 200, **more: Any) -> Response:
    user = _user()
    return page("me/security.html", form=form, user=user, left=factor.codes_left(db(), user), status=status,
                passkeys=passkeys.of_person(db(), user.id), **more)  # fmt: skip


@blueprint.post("/security/password")
@limiter.limit(GUESSES_AT_ONE)
@here_is("security")
@signed_in
def change_password() -> Response:
    form = PasswordForm()
    if not form.validate():
        return _security_page(form, 422)
    try:
        identity.change_password(db(), _user(), form.current.data, form.password.data, entered().session_id)
    except PortalError as error:
        form.take(error)
        return _security_page(form, 422)
    token = sessions.rotate(db(), entered().session_id)
    db().commit()
    flash(_("Your password is changed; every other session was ended."), "ok")
    return _give_cookie(go_to(url_for("me.security")), token)


def _password_is_right() -> bool:
    """Whoever found the desk unlocked does not know the password (ASVS 7.5.1)."""
    spend("password", str(entered().user_id), GUESSES_AT_ONE)
    return identity.log_in(db(), entered().email, request.form.get("current", "")) is not None


def _wrong_password() -> Response:
    form = PasswordForm(formdata=None)
    form.take(PortalError("password.wrong"))
    return _security_page(form, 422)


@blueprint.post("/security/second-factor")
@here_is("security")
@signed_in
def begin_second_factor() -> Response:
    if not _password_is_right():
        return _wrong_password()
    return show_secret("me/second_factor.html", _user())


@blueprint.post("/security/second-factor/confirm")
@limiter.limit(GUESSES_AT_ONE)
@here_is("security")
@signed_in
def confirm_second_factor() -> Response:
    return take_code(
        "me/second_factor.html", "me/recovery_codes.html",
        lambda code: factor.confirm(db(), runtime.get().vault, _user(), code),
    )  # fmt: skip


@blueprint.post("/security/second-factor/off")
@limiter.limit(GUESSES_AT_ONE)
@here_is("security")
@signed_in
def end_second_factor() -> Response:
    if not _password_is_right():
        return _wrong_password()
    factor.switch_off(db(), _user())
    db().commit()
    flash(_("The second factor is off. Anybody with your password can sign in now."), "warn")
    return go_to(url_for("me.security"))


@blueprint.post("/security/recovery-codes")
@here_is("security")
@signed_in
def new_recovery_codes() -> Response:
    if not _password_is_right():
        return _wrong_password()
    codes = factor.new_recovery_codes(db(), _user())
    db().commit()
    return page("me/recovery_codes.html", codes=codes)


@blueprint.get("/confirm")
@here_is("security")
@signed_in
def confirm() -> Response:
    return page("me/confirm.html", form=ConfirmForm())


@blueprint.post("/confirm")
@here_is("security")
@signed_in
def take_confirm() -> Response:
    """The same session under a new id, good for what hurts."""
    form = ConfirmForm()
    if not _password_is_right():
        form.take(Invalid("password.wrong", field="current"))
        return page("me/confirm.html", form=form, status=422)
    return _confirmed()


def _confirmed() -> Response:
    token = sessions.rotate(db(), entered().session_id, confirmed_at=clock.now())
    db().commit()
    flash(_("Confirmed. You can go on for ten minutes."), "ok")
    return _give_cookie(go_to(safe_next(request.args.get("next"), url_for("me.security"))), token)


@blueprint.get("/sessions", endpoint="sessions")
@here_is("sessions")
@signed_in
def list_sessions() -> Response:
    rows = sessions.living(db(), entered().user_id)
    return page(
        "me/sessions.html",
        rows=rows,
        this=entered().session_id,
        recent=sign_ins.recent(db(), entered().user_id),
        device=device,
    )


@blueprint.post("/sessions/<uuid:session_id>/end")
@signed_in
def end_session(session_id: uuid.UUID) -> Response:
    sessions.revoke(db(), entered().user_id, session_id)
    db().commit()
    return go_to(url_for("me.sessions"))


@blueprint.post("/sessions/end-others")
@signed_in
def end_other_sessions() -> Response:
    sessions.revoke_all(db(), entered().user_id, but=entered().session_id)
    db().commit()
    return go_to(url_for("me.sessions"))


@blueprint.get("/requests")
@signed_in
def requests() -> Response:
    """What firms asked of this address; decided from the client account that is to be opened."""
    rows = grants.requests_for(db(), _user()) if entered().verified else []
    mine = [a for a in db().execute(_ACCOUNTS, {"user": entered().user_id}) if a.kind == "client" and a.via is None]
    asked = takeovers.asked_of(db(), _user())
    return page("me/requests.html", rows=rows, accounts=mine, takeovers=asked)


@blueprint.post("/takeovers/<uuid:takeover_id>")
@signed_in
def decide_takeover(takeover_id: uuid.UUID) -> Response:
    """Become the owner of an account that a firm made, or decline."""
    yes = request.form.get("answer") == "yes"
    client = takeovers.decide(db(), _user(), takeover_id, yes=yes)
    db().commit()
    if not yes:
        flash(_("Declined; nothing changed."), "ok")
        return go_to(url_for("me.requests"))
    flash(_("%(client)s is yours now: you decide who works in it.", client=client.tenant_name), "ok")
    return go_to(url_for("grants.index", client=client.tenant_id))
