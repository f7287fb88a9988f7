"""The shared rules for bookkeeping connectors, kept by the apps that go through Chift against its stand-in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import requests
from requests.auth import AuthBase

from portal.connectors import acd, cegid_loop, inqom
from portal.connectors.base import LedgerAccount
from portal.connectors.chift.signing import SHARED, Signature, Tokens
from portal.connectors.errors import AlreadyPosted, AuthorisationExpired, Rejected, Temporary
from portal.connectors.login import Application, Form
from portal.kernel import http
from tests.connectors.contract import BookkeepingContract
from tests.connectors.contract.entries import accounts_of, bank_entry, is_uncertain, look_up, refusal_of, send
from tests.connectors.contract.world import Fault
from tests.connectors.package_world import LOGIN, OPEN_CODE, Control, PackageWorld, fresh, serving

SECRET = "koppelpoort-chift-secret"
ACCOUNT = "7a0c5c51-1f0d-4a0e-8c55-2f4a4b1f7f10"
CLIENT = "koppelpoort"
BACK = "http://127.0.0.1:9/back?state=abc"
APPLICATION = Application(f"{ACCOUNT}/{CLIENT}", SECRET)


class ChiftWorld(PackageWorld):
    country, app = "FR", inqom
    key, connect = "inqom", staticmethod(inqom.connect)
    capabilities = inqom.MANIFEST.capabilities
    bank_account, suspense_account = "512000", "471000"
    foreign_account = LedgerAccount("999999", "Nulle part", "999999", "general")
    closed_day = date(2024, 6, 15)  # a whole fiscal year is closed

    @classmethod
    def prepare(cls, control: Control) -> None:
        control.post("apps", client_id=CLIENT, secret=SECRET, redirect_uris=[])
        control.post("lock", dossier=OPEN_CODE, until="2024-12-31")

    def log_in(self) -> str:
        return SECRET

    def fill_in(self) -> Form:
        """As people do: our page of Chift's, their log-in, and back."""
        kept = {"keeps_reference": True, "keeps_number": True, "tells_id": True, "shows_one": True}
        self.control.post("settings", auto_approve=LOGIN, switched_on=True, **kept)
        return self.visit(Form())

    def visit(self, form: Form) -> Form:
        session = http.session()
        session.auth = self.app.sign(Form(), APPLICATION, self.control.host)
        login = self.app.open_login(session, self.control.host, "Kantoor Peeters", "els@kantoor.example", BACK, form)
        answer = requests.get(login.url, timeout=10, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, BACK)
        return login.form

    def signature(self, host: str) -> AuthBase:
        return self.app.sign(self.form, APPLICATION, host)

    def name_of(self, row: Mapping[str, Any]) -> str:
        return str(row["code"])


class AcdWorld(ChiftWorld):
    key, app, connect = "acd", acd, staticmethod(acd.connect)
    capabilities = acd.MANIFEST.capabilities


class CegidWorld(ChiftWorld):
    key, app, connect = "cegid_loop", cegid_loop, staticmethod(cegid_loop.connect)
    capabilities = cegid_loop.MANIFEST.capabilities


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    yield from serving(ChiftWorld, tmp_path_factory.mktemp("chift"))


@pytest.fixture
def world(control: Control) -> ChiftWorld:
    return fresh(ChiftWorld, control)


class TestContract(BookkeepingContract):
    pass


@pytest.fixture(scope="module", params=[AcdWorld, CegidWorld], ids=lambda world: world.key)
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChiftWorld]:
    for control in serving(request.param, tmp_path_factory.mktemp(request.param.key)):
        yield fresh(request.param, control)


def test_every_app_books_and_finds_again(other: ChiftWorld) -> None:
    entry = replace(bank_entry(other, "12.00"), reference="KP-ABCDEFGH234567AB")
    posted = send(other, entry)
    (found,) = look_up(other, entry)
    assert (found.id, found.number) == (posted.id, "ABCDEFGH234567AB")


def test_what_cannot_be_proved_by_a_look_up_waits_for_a_person() -> None:
    proved = {app.MANIFEST.key: app.MANIFEST.capabilities.finds for app in (acd, cegid_loop, inqom)}
    assert proved == {"acd": False, "cegid_loop": False, "inqom": True}


