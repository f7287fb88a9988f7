"""`portal …`: what is done from a shell. Each command has --help; a wrong use exits with 2.

Commands import what they need when they run: `portal parse` needs neither Flask nor a database.
"""

from __future__ import annotations

import click

from portal.cli.accounts import tenant
from portal.cli.audit import audit
from portal.cli.checks import chaos, check, compare
from portal.cli.files import conformance, parse
from portal.cli.money import billing, prices
from portal.cli.operations import after_restore, demo_seed, migrate, rewrap, roles, run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The portal of an accounting firm: bank statements into the books, each entry once."""


for command in (
    after_restore, audit, billing, chaos, check, compare, conformance, demo_seed, migrate, parse, prices, rewrap, roles,
    run, tenant,
):  # fmt: skip
    main.add_command(command)
