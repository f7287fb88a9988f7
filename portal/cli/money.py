"""Prices, and the documents that portals get."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from portal.cli.connection import connected, owner_url, with_app


@click.group()
def prices() -> None:
    """Who sends the bills, and the price list."""


@prices.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def prices_load(file: Path) -> None:
    """Put the list in FILE (TOML) in place of the one there is, as the owner of the schema."""
    from portal.billing import configuring

    owner = owner_url("prices are set")
    try:
        listed = configuring.read(file.read_text(encoding="utf-8"))
    except (configuring.BadPriceList, UnicodeDecodeError) as problem:
        raise click.ClickException(f"{file}: {problem}") from None
    seller = configuring.load_as_owner(owner, listed)
    click.echo(f"{seller.name}: {len(listed.prices)} prices, {len(listed.rates)} VAT rates.")


@prices.command("show")
def prices_show() -> None:
    """Print the list that holds now."""
    from portal.billing.facts import the_tariff
    from portal.kernel.errors import Conflict

    with connected().database.scoped() as session:
        try:
            tariff = the_tariff(session)
        except Conflict:
            raise click.ClickException("There is no price list yet: everything is free.") from None
    click.echo(f"{tariff.seller.name}, {tariff.seller.vat_number}, {tariff.seller.iban}")
    for price in tariff.prices:
        click.echo(f"{price.item:<20} from {price.valid_from}  {price.amount:>9} EUR")
    for rate in tariff.rates:
        click.echo(f"{'VAT ' + rate.country:<20} from {rate.valid_from}  {rate.rate * 100:>9.2f} %")


@click.group()
def billing() -> None:
    """The documents that portals get."""


@contextmanager
def _about(number: str) -> Iterator[None]:
    """What goes wrong is told with the number of the document."""
    from portal.kernel.errors import PortalError

    try:
        yield
    except PortalError as problem:
        raise click.ClickException(f"{number}: {problem.code}") from None


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
    for line in close_all(with_app(), day):
        click.echo(line)


@billing.command("credit")
@click.argument("number")
@click.option("--reason", required=True, help="Stands on the credit note.")
def billing_credit(number: str, reason: str) -> None:
    """Take invoice NUMBER back whole. What it billed is due again with the next closing."""
    from portal.billing.by_hand import credit

    with _about(number):
        click.echo(credit(with_app(), number, reason))


@billing.command("paid")
@click.argument("number")
@click.option("--on", "day", required=True, metavar="YYYY-MM-DD", help="The day on which it was paid.")
@click.option("--by", required=True, help="Whose word it is.")
@click.option("--amount", help="Of a part, in euro, like 12.50; all that is open when left out.")
def billing_paid(number: str, day: str, by: str, amount: str | None) -> None:
    """Note that NUMBER was paid; a credit note: paid back."""
    from portal.billing.by_hand import paid

    try:
        on, part = date.fromisoformat(day), Decimal(amount) if amount else None
    except (ValueError, InvalidOperation):
        raise click.UsageError("--on looks like 2026-03-31, --amount like 12.50") from None
    with _about(number):
        click.echo(paid(with_app(), number, on, by, part))


@billing.command("unpaid")
@click.argument("number")
@click.option("--by", required=True, help="Whose word it is.")
def billing_unpaid(number: str, by: str) -> None:
    """Undo the last payment of NUMBER; both stay on record."""
    from portal.billing.by_hand import unpaid

    with _about(number):
        click.echo(unpaid(with_app(), number, by))


@billing.command("open")
def billing_open() -> None:
    """What each portal still owes, and which invoices are late."""
    from portal.billing.by_hand import still_open

    for line in still_open(with_app()):
        click.echo(line)
