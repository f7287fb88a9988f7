"""The whole way with the stand-in for Exact Online: log in, call, renew, log in elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from config import Settings
from portal.authorisations import service, tokens
from portal.authorisations.custody import Custody
from portal.authorisations.login import LoginRefused
from portal.authorisations.service import Outcome
from portal.connectors.base import Bookkeeping
from portal.connectors.errors import AuthorisationExpired, Temporary
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.runtime import Runtime
from sandbox.exact import Running, serve
from tests import factories as make
from tests.authorisations.conftest import Time, make_settings
from tests.authorisations.provider import Provider
from tests.authorisations.test_login import Visitor, make_visitor
from tests.conftest import Servers, Urls

CLIENT, SECRET = "5f1c9f0e-3a51-4c3b-8a10-1d2c3b4a5f60", "secret-of-the-app"


@pytest.fixture
def exact(tmp_path: Path, virtual: Time) -> Iterator[Running]:
    running = serve(port=0, data=tmp_path / "exact", clock=virtual.true)
    control(
        running,
        "apps",
        client_id=CLIENT,
        secret=SECRET,
        redirect_uris=["https://portal.example.com/oauth/exact/callback"],
    )
    control(running, "divisions", code=101, name="Boulangerie Delmotte", country="BE", environment="be")
    control(
        running,
        "users",
        login="kantoor",
        name="Karin Wouters",
        email="karin@firm.example",
        environment="be",
        role="firm",
        divisions=[101],
    )
    yield running
    running.stop()


def control(running: Running, what: str, **values: object) -> None:
    reply = requests.post(f"{running.url}/control/api/{what}", json=values, timeout=10)
    assert reply.ok, reply.text


@pytest.fixture
def settings(tmp_path: Path, database_urls: Urls, servers: Servers, exact: Running) -> Settings:
    made = make_settings(tmp_path, database_urls, servers, f"{exact.url}/be")
    return make.registered(made, "exact", id=CLIENT, secret=SECRET)


@pytest.fixture
def visitor(settings: Settings, database: Database, vault: Vault, provider: Provider) -> Visitor:
    return make_visitor(Runtime(settings, database, vault), provider)


def consent(url: str) -> dict[str, str]:
    """Allow at the sandbox, and read the address that it sends the browser to."""
    reply = requests.get(f"{url}&auto_approve=kantoor", allow_redirects=False, timeout=10)
    back = urlsplit(reply.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == "https://portal.example.com/oauth/exact/callback"
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def book(visitor: Visitor, finished: service.Finished) -> Bookkeeping:
    means = visitor.means
    return service.connect(means.database, means.vault, means.settings, visitor.firm.id, finished.authorisation.id)


def test_from_the_first_log_in_to_the_one_elsewhere(visitor: Visitor, virtual: Time) -> None:
    finished = visitor.finish(consent(visitor.begin()))
    assert finished.outcome is Outcome.CONNECTED
    connected = book(visitor, finished)
    assert [dossier.name for dossier in connected.dossiers()] == ["Boulangerie Delmotte"]
    for _ in range(5):
        virtual.pass_(minutes=15)
        assert connected.identity().email == "karin@firm.example"
    again = visitor.finish(consent(visitor.begin("A second name")))
    assert (again.outcome, again.authorisation.id) == (Outcome.REUSED, finished.authorisation.id)
    assert connected.identity().email == "karin@firm.example"

    elsewhere = make_visitor(visitor.means, visitor.provider)
    other = elsewhere.finish(consent(elsewhere.begin()))
    assert other.elsewhere is True
    with pytest.raises(Temporary):
        connected.identity()  # refused, and too young to ask why
    virtual.pass_(minutes=10)
    with pytest.raises(AuthorisationExpired):
        connected.identity()
    assert visitor.rows()[0].state == "needs_consent"
    assert book(elsewhere, other).identity().email == "karin@firm.example"


def test_a_lost_answer_and_an_outage(visitor: Visitor, virtual: Time, exact: Running) -> None:
    finished = visitor.finish(consent(visitor.begin()))
    means = visitor.means
    custody = Custody(means.database, means.vault, means.settings, visitor.firm.id, finished.authorisation.id)
    control(exact, "faults", kind="503", endpoint="token", times=3)
    virtual.pass_(minutes=11)
    for _ in range(3):
        with pytest.raises(Temporary):
            tokens.access_token(custody)
        virtual.pass_(minutes=5)
    assert tokens.access_token(custody)
    control(exact, "faults", kind="token_answer_lost", endpoint="token")
    virtual.pass_(minutes=11)
    with pytest.raises(Temporary):
        tokens.access_token(custody)
    virtual.pass_(minutes=5)
    with pytest.raises(AuthorisationExpired) as lost:
        tokens.access_token(custody)
    assert lost.value.code == "authorisation.token_used"


def test_a_log_in_that_the_person_declines_changes_nothing(visitor: Visitor) -> None:
    url = visitor.begin()
    state = parse_qs(urlsplit(url).query)["state"][0]
    with pytest.raises(LoginRefused) as declined:
        visitor.finish({"state": state, "error": "access_denied"})
    assert declined.value.code == "consent.denied"
    assert visitor.rows()[0].state == "inactive"