def test_a_repetition_tells_what_the_first_one_made(world: ChiftWorld) -> None:
    entry = bank_entry(world)
    posted = send(world, entry)
    with pytest.raises(AlreadyPosted) as known:
        send(world, entry)
    assert known.value.external_id == posted.id


def test_what_was_refused_may_be_sent_again(world: ChiftWorld) -> None:
    entry = bank_entry(world, on=world.closed_day)
    assert isinstance(refusal_of(lambda: send(world, entry)), Rejected)
    assert list(look_up(world, entry)) == []
    world.control.post("lock", dossier=OPEN_CODE, until="")
    try:
        assert send(world, entry).id
    finally:
        world.control.post("lock", dossier=OPEN_CODE, until="2024-12-31")
    assert world.booked(entry.reference) == 1


def test_a_package_that_keeps_no_reference_keeps_the_number(world: ChiftWorld) -> None:
    world.control.post("settings", keeps_reference=False)
    entry = replace(bank_entry(world, "3.00"), reference="KP-ZYXWVUTS765432ZY")
    send(world, entry)
    assert [found.reference for found in look_up(world, entry)] == [entry.reference]
    listed = world.connection.entries(world.dossier, entry.kind, entry.journal, entry.date, entry.date)
    assert entry.reference in [found.reference for found in listed]


@pytest.mark.parametrize("lacking", ["tells_id", "shows_one"])
def test_what_chift_says_was_done_is_never_called_absent(world: ChiftWorld, lacking: str) -> None:
    """A package that keeps neither reference nor number, and gives no id or shows no entry by it."""
    entry = bank_entry(world, "3.00")
    world.control.post("settings", **{"keeps_reference": False, "keeps_number": False, lacking: False})
    send(world, entry)
    (found,) = look_up(world, entry)
    assert (found.reference, found.journal, found.date) == (entry.reference, entry.journal, entry.date)
    assert list(look_up(world, bank_entry(world))) == []


def test_an_entry_that_is_not_shown_by_its_id_is_read_from_the_journal(world: ChiftWorld) -> None:
    world.control.post("settings", shows_one=False)
    entry = bank_entry(world, "3.00", "4.00")
    send(world, entry)
    assert [found.line_count for found in look_up(world, entry)] == [4]


def test_an_entry_that_people_removed_is_not_found(world: ChiftWorld) -> None:
    entry = bank_entry(world)
    send(world, entry)
    (told,) = world.control.get("ledger", dossier=OPEN_CODE, reference=entry.reference)["entries"]
    world.control("DELETE", f"entries/{told['seq']}", params={"package": world.key, "dossier": OPEN_CODE})
    assert list(look_up(world, entry)) == []


def test_a_long_span_is_read_in_pieces(world: ChiftWorld) -> None:
    entry = bank_entry(world, on=date(2025, 5, 5))
    send(world, entry)
    listed = world.connection.entries(world.dossier, entry.kind, entry.journal, date(2025, 1, 1), date(2025, 12, 31))
    assert [found.reference for found in listed].count(entry.reference) == 1


# ------------------------------------------------------------------------------ the log-in


def test_nobody_connected_yet_is_told(world: ChiftWorld) -> None:
    world.form = Form()
    assert isinstance(refusal_of(world.connection_to(world.control.host).identity), AuthorisationExpired)
    world.form = Form(consumer=str(uuid.uuid4()))
    assert isinstance(refusal_of(world.connection_to(world.control.host).identity), Rejected)


def test_logging_in_again_keeps_consumer_and_connection(world: ChiftWorld) -> None:
    before = world.connection.identity()
    world.expire()
    assert isinstance(refusal_of(world.connection.identity), AuthorisationExpired)
    assert world.visit(world.form) == world.form
    assert world.connection.identity() == before


def test_a_consumer_that_is_gone_is_made_anew(world: ChiftWorld) -> None:
    again = world.visit(Form(consumer=str(uuid.uuid4())))
    assert again["consumer"] in world.control.get("things", kind="consumer")["things"]


def test_a_package_that_is_not_switched_on_is_told(world: ChiftWorld) -> None:
    world.control.post("settings", switched_on=False)
    assert refusal_of(lambda: world.visit(Form())).code == "inqom.integration_inactive"


