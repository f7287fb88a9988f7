"""What every template may use without importing it: component macros, formats, states, links.

`register(app)` is called once, after Flask-Babel is set up. It expects two globals that
the security set-up brings: `csp_nonce()` and `csrf_token()`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache, partial
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from flask import Flask, current_app, g, request, url_for
from flask_babel import Babel, Domain, get_locale, get_timezone, get_translations, lazy_gettext
from jinja2 import Environment, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape
from werkzeug.local import LocalProxy

from portal import charts
from portal.kernel import clock
from portal.kernel.i18n import DEFAULT_LOCALE, DEFAULT_ZONE, LOCALES, Formats
from portal.shapes import Event
from portal.shell import Context, NavItem, initials

THEME_COOKIE = "kp-theme"
_l = lazy_gettext

# key → (icon, dress, word); symbol, shape and word, colour comes fourth
STATES: Mapping[str, tuple[str, str, Any]] = {
    "active": ("check-circle", "active", _l("Active")),
    "attention": ("exclamation-triangle-fill", "attention", _l("Attention")),
    "stopped": ("x-octagon-fill", "stopped", _l("Stopped")),
    "wait_client": ("hourglass-split", "wait", _l("Waiting for client")),
    "wait_approval": ("person-check-fill", "wait", _l("Waiting for approval")),
    "none": ("dash-circle-dotted", "none", _l("Not set up")),
    "draft": ("pencil", "quiet", _l("Draft")),
    "queued": ("clock", "quiet", _l("Queued")),
    "running": ("arrow-repeat", "running", _l("Running")),
    "booked": ("check2", "active", _l("Booked")),
    "undone": ("arrow-counterclockwise", "quiet", _l("Undone")),
    "checking": ("question-circle", "wait", _l("Checking")),
    "failed": ("x-octagon-fill", "stopped", _l("Failed")),
}
DIFFS: Mapping[str, tuple[str, Any]] = {
    "new": ("+", _l("New")),
    "changed": ("±", _l("Changed")),
    "skipped": ("=", _l("Skipped")),
    "blocked": ("!", _l("Blocked")),
}
WHO: Mapping[str, tuple[str, Any]] = {
    "firm": ("building", _l("The firm solves this")),
    "client": ("person", _l("The client solves this")),
    "bank": ("bank", _l("The bank solves this")),
    "us": ("cpu", _l("Koppelpoort solves this")),
}


def documents_word(kind: str) -> str:
    """What a configuration that books documents is called, in the place of a bank account's name."""
    return str({"sales": _l("Sales"), "purchase": _l("Purchases")}.get(kind, ""))


def rate_word(rate: Decimal) -> str:
    """0.055 → "5,5 %", as the reader writes it."""
    text = f"{(rate * 100).normalize():f}"
    return f"{text if formats().language == 'en' else text.replace('.', ',')} %"


# context → (main, manage); each entry: key, icon, endpoint, word
_Entry = tuple[str, str, str, Any]
NAV: Mapping[Context, tuple[Sequence[_Entry], Sequence[_Entry]]] = {
    "portal": (
        (
            ("home", "activity", "portal.home", _l("Overview")),
            ("clients", "people", "clients.index", _l("Clients")),
            ("approvals", "person-check", "approvals.index", _l("Approvals")),
            ("runs", "arrow-repeat", "runs.portal_index", _l("Runs")),
            ("entries", "journal-check", "entries.portal_index", _l("Entries")),
            ("files", "file-earmark-arrow-down", "files.index", _l("Files")),
            ("consents", "calendar3", "consents.index", _l("Consents")),
        ),
        (
            ("apps", "grid", "store.index", _l("Modules")),
            ("authorisations", "key", "authorisations.index", _l("Authorisations")),
            ("team", "person-gear", "team.index", _l("Team and roles")),
            ("billing", "receipt", "billing.index", _l("Billing")),
            ("software", "hdd-network", "software_users.portal_index", _l("Accounting software")),
            ("audit", "clock-history", "audit.index", _l("Audit trail")),
            ("data", "database", "archives.index", _l("Data of this account")),
        ),
    ),
    "client": (
        (
            ("home", "activity", "client.home", _l("Overview")),
            ("bank", "bank", "statements.index", _l("Bank")),
            ("documents", "file-earmark-text", "documents.index", _l("Documents")),
            ("reconcile", "link-45deg", "reconciliation.index", _l("Reconcile")),
            ("entries", "journal-check", "entries.index", _l("Entries")),
            ("couplings", "plug", "couplings.index", _l("Couplings")),
            ("runs", "arrow-repeat", "runs.index", _l("Runs")),
        ),
        (
            ("approvals", "person-check", "approvals.index", _l("Approvals")),
            ("grants", "person-lock", "grants.index", _l("Access management")),
            ("team", "person-gear", "people.client_index", _l("People and roles")),
            ("apps", "grid", "store.client_index", _l("Modules")),
            ("api", "braces", "api_keys.index", _l("API keys")),
            ("software", "hdd-network", "software_users.index", _l("Accounting software")),
            ("audit", "clock-history", "audit.client_index", _l("Audit trail")),
            ("data", "database", "archives.client_index", _l("Data of this account")),
        ),
    ),
    "me": (
        (
            ("profile", "person", "me.profile", _l("Profile")),
            ("security", "shield-lock", "me.security", _l("Password and second factor")),
            ("sessions", "laptop", "me.sessions", _l("Sessions")),
        ),
        (),
    ),
}

