"""What the store says, as English message ids; `{placeholders}` are filled at the edge."""

from __future__ import annotations

from portal.kernel.words import N_

ERRORS: dict[str, str] = {
    "app.not_installed": N_("This app is not installed. Install it first."),
    "app.access_off": N_("{app} may not touch this client account. Tick its Access under Modules first."),
}

TAGS: dict[str, str] = {
    "app.installed": N_("installed {app}"),
    "app.uninstalled": N_("uninstalled {app}; client accounts that lost its Access: {count}"),
    "app.access_changed": N_("changed the Access of {app}: {gained} client accounts more, {lost} fewer"),
}