def test_the_page_asks_people_and_takes_no_for_an_answer(world: ChiftWorld) -> None:
    world.control.post("settings", auto_approve="")
    session = http.session()
    session.auth = world.signature(world.control.host)
    login = world.app.open_login(session, world.control.host, "K", "", BACK, Form())
    assert "Log in as" in requests.get(login.url, timeout=10).text
    answer = requests.post(login.url, data={"login": LOGIN, "decision": "deny"}, timeout=10, allow_redirects=False)
    assert answer.headers["Location"] == BACK
    world.form = login.form
    assert isinstance(refusal_of(world.connection_to(world.control.host).identity), AuthorisationExpired)


# ------------------------------------------------------------------------------ the signature


def asked(world: ChiftWorld) -> int:
    found = world.control.get("requests", limit=5000)["requests"]
    return sum(1 for one in found if one["path"].endswith("/token"))


def test_a_token_is_bought_once_and_again_when_it_ends(world: ChiftWorld) -> None:
    now = [1000.0]
    session = http.session()
    session.auth = Signature("inqom", APPLICATION, world.control.host, Tokens(lambda: now[0]))
    before = asked(world)
    address = f"{world.control.host}/integrations"
    for expected, passed in ((1, 0), (1, 1700), (2, 1800)):
        now[0] = 1000.0 + passed
        assert http.exchange(session, "GET", address).status == 200
        assert asked(world) - before == expected


def test_connections_of_a_process_share_a_token(world: ChiftWorld) -> None:
    before = asked(world)
    for _ in range(3):
        assert world.connection_to(world.control.host).dossiers()
    assert asked(world) - before <= 1
    assert APPLICATION.secret not in repr(SHARED)


def test_a_token_that_ended_early_is_bought_again(world: ChiftWorld) -> None:
    assert world.connection.dossiers()
    world.control.post("clock", advance=3600)
    error = refusal_of(world.connection.dossiers)
    assert isinstance(error, Temporary)
    assert (error.code, error.sent) == ("inqom.token_refused", False)
    assert world.connection.dossiers()


def test_the_token_goes_to_its_provider_only(world: ChiftWorld) -> None:
    session = http.session()
    session.auth = inqom.sign(Form(), APPLICATION, "https://api.chift.eu")
    with pytest.raises(ValueError, match="own provider"):
        http.exchange(session, "GET", "https://api.chift.eu.example/consumers")


@pytest.mark.parametrize("application", [Application(CLIENT, "wrong"), Application("", "")])
def test_our_own_registration_is_not_a_matter_of_the_firm(world: ChiftWorld, application: Application) -> None:
    session = http.session()
    session.auth = inqom.sign(Form(), application, world.control.host)
    error = refusal_of(inqom.connect(session, world.control.host, world.gate, world.form).dossiers)
    assert isinstance(error, Rejected)
    assert error.code == "inqom.application_refused"
    assert "wrong" not in f"{error!r} {error.__dict__}"


def test_a_token_that_cannot_be_had_sends_nothing(world: ChiftWorld) -> None:
    entry = bank_entry(world)
    payload = world.connection.render(entry, {code: LedgerAccount(code, "", code, "") for code in ("512000", "471000")})
    world.fault(Fault.LOST_AFTER, write=True)
    assert is_uncertain(refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload)))
    world.control.post("faults", endpoint="token", kind="503", times=1)
    session = http.session()
    session.auth = Signature("inqom", APPLICATION, world.control.host, Tokens())
    fresh_one = inqom.connect(session, world.control.host, world.gate, world.form)
    error = refusal_of(lambda: fresh_one.post(world.dossier, entry.kind, payload))
    assert isinstance(error, Temporary)
    assert not error.sent
    assert world.booked(entry.reference) == 1


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.SLOW, Fault.LOST_AFTER])
def test_what_fails_before_the_entry_is_sent_leaves_no_doubt(world: ChiftWorld, fault: Fault) -> None:
    entry = bank_entry(world)
    payload = world.connection.render(entry, accounts_of(world))
    world.connection = world.connection_to(world.control.host)  # that has asked nothing yet
    world.fault(fault, write=False, times=3)
    error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
    assert isinstance(error, Temporary)
    assert not error.sent
    assert world.booked(entry.reference) == 0
