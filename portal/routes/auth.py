"""Signing up, in and out, and getting back in. No answer tells whether an address is known."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, g, request, session, url_for
from flask_babel import gettext as _

from portal import runtime
from portal.identity import second_factor as factor
from portal.identity import service as identity
from portal.identity import sessions, sign_ins
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.errors import Invalid, NotFound
from portal.routes._access import cookie_name, db, public
from portal.routes._htmx import go_to, page, safe_next
from portal.routes._limits import GUESSES, GUESSES_AT_ONE, MAILS, by_email, limiter, spend
from portal.routes._shell import locale
from portal.routes.forms.auth import (
    ForgottenForm,
    ResetForm,
    SecondFactorForm,
    SignInForm,
    SignUpForm,
    VerifyForm,
)
from portal.tenants import grants

blueprint = Blueprint("auth", __name__)


@blueprint.get("/signin")
@public
def sign_in() -> Response:
    if g.entered and not g.entered.second_factor_due:
        return go_to(safe_next(request.args.get("next"), url_for("me.accounts")))
    return page("auth/sign_in.html", form=SignInForm())


@blueprint.post("/signin")
@limiter.limit(GUESSES)
@limiter.limit(GUESSES_AT_ONE, key_func=by_email)
@public
def take_sign_in() -> Response:
    form = SignInForm()
    if not form.validate():
        return page("auth/sign_in.html", form=form, status=422)
    user = identity.log_in(db(), form.email.data, form.password.data)
    if user is None:
        sign_ins.note_refused(db(), form.email.data, **_where_from())
        db().commit()
        form.take(Invalid("login.wrong"))
        return page("auth/sign_in.html", form=form, status=422)
    sign_ins.note(db(), user, "password", accepted=True, **_where_from())
    where = safe_next(request.args.get("next"), url_for("me.accounts"))
    response = go_to(url_for("auth.second_factor", next=where) if user.totp_confirmed_at else where)
    return _let_in(response, user)


def _where_from() -> dict[str, str]:
    return {"address": request.remote_addr or "", "agent": request.user_agent.string}


def _let_in(response: Response, user: User) -> Response:
    """A new session with a new id, whatever the browser brought (ASVS 7.2.4)."""
    if g.entered:
        sessions.revoke(db(), g.entered.user_id, g.entered.session_id)
    token = sessions.start(db(), user, address=request.remote_addr or "", agent=request.user_agent.string)
    db().commit()
    session.clear()
    return _give_cookie(response, token)


def _give_cookie(response: Response, token: str) -> Response:
    secure = runtime.get().settings.secure_cookies
    age = int(sessions.ABSOLUTE.total_seconds())
    response.set_cookie(cookie_name(), token, max_age=age, path="/", secure=secure, httponly=True, samesite="Lax")
    return response


@blueprint.get("/signin/second")
@public
def second_factor() -> Response:
    if g.entered is None:
        return go_to(url_for("auth.sign_in"))
    return page("auth/second_factor.html", form=SecondFactorForm())


@blueprint.post("/signin/second")
@limiter.limit(GUESSES_AT_ONE)
@public
def take_second_factor() -> Response:
    if g.entered is None:
        return go_to(url_for("auth.sign_in"))
    form, user = SecondFactorForm(), db().get_one(User, g.entered.user_id)
    spend("second factor", str(user.id), GUESSES_AT_ONE)
    if not form.validate():
        return page("auth/second_factor.html", form=form, status=422)
    method = "code" if factor.use_code(db(), runtime.get().vault, user, form.code.data) else "recovery_code"
    ok = method == "code" or factor.use_recovery_code(db(), user, form.code.data)
    sign_ins.note(db(), user, method if ok else "code", accepted=ok, **_where_from())
    if not ok:
        db().commit()
        form.take(Invalid("second_factor.code", field="code"))
        return page("auth/second_factor.html", form=form, status=422)
    token = sessions.rotate(db(), g.entered.session_id, second_factor_at=clock.now())
    db().commit()
    return _give_cookie(go_to(safe_next(request.args.get("next"), url_for("me.accounts"))), token)


@blueprint.post("/signout")
@public
def sign_out() -> Response:
    if g.entered:
        sessions.revoke(db(), g.entered.user_id, g.entered.session_id)
        db().commit()
    session.clear()
    response = go_to(url_for("auth.sign_in"))
    response.delete_cookie(cookie_name(), path="/", secure=runtime.get().settings.secure_cookies, httponly=True)
    return response


@blueprint.get("/signup")
@public
def sign_up() -> Response:
    return page("auth/sign_up.html", form=SignUpForm())


@blueprint.post("/signup")
@limiter.limit(MAILS)
@public
def take_sign_up() -> Response:
    form = SignUpForm()
    if not form.validate():
        return page("auth/sign_up.html", form=form, status=422)
    made = runtime.get()
    try:
        identity.sign_up(
            db(),
            made.vault,
            email=form.email.data,
            name=form.name.data,
            password=form.password.data,
            locale=locale().replace("_", "-"),
            base_url=made.settings.base_url,
        )
    except Invalid as error:
        form.take(error)
        return page("auth/sign_up.html", form=form, status=422)
    db().commit()
    return page("auth/mail_sent.html", why="sign_up", email=form.email.data)


# The tokens of mailed links stand in the query, which access logs leave out.


@blueprint.get("/verify")
@public
def verify() -> Response:
    """A link scanner opens links: only the button uses the token up."""
    found = identity.look_at_token(db(), "verify_email", request.args.get("t", ""))
    return page("auth/verify.html", form=VerifyForm(), known=_is_signed_in_as(found.user_id))


def _is_signed_in_as(user_id: uuid.UUID) -> bool:
    return bool(g.entered and g.entered.user_id == user_id and not g.entered.second_factor_due)


@blueprint.post("/verify")
@limiter.limit(GUESSES)
@public
def take_verify() -> Response:
    form, token = VerifyForm(), request.args.get("t", "")
    known = _is_signed_in_as(identity.look_at_token(db(), "verify_email", token).user_id)
    try:
        user = identity.verify_email(db(), token, None if known else form.password.data or "")
    except Invalid as error:
        form.take(error)
        return page("auth/verify.html", form=form, known=known, status=422)
    db().flush()
    clients = grants.activate_waiting(db(), user_id=user.id)
    db().commit()
    flash(_("Your e-mail address is proved."), "ok")
    if clients:
        flash(_("%(count)s accounts were opened to you.", count=len(clients)), "ok")
    return go_to(url_for("me.accounts") if g.entered else url_for("auth.sign_in"))


@blueprint.get("/reset")
@public
def forgotten() -> Response:
    return page("auth/forgotten.html", form=ForgottenForm())


@blueprint.post("/reset")
@limiter.limit(MAILS)
@limiter.limit(MAILS, key_func=by_email)
@public
def take_forgotten() -> Response:
    form, made = ForgottenForm(), runtime.get()
    if not form.validate():
        return page("auth/forgotten.html", form=form, status=422)
    try:
        identity.ask_reset(db(), made.vault, form.email.data, made.settings.base_url)
    except Invalid as error:
        form.take(error)
        return page("auth/forgotten.html", form=form, status=422)
    db().commit()
    return page("auth/mail_sent.html", why="reset", email=form.email.data)


@blueprint.get("/reset/new")
@public
def reset() -> Response:
    identity.look_at_token(db(), "reset_password", request.args.get("t", ""))
    return page("auth/reset.html", form=ResetForm())


@blueprint.post("/reset/new")
@limiter.limit(GUESSES)
@public
def take_reset() -> Response:
    form, token = ResetForm(), request.args.get("t", "")
    if not form.validate():
        return page("auth/reset.html", form=form, status=422)
    try:
        identity.reset_password(db(), token, form.password.data)
    except NotFound:
        raise
    except Invalid as error:
        form.take(error)
        return page("auth/reset.html", form=form, status=422)
    db().commit()
    flash(_("Your password is changed. Every session was ended; sign in with the new one."), "ok")
    return go_to(url_for("auth.sign_in"))
