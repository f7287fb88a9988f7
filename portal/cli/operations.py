"""Setting an installation up, and keeping it."""

from __future__ import annotations

import sys

import click

from portal.cli.connection import connected, owner_url, with_app


@click.command()
@click.option("--admin-url", required=True, help="postgresql://… of a role that may create roles and databases.")
@click.option("--database", default="koppelpoort", show_default=True)
@click.option("--owner-password", envvar="OWNER_PASSWORD", help="Asked for when left out.")
@click.option("--app-password", envvar="APP_PASSWORD", help="Asked for when left out.")
def roles(admin_url: str, database: str, owner_password: str | None, app_password: str | None) -> None:
    """Make the database and its three roles on an external server. Safe to repeat."""
    import psycopg

    from portal.kernel.roles import create_roles

    owner = owner_password or click.prompt("Password for the owner of the schema", hide_input=True)
    app = app_password or click.prompt("Password for the application", hide_input=True)
    try:
        create_roles(admin_url, database, owner, app)
    except psycopg.Error as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"The database {database} and its roles are ready. Next: portal migrate")


@click.command()
def migrate() -> None:
    """Bring the schema up to date, as its owner."""
    from portal.kernel import migrate as migrations

    migrations.upgrade(owner_url("migrations run"))
    click.echo(f"The schema is at {migrations.heads()[0]}.")


@click.command("after-restore")
def after_restore() -> None:
    """After a back-up was put back: every unconfirmed posting becomes uncertain and is looked up first."""
    from sqlalchemy import text

    from portal.kernel import clock

    with connected().database.scoped() as session:
        doubted = session.scalar(text("SELECT doubt_unconfirmed(:now)"), {"now": clock.now()})
    click.echo(f"{doubted} postings are uncertain now; each is looked up before anything is sent again.")


@click.command()
def rewrap() -> None:
    """After a new key-encryption key: wrap every data key with it. Prints how many; 0 means done."""
    from sqlalchemy import text

    from portal.kernel.db import Setting
    from portal.kernel.vault import NO_TENANT

    made, done = connected(), 0
    with made.database.scoped() as session:
        tenants = [NO_TENANT, *session.scalars(text("SELECT all_tenants()"))]
    for tenant in tenants:
        with made.database.scoped(Setting(tenant=tenant)) as session:
            done += made.vault.rewrap(session, tenant)
    click.echo(str(done))


@click.command()
def run() -> None:
    """Everything on this machine under one supervisor, with demo data; what `make run` does."""
    from portal import supervisor

    sys.exit(supervisor.main(["run"]))


@click.command("demo-seed")
def demo_seed() -> None:
    """Make the demo data; the services and the sandbox must be running."""
    from portal import demo
    from portal.kernel.logs import set_up_logging

    made = with_app()
    set_up_logging("WARNING", readable=True)
    demo.seed(made, click.echo)
