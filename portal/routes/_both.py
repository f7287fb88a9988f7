"""Pages that firms and client accounts have alike: one view at two addresses, its name with "client_" at the second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, url_for

from portal.routes._access import View, scope


def both(
    blueprint: Blueprint, portal: str, client: str, rule: str, name: str, **options: Any
) -> Callable[[View], View]:
    """`portal` and `client` are where the pages of the room begin in each, `rule` what follows."""

    def add(view: View) -> View:
        blueprint.add_url_rule(portal + rule, name, view, **options)
        blueprint.add_url_rule(client + rule, f"client_{name}", view, **options)
        return view

    return add


def address(endpoint: str, **values: Any) -> str:
    """Of such a page in the tenant at hand: "job_roles.index", say."""
    room, name = endpoint.split(".")
    kind = scope().kind
    return url_for(f"{room}.{'client_' if kind == 'client' else ''}{name}", **{kind: scope().tenant_id, **values})
