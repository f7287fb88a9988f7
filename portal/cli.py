"""`portal …`: what is done from a shell. Each command has --help; a wrong use exits with 2."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import click

from config import ConfigError, Settings

# Commands import what they need when they run: `portal parse` needs neither Flask nor a database.


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The portal of an accounting firm: bank statements into the books, each entry once."""


def _settings() -> Settings:
    try:
        return Settings.from_env()
    except ConfigError as problem:
        raise click.ClickException(str(problem)) from None


def _runtime() -> Any:
    """This process connected to the database; a clear word when that is not running."""
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    from portal import runtime

    made = runtime.make(_settings(), application="portal-cli", pool_size=4)
    try:
        with made.database.scoped() as session:
            session.execute(text("SELECT 1"))
    except OperationalError:
        raise click.ClickException(
            "The database does not answer. Set DATABASE_URL, or start everything with `make run` first."
        ) from None
    return made


# ------------------------------------------------------------------------------- files


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="An array of statements with their lines, amounts as strings.")
@click.option(
    "--day-first/--month-first", default=None, help="For a QIF file whose dates have two readings, like 3/4/24."
)
@click.option(
    "--decimal", type=click.Choice([".", ","]), help="For a file whose amounts have two readings, like 1,234."
)
@click.option("--account", default="", help="For a file that names none: the IBAN or the bank's own number.")
@click.option("--currency", default="", help="For a file that names none, like EUR.")
def parse(file: Path, as_json: bool, day_first: bool | None, decimal: str | None, account: str, currency: str) -> None:
    """Read a statement file, whatever its format. Status 0, or 2 with the reason when it is refused."""
    from portal.connectors.files.answers import Answers
    from portal.parse_command import parse_file

    answers = Answers(
        day_first=day_first,
        decimal=decimal or "",
        account="".join(account.split()),
        currency=currency.strip().upper(),
    )
    sys.exit(parse_file(file, as_json, sys.stdout, sys.stderr, answers))


# -------------------------------------------------------------------------- connectors


@main.command()
@click.argument("key")
@click.option("--option", "options", multiple=True, metavar="K=V", help="For instance host=https://…, token=@file.")
def conformance(key: str, options: tuple[str, ...]) -> None:
    """Run the whole contract of connector KEY against a server; non-zero when a row fails."""
    from portal import conformance as suite
    from portal import feed_conformance
    from portal.connectors import registry
    from portal.kernel.logs import set_up_logging

    set_up_logging("WARNING", readable=True)
    if wrong := [option for option in options if "=" not in option]:
        raise click.UsageError(f"--option takes k=v, not {wrong[0]!r}")
    pairs = dict(option.split("=", 1) for option in options)
    try:
        sys.exit((feed_conformance if key in registry.FEEDS else suite).run(key, pairs, sys.stdout))
    except suite.BadOption as problem:
        raise click.UsageError(str(problem)) from None


# ------------------------------------------------------------------------------- checks


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


@main.command()
def check() -> None:
    """Row-level security, permissions, translations, migrations: non-zero when anything is missing."""
    from portal import runtime
    from portal.app import create_app
    from portal.checks import all_problems
    from portal.kernel.db import Database
    from portal.kernel.vault import Kek, Vault

    settings, bad = _settings(), 0
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


@main.command()
@click.option("--client", "client", metavar="UUID", help="Only this client account.")
def compare(client: str | None) -> None:
    """Lay both sides beside each other: what we booked, what stands in the package."""
    from portal.app import create_app
    from portal.sync.comparison import compare_all

    made = _runtime()
    create_app(made=made)
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


@main.group()
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

    made = _runtime()
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

    made = _runtime()
    click.echo(f"{drop_anchors(made.database, made.settings.home)} heads anchored")


@audit.command("seal")
@_ANCHORS
def audit_seal(anchors: Path | None) -> None:
    """Once after an upgrade from a version without seals: seal the heads of all chains that hold."""
    from portal.activity.verifying import seal_all

    made = _runtime()
    click.echo(f"{seal_all(made.database, _anchors(made, anchors))} heads sealed")


@main.group()
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
        written = service.export(_runtime().database, tenant_id, file, with_clients=with_clients)
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

    made, owner = _runtime(), _settings().owner_database_url
    if not owner:
        raise click.ClickException("Set OWNER_DATABASE_URL: an archive is read in as the owner of the schema.")
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


@main.command()
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


# --------------------------------------------------------------------------- operations


@main.command()
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


@main.command()
def migrate() -> None:
    """Bring the schema up to date, as its owner."""
    from portal.kernel import migrate as migrations

    settings = _settings()
    if not settings.owner_database_url:
        raise click.ClickException("Set OWNER_DATABASE_URL: migrations run as the owner of the schema.")
    migrations.upgrade(settings.owner_database_url)
    click.echo(f"The schema is at {migrations.heads()[0]}.")


