"""Logging in at a provider: what comes back has to fit what went out."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from portal.authorisations import service, tokens
from portal.authorisations.custody import Custody
from portal.authorisations.login import LoginRefused, tenant_of
from portal.authorisations.models import Authorisation, Credential, LoginState, State
from portal.authorisations.service import Finished, Outcome
from portal.connectors.errors import AuthorisationExpired
from portal.identity.models import User, UserSession
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.kernel.errors import Invalid
from portal.runtime import Runtime
from portal.tenants.models import Tenant
from tests import factories as make
from tests.authorisations.conftest import SignedIn, Time
from tests.authorisations.provider import Provider, person


@dataclass
class Visitor:
    """Somebody of a firm, signed in here, who goes to the provider and comes back."""

    means: Runtime
    provider: Provider
    firm: Tenant
    user: User
    session_id: uuid.UUID

    def begin(self, name: str = "Exact", authorisation_id: uuid.UUID | None = None) -> str:
        with self.means.database.session() as session:
            scope = make.scope_in(session, self.firm, "administrator", self.user)
            url = service.begin_login(self.means, scope, self.session_id, "exact", "be", name, authorisation_id)
            session.commit()
            return url

    def finish(self, given: dict[str, str], *, app: str = "exact") -> Finished:
        with self.means.database.session() as session:
            scope = make.scope_in(session, self.firm, "administrator", self.user)
            finished = service.finish_login(self.means, scope, self.session_id, app, given)
            session.commit()
            return finished

    def connect(self, who: dict[str, str], name: str = "Exact", authorisation_id: uuid.UUID | None = None) -> Finished:
        return self.finish(self.provider.consent(self.begin(name, authorisation_id), who))

    def rows(self) -> list[Authorisation]:
        with self.means.database.scoped(Setting(tenant=self.firm.id)) as session:
            return list(session.scalars(select(Authorisation).order_by(Authorisation.created_at)))

    def token(self, row: Authorisation) -> str:
        custody = Custody(self.means.database, self.means.vault, self.means.settings, self.firm.id, row.id)
        return tokens.access_token(custody)


def make_visitor(means: Runtime, provider: Provider, firm: Tenant | None = None, user: User | None = None) -> Visitor:
    user = user or make.make_user(means.database)
    firm = firm or make.make_tenant(means.database, "portal", "Peeters Lambrechts", members={user: "administrator"})
    now = clock.now()
    row = UserSession(
        user_id=user.id, token_hash=uuid.uuid4().bytes, created_at=now, last_seen_at=now,
        expires_at=now + timedelta(days=7), confirmed_at=now,
    )  # fmt: skip
    with means.database.scoped() as session:
        session.add(row)
    return Visitor(means, provider, firm, user, row.id)


@pytest.fixture
def visitor(means: Runtime, provider: Provider) -> Visitor:
    return make_visitor(means, provider)


def test_the_way_out_carries_a_challenge_a_state_and_the_one_redirect_address(visitor: Visitor) -> None:
    url = urlsplit(visitor.begin())
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url.path == "/be/api/oauth2/auth"
    assert query["redirect_uri"] == "https://portal.example.com/oauth/exact/callback"
    assert query["code_challenge_method"] == "S256"
    assert query["force_login"] == "1"
    assert len(query["code_challenge"]) == 43
    assert tenant_of(query["state"]) == visitor.firm.id
    with visitor.means.database.scoped(Setting(tenant=visitor.firm.id)) as session:
        row = session.scalars(select(LoginState)).one()
    assert query["state"].encode() not in row.state_hash + row.verifier


def test_coming_back_connects_and_the_tokens_work(visitor: Visitor) -> None:
    finished = visitor.connect(person("Karin Wouters"), "Exact of the office")
    row = finished.authorisation
    assert (finished.outcome, finished.elsewhere) == (Outcome.CONNECTED, False)
    assert (row.state, row.name, row.remote_user_name) == ("active", "Exact of the office", "Karin Wouters")
    assert (row.owner_id, row.default_dossier) == (visitor.user.id, "101")
    assert visitor.token(row) == visitor.provider.grants[-1].access


Forgery = Callable[[Visitor, dict[str, str], Time], object]


def _other_tenant(visitor: Visitor, given: dict[str, str], virtual: Time) -> object:
    rival = make_visitor(visitor.means, visitor.provider, user=visitor.user)
    rival.session_id = visitor.session_id
    return rival.finish(given)


def _tenant_swapped_in_the_state(visitor: Visitor, given: dict[str, str], virtual: Time) -> object:
    rival = make_visitor(visitor.means, visitor.provider, user=visitor.user)
    rival.session_id = visitor.session_id
    secret = given["state"].partition(".")[2]
    return rival.finish(given | {"state": f"{rival.firm.id.hex}.{secret}"})


def _replay(visitor: Visitor, given: dict[str, str], virtual: Time) -> object:
    visitor.finish(given)
    return visitor.finish(given)


def _replay_with_a_new_code(visitor: Visitor, given: dict[str, str], virtual: Time) -> object:
    url = visitor.begin("Another")
    visitor.finish(given)
    fresh = visitor.provider.consent(url, person("Somebody Else"))
    return visitor.finish({"state": given["state"], "code": fresh["code"]})


def _stale(visitor: Visitor, given: dict[str, str], virtual: Time) -> object:
    virtual.pass_(minutes=10, seconds=1)
    return visitor.finish(given)


def _other_session(visitor: Visitor, given: dict[str, str], virtual: Time) -> object:
    return make_visitor(visitor.means, visitor.provider, visitor.firm, visitor.user).finish(given)


def _other_persons_session(visitor: Visitor, given: dict[str, str], virtual: Time) -> object:
    return make_visitor(visitor.means, visitor.provider, visitor.firm).finish(given)


def _code_of_another_login(visitor: Visitor, given: dict[str, str], virtual: Time) -> object:
    """A code that somebody else got for another verifier is put into our call-back."""
    victim = make_visitor(visitor.means, visitor.provider)
    stolen = visitor.provider.consent(victim.begin(), person("A Victim"))
    return visitor.finish(given | {"code": stolen["code"]})


FORGERIES: dict[str, tuple[str, Forgery]] = {
    "other session": ("consent.other_session", _other_session),
    "another person's session": ("consent.other_session", _other_persons_session),
    "other tenant": ("consent.state_unknown", _other_tenant),
    "tenant swapped in the state": ("consent.state_unknown", _tenant_swapped_in_the_state),
    "replay": ("consent.state_used", _replay),
    "replay with a new code": ("consent.state_used", _replay_with_a_new_code),
    "swapped provider": ("consent.other_app", lambda b, given, _: b.finish(given, app="xero")),
    "stale": ("consent.state_expired", _stale),
    "no state": ("consent.state_missing", lambda b, given, _: b.finish({"code": given["code"]})),
    "made-up state": (
        "consent.state_unknown",
        lambda b, given, _: b.finish(given | {"state": f"{b.firm.id.hex}.made-up"}),
    ),
    "no code": ("consent.no_code", lambda b, given, _: b.finish({"state": given["state"]})),
    "made-up code": ("consent.code_refused", lambda b, given, _: b.finish(given | {"code": "made-up"})),
    "code of another login": ("consent.code_refused", _code_of_another_login),
    "other issuer": ("consent.other_issuer", lambda b, given, _: b.finish(given | {"iss": "https://evil.example"})),
    "refused by the person": (
        "consent.denied",
        lambda b, given, _: b.finish({"state": given["state"], "error": "access_denied"}),
    ),
    "broken off": (
        "consent.provider_error",
        lambda b, given, _: b.finish({"state": given["state"], "error": "server_error"}),
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_way_back_is_refused(visitor: Visitor, virtual: Time, forgery: str) -> None:
    code, forge = FORGERIES[forgery]
    given = visitor.provider.consent(visitor.begin(), person("Karin Wouters"))
    with pytest.raises(LoginRefused) as refused:
        forge(visitor, given, virtual)
    assert refused.value.code == code


@pytest.mark.parametrize("forgery", ["other session", "other tenant", "swapped provider", "made-up state"])
def test_a_strangers_try_does_not_use_up_the_state(visitor: Visitor, virtual: Time, forgery: str) -> None:
    given = visitor.provider.consent(visitor.begin(), person("Karin Wouters"))
    with pytest.raises(LoginRefused):
        FORGERIES[forgery][1](visitor, given, virtual)
    assert visitor.finish(given).outcome is Outcome.CONNECTED


def test_an_issuer_that_fits_is_accepted(visitor: Visitor) -> None:
    given = visitor.provider.consent(visitor.begin(), person("Karin Wouters"))
    assert visitor.finish(given | {"iss": visitor.provider.host}).outcome is Outcome.CONNECTED


def test_the_same_login_again_renews_and_wakes(visitor: Visitor, virtual: Time) -> None:
    karin = person("Karin Wouters")
    row = visitor.connect(karin).authorisation
    visitor.provider.grants[-1].revoked = True
    virtual.pass_(seconds=600)
    with pytest.raises(AuthorisationExpired):
        visitor.token(row)
    assert visitor.rows()[0].state == State.NEEDS_CONSENT
    finished = visitor.connect(karin, authorisation_id=row.id)
    assert (finished.outcome, finished.authorisation.id) == (Outcome.RENEWED, row.id)
    assert visitor.token(row) == visitor.provider.grants[-1].access


def test_another_login_is_refused_and_the_old_grant_stays(visitor: Visitor) -> None:
    row = visitor.connect(person("Karin Wouters")).authorisation
    before = visitor.token(row)
    with pytest.raises(LoginRefused) as refused:
        visitor.connect(person("Piet Bakker"), authorisation_id=row.id)
    assert refused.value.code == "consent.other_login"
    assert refused.value.values == {"expected": "Karin Wouters", "got": "Piet Bakker"}
    assert visitor.token(row) == before
    assert visitor.rows()[0].remote_user_name == "Karin Wouters"


def test_a_login_that_is_connected_here_already_is_reused(visitor: Visitor) -> None:
    karin = person("Karin Wouters")
    first = visitor.connect(karin, "Exact").authorisation
    again = visitor.connect(karin, "A second name")
    assert (again.outcome, again.authorisation.id) == (Outcome.REUSED, first.id)
    assert [row.name for row in visitor.rows()] == ["Exact"]
    assert visitor.token(first) == visitor.provider.grants[-1].access


def test_two_first_log_ins_at_once_become_one(visitor: Visitor) -> None:
    """In two windows, under two names: whoever comes second finds the login connected already."""
    karin = person("Karin Wouters")
    first, second = (visitor.provider.consent(visitor.begin(name), karin) for name in ("Exact", "A second name"))
    with visitor.means.database.session() as session, ThreadPoolExecutor(1) as pool:
        scope = make.scope_in(session, visitor.firm, "administrator", visitor.user)
        row = service.finish_login(visitor.means, scope, visitor.session_id, "exact", first).authorisation
        later = pool.submit(visitor.finish, second)
        with pytest.raises(TimeoutError):
            later.result(0.5)
        session.commit()
        again = later.result(10)
        assert (again.outcome, again.authorisation.id) == (Outcome.REUSED, row.id)
    assert [row.name for row in visitor.rows()] == ["Exact"]
    assert visitor.token(row) == visitor.provider.grants[-1].access


def test_a_login_that_is_connected_elsewhere_is_told(visitor: Visitor) -> None:
    karin = person("Karin Wouters")
    assert make_visitor(visitor.means, visitor.provider).connect(karin).elsewhere is False
    assert visitor.connect(karin).elsewhere is True


def test_a_login_is_recognised_before_the_consent(visitor: Visitor) -> None:
    row = visitor.connect(person("Karin Wouters")).authorisation
    stranger = make_visitor(visitor.means, visitor.provider)
    for firm, hint, expected in (
        (visitor.firm, "KARIN@firm.example ", row.id),
        (visitor.firm, "karin wouters", row.id),
        (visitor.firm, "piet@firm.example", None),
        (visitor.firm, "", None),
        (stranger.firm, "karin@firm.example", None),
    ):
        with visitor.means.database.session() as session:
            found = service.recognise_login(make.scope_in(session, firm), "exact", "be", hint)
            assert (found and found.id) == expected


def test_a_log_in_that_was_broken_off_is_taken_up_again_under_its_name(visitor: Visitor) -> None:
    visitor.begin("Exact")
    visitor.begin(" exact ")
    assert [row.state for row in visitor.rows()] == ["inactive"]
    visitor.connect(person("Karin Wouters"), "Exact")
    with pytest.raises(Invalid) as taken:
        visitor.begin("EXACT")
    assert taken.value.code == "authorisation.name_taken"


def test_a_provider_that_does_not_say_who_it_is_connects_nothing(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = visitor.begin()
    given = visitor.provider.consent(url, person("Karin Wouters"))
    monkeypatch.setattr(visitor.provider, "api", lambda *call: (200, {}, b"{}"))
    with pytest.raises(LoginRefused) as nobody:
        visitor.finish(given)
    assert nobody.value.code == "consent.nobody"
    with visitor.means.database.scoped(Setting(tenant=visitor.firm.id)) as session:
        assert session.scalars(select(Credential)).all() == []


def test_a_new_log_in_waits_for_a_renewal_and_then_counts(
    signed_in: SignedIn, virtual: Time, provider: Provider, means: Runtime
) -> None:
    """Both happen at once: the pair of the log-in is the newer one and stays."""
    visitor = make_visitor(means, provider, signed_in.firm, signed_in.owner)
    given = provider.consent(visitor.begin(authorisation_id=signed_in.row.id), signed_in.grant.user)
    virtual.pass_(seconds=575)
    provider.hold = threading.Event()
    renewing = threading.Thread(target=lambda: tokens.access_token(signed_in.custody))
    renewing.start()
    while not provider.token_calls:
        pass
    held, provider.hold = provider.hold, None
    threading.Timer(0.3, held.set).start()
    assert visitor.finish(given).outcome is Outcome.RENEWED
    renewing.join(10)
    assert tokens.access_token(signed_in.custody) == provider.grants[-1].access
    assert signed_in.credential().generation == 3
