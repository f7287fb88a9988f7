"""Bringing the schema up to date, run as the role that owns it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def configuration(owner_url: str) -> Config:
    """Alembic's settings for `migrations/`; `env.py` finds the URL under `sqlalchemy.url`."""
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.set_main_option("sqlalchemy.url", owner_url.replace("%", "%%"))
    return settings


def heads() -> list[str]:
    """The newest revisions on disk; a sound project has exactly one."""
    return list(ScriptDirectory.from_config(configuration("")).get_heads())


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Apply what is missing. Raises SQLAlchemy's errors; a failed migration leaves nothing behind."""
    command.upgrade(configuration(owner_url), revision)


def downgrade(owner_url: str, revision: str) -> None:
    """Go back to `revision` ("base" for nothing at all)."""
    command.downgrade(configuration(owner_url), revision)
