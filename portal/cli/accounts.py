"""All of an account in one file."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

import click

from portal.cli.connection import connected, owner_url


@click.group()
def tenant() -> None:
    """All of an account in one file: export it, or read it into an empty installation."""


@tenant.command("export")
@click.argument("tenant_id", type=click.UUID)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-clients", is_flag=True, help="Of a firm: also the client accounts that let it in.")
def tenant_export(tenant_id: uuid.UUID, file: Path, with_clients: bool) -> None:
    """Write the archive of account TENANT_ID to FILE."""
    from sqlalchemy.exc import NoResultFound

    import portal.models  # noqa: F401 - every table is to be known
    from portal.archives import service

    try:
        written = service.export(connected().database, tenant_id, file, with_clients=with_clients)
    except NoResultFound:
        raise click.ClickException(f"There is no account {tenant_id}.") from None
    click.echo(f"{len(written)} files in {file}")


@tenant.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def tenant_import(file: Path) -> None:
    """Read the archive FILE into this installation, which must be empty, and hold it against its hashes."""
    from sqlalchemy import text

    import portal.models  # noqa: F401 - as above
    from portal.archives import reading
    from portal.kernel import clock
    from portal.kernel.errors import PortalError

    made, owner = connected(), owner_url("an archive is read in")
    try:
        taken = reading.read_in(owner, file)
        differing = reading.differences(made.database, file)
    except PortalError as problem:
        raise click.ClickException(f"{problem.code} {problem.values or ''}") from None
    with made.database.scoped() as session:
        # What may have been sent after the archive was made is looked up before anything is sent again.
        doubted = session.scalar(text("SELECT doubt_unconfirmed(:now)"), {"now": clock.now()})
    click.echo(f"{taken.tenants} accounts, {taken.people} people, {sum(taken.rows.values())} rows")
    click.echo(f"{taken.files} files made anew: {len(differing)} differ; {doubted} sendings are uncertain now")
    for path in differing:
        click.echo(f"    {path}")
    click.echo("People ask for a new password by mail; log-ins at packages and banks are connected again.")
    sys.exit(1 if differing else 0)
