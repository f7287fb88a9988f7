"""The demo: a firm with forty clients on the sandbox's Exact, in every state that a Monday brings.

Everything goes the way it goes in life: accounts are made by the services, the log-in goes
through the sandbox's consent page, statements are read from files, entries are posted. Only
the passing of weeks is written into the rows.
"""

from __future__ import annotations

from collections.abc import Callable

from portal.demo import cast
from portal.demo.scene import Scene
from portal.kernel import clock
from portal.runtime import Runtime


def seed(made: Runtime, say: Callable[[str], object]) -> None:
    """Make the demo data; the services and the sandbox must be running. Takes about a minute."""
    scene = Scene(made)
    began = clock.now()
    for step in (
        scene.invite_people, scene.open_accounts, scene.connect_exact, scene.couple, scene.bring_statements,
        scene.bring_documents, scene.link_banks, scene.configure, scene.work_one_night, scene.let_time_pass,
        scene.send_bills,
    ):  # fmt: skip
        step()
        say(f"{step.__name__.replace('_', ' ')}: done after {(clock.now() - began).total_seconds():.0f} s")
    (made.settings.home / "demo-logins.txt").write_text(_logins(made.settings.base_url), encoding="utf-8")


def _logins(base_url: str) -> str:
    people = "\n".join(
        f"  {person.email:<36} {person.role:<14} {person.name}" for person in (*cast.STAFF, *cast.OWNERS)
    )
    return (
        f"Sign in at {base_url} with the password “{cast.PASSWORD}”:\n{people}\n"
        f"Mail that was sent: {base_url}/outbox (in the demo only)\n"
    )
