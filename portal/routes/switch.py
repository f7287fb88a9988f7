"""Switching account: every account the reader can enter, found by name, number or dossier."""

from __future__ import annotations

from flask import Blueprint, Response, request
from sqlalchemy import text

from portal.routes._access import db, entered, signed_in
from portal.routes._htmx import is_htmx, page
from portal.routes._shell import SCHEME_COUNTRY
from portal.routes.me import tenant_url
from portal.shell import Account
from portal.templating import formats

blueprint = Blueprint("switch", __name__)
_FIND = text("SELECT * FROM accounts_of(:user, :find, :most)")
IN_POPOVER, IN_PAGE = 12, 100


@blueprint.get("/switch")
@signed_in
def index() -> Response:
    find, most = request.args.get("q", "").strip()[:100], IN_POPOVER if is_htmx() else IN_PAGE
    rows = db().execute(_FIND, {"user": entered().user_id, "find": find, "most": most}).all()
    accounts = [
        Account(
            row.name,
            formats().enterprise(SCHEME_COUNTRY[row.scheme], row.enterprise_number)
            + (f" · {row.dossier}" if row.dossier else ""),
            tenant_url(row.kind, row.id),
            row.kind == "portal",
            state=row.state or "",
        )
        for row in rows
    ]
    template = "switch/rows.html" if is_htmx() else "switch/index.html"
    return page(template, accounts=accounts, q=find)
