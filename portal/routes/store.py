"""Modules: the apps on offer, what each reads and sends, which client accounts it may touch, and its end."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import Permission, Right
from portal.activity.service import timeline
from portal.authorisations import service as authorisations
from portal.routes import _both, _store_words
from portal.routes._access import as_id, db, require, scope
from portal.routes._active import here_is
from portal.routes._htmx import go_to, page
from portal.routes._timeline import events
from portal.shapes import Chip, Paging
from portal.store import service as store
from portal.store.catalogue import KINDS, App, app_of, apps
from portal.sync import modules
from portal.templating import here

blueprint = Blueprint("store", __name__)
PORTAL, CLIENT = "/p/<uuid:portal>/modules", "/c/<uuid:client>/modules"
both = partial(_both.both, blueprint, PORTAL, CLIENT)
COUNTRIES = ("BE", "NL", "FR")
SIZES = (50, 100, 500)


def address(endpoint: str, **values: Any) -> str:
    return _both.address(f"store.{endpoint}", **values)


def may(right: Right) -> bool:
    return scope().may(Permission.APPS, right)


def _wanted(name: str, *among: str) -> str:
    value = request.args.get(name, "").replace("\0", "")[:100]
    return value if not among or value in among else ""


@both("", "index")
@here_is("apps")
@require(Permission.APPS, Right.VIEW)
def index(**tenant: uuid.UUID) -> Response:
    find, country, kind = _wanted("q"), _wanted("country", *COUNTRIES), _wanted("kind", *KINDS)
    installed = store.installations(scope())
    counts = store.ticked_counts(scope()) if scope().kind == "portal" else {}
    found = apps(find, country, kind)
    words = _store_words.kinds()
    chips = [Chip(_("All"), here(kind=None), len(apps(find, country)), not kind)]
    chips += [Chip(words[key], here(kind=key), len(apps(find, country, key)), kind == key) for key in KINDS]
    chips += [
        Chip(word, here(country=None if country == key else key), len(apps(find, key, kind)), country == key)
        for key, word in _store_words.countries().items()
    ]
    return page(
        "store/index.html", blocks=("found",), found=found, total=len(apps()), installed=installed, counts=counts,
        find=find, kept={"country": country, "kind": kind}, chips_=chips, kinds=words, proofs=_store_words.proofs(),
        address=address, firms=set(store.firms_installed(scope())), view_kind=scope().kind,
    )  # fmt: skip


@blueprint.get(PORTAL + "/<app>")
@here_is("apps")
@require(Permission.APPS, Right.VIEW)
def show(portal: uuid.UUID, app: str) -> Response:
    offered = app_of(app)
    find, only = _wanted("q"), _wanted("only", "on", "off")
    number, per = min(max(request.args.get("page", 1, type=int), 1), 10_000), request.args.get("per", 50, type=int)
    per = per if per in SIZES else SIZES[0]
    found = modules.clients_beside(scope(), app, find, only, number, per)
    chips = [
        Chip(_("All"), here(only=None, page=None), found.total, not only),
        Chip(_("Ticked"), here(only="on", page=None), found.ticked, only == "on"),
        Chip(_("Not ticked"), here(only="off", page=None), found.total - found.ticked, only == "off"),
    ]
    return _app_page(
        offered, found=found, find=find, only=only, chips_=chips, paging=Paging(number, per, found.matching, SIZES)
    )


@blueprint.get(CLIENT + "/<app>")
@here_is("apps")
@require(Permission.APPS, Right.VIEW)
def client_show(client: uuid.UUID, app: str) -> Response:
    return _app_page(app_of(app), by_firm=app in store.firms_installed(scope()))


def _app_page(offered: App, **more: Any) -> Response:
    installation = store.installations(scope()).get(offered.key)
    return page(
        "store/show.html", blocks=("accounts",), app=offered, manifest=offered.manifest, installation=installation,
        logins=authorisations.list_authorisations(scope(), offered.key), kinds=_store_words.kinds(),
        proofs=_store_words.proofs(), abilities=_store_words.abilities(offered.manifest), address=address,
        may_install=may(Right.CREATE), may_tick=may(Right.EDIT), may_uninstall=may(Right.APPROVE),
        events=events(timeline(scope(), installation.id)) if installation else (),
        view_kind=scope().kind, **{"by_firm": False, **more},
    )  # fmt: skip


@both("/<app>/install", "install", methods=["POST"])
@here_is("apps")
@require(Permission.APPS, Right.CREATE)
def install(app: str, **tenant: uuid.UUID) -> Response:
    store.install(scope(), app_of(app).key)
    db().commit()
    flash(_("%(app)s is installed.", app=app_of(app).manifest.label), "ok")
    return go_to(address("show", app=app))


@blueprint.post(PORTAL + "/<app>/access")
@here_is("apps")
@require(Permission.APPS, Right.EDIT)
def access(portal: uuid.UUID, app: str) -> Response:
    """Ticked and unticked as the page had them; or, by `all`, every client that the search finds."""
    key, everyone = app_of(app).key, request.form.get("all", "")
    if everyone in ("on", "off"):
        form = request.form
        chosen = modules.matching_clients(scope(), key, form.get("q", "").replace("\0", "")[:100], "")
        on, off = (chosen, set()) if everyone == "on" else (set(), chosen)
    else:
        on = {as_id(value) for value in request.form.getlist("id")}
        off = {as_id(value) for value in request.form.getlist("shown")} - on
    changed = store.set_access(scope(), key, on, off)
    db().commit()
    gained = ngettext("%(num)s client account gained Access", "%(num)s client accounts gained Access", changed.gained)
    lost = ngettext("%(num)s lost it", "%(num)s lost it", changed.lost)
    text = f"{gained}, {lost}." if changed.gained or changed.lost else _("Nothing changed.")
    flash(text, "warn" if changed.lost else "ok")
    return go_to(url_for("store.show", portal=portal, app=app, **_kept()))


def _kept() -> dict[str, Any]:
    return {key: request.form[key] for key in ("q", "only", "page", "per") if request.form.get(key)}


# ------------------------------------------------------------------ the end of it


def _before(app: str, status: int = 200) -> Response:
    offered = app_of(app)
    if offered.key not in store.installations(scope()):
        return go_to(address("show", app=app))
    return page(
        "store/uninstall.html", app=offered, manifest=offered.manifest, ends=modules.what_ends(scope(), app),
        address=address, status=status, unticked=status == 422,
    )  # fmt: skip


@both("/<app>/uninstall", "uninstall_page")
@here_is("apps")
@require(Permission.APPS, Right.APPROVE)
def uninstall_page(app: str, **tenant: uuid.UUID) -> Response:
    return _before(app)


@both("/<app>/uninstall", "uninstall", methods=["POST"])
@here_is("apps")
@require(Permission.APPS, Right.APPROVE)
def uninstall(app: str, **tenant: uuid.UUID) -> Response:
    if request.form.get("seen") != "1":
        return _before(app, 422)
    ends = modules.uninstall(scope(), app_of(app).key)
    db().commit()
    count = len(ends.couplings)
    flash(
        _("%(app)s is uninstalled.", app=app_of(app).manifest.label)
        + " "
        + ngettext("%(num)s coupling ended; what was booked stays booked.",
                   "%(num)s couplings ended; what was booked stays booked.", count),
        "ok",
    )  # fmt: skip
    return go_to(address("show", app=app))
