"""Which entry of the menu a page belongs to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, g


def here_is(key: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Mark the page's entry of the menu; put above the access decorator."""

    def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
        @wraps(view)
        def active(*args: Any, **kwargs: Any) -> Response:
            g.active = key
            return view(*args, **kwargs)

        return active

    return decorate
