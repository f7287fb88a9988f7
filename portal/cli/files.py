"""Reading a statement file, and trying a connector against a server."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
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


@click.command()
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
