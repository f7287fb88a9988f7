"""Passkeys: made, named and removed on the page of one's security; used to sign in and to confirm."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, g, jsonify, request, session, url_for
from flask_babel import gettext as _

from portal import runtime
from portal.identity import passkeys, sessions, sign_ins
from portal.identity.models import User
from portal.identity.passkeys import Place
from portal.kernel import clock
from portal.kernel.errors import Invalid, PortalError
from portal.routes import wording
from portal.routes._access import db, entered, fresh, public, signed_in
from portal.routes._htmx import go_to, safe_next
from portal.routes._limits import GUESSES, limiter
from portal.routes.auth import _give_cookie

blueprint = Blueprint("passkeys", __name__)


def _place() -> Place:
    return Place.of(runtime.get().settings.base_url)


def _me() -> User:
    return db().get_one(User, entered().user_id)


@blueprint.post("/me/security/passkeys/options")
@signed_in
def register_options() -> Response:
    options = passkeys.begin_registering(db(), _place(), _me())
    db().commit()
    return jsonify(options)


@blueprint.post("/me/security/passkeys")
@fresh
@signed_in
def register() -> Response:
    try:
        made = passkeys.register(db(), _place(), _me(), request.form.get("answer", ""), request.form.get("name", ""))
    except PortalError as error:
        return _refused(error, url_for("me.security"))
    db().commit()
    flash(_("“%(name)s” can sign you in from now on.", name=made.name), "ok")
    return go_to(url_for("me.security"))


@blueprint.post("/me/security/passkeys/<uuid:passkey_id>/name")
@signed_in
def rename(passkey_id: uuid.UUID) -> Response:
    try:
        passkeys.rename(db(), entered().user_id, passkey_id, request.form.get("name", ""))
    except Invalid as error:
        return _refused(error, url_for("me.security"))
    db().commit()
    return go_to(url_for("me.security"))


@blueprint.post("/me/security/passkeys/<uuid:passkey_id>/remove")
@fresh
@signed_in
def remove(passkey_id: uuid.UUID) -> Response:
    passkeys.remove(db(), entered().user_id, passkey_id)
    db().commit()
    flash(_("Removed here. Delete it on your device too, so that it is not offered any more."), "ok")
    return go_to(url_for("me.security"))


@blueprint.post("/signin/passkey/options")
@limiter.limit(GUESSES)
@public
def sign_in_options() -> Response:
    options = passkeys.begin_signing_in(db(), _place())
    db().commit()
    return jsonify(options)


@blueprint.post("/signin/passkey")
@limiter.limit(GUESSES)
@public
def sign_in() -> Response:
    """A passkey stands for password and second factor; the session and its id are new (ASVS 7.2.4)."""
    try:
        user = passkeys.sign_in(db(), _place(), request.form.get("answer", ""))
    except Invalid as error:
        return _refused(error, url_for("auth.sign_in"))
    if g.entered:
        sessions.revoke(db(), g.entered.user_id, g.entered.session_id)
    address, agent = request.remote_addr or "", request.user_agent.string
    sign_ins.note(db(), user, "passkey", accepted=True, address=address, agent=agent)
    token = sessions.start(db(), user, address=address, agent=agent, second_factor=True)
    db().commit()
    session.clear()
    return _give_cookie(go_to(safe_next(request.args.get("next"), url_for("me.accounts"))), token)


@blueprint.post("/me/confirm/passkey")
@limiter.limit(GUESSES)
@signed_in
def confirm() -> Response:
    """It is still you: only a passkey of this very person counts."""
    here = url_for("me.confirm", next=request.args.get("next"))
    try:
        if passkeys.sign_in(db(), _place(), request.form.get("answer", "")).id != entered().user_id:
            raise Invalid("passkey.refused")
    except Invalid as error:
        return _refused(error, here)
    token = sessions.rotate(db(), entered().session_id, confirmed_at=clock.now())
    db().commit()
    return _give_cookie(go_to(safe_next(request.args.get("next"), url_for("me.security"))), token)


def _refused(error: PortalError, where: str) -> Response:
    db().rollback()
    flash(wording.of_error(error.code, error.values), "stop")
    return go_to(where)
