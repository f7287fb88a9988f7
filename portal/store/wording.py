"""What the store says, as English message ids; `{placeholders}` are filled at the edge."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS: dict[str, str] = {
    "app.not_installed": N_("This app is not installed. Install it first."),
    "app.access_off": N_("{app} may not touch this client account. Tick its Access under Modules first."),
}

TAGS: dict[str, str] = {
    "app.installed": N_("{app} installed"),
    "app.uninstalled": N_("{app} uninstalled; client accounts that lost its Access: {count}"),
    "app.access_changed": N_("Access of {app} changed: {gained} client accounts more, {lost} fewer"),
}
