"""The whole way with the stand-in for Ponto Connect: log in, read, rotate tokens, renew, be withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from config import ClientCertificate, Settings
from portal.authorisations import applications, connecting, service
from portal.authorisations.login import LoginRefused
from portal.authorisations.service import Outcome
from portal.connectors.errors import AuthorisationExpired
from portal.connectors.feed import BankFeed
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.runtime import Runtime
from sandbox.ponto import Running, serve
from tests import factories as make
from tests.authorisations.conftest import Time, make_settings
from tests.authorisations.provider import Provider
from tests.authorisations.test_login import Visitor, make_visitor
from tests.conftest import Servers, Urls

CLIENT, SECRET = "5f1c9f0e-3a51-4c3b-8a10-1d2c3b4a5f77", "secret-of-the-ponto-app"
BACK = "https://portal.example.com/oauth/ponto/callback"


@pytest.fixture
def ponto(tmp_path: Path, virtual: Time) -> Iterator[Running]:
    running = serve(data=tmp_path / "ponto", clock=virtual.true, ticking=False)
    control(running, "apps", client_id=CLIENT, secret=SECRET, redirect_uris=[BACK])
    for login in ("bakker", "slager"):
        control(running, "organisations", login=login, name=f"{login} BV")
        control(running, "accounts", organisation=login, bank="KBC", pace=3)
    yield running
    running.stop()


def control(running: Running, what: str, **values: object) -> None:
    reply = requests.post(f"{running.url}/control/api/{what}", json=values, timeout=10)
    assert reply.ok, reply.text


@pytest.fixture
def settings(tmp_path: Path, database_urls: Urls, servers: Servers, ponto: Running) -> Settings:
    made = make_settings(tmp_path, database_urls, servers, "http://127.0.0.1:9")
    hosts = dict.fromkeys(("live", "sandbox"), f"{ponto.url}/ponto-connect")
    return make.registered(made, "ponto", id=CLIENT, secret=SECRET, hosts=hosts)


@dataclass
class Client:
    """Somebody who goes to Ponto and comes back."""

    visitor: Visitor

    def begin(self, name: str = "Ponto") -> str:
        visitor = self.visitor
        with visitor.means.database.session() as session:
            scope = make.scope_in(session, visitor.firm, "administrator", visitor.user)
            url = service.begin_login(visitor.means, scope, visitor.session_id, "ponto", "sandbox", name)
            session.commit()
            return url

    def connect(self, login: str = "bakker", name: str = "Ponto") -> service.Finished:
        return self.visitor.finish(consent(self.begin(name), login), app="ponto")

    def feed(self, finished: service.Finished) -> BankFeed:
        means = self.visitor.means
        book = (means.database, means.vault, means.settings)
        return service.connect_feed(*book, self.visitor.firm.id, finished.authorisation.id)


@pytest.fixture
def client(settings: Settings, database: Database, vault: Vault, provider: Provider) -> Client:
    return Client(make_visitor(Runtime(settings, database, vault), provider))


def consent(url: str, login: str) -> dict[str, str]:
    reply = requests.get(f"{url}&auto_approve={login}", allow_redirects=False, timeout=10)
    back = urlsplit(reply.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == BACK
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def test_the_way_out_asks_for_reading_only(client: Client) -> None:
    query = {name: values[0] for name, values in parse_qs(urlsplit(client.begin()).query).items()}
    assert query["scope"] == "offline_access ai"
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == BACK


def test_the_real_log_in_is_elsewhere_than_the_api(settings: Settings) -> None:
    real = make.registered(settings, "ponto", hosts={})
    assert applications.login_host(real, "ponto", "live") == "https://authorization.myponto.com"
    assert applications.login_host(real, "ponto", "sandbox") == "https://sandbox-authorization.myponto.com"
    assert applications.host_of(real, "ponto", "live") == "https://api.ibanity.com/ponto-connect"
    assert applications.login_host(settings, "ponto", "live") == settings.registration("ponto").hosts["live"]


def test_the_certificate_is_shown_to_ponto_only(settings: Settings) -> None:
    named = replace(settings, ponto_certificate=ClientCertificate(Path("a.pem"), Path("b.pem"), "p"))
    shown = applications.certificate(named, "ponto")
    assert shown is not None
    assert (shown.chain, shown.key, shown.password) == (Path("a.pem"), Path("b.pem"), "p")
    assert applications.certificate(named, "exact") is None
    assert applications.certificate(settings, "ponto") is None
    assert "p'" not in repr(named.ponto_certificate)


def test_tokens_rotate_and_reading_goes_on(client: Client, virtual: Time) -> None:
    finished = client.connect()
    assert finished.outcome is Outcome.CONNECTED
    assert finished.authorisation.remote_company == "bakker BV"
    feed = client.feed(finished)
    (account,) = feed.accounts()
    first = sum(len(page.transactions) for page in feed.transactions(account.id))
    for _ in range(6):
        virtual.pass_(hours=12)
        assert feed.accounts()
    assert sum(len(page.transactions) for page in feed.transactions(account.id)) > first


def test_the_same_organisation_again_is_the_same_authorisation(client: Client) -> None:
    first = client.connect()
    again = client.connect(name="Another name")
    assert (again.outcome, again.authorisation.id) == (Outcome.REUSED, first.authorisation.id)
    other = client.connect("slager", "The butcher")
    assert other.outcome is Outcome.CONNECTED
    assert client.feed(other).identity().company == "slager BV"
    assert client.feed(again).identity().company == "bakker BV"


def test_a_withdrawn_consent_asks_for_a_person(client: Client, ponto: Running, virtual: Time) -> None:
    feed = client.feed(client.connect())
    for grant in requests.get(f"{ponto.url}/control/api/grants", timeout=10).json()["grants"]:
        control(ponto, f"grants/{grant['id']}/revoke")
    with pytest.raises(AuthorisationExpired):
        feed.accounts()
    virtual.pass_(minutes=40)
    with pytest.raises(AuthorisationExpired):
        feed.accounts()
    assert client.visitor.rows()[0].state == "needs_consent"


def test_a_wrong_secret_is_no_word_on_the_consent(client: Client, settings: Settings) -> None:
    visitor = client.visitor
    wrong = replace(
        visitor, means=replace(visitor.means, settings=make.registered(settings, "ponto", secret="guessed"))
    )
    with pytest.raises(LoginRefused, match="provider_away"):
        Client(wrong).connect()


def test_switching_off_and_on_asks_ponto(client: Client) -> None:
    finished = client.connect()
    visitor = client.visitor
    with visitor.means.database.session() as session:
        scope = make.scope_in(session, visitor.firm, "administrator", visitor.user)
        service.deactivate(scope, finished.authorisation.id)
        session.commit()
    with pytest.raises(AuthorisationExpired):
        client.feed(finished)
    with visitor.means.database.session() as session:
        scope = make.scope_in(session, visitor.firm, "administrator", visitor.user)
        seen = service.activate(visitor.means, scope, finished.authorisation.id)
        session.commit()
    assert seen.identity.company == "bakker BV"
    assert list(seen.dossiers) == []
    assert client.feed(finished).accounts()


def test_keys_are_fetched_from_the_server_of_the_api(settings: Settings) -> None:
    assert b'"RS512"' in connecting.fetch_key(settings, "ponto", "sandbox", "/webhooks/keys")
    with pytest.raises(OSError, match="no keys"):
        connecting.fetch_key(settings, "ponto", "sandbox", "/nowhere")
    away = make.registered(settings, "ponto", hosts={"sandbox": "http://127.0.0.1:9/ponto-connect"})
    with pytest.raises(OSError, match="unreachable"):
        connecting.fetch_key(away, "ponto", "sandbox", "/webhooks/keys")
