"""What pages that take files answer: a row of the list to a script, else a page of its own."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, g, make_response, render_template

from portal.routes._htmx import is_htmx, page


def results(folder: str, found: Sequence[object]) -> Response:
    """`folder` holds the templates `_results.html` and `report.html`."""
    if is_htmx():
        return make_response(render_template(f"{folder}/_results.html", results=found))
    return page(f"{folder}/report.html", results=found, status=200 if found else 422)


def too_large(text: str) -> Response:
    """A file beyond all limits is not even received; say so."""
    if is_htmx():
        return make_response(render_template("uploads/_too_large.html", text=text), 413)
    g.error_page = True
    return make_response(render_template("errors/error.html", status=413, message=text, code=""), 413)
