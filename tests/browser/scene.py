"""A small firm with enough going on that every page has something to show."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyotp
from sqlalchemy import select

from portal.access import Actor, Scope
from portal.approvals.models import Policy
from portal.approvals.tasks import perform
from portal.connectors.base import EntryKind, OutgoingEntry, OutgoingLine
from portal.demo import billing, cast, invoices, movements
from portal.demo import scene as demo_scene
from portal.demo.scene import Client, Scene
from portal.documents.intake import hand_in
from portal.exchange.files import make_files
from portal.exchange.register import Register
from portal.feeds import renewals
from portal.feeds.models import Feed, FeedAccount, FeedFetch
from portal.identity import second_factor
from portal.identity import service as identity
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import Setting, uuid7
from portal.ledger.models import BankAccount, ParkedFile
from portal.ledger.questions import offer_file
from portal.people.entities import create_entity
from portal.people.groups import create_group
from portal.people.roles import create_role
from portal.software import service as software
from portal.sync import batches
from portal.tenants import grants
from portal.tenants import service as tenants
from portal.tenants.models import Membership, Tenant
from portal.tenants.service import Details
from tests import factories as make
from tests.exchange.shelf import make_file_authorisation, make_file_dossier
from tests.furnish import list_of_copies, list_of_newcomers

# Places in the demo's list of clients: what happens to each is decided there by its place.
BOOKED, ALSO_BOOKED, DRAFTS, FAILING, WITHOUT_COUPLING, NEW, CLOSED, WITHOUT_STATEMENTS, GAP, LEAVING = range(10)
PLACES = (0, 1, 3, 4, 9, 13, 14, 18, 21, 7)
DUTCH, FRENCH = cast.OWNERS[1].email, cast.STAFF[2].email
RENEWER = "renewer@example.com"
HELPER = cast.OWNERS[3].email  # reads in the account of another, too
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

    def open_another(self, name: str) -> uuid.UUID:
        """A client account of its own, which lets the firm in."""
        made = self.made
        with made.database.scoped() as session:
            details = Details(name, "kbo", make.kbo(uuid.uuid4().int % 80_000))
            scope = tenants.create_client_account(session, self.users[cast.OWNERS[0].email], details)
            grants.grant_access(
                scope, made.vault, email=cast.FIRM_EMAIL, role="editor", ends_on=None, base_url=made.settings.base_url
            )
            return scope.tenant_id

    def link_bank(self, place: int, state: str, code: str, days: int) -> None:
        """A bank of a client, as it stands so many days before its consent ends."""
        now, ends_at = clock.now(), clock.now() + timedelta(days=days)
        with self.in_client(self.clients[place]) as scope:
            account = scope.session.scalars(select(BankAccount).where(BankAccount.tenant_id == scope.tenant_id)).first()
            feed = Feed(
                tenant_id=scope.tenant_id, id=uuid7(), provider="saltedge", environment="live", sandbox=True,
                institution="kbc_be", institution_name="KBC", country="BE", state=state, state_code=code,
                state_since=now, created_at=now, connected_at=now, consent_ends_at=ends_at, consent_since=now,
                contact_email=RENEWER, contact_locale="en-GB", last_at=now, last_code=code, last_request_id="r-1",
            )  # fmt: skip
            scope.session.add(feed)
            scope.session.flush()
            row = FeedAccount(
                tenant_id=scope.tenant_id, id=uuid7(), feed_id=feed.id, remote_id="1", ticked=account is not None,
                bank_account_id=account.id if account else None, number=account.number if account else "1",
                currency="EUR", last_at=now, created_at=now,
            )  # fmt: skip
            scope.session.add(row)
            scope.session.flush()
            scope.session.add(
                FeedFetch(tenant_id=scope.tenant_id, feed_account_id=row.id, started_at=now, finished_at=now,
                          state="failed" if code else "done", code=code, stored=0 if code else 12)
            )  # fmt: skip
            if state in renewals.RENEWABLE:
                renewals.send_links(scope, self.made.vault, self.made.settings, feed)

    def leave_open(self, place: int, content: bytes) -> None:
        """A file of a client that waits for an answer."""
        with self.in_client(self.clients[place]) as scope:
            assert isinstance(offer_file(scope, "open.csv", BytesIO(content), len(content)), ParkedFile)

    def keep_files(self, holder: Tenant) -> None:
        """A dossier of Sage: a file that nobody fetched, and an entry that waits for the next."""
        database, day = self.made.database, date(2026, 3, 18)
        login = make_file_authorisation(database, holder, "sage100")
        dossier = make_file_dossier(database, holder, login, "S-001")
        register = Register(database, holder.id, login.id, "sage100")
        for number in ("1", "2"):
            sides = (OutgoingLine(day, "471000", Decimal(-5), "x"), OutgoingLine(day, "512100", Decimal(5), "x"))
            entry = OutgoingEntry(
                EntryKind.BANK, f"KP-{number}", "BQ", day, "EUR", "512100", Decimal(0), Decimal(5), sides
            )
            accounts = {account.code: account for account in register.ledger_accounts(str(dossier.id))}
            register.post(str(dossier.id), EntryKind.BANK, register.render(entry, accounts))
            if number == "1":
                with database.scoped(Setting(tenant=holder.id)) as session:
                    make_files(Scope.system(session, holder.id, holder.kind), dossier.id)

    def hand_in_invoices(self, place: int) -> None:
        """Some of what a client sold and bought."""
        client, first = self.clients[place], clock.today().replace(day=1)
        with self.in_client(client) as scope:
            row = scope.session.get_one(Tenant, client.tenant_id)
            us = invoices.Side(row.name, row.country, row.vat_number, row.enterprise_number)
            moves = movements.month_of(client.index, first, 20)
            for name, content in list(invoices.of_movements(moves, us, client.iban))[:4]:
                hand_in(scope, name, BytesIO(content))

    def let_tasks_wait(self) -> None:
        """A change of role in the firm and in a client account, each submitted by its head."""
        head, owner = self.users[self.head], self.users[self.owner_of(self.clients[BOOKED])]
        helper = self.users[HELPER]
        with self.in_client(self.clients[BOOKED]) as scope:
            tenants.add_member(scope, HELPER, "reader")
        places = (
            (self.firm, "portal", "administrator", head, self.users[cast.STAFF[2].email], "reader"),
            (self.clients[BOOKED].tenant_id, "client", "owner", owner, helper, "editor"),
        )
        for tenant_id, kind, role, maker, subject, wanted in places:
            portal = tenant_id if kind == "portal" else None
            with self.made.database.scoped(Setting(tenant_id, portal, None, maker.id)) as session:
                session.add(Policy(tenant_id=tenant_id, kind="member.role", approvals=1, changed_at=clock.now()))
                of_subject = (Membership.tenant_id == tenant_id, Membership.user_id == subject.id)
                membership = session.scalars(select(Membership.id).where(*of_subject)).one()
                scope = Scope(session, tenant_id, kind, role, Actor(maker.id, maker.name))
                perform(scope, "member.role", {"membership_id": str(membership), "role": wanted})

    def give_roles(self) -> None:
        """A legal entity, a job role and an account group in the firm and in a client account."""
        client = self.clients[BOOKED].tenant_id
        for tenant_id, head in ((self.firm, self.head), (client, self.owner_of(self.clients[BOOKED]))):
            kind, role = ("client", "owner") if tenant_id == client else ("portal", "administrator")
            maker, portal = self.users[head], tenant_id if kind == "portal" else None
            with self.made.database.scoped(Setting(tenant_id, portal, None, maker.id)) as session:
                scope = Scope(session, tenant_id, kind, role, Actor(maker.id, maker.name))
                account = session.scalars(select(BankAccount.id).where(BankAccount.tenant_id == client)).first()
                entity = create_entity(scope, {"name": "Holding", "scheme": "kbo", "enterprise_number": "0417497106"})
                create_role(scope, {"name": "Payments", "rights": {"statements": ["view"], "entries": ["approve"]}})
                create_group(
                    scope, {"name": "Shops", "legal_entity": str(entity), "accounts": [[str(client), str(account)]]}
                )

    def add_what_pages_need(self) -> None:
        """A run of several clients, a log-in of a client's own, linked banks, waiting mails with links."""
        self.link_bank(BOOKED, "connected", "", 9)
        self.link_bank(ALSO_BOOKED, "consent_ended", "saltedge.consent_expired", -2)
        self.link_bank(DRAFTS, "attention", "saltedge.provider_error", 40)
        self.link_bank(GAP, "connecting", "", 180)
        self.hand_in_invoices(BOOKED)
        self.let_tasks_wait()
        self.give_roles()
        self.leave_open(BOOKED, b"Wanneer;Wie;Hoeveel;Waarvoor\n31/01/2024;Jansen;-12,50;Brood\n")
        self.leave_open(DRAFTS, b"Datum;Omschrijving;Bedrag;IBAN\n03/04/2024;Brood;-12,50;BE68539007547034\n")
        database, vault, base = self.made.database, self.made.vault, self.made.settings.base_url
        staff = self.users[cast.STAFF[1].email]
        with database.scoped(Setting(self.firm, self.firm, None, staff.id)) as session:
            scope = Scope(session, self.firm, "portal", "staff", Actor(staff.id, staff.name))
            self.batch = batches.start_batch(scope, [self.clients[i].tenant_id for i in (DRAFTS, FAILING)]).id
            list_of_newcomers(session, self.firm, staff.id, "")
            list_of_copies(session, self.firm, self.clients[BOOKED].tenant_id, staff.id, "")
        with self.in_client(self.clients[BOOKED]) as scope:
            tenant = scope.session.get_one(Tenant, scope.tenant_id)
        with database.scoped(Setting(self.firm, self.firm)) as session:
            portal = session.get_one(Tenant, self.firm)
        for holder in (portal, tenant):
            self.keep_files(holder)
        self.own_login: uuid.UUID = make.make_authorisation(database, vault, tenant, access="a", refresh="b").id
        make.let_app_in(database, tenant.id, "exact")
        for holder in (portal, tenant):
            with database.scoped(Setting(tenant=holder.id)) as session:
                software.create(Scope.system(session, holder.id, holder.kind), "ERP")
        billing.bill(self, demo_scene.last_months(3))
        with database.scoped() as session:
            careful = session.get_one(User, self.users[CAREFUL].id)
            secret = second_factor.begin(session, vault, careful)
            second_factor.confirm(session, vault, careful, pyotp.TOTP(secret).now())
            identity.ask_reset(session, vault, cast.OWNERS[3].email, base)
            identity.sign_up(
                session, vault, email="new@example.com", name="New", password=cast.PASSWORD, locale="en-GB",
                base_url=base,
            )  # fmt: skip
