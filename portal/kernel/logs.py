"""Logging: one event a line, JSON in production, readable at a desk. Secrets are struck out by name."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAME = re.compile(r"(password|secret|token|authorization|cookie|code_verifier|refresh|api_key)", re.IGNORECASE)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}")
STRUCK = "[struck out]"


def strike_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Values under a telling name, and credentials inside any text (ASVS 16.2.5)."""
    for key, value in event.items():
        if key != "event" and _SECRET_NAME.search(key):
            event[key] = STRUCK
        elif isinstance(value, str):
            event[key] = _BEARER.sub(rf"\1 {STRUCK}", value)
    return event


def set_up_logging(level: str, *, readable: bool) -> None:
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        strike_secrets,
    ]
    renderer = structlog.dev.ConsoleRenderer(colors=False) if readable else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level, logging.INFO)),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=getattr(logging, level, logging.INFO), format="%(levelname)s %(name)s %(message)s")
