"""A small application with nothing behind it, on which components and layouts can be looked at."""

from __future__ import annotations

from flask import Flask, render_template, render_template_string, request
from flask_babel import Babel
from flask_talisman import Talisman
from flask_wtf import CSRFProtect

from portal import kit, templating
from portal.kernel.i18n import LOCALES
from portal.shell import Account, Shell

SWITCHER = [
    Account("Peeters Lambrechts", "412 clients", "/", is_portal=True, current=True),
    Account("Boulangerie Delmotte SRL", "BE 0938.412.048", "/", state="attention"),
]


def shell(**changes: object) -> Shell:
    main, manage = templating.nav(templating.Scope("portal", active="home", counts={"clients": 412}))
    given: dict[str, object] = {
        "ctx": "portal",
        "tenant_name": "Peeters Lambrechts",
        "tenant_sub": "412 clients",
        "tenant_mark": "PL",
        "user_name": "Nadia El Amrani",
        "user_initials": "NE",
        "home_url": "/",
        "nav": main,
        "admin_nav": manage,
        "switch_url": "/switch",
        "me_url": "/me",
        "signout_url": "/signout",
        "rehearsal": True,
        **changes,
    }
    return Shell(**given)  # type: ignore[arg-type]  # the dictionary is checked by the dataclass itself


def make_stage() -> Flask:
    app = Flask("portal", root_path=str(kit.__file__).rpartition("/")[0])
    app.config.update(SECRET_KEY="a key of the tests", TESTING=True)
    Babel(
        app,
        locale_selector=lambda: request.args.get("locale", "en-GB").replace("-", "_"),
        timezone_selector=lambda: "Europe/Brussels",
    )
    Talisman(
        app,
        force_https=False,
        session_cookie_secure=False,
        content_security_policy={"default-src": "'self'", "img-src": "'self' data:", "object-src": "'none'"},
        content_security_policy_nonce_in=["script-src"],
    )
    CSRFProtect(app)
    templating.register(app)
    app.jinja_env.globals["sandbox_here"] = lambda: False  # the room of feeds tells it in the product
    app.add_url_rule("/clients", "clients.index", lambda: "clients")
    app.add_url_rule("/", "portal.home", _kit)
    app.add_url_rule("/error/<int:status>", "error", _error)
    app.add_url_rule("/switch", "switch", _switch)
    app.add_url_rule("/up", "up", _up, methods=["POST"])
    return app


def _kit() -> str:
    return render_template("kit.html", shell=shell(), **kit.sample())


def _error(status: int) -> str:
    return render_template("errors/error.html", status=status, code="KP-7F31", shell=None)


def _switch() -> str:
    found = [a for a in SWITCHER if request.args.get("q", "").lower() in a.name.lower()]
    return render_template_string("{{ switch_rows(found, '/switch') }}", found=found)


def _up() -> str:
    files = request.files.getlist("files")
    return render_template_string(
        "{% for f in files %}{{ upload_result(f.filename, 'stored') }}{% endfor %}", files=files
    )


__all__ = ["LOCALES", "make_stage", "shell"]