# which file holds which macros; all become globals, as rendered blocks do not see imports
MACROS: Mapping[str, Sequence[str]] = {
    "basic": ("icon", "state", "diff", "mark", "person", "logo", "dot", "label", "kbd", "copy", "csrf", "spinner"),
    "cards": ("card", "note", "kv", "facts", "empty", "confirmed", "steps", "cause", "counter", "page_head"),
    "tables": ("sort_th", "pager", "chips", "searchbox", "bulk_bar", "tick_head", "tick", "key_hints"),
    "forms": ("field", "error_summary", "submit", "post_button", "dropzone", "upload_result", "passkey_form"),
    "charts": ("sparkline", "column_chart", "health", "progress"),
    "rows": ("client_row",),
    "stories": ("timeline", "problem", "problem_outcome", "tasks", "confidence", "switch_rows"),
}


# A page asks these for hundreds, and the same words give the same text: their answers are kept.
REMEMBERED = frozenset({"icon", "mark", "person", "logo", "dot", "label", "kbd"})
WORDED = frozenset({"state", "diff", "client_row"})  # kept for each language and zone


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the reader is, as far as the menu is concerned.

    `values` fill the URLs ({"portal": uuid} or {"client": uuid}); `active` and the keys of
    `counts` are the entry keys of `NAV`.
    """

    ctx: Context
    values: Mapping[str, Any] = field(default_factory=dict)
    active: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


def nav(scope: Scope) -> tuple[list[NavItem], list[NavItem]]:
    """The main and the manage menu of a context, without what does not exist or is not the reader's to see."""
    main, manage = NAV[scope.ctx]
    return _items(main, scope), _items(manage, scope)


def _items(entries: Sequence[_Entry], scope: Scope) -> list[NavItem]:
    return [
        NavItem(
            str(word),
            icon,
            url_for(endpoint, **scope.values),
            key == scope.active,
            scope.counts.get(key) or None,
        )
        for key, icon, endpoint, word in entries
        if endpoint in current_app.view_functions and _seen(current_app.view_functions[endpoint])
    ]


def _seen(view: Any) -> bool:
    """Whether the reader may see this page; what a view declares is its `access`."""
    access, scope = getattr(view, "access", None), g.get("scope")
    return scope is None or access is None or access.permission is None or scope.may(access.permission, access.right)


class Words(Domain):  # type: ignore[misc]  # Flask-Babel publishes no types
    """The texts, found once for each reader: a page asks for dozens, and each asks a dozen times who reads it."""

    def get_translations(self) -> Any:
        context: Any = g.get("_flask_babel") if g else None
        locale = getattr(context, "babel_locale", None)
        if locale is None:  # nobody was asked yet
            return super().get_translations()
        known = getattr(context, "words", None)
        if known is None or known[0] is not locale:
            known = context.words = (locale, super().get_translations())
        return known[1]


class Languages(Babel):  # type: ignore[misc]  # neither here
    """Flask-Babel with `Words`."""

    @cached_property
    def domain_instance(self) -> Domain:
        return Words(domain=self.domain)


def formats() -> Formats:
    """The reader's `Formats`, decided once for each application context; a mail has one of its own."""
    known: Formats | None = g.get("formats")
    if known is None:
        name = str(get_locale() or DEFAULT_LOCALE).replace("_", "-")
        zone = str(get_timezone() or DEFAULT_ZONE)
        known = g.formats = _formats(name if name in LOCALES else _nearest(name), zone)
    return known


_formats = lru_cache(maxsize=64)(Formats)


@lru_cache(maxsize=8192)
def _message(_locale: str, text: str) -> Markup:
    """A text of a template in the reader's language, which is that of `_locale`."""
    return Markup(get_translations().ugettext(text))  # noqa: S704 - what stands in a template or a catalogue is ours


def _in_page(locale: str, text: str, /, **values: Any) -> Markup:
    """As Jinja's new-style gettext, without its five calls a word: values are escaped, texts are not."""
    found = _message(locale, text)
    return found % values if "%" in found else found


