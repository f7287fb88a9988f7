"""All handling of HX- headers. Every address answers a whole page without htmx, a part of it with."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Response, make_response, redirect, render_template, request
from jinja2_fragments.flask import render_block


def is_htmx() -> bool:
    """A request by htmx for a part of a page (a boosted navigation wants the whole)."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def target() -> str:
    """The DOM id that htmx will put the answer in, "" when it is none."""
    return request.headers.get("HX-Target", "") if is_htmx() else ""


def page(template: str, *, status: int = 200, blocks: tuple[str, ...] = (), **context: Any) -> Response:
    """A page; for htmx the named block that stands in the target, when the page offers it."""
    block = target().replace("-", "_")
    body = render_block(template, block, **context) if block in blocks else render_template(template, **context)
    response = make_response(body, status)
    response.vary.add("HX-Request")
    return response


def go_to(url: str) -> Response:
    """On to another page: 303, or the header by which htmx does the same."""
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": url})
    return make_response(redirect(url, 303))


def safe_next(url: str | None, default: str) -> str:
    """A place to return to that is ours; never another site (ASVS 3.7.2)."""
    if not url or not url.startswith("/") or url.startswith(("//", "/\\")) or "\\" in url:
        return default
    parts = urlsplit(url)
    if parts.scheme or parts.netloc or any(ord(c) < 32 for c in url):
        return default
    return url


def stop_polling(response: Response) -> Response:
    """Tell htmx that this was the last answer (286)."""
    response.status_code = 286
    return response


def instead(response: Response, selector: str) -> Response:
    """Put the answer elsewhere than was asked, as when what was on the screen is no longer true."""
    response.headers["HX-Retarget"] = selector
    response.headers["HX-Reswap"] = "outerHTML"
    return response
