"""What a command runs with: the settings, and this process connected to the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from config import ConfigError, Settings

if TYPE_CHECKING:
    from portal.runtime import Runtime


def configured() -> Settings:
    try:
        return Settings.from_env()
    except ConfigError as problem:
        raise click.ClickException(str(problem)) from None


def owner_url(why: str) -> str:
    """The database as the owner of the schema; where that is not told, `why` it is needed."""
    url = configured().owner_database_url
    if not url:
        raise click.ClickException(f"Set OWNER_DATABASE_URL: {why} as the owner of the schema.")
    return url


def connected() -> Runtime:
    """This process connected to the database; a clear word when that is not running."""
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    from portal import runtime

    made = runtime.make(configured(), application="portal-cli", pool_size=4)
    try:
        with made.database.scoped() as session:
            session.execute(text("SELECT 1"))
    except OperationalError:
        raise click.ClickException(
            "The database does not answer. Set DATABASE_URL, or start everything with `make run` first."
        ) from None
    return made


def with_app() -> Runtime:
    """With the whole application beside it: mails are worded, and jobs are known."""
    from portal.app import create_app

    made = connected()
    create_app(made=made)
    return made