@pass_eval_context
def _gettext(evaluated: EvalContext, text: str, /, **values: Any) -> str:
    """`_` where no page has bound it to its reader: in macros, and in mails, which escape nothing."""
    locale = formats().locale
    if evaluated.autoescape:
        return _in_page(locale, text, **values)
    found = str(_message(locale, text))
    return found % values if "%" in found else found


def _nearest(locale: str) -> str:
    """A locale we write in the same language: "fr" → "fr-BE", "de" → the default."""
    return next((known for known in LOCALES if known[:2] == locale[:2]), DEFAULT_LOCALE)


def theme() -> str:
    """Is "light", "dark", or "" for what the system prefers. What was chosen on this device wins from `g.theme`."""
    for wanted in (request.cookies.get(THEME_COOKIE, ""), g.get("theme")):
        if wanted in ("light", "dark"):
            return str(wanted)
    return ""


def here(**changes: Any) -> str:
    """This page's address with some of its query changed; None takes a key away."""
    query = request.args.to_dict(flat=False)
    for key, value in changes.items():
        query.pop(key, None)
        if value is not None:
            query[key] = [str(value)]
    return f"{request.path}?{urlencode(query, doseq=True)}" if query else request.path


def by_day(events: Iterable[Event]) -> list[tuple[date, list[Event]]]:
    """Events, newest first, in groups of the reader's days."""
    reader = formats()
    return [(day, list(found)) for day, found in groupby(events, key=lambda e: reader.local(e.at).date())]


def strong(text: str) -> Markup:
    """Escaped text in which **words** stand out; for translated sentences that name a button."""
    return Markup(re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", str(escape(text))))  # noqa: S704 - escaped on this line


def _macro(env: Environment, file: str, name: str) -> Callable[..., str]:
    """A macro as a plain callable, looked up at first use, when every global is in place."""
    found: list[Callable[..., str]] = []

    def call(*args: Any, **kwargs: Any) -> str:
        if not found or env.auto_reload:
            found[:] = [getattr(env.get_template(f"components/{file}.html").module, name)]
        return found[0](*args, **kwargs)

    return call


def _remembered(macro: Callable[..., str]) -> Callable[..., str]:
    """A macro whose answers are kept, by its arguments."""
    return lru_cache(maxsize=4096)(lambda *args, **kwargs: macro(*args, **kwargs))


def _worded(macro: Callable[..., str]) -> Callable[..., str]:
    """The same, by how the reader reads too, which comes first."""
    return lru_cache(maxsize=4096)(lambda _reader, *args, **kwargs: macro(*args, **kwargs))


def _for_reader(worded: Callable[..., str]) -> Callable[..., str]:
    return lambda *args, **kwargs: worded(formats(), *args, **kwargs)


def register(app: Flask) -> None:
    """Make the components, formats and helpers known to every template of `app`."""
    env = app.jinja_env
    env.trim_blocks = env.lstrip_blocks = True
    env.policies["ext.i18n.trimmed"] = True
    env.globals.update(documents_word=documents_word, rate_word=rate_word)
    env.globals.update(
        fmt=LocalProxy(formats),
        now=clock.now,
        here=here,
        ui_theme=theme,
        asset=lru_cache(maxsize=256)(lambda file: f"{app.static_url_path}/{file}"),
        STATES=STATES,
        DIFFS=DIFFS,
        WHO=WHO,
        LANGUAGES={"nl": "Nederlands", "fr": "Français", "en": "English"},
        spark_shape=charts.spark,
        bar_shapes=charts.bars,
        stack_shapes=charts.stack,
    )
    env.filters.update(strong=strong, initials=initials, groupby_day=by_day, decimal=Decimal)
    macros = {name: _macro(env, file, name) for file, names in MACROS.items() for name in names}
    macros |= {name: _remembered(macros[name]) for name in REMEMBERED}
    worded = {name: _worded(macros[name]) for name in WORDED}
    env.globals.update(macros | {name: _for_reader(macro) for name, macro in worded.items()})
    env.install_gettext_callables(  # type: ignore[attr-defined]  # the i18n extension adds it
        gettext=lambda text: get_translations().ugettext(text),
        ngettext=lambda one, many, count: get_translations().ungettext(one, many, count),
        newstyle=True,
    )
    env.globals["_"] = _gettext

    @lru_cache(maxsize=64)
    def bound(reader: Formats) -> dict[str, Any]:
        """What a page asks for hundreds of times, without asking each time who reads it."""
        words = {name: partial(macro, reader) for name, macro in worded.items()}
        return {"fmt": reader, "_": partial(_in_page, reader.locale), **words}

    # Macros and imports see no context: they use the globals above, which look the reader up.
    app.context_processor(lambda: bound(formats()))
