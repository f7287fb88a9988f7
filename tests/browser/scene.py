"""A small firm with enough going on that every page has something to show."""

from __future__ import annotations

import uuid
from typing import Any

import pyotp

from portal.access import Actor, Scope
from portal.demo import cast
from portal.demo.scene import Client, Scene
from portal.identity import second_factor
from portal.identity import service as identity
from portal.identity.models import User
from portal.kernel.db import Setting
from portal.sync import batches
from portal.tenants.models import Tenant
from tests import factories as make

# Places in the demo's list of clients: what happens to each is decided there by its place.
BOOKED, ALSO_BOOKED, DRAFTS, FAILING, WITHOUT_COUPLING, NEW, CLOSED, WITHOUT_STATEMENTS, GAP, LEAVING = range(10)
PLACES = (0, 1, 3, 4, 9, 13, 14, 18, 21, 7)
DUTCH, FRENCH = cast.OWNERS[1].email, cast.STAFF[2].email
CAREFUL = cast.OWNERS[2].email  # has a second factor


class SmallFirm(Scene):
    """The demo with twelve clients; `clients` stand in the order of the names above."""

    def play(self) -> None:
        for step in (
            self.invite_people, self.open_accounts, self.connect_exact, self.couple, self.bring_statements,
            self.configure, self.work_one_night, self.let_time_pass, self.add_what_pages_need,
        ):  # fmt: skip
            step()

    @property
    def head(self) -> str:
        return cast.STAFF[0].email

    def owner_of(self, client: Client) -> str:
        """Who holds this client account."""
        return cast.OWNERS[client.index % len(cast.OWNERS)].email

    def invite_people(self) -> None:
        """Everybody reads English, but for one who reads Dutch and one who reads French."""
        super().invite_people()
        with self.made.database.scoped() as session:
            for person in (*cast.STAFF, *cast.OWNERS):
                if person.email not in (DUTCH, FRENCH):
                    session.get_one(User, self.users[person.email].id).locale = "en-GB"

    def _businesses(self) -> list[dict[str, Any]]:
        rows = super()._businesses()
        at_home = [rows[place] for place in PLACES]
        abroad = [next(row for row in rows if row["environment"] == key) for key in ("nl", "fr")]
        return at_home + abroad

    def _open_client(self, index: int, row: dict[str, Any]) -> Client:
        return super()._open_client((*PLACES, 36, 37)[index], row)

    def add_what_pages_need(self) -> None:
        """A run of several clients, a log-in of a client's own, waiting mails with links."""
        database, vault, base = self.made.database, self.made.vault, self.made.settings.base_url
        staff = self.users[cast.STAFF[1].email]
        with database.scoped(Setting(self.firm, self.firm, None, staff.id)) as session:
            scope = Scope(session, self.firm, "portal", "staff", Actor(staff.id, staff.name))
            self.batch = batches.start_batch(scope, [self.clients[i].tenant_id for i in (DRAFTS, FAILING)]).id
        with self._client(self.clients[BOOKED]) as scope:
            tenant = scope.session.get_one(Tenant, scope.tenant_id)
        self.own_login: uuid.UUID = make.make_authorisation(database, vault, tenant, access="a", refresh="b").id
        with database.scoped() as session:
            careful = session.get_one(User, self.users[CAREFUL].id)
            secret = second_factor.begin(session, vault, careful)
            second_factor.confirm(session, vault, careful, pyotp.TOTP(secret).now())
            identity.ask_reset(session, vault, cast.OWNERS[3].email, base)
            identity.sign_up(
                session, vault, email="new@example.com", name="New", password=cast.PASSWORD, locale="en-GB",
                base_url=base,
            )  # fmt: skip
