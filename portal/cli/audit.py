"""The chain of the activity log."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from portal.cli.connection import connected


@click.group()
def audit() -> None:
    """The chain of the activity log."""


_ANCHORS = click.option(
    "--anchors", type=click.Path(exists=True, path_type=Path), help="Copies of heads; else <data folder>/audit."
)


def _anchors(made: Any, place: Path | None) -> Any:
    from portal.activity import anchors

    try:
        return anchors.read(place or anchors.folder(made.settings.home))
    except anchors.BadAnchor as problem:
        raise click.ClickException(f"{problem} is not an anchor that this installation wrote") from None


@audit.command("verify")
@_ANCHORS
def audit_verify(anchors: Path | None) -> None:
    """Walk every chain; names the first broken link of each. Non-zero when one is broken."""
    from portal.activity.verifying import tenants_with_chains, verify_all

    made = connected()
    broken = 0
    for found in verify_all(made.database, _anchors(made, anchors)):
        click.echo(f"{found.tenant_id}: link {found.seq} {found.reason}")
        broken += 1
    click.echo(f"{len(tenants_with_chains(made.database))} chains, {broken} broken")
    sys.exit(1 if broken else 0)


@audit.command("anchor")
def audit_anchor() -> None:
    """Copy the heads that moved to <data folder>/audit now; the scheduler does so every hour."""
    from portal.activity.anchors import drop_anchors

    made = connected()
    click.echo(f"{drop_anchors(made.database, made.settings.home)} heads anchored")


@audit.command("seal")
@_ANCHORS
def audit_seal(anchors: Path | None) -> None:
    """Once after an upgrade from a version without seals: seal the heads of all chains that hold."""
    from portal.activity.verifying import seal_all

    made = connected()
    click.echo(f"{seal_all(made.database, _anchors(made, anchors))} heads sealed")
