"""create_app(): the one place where everything meets."""

from __future__ import annotations

import importlib
import pkgutil
from functools import partial
from typing import Any

from flask import Flask, Response, request
from flask_babel import force_locale
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

import portal.jobs
from config import Settings
from portal import runtime, templating
from portal.kernel.logs import set_up_logging
from portal.notifications import service as notifications
from portal.routes import _access, _shell, blueprints, errors
from portal.routes._limits import limiter

CSP = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
MAX_UPLOAD = 21 * 1024 * 1024  # one statement file of 20 MiB and its form


def create_app(settings: Settings | None = None, *, made: runtime.Runtime | None = None) -> Flask:
    """The web application. `made` hands in a runtime (tests); otherwise this process gets one."""
    if made is None:
        made = runtime.make(settings or Settings.from_env(), application="portal-web")
        made.database.assert_safe_role()
    else:
        runtime.set(made)
    settings = made.settings
    set_up_logging(settings.log_level, readable=not settings.production)
    app = Flask("portal")
    app.config.update(_configuration(settings))
    app.url_map.strict_slashes = False
    if settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's documented way to wrap
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=settings.proxies
        )
    _secure(app, settings)
    templating.Languages(
        app,
        locale_selector=_shell.locale,
        timezone_selector=_shell.zone,
        default_translation_directories="translations",
    )
    templating.register(app)
    load_jobs()
    notifications.set_renderer(partial(_render_mail, app))
    for blueprint in blueprints():
        app.register_blueprint(blueprint)
    _shell.register(app)
    errors.register(app)
    _access.register(app)
    _access.check_declared(app)
    return app


def load_jobs() -> None:
    """Import every module of jobs, so that each job is declared before anything rings for it."""
    for module in pkgutil.iter_modules(portal.jobs.__path__):
        importlib.import_module(f"portal.jobs.{module.name}")


def _render_mail(app: Flask, template: str, locale: str, values: dict[str, str]) -> tuple[str, str]:
    """Subject and text of templates/emails/<template>.txt."""
    with app.app_context(), force_locale(locale.replace("-", "_")):
        found = app.jinja_env.get_template(f"emails/{template}.txt")
        context = found.new_context(values)
        subject, text = ("".join(found.blocks[block](context)) for block in ("subject", "text"))
    return " ".join(subject.split()), text.strip() + "\n"


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SECRET_KEY_FALLBACKS": list(settings.secret_key_fallbacks),
        # Flask's own session holds the CSRF secret and notices; who is signed in is not in it.
        "SESSION_COOKIE_NAME": "__Host-kp-form" if settings.secure_cookies else "kp-form",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": MAX_UPLOAD,
        "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
        "WTF_CSRF_TIME_LIMIT": None,  # it lives as long as its session
        "WTF_CSRF_SSL_STRICT": settings.secure_cookies,
        "RATELIMIT_STORAGE_URI": settings.redis_url or "memory://",
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_HEADERS_ENABLED": False,
        # Our scripts import each other by plain names: browsers ask each time, and get 304.
        "SEND_FILE_MAX_AGE_DEFAULT": 0,
    }


def _secure(app: Flask, settings: Settings) -> None:
    # First, so that a request which is refused early still gets its policy and nonce.
    Talisman(
        app,
        force_https=settings.secure_cookies,
        strict_transport_security=settings.secure_cookies,
        strict_transport_security_max_age=31_536_000,
        content_security_policy=CSP,
        content_security_policy_nonce_in=["script-src"],
        frame_options="DENY",
        referrer_policy="same-origin",
        session_cookie_secure=settings.secure_cookies,
        permissions_policy={"geolocation": "()", "camera": "()", "microphone": "()", "interest-cohort": "()"},
    )
    CSRFProtect(app)
    limiter.init_app(app)

    @app.after_request
    def _no_store(response: Response) -> Response:
        if request.endpoint != "static":
            # What a signed-in person saw must not come back from a cache after signing out.
            response.headers["Cache-Control"] = "no-store"
        return response
