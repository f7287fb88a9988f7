"""Authorisations by a typed form: made, activated, given another key, refused, kept alive, and never shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config import EVERY, Settings
from portal.access import Scope
from portal.authorisations import heartbeat, keys, service, typed
from portal.authorisations.custody import Custody
from portal.authorisations.login import LoginRefused
from portal.authorisations.models import Authorisation, Credential, State
from portal.connectors import registry
from portal.connectors.base import Bookkeeping, EntryKind
from portal.connectors.errors import AuthorisationExpired
from portal.connectors.login import AuthMode, Form, HostedLogin
from portal.couplings.dossiers import store_dossiers
from portal.identity.models import User
from portal.kernel import clock, http
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.mail import Mail, place_of
from portal.kernel.vault import Vault
from portal.runtime import Runtime
from portal.tenants.models import Tenant
from tests import factories as make
from tests.authorisations import keyed
from tests.authorisations.conftest import Time
from tests.authorisations.provider import Provider
from tests.authorisations.test_login import make_visitor
from tests.conftest import Urls

T = TypeVar("T")
DUE = text("SELECT id FROM due_authorisations(:now, 1000)")


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Iterator[keyed.Books]:
    monkeypatch.setitem(registry.CONNECTORS, "keyed", "tests.authorisations.keyed")
    made = keyed.Books()
    yield made
    made.stop()


@dataclass
class Desk:
    """Somebody of a firm, with a form in front of them."""

    means: Runtime
    books: keyed.Books
    firm: Tenant
    user: User

    def typing(self, **values: str) -> Mapping[str, str]:
        return {"url": self.books.host, "database": "firm", "key": "key-of-anna"} | values

    def do(self, work: Callable[[Scope], T]) -> T:
        with self.means.database.session() as session:
            made = work(make.scope_in(session, self.firm, "administrator", self.user))
            session.commit()
            return made

    def create(self, name: str = "Books", **values: str) -> Authorisation:
        return self.do(lambda scope: keys.create(self.means, scope, "keyed", "", name, self.typing(**values)))

    def change(self, row: Authorisation, **values: str) -> Authorisation:
        return self.do(lambda scope: keys.change(self.means, scope, row.id, self.typing(**values)))

    def activate(self, row: Authorisation) -> service.Seen:
        return self.do(lambda scope: service.activate(self.means, scope, row.id))

    def active(self, name: str = "Books", **values: str) -> Authorisation:
        row = self.create(name, **values)
        self.activate(row)
        return row

    def custody(self, row: Authorisation) -> Custody:
        return Custody(self.means.database, self.means.vault, self.means.settings, self.firm.id, row.id)

    def now(self, row: Authorisation) -> tuple[Authorisation, Credential, Form]:
        custody = self.custody(row)
        with custody.session() as session:
            found = custody.rows(session)
            assert found is not None
            return *found, typed.read(custody, session, *found)

    def connect(self, row: Authorisation) -> Bookkeeping:
        means = self.means
        return service.connect(means.database, means.vault, means.settings, self.firm.id, row.id)


@pytest.fixture
def desk(settings: Settings, database: Database, vault: Vault, books: keyed.Books) -> Desk:
    user = make.make_user(database)
    firm = make.make_tenant(database, "portal", "Peeters Lambrechts", members={user: "administrator"})
    own = make.registered(settings, "keyed", hosts={EVERY: books.host})
    return Desk(Runtime(own, database, vault), books, firm, user)


def test_a_new_one_is_inactive_and_calls_nobody(desk: Desk) -> None:
    row, credential, form = desk.now(desk.create())
    assert (row.state, row.environment, row.remote_user_id) == (State.INACTIVE, desk.books.host, "")
    assert row.form == {"url": desk.books.host, "database": "firm"}
    assert form == desk.typing()
    assert b"key-of-anna" not in credential.access_token
    assert desk.books.calls == 0


def test_activating_calls_and_shows_what_it_saw(desk: Desk) -> None:
    row = desk.create()
    seen = desk.activate(row)
    assert (seen.identity.user_name, [d.name for d in seen.dossiers]) == ("Anna", ["Bakkerij"])
    found, *_ = desk.now(row)
    assert (found.state, found.remote_user_id, found.remote_company) == (State.ACTIVE, "anna", "Anna")
    assert desk.connect(row).identity().user_id == "anna"


def test_several_of_one_app_but_each_login_once(desk: Desk) -> None:
    first, second = desk.active("Anna"), desk.active("Piet", key="key-of-piet")
    assert desk.connect(first).identity().user_id == "anna"
    assert desk.connect(second).identity().user_id == "piet"
    third = desk.create("Anna again", key="other-key-of-anna")
    with pytest.raises(Conflict) as caught:
        desk.activate(third)
    assert (caught.value.code, caught.value.values) == (
        "authorisation.login_taken", {"login": "Anna", "name": "Anna"},
    )  # fmt: skip
    with pytest.raises(Invalid) as taken:
        desk.create("  anna ")
    assert (taken.value.code, taken.value.field) == ("authorisation.name_taken", "name")


def test_a_wrong_key_is_told_without_showing_it(desk: Desk) -> None:
    row = desk.create(key="a-key-that-nobody-knows")
    with pytest.raises(Conflict) as caught:
        desk.activate(row)
    assert caught.value.code == "authorisation.key_refused"
    assert caught.value.values["text"] == "unknown key [secret]"
    assert desk.now(row)[0].state == State.INACTIVE
    desk.change(row)  # before its first use anything may change
    assert desk.activate(row).identity.user_id == "anna"


def test_what_is_wrong_is_told_field_by_field(desk: Desk) -> None:
    given = {"url": "http://127.0.0.1:1", "database": "Not This", "expires_on": "2020-01-01", "pin": "1\x002"}
    with pytest.raises(typed.FormRefused) as caught:
        desk.do(lambda scope: keys.create(desk.means, scope, "keyed", "", "Books", given))
    assert {key: code for key, (code, _) in caught.value.problems.items()} == {
        "url": "authorisation.address",
        "database": "authorisation.field_example",
        "key": "authorisation.field_needed",
        "pin": "authorisation.field_unreadable",
        "expires_on": "authorisation.field_date",
    }
    assert caught.value.problems["database"][1] == {"example": "firm"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://books.firm.be/", "https://books.firm.be"),
        ("books.firm.be", "https://books.firm.be"),
        ("http://books.firm.be", None),
        ("https://127.0.0.1", None),
        ("https://localhost", None),
        ("https://anna:key@books.firm.be", None),
        ("https://books.firm.be:22", None),
        ("https://169.254.169.254/latest", None),
    ],
)
def test_servers_are_public_and_over_https(desk: Desk, given: str, kept: str | None) -> None:
    assert typed.server(desk.means.settings, "keyed", given) == kept
    assert typed.server(desk.means.settings, "keyed", desk.books.host + "/") == desk.books.host


def test_without_the_settings_a_private_server_is_not_called(desk: Desk) -> None:
    """Stored while the settings named it; they do not any more, and the name leads inside."""
    row = desk.active()
    strict = replace(desk, means=replace(desk.means, settings=make.registered(desk.means.settings, "keyed", hosts={})))
    before = desk.books.calls
    with pytest.raises(Conflict, match=r"authorisation\.refused"):
        strict.activate(row)
    assert desk.books.calls == before


def test_an_empty_secret_stays_what_it_was(desk: Desk) -> None:
    row = desk.active(pin="12345")
    desk.change(row, key="", database="other")
    found, _, form = desk.now(row)
    assert (form["key"], form["pin"], found.form["database"]) == ("key-of-anna", "12345", "other")


def test_a_stored_key_goes_to_no_other_server(desk: Desk) -> None:
    """Before its first use nobody knows whose key it is; a colleague could have it sent to a server of theirs."""
    row = desk.create()
    with pytest.raises(typed.FormRefused) as caught:
        desk.change(row, url="https://elsewhere.firm.be", key="")
    assert {key: code for key, (code, _) in caught.value.problems.items()} == {"key": "authorisation.field_needed"}
    assert desk.now(row)[0].environment == desk.books.host
    desk.change(row, url="https://elsewhere.firm.be")
    assert desk.now(row)[0].environment == "https://elsewhere.firm.be"


def test_another_key_of_the_same_login_takes_over(desk: Desk) -> None:
    row = desk.active()
    generation = desk.now(row)[1].generation
    desk.change(row, key="other-key-of-anna")
    del desk.books.keys["key-of-anna"]
    assert desk.connect(row).identity().user_id == "anna"
    assert desk.now(row)[1].generation == generation + 1


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"key": "key-of-piet"}, "authorisation.other_key"),
        ({"key": "nobodys"}, "authorisation.key_refused"),
        ({"url": "https://elsewhere.firm.be"}, "authorisation.other_server"),
    ],
)
def test_a_key_of_somebody_else_is_refused_and_the_old_one_kept(desk: Desk, values: dict[str, str], code: str) -> None:
    row = desk.active()
    with pytest.raises(Conflict) as caught:
        desk.change(row, **values)
    assert caught.value.code == code
    assert desk.now(row)[2]["key"] == "key-of-anna"
    assert desk.connect(row).identity().user_id == "anna"


def test_a_key_that_tells_nobody_is_known_by_its_dossiers(desk: Desk) -> None:
    desk.books.keys |= {"first-of-nobody": "/8", "second-of-nobody": "/8", "of-another-firm": "/9"}
    row, other = desk.active("One", key="first-of-nobody"), desk.active("Two", key="of-another-firm")
    assert {desk.now(one)[0].remote_user_id for one in (row, other)} == {row.id.hex, other.id.hex}
    seen = desk.activate(row)
    desk.do(lambda scope: store_dossiers(scope, row.id, seen.dossiers))
    with pytest.raises(Conflict, match="other_dossiers"):
        desk.change(row, key="of-another-firm")
    desk.change(row, key="second-of-nobody")
    assert desk.now(row)[2]["key"] == "second-of-nobody"


@pytest.mark.parametrize("call", ["identity", "entries"])
def test_a_key_refused_in_use_asks_for_another(desk: Desk, call: str) -> None:
    row = desk.active()
    connection = desk.connect(row)
    del desk.books.keys["key-of-anna"]
    day = clock.now().date()
    listed = connection.entries("7", EntryKind.GENERAL, "1", day, day)
    with pytest.raises(AuthorisationExpired):
        connection.identity() if call == "identity" else list(listed)
    found = desk.now(row)[0]
    assert (found.state, found.state_code) == (State.NEEDS_CONSENT, "keyed.key")
    with pytest.raises(AuthorisationExpired):
        desk.connect(row)
    desk.change(row, key="other-key-of-anna")
    assert desk.now(row)[0].state == State.ACTIVE
    with pytest.raises(AuthorisationExpired):
        connection.identity()  # a call with the old key is no word on the new one
    assert desk.now(row)[0].state == State.ACTIVE


def test_the_owner_is_asked_for_a_key_and_not_to_log_in(desk: Desk) -> None:
    row = desk.active()
    desk.books.keys.clear()
    with pytest.raises(AuthorisationExpired):
        desk.connect(row).identity()
    with desk.means.database.scoped() as session:
        mail = session.scalars(select(Mail).where(Mail.to_email == desk.user.email)).one()
        values = json.loads(desk.means.vault.open(session, place_of(mail.id), mail.values))
    assert (mail.template, values["name"], values["by_key"]) == ("needs_consent", row.name, "1")


def test_switched_off_and_removed(desk: Desk, database_urls: Urls) -> None:
    row = desk.active()
    desk.do(lambda scope: service.deactivate(scope, row.id))
    with pytest.raises(AuthorisationExpired, match="not_active"):
        desk.connect(row)
    desk.activate(row)
    desk.do(lambda scope: service.remove(scope, row.id))
    with psycopg.connect(database_urls.admin) as connection:
        left = connection.execute("SELECT count(*) FROM credentials WHERE authorisation_id = %s", (row.id,)).fetchone()
    assert left == (0,)


def test_a_key_that_ends_is_told_ten_days_before(desk: Desk, virtual: Time) -> None:
    ends = clock.now().date() + timedelta(days=90)
    row = desk.active(expires_on=ends.isoformat())
    found, credential, _ = desk.now(row)
    assert service.health(found, credential, clock.now()) == "active"
    virtual.pass_(days=82)
    assert service.health(found, credential, clock.now()) == "expiring"
    desk.change(row, key="other-key-of-anna", expires_on=(ends + timedelta(days=90)).isoformat())
    found, credential, _ = desk.now(row)
    assert service.health(found, credential, clock.now()) == "active"


def test_an_idle_key_is_used_in_time(desk: Desk, virtual: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed, "MANIFEST", keyed.manifest(idle_days=30))
    row = desk.active()

    def is_due() -> bool:
        with desk.means.database.scoped() as session:
            return row.id in [found.id for found in session.execute(DUE, {"now": clock.now()})]

    virtual.pass_(days=14)
    assert not is_due()
    virtual.pass_(days=2)
    assert is_due()
    heartbeat.keep_alive(desk.custody(row))
    assert not is_due()
    assert desk.now(row)[1].refresh_expires_at > clock.now() + timedelta(days=29)
    virtual.pass_(days=16)
    desk.books.keys.clear()
    heartbeat.keep_alive(desk.custody(row))
    assert desk.now(row)[0].state == State.NEEDS_CONSENT


def test_a_form_shows_nothing_of_itself(desk: Desk, capsys: pytest.CaptureFixture[str], database_urls: Urls) -> None:
    """Neither in the log, nor in an error, nor in any row: only sealed."""
    row = desk.active(pin="pin-of-anna-1234")
    with pytest.raises(Conflict) as caught:
        desk.change(row, key="nobody-knows-this-key")
    told = [repr(caught.value), str(caught.value.values), repr(desk.now(row)[2]), *capsys.readouterr()]
    with psycopg.connect(database_urls.admin) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            rows = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()  # noqa: S608 (names of our own tables)
            told += [row for (row,) in rows]
    secrets = ("key-of-anna", "pin-of-anna-1234", "nobody-knows-this-key")
    hexes = [secret.encode().hex() for secret in secrets]
    assert not [secret for secret in (*secrets, *hexes) if any(secret in line for line in told)]


def test_a_sealed_form_opens_at_its_own_place_only(desk: Desk) -> None:
    first, second = desk.active("Anna"), desk.active("Piet", key="key-of-piet")
    with desk.means.database.scoped(Setting(tenant=desk.firm.id)) as session:
        _swap(session, desk, first, second)
    with pytest.raises(Exception, match="does not authenticate"):
        desk.connect(first)


def _swap(session: Session, desk: Desk, first: Authorisation, second: Authorisation) -> None:
    one, other = (session.get_one(Credential, (desk.firm.id, row.id)) for row in (first, second))
    one.access_token, other.access_token = other.access_token, one.access_token


def test_a_page_of_the_provider(desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed, "MANIFEST", keyed.manifest(AuthMode.HOSTED, typed_host=False))
    ours = make.registered(desk.means.settings, "keyed", id="us", secret="our-own-secret")
    visitor = make_visitor(replace(desk.means, settings=ours), provider, desk.firm, desk.user)

    def begin(name: str) -> str:
        return desk.do(
            lambda scope: service.begin_login(visitor.means, scope, visitor.session_id, "keyed", "live", name)
        )

    pages: list[str] = []  # what the provider sends people back to
    opening = keyed.open_login

    def opened(session: http.Session, host: str, name: str, email: str, return_to: str, form: Form) -> HostedLogin:
        pages.append(return_to)
        return opening(session, host, name, email, return_to, form)

    monkeypatch.setattr(keyed, "open_login", opened)
    assert begin("Page") == f"{desk.books.host}/page"
    state = pages[0].partition("state=")[2]
    finished = visitor.finish({"state": state, "connection": "done"}, app="keyed")
    assert (finished.authorisation.state, finished.authorisation.remote_user_id) == (State.ACTIVE, "anna")
    assert replace(desk, means=visitor.means).connect(finished.authorisation).identity().user_id == "anna"
    with pytest.raises(LoginRefused, match=r"consent\.state_used"):
        visitor.finish({"state": state}, app="keyed")
    desk.books.keys.clear()
    begin("Page two")
    with pytest.raises(LoginRefused, match=r"consent\.nobody"):
        visitor.finish({"state": pages[1].partition("state=")[2]}, app="keyed")