@main.group()
def prices() -> None:
    """Who sends the bills, and the price list."""


@prices.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def prices_load(file: Path) -> None:
    """Put the list in FILE (TOML) in place of the one there is, as the owner of the schema."""
    from portal.billing import configuring

    settings = _settings()
    if not settings.owner_database_url:
        raise click.ClickException("Set OWNER_DATABASE_URL: prices are set as the owner of the schema.")
    try:
        listed = configuring.read(file.read_text(encoding="utf-8"))
    except (configuring.BadPriceList, UnicodeDecodeError) as problem:
        raise click.ClickException(f"{file}: {problem}") from None
    seller = configuring.load_as_owner(settings.owner_database_url, listed)
    click.echo(f"{seller.name}: {len(listed.prices)} prices, {len(listed.rates)} VAT rates.")


@prices.command("show")
def prices_show() -> None:
    """Print the list that holds now."""
    from portal.billing.facts import the_tariff
    from portal.kernel.errors import Conflict

    with _runtime().database.scoped() as session:
        try:
            tariff = the_tariff(session)
        except Conflict:
            raise click.ClickException("There is no price list yet: everything is free.") from None
    click.echo(f"{tariff.seller.name}, {tariff.seller.vat_number}, {tariff.seller.iban}")
    for price in tariff.prices:
        click.echo(f"{price.item:<20} from {price.valid_from}  {price.amount:>9} EUR")
    for rate in tariff.rates:
        click.echo(f"{'VAT ' + rate.country:<20} from {rate.valid_from}  {rate.rate * 100:>9.2f} %")


@main.group()
def billing() -> None:
    """The documents that portals get."""


@billing.command("close")
@click.option("--month", metavar="YYYY-MM", help="The month that was over last, when left out.")
def billing_close(month: str | None) -> None:
    """Bill every portal for a month. Months that are billed are left as they are, so it can be repeated."""
    from portal.billing import closing
    from portal.billing.by_hand import close_all

    try:
        day = date.fromisoformat(f"{month}-01") if month else closing.last_month()
    except ValueError:
        raise click.UsageError("--month looks like 2026-03") from None
    for line in close_all(_app_runtime(), day):
        click.echo(line)


@billing.command("credit")
@click.argument("number")
@click.option("--reason", required=True, help="Stands on the credit note.")
def billing_credit(number: str, reason: str) -> None:
    """Take invoice NUMBER back whole. What it billed is due again with the next closing."""
    from portal.billing.by_hand import credit
    from portal.kernel.errors import PortalError

    try:
        click.echo(credit(_app_runtime(), number, reason))
    except PortalError as problem:
        raise click.ClickException(f"{number}: {problem.code}") from None


def _app_runtime() -> Any:
    """With the whole application beside it: mails are worded, and jobs are known."""
    from portal.app import create_app

    made = _runtime()
    create_app(made=made)
    return made


@main.command("after-restore")
def after_restore() -> None:
    """After a back-up was put back: every unconfirmed posting becomes uncertain and is looked up first."""
    from sqlalchemy import text

    from portal.kernel import clock

    with _runtime().database.scoped() as session:
        doubted = session.scalar(text("SELECT doubt_unconfirmed(:now)"), {"now": clock.now()})
    click.echo(f"{doubted} postings are uncertain now; each is looked up before anything is sent again.")


@main.command()
def rewrap() -> None:
    """After a new key-encryption key: wrap every data key with it. Prints how many; 0 means done."""
    from sqlalchemy import text

    from portal.kernel.db import Setting
    from portal.kernel.vault import NO_TENANT

    made, done = _runtime(), 0
    with made.database.scoped() as session:
        tenants = [NO_TENANT, *session.scalars(text("SELECT all_tenants()"))]
    for tenant in tenants:
        with made.database.scoped(Setting(tenant=tenant)) as session:
            done += made.vault.rewrap(session, tenant)
    click.echo(str(done))


@main.command()
def run() -> None:
    """Everything on this machine under one supervisor, with demo data; what `make run` does."""
    from portal import supervisor

    sys.exit(supervisor.main(["run"]))


@main.command("demo-seed")
def demo_seed() -> None:
    """Make the demo data; the services and the sandbox must be running."""
    from portal import demo
    from portal.app import create_app
    from portal.kernel.logs import set_up_logging

    made = _runtime()
    create_app(made=made)
    set_up_logging("WARNING", readable=True)
    demo.seed(made, click.echo)


if __name__ == "__main__":
    main()
