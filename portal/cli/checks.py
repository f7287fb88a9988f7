"""What is there held against what should be there."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from config import Settings
from portal.cli.connection import configured, with_app


@contextmanager
def _any_database(settings: Settings) -> Iterator[tuple[str, str]]:
    """(owner's URL, app's URL): the configured one when DATABASE_URL is set, else one for the moment."""
    if not settings.embedded_postgres:
        yield settings.owner_database_url, settings.database_url
        return
    from portal.kernel import migrate
    from portal.kernel.roles import create_roles
    from portal.kernel.services import start_postgres

    with tempfile.TemporaryDirectory(prefix="kp-check-") as folder:
        Path(folder).chmod(0o755)
        server = start_postgres(Path(folder) / "postgres", durable=False)
        try:
            urls = create_roles(server.url, "koppelpoort_check", "owner", "app")
            migrate.upgrade(urls.owner_url)
            yield urls.owner_url, urls.app_url
        finally:
            server.stop()


@click.command()
def check() -> None:
    """Row-level security, permissions, translations, migrations: non-zero when anything is missing."""
    from portal import runtime
    from portal.app import create_app
    from portal.checks import all_problems
    from portal.kernel.db import Database
    from portal.kernel.vault import Kek, Vault

    settings, bad = configured(), 0
    with _any_database(settings) as (_, url):
        database = Database(url, pool_size=2)
        app = create_app(made=runtime.Runtime(settings, database, Vault([Kek("check", bytes(32))])))
        for what, problems in all_problems(app, database):
            click.echo(f"{'ok ' if not problems else 'BAD'}  {what}")
            for problem in problems:
                click.echo(f"     {problem}")
            bad += len(problems)
        database.engine.dispose()
    if bad:
        click.echo(f"{bad} to mend")
    sys.exit(1 if bad else 0)


@click.command()
@click.option("--client", "client", metavar="UUID", help="Only this client account.")
def compare(client: str | None) -> None:
    """Lay both sides beside each other: what we booked, what stands in the package."""
    from portal.sync.comparison import compare_all

    made = with_app()
    try:
        only = uuid.UUID(client) if client else None
    except ValueError:
        raise click.UsageError("--client takes the id of a client account") from None
    form = "{:<24} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}"
    click.echo(form.format("dossier", "offered", "booked", "found", "missing", "doubled", "altered"))
    wrong = 0
    for row in compare_all(made, only):
        if row.result is None:
            click.echo(f"{row.dossier:<24} could not be read: {row.error}")
            wrong += 1
            continue
        r = row.result
        click.echo(form.format(row.dossier, r.offered, r.booked, r.found, r.missing, r.doubled, r.altered))
        for finding in r.findings:
            click.echo(f"    {finding.kind}: {finding.reference} {' '.join(finding.remote)}")
        wrong += not r.clean
    sys.exit(1 if wrong else 0)


@click.command()
@click.option("--kills", default=30, show_default=True, type=click.IntRange(0), help="Processes to kill with -9.")
@click.option("--entries", default=500, show_default=True, type=click.IntRange(1), help="Entries to book.")
@click.option("--seed", default=1, show_default=True, type=int, help="The same seed plays the same faults.")
@click.option("--packages", default="exact", show_default=True, help="Apps to book in, separated by commas.")
def chaos(kills: int, entries: int, seed: int, packages: str) -> None:
    """Book while processes die and the network fails; prints lost=… duplicate=… and how it counted."""
    from portal import chaos as trial
    from portal.kernel.logs import set_up_logging

    set_up_logging("WARNING", readable=True)
    apps = tuple(dict.fromkeys(packages.split(",")))
    unknown = [app for app in apps if app not in trial.APPS]
    if unknown:
        raise click.ClickException(f"no trial for {', '.join(unknown)}; there are: {', '.join(trial.APPS)}")
    sys.exit(trial.run(kills=kills, entries=entries, seed=seed, apps=apps))
