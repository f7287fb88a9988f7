"""Help: the words of the product, the keys, and who can be asked."""

from __future__ import annotations

from flask import Blueprint, Response

from portal.routes._access import signed_in
from portal.routes._htmx import page

blueprint = Blueprint("help", __name__)


@blueprint.get("/help")
@signed_in
def index() -> Response:
    return page("help/index.html")
