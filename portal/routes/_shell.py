"""The frame around every page: whose account this is, and where one can go."""

from __future__ import annotations

import zoneinfo
from functools import cache, cached_property
from typing import Any

from flask import Flask, current_app, g, has_request_context, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Select, select, text

from portal import runtime, templating
from portal.access import Scope
from portal.approvals import reading as approvals
from portal.identity.models import LOCALES
from portal.kernel.i18n import DEFAULT_LOCALE, DEFAULT_ZONE
from portal.shell import Shell, initials
from portal.templating import formats

LANGUAGE_COOKIE = "kp-lang"
OF_LANGUAGE = {"nl": "nl-BE", "fr": "fr-BE", "en": "en-GB"}
SCHEME_COUNTRY = {"kbo": "BE", "kvk": "NL", "siren": "FR"}
_ENTRIES = "SELECT count(*) FROM entries WHERE state = 'draft' AND tenant_id"
_COUNTS = select(
    approvals.WAITING, text("(SELECT count(*) FROM app_clients()) AS clients"),
    text(f"({_ENTRIES} IN (SELECT app_clients())) AS entries"),
)  # fmt: skip
_COUNTS_CLIENT = select(approvals.WAITING, text(f"({_ENTRIES} = :tenant) AS entries"))


def locale() -> str:
    """The reader's: from their profile, else ?lang=, a cookie, or what the browser asks for."""
    who = g.get("entered") if has_request_context() else None
    if who is not None and not who.is_software:  # software has no profile to choose a language in
        return str(who.locale).replace("-", "_")
    wanted = request.args.get("lang", "") or request.cookies.get(LANGUAGE_COOKIE, "")
    if wanted in OF_LANGUAGE:
        return OF_LANGUAGE[wanted].replace("-", "_")
    best = request.accept_languages.best_match([*LOCALES, *OF_LANGUAGE])
    return (OF_LANGUAGE.get(best or "", best) or DEFAULT_LOCALE).replace("-", "_")


def zone() -> str:
    who = g.get("entered") if has_request_context() else None
    name = (who.zone if who else None) or DEFAULT_ZONE
    return name if name in _zones() else DEFAULT_ZONE


@cache
def _zones() -> set[str]:
    """Read from some six hundred files, so once a process."""
    return zoneinfo.available_timezones()


def register(app: Flask) -> None:
    app.context_processor(_context)
    app.jinja_env.globals["SCHEME_COUNTRY"] = SCHEME_COUNTRY

    @app.after_request
    def _remember_language(response: Any) -> Any:
        if request.args.get("lang") in OF_LANGUAGE and (not g.get("entered") or g.entered.is_software):
            response.set_cookie(LANGUAGE_COOKIE, request.args["lang"], max_age=31_536_000, samesite="Lax",
                                secure=runtime.get().settings.secure_cookies)  # fmt: skip
        return response


def _context() -> dict[str, Any]:
    # Rendered once a page: a fragment has no frame, and a failed page asks the database nothing.
    # Software has no menu: it has nowhere to go.
    known = g.get("entered") and not g.entered.second_factor_due and not g.entered.is_software
    scope = g.get("scope")
    return {"shell": LazyShell() if known else None, "view_tenant": scope.tenant_id if scope else None}


class LazyShell:
    """A Shell that is made when the layout first asks for it."""

    @cached_property
    def _made(self) -> Shell:
        return _shell()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


def _shell() -> Shell:
    if "shell" not in g:
        g.shell = _make()
    found: Shell = g.shell
    return found


def _make() -> Shell:
    who, scope = g.entered, g.get("scope")
    if scope is None or g.get("error_page"):
        return _shell_of("me", who, {}, who.user_name, _("Your own account"), url_for("me.accounts"), {})
    values = {scope.kind: scope.tenant_id}
    if scope.kind == "portal":
        counts = _counts(scope, _COUNTS)
        sub = _("Portal · %(count)s clients", count=formats().number(counts["clients"]))
        home = url_for("portal.home", **values)
    else:
        counts = _counts(scope, _COUNTS_CLIENT)
        sub = formats().enterprise(SCHEME_COUNTRY.get(who.scheme or "", "BE"), who.enterprise_number or "")
        home = url_for("client.home", **values)
    return _shell_of(scope.kind, who, values, scope.tenant_name, sub, home, counts)


def _counts(scope: Scope, statement: Select[Any]) -> dict[str, int]:
    """What a page knows already is not asked again."""
    known: dict[str, int] | None = g.get("counts")
    return known or dict(scope.session.execute(statement, approvals.asked(scope)).one()._mapping)


def _shell_of(ctx: Any, who: Any, values: dict[str, Any], name: str, sub: str, home: str, counts: Any) -> Shell:
    menu = templating.Scope(ctx, values, g.get("active", ""), dict(counts))
    main, manage = templating.nav(menu)
    known = current_app.view_functions
    return Shell(
        ctx=ctx,
        tenant_name=name,
        tenant_sub=sub,
        tenant_mark=initials(name),
        user_name=who.user_name,
        user_initials=initials(who.user_name),
        home_url=home,
        nav=main,
        admin_nav=manage,
        portal_url=url_for("portal.home", portal=who.via_id) if ctx == "client" and who.via_id else "",
        switch_url=url_for("switch.index"),
        me_url=url_for("me.profile"),
        signout_url=url_for("auth.sign_out"),
        help_url=url_for("help.index") if "help.index" in known else "",
        rehearsal=bool(who.rehearsal),
    )
