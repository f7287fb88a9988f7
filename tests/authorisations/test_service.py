"""What people do with authorisations, and that switching off holds at the next call."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from portal.access import Scope
from portal.activity.models import Activity
from portal.authorisations import replies, service, states, tokens, wording
from portal.authorisations.custody import Custody
from portal.authorisations.models import Authorisation, Credential, State
from portal.connectors.base import Bookkeeping, EntryKind
from portal.connectors.errors import AuthorisationExpired, Temporary
from portal.jobs import authorisations as jobs
from portal.kernel import clock, queue
from portal.kernel.db import Setting
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.runtime import Runtime
from tests import factories as make
from tests.authorisations.conftest import SignedIn, Time
from tests.authorisations.provider import Provider


@pytest.fixture
def scope(signed_in: SignedIn) -> Iterator[Scope]:
    with signed_in.means.database.session() as session:
        yield make.scope_in(session, signed_in.firm, "administrator", signed_in.owner)


def connected(signed: SignedIn) -> Bookkeeping:
    means = signed.means
    return service.connect(means.database, means.vault, means.settings, signed.firm.id, signed.row.id)


def test_the_connector_calls_with_a_token_of_the_moment(signed_in: SignedIn, virtual: Time, provider: Provider) -> None:
    book = connected(signed_in)
    assert [dossier.code for dossier in book.dossiers()] == ["101", "102"]
    virtual.pass_(minutes=20)
    assert book.identity().user_name == "Karin Wouters"
    assert provider.token_calls == ["ok"]
    assert {status for _, _, status in provider.api_calls} == {200}


def test_a_read_with_a_token_that_died_early_is_repeated_once(
    signed_in: SignedIn, virtual: Time, provider: Provider, means: Runtime
) -> None:
    """Another process has the new token already: it is read again, and only the read is repeated."""
    book = connected(signed_in)
    virtual.pass_(seconds=400)
    dead = signed_in.grant.access
    provider._issue(signed_in.grant)
    asked = tokens.access_token

    def late(custody: Custody, *, stale: str | None = None) -> str:
        return asked(custody, stale=stale) if stale is None else signed_in.grant.access

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "access_token", late)
        assert book.identity().user_name == "Karin Wouters"
        assert [status for _, _, status in provider.api_calls] == [401, 200]
        with pytest.raises(Temporary) as replaced:
            book.post("101", EntryKind.BANK, b"{}")
    assert replaced.value.sent is False
    assert [status for _, _, status in provider.api_calls] == [401, 200, 401]
    assert dead != signed_in.grant.access


def test_a_refused_young_token_waits_instead_of_asking_a_person(
    signed_in: SignedIn, virtual: Time, provider: Provider
) -> None:
    book = connected(signed_in)
    signed_in.grant.revoked = True
    with pytest.raises(Temporary) as waiting:
        book.identity()
    assert waiting.value.code == "authorisation.token_young"
    virtual.pass_(seconds=575)
    with pytest.raises(AuthorisationExpired):
        book.identity()
    assert signed_in.state() == "needs_consent"
    assert len(provider.token_calls) == 1


def test_a_token_goes_to_its_own_provider_only(signed_in: SignedIn, provider: Provider) -> None:
    session = tokens.session_for(signed_in.custody, provider.host)
    for elsewhere in ("http://127.0.0.1:1/be/x", provider.host + ".evil.example/x", provider.host[:-3] + "/nl/x"):
        with pytest.raises(ValueError, match="its own provider"):
            session.get(elsewhere)


def test_switching_off_holds_at_the_very_next_call(signed_in: SignedIn, scope: Scope, provider: Provider) -> None:
    book = connected(signed_in)
    book.identity()
    service.deactivate(scope, signed_in.row.id)
    scope.session.commit()
    with pytest.raises(AuthorisationExpired) as off:
        book.identity()
    assert off.value.code == "authorisation.not_active"
    with pytest.raises(AuthorisationExpired):
        connected(signed_in)
    assert len(provider.api_calls) == 1


def test_activating_really_calls_and_tells_what_it_saw(
    signed_in: SignedIn, scope: Scope, means: Runtime, provider: Provider
) -> None:
    service.deactivate(scope, signed_in.row.id)
    scope.session.commit()
    seen = service.activate(means, scope, signed_in.row.id)
    scope.session.commit()
    assert (seen.identity.user_name, len(seen.dossiers)) == ("Karin Wouters", 2)
    assert len(provider.api_calls) >= 2
    assert signed_in.state() == "active"


def test_a_dead_log_in_cannot_be_activated(
    signed_in: SignedIn, scope: Scope, means: Runtime, provider: Provider, virtual: Time
) -> None:
    service.deactivate(scope, signed_in.row.id)
    scope.session.commit()
    signed_in.grant.revoked = True
    virtual.pass_(hours=1)
    with pytest.raises(Conflict) as dead:
        service.activate(means, scope, signed_in.row.id)
    assert dead.value.code == "authorisation.needs_login"
    assert signed_in.state() == "needs_consent"


def test_a_removed_one_is_gone_with_its_tokens(signed_in: SignedIn, scope: Scope, means: Runtime) -> None:
    service.remove(scope, signed_in.row.id)
    scope.session.commit()
    with means.database.scoped(Setting(tenant=signed_in.firm.id)) as session:
        assert session.scalars(select(Credential)).all() == []
    with pytest.raises(AuthorisationExpired):
        tokens.access_token(signed_in.custody)
    assert service.list_authorisations(scope) == []
    with pytest.raises(Conflict):
        service.rename(scope, signed_in.row.id, "Another")


def test_removing_during_a_renewal_leaves_no_tokens(
    signed_in: SignedIn, scope: Scope, means: Runtime, virtual: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual.pass_(seconds=575)
    asked = replies.ask

    def remove_meanwhile(*call: Any) -> object:
        service.remove(scope, signed_in.row.id)
        scope.session.commit()
        return asked(*call)

    monkeypatch.setattr(replies, "ask", remove_meanwhile)
    with pytest.raises(AuthorisationExpired):
        tokens.access_token(signed_in.custody)
    with means.database.scoped(Setting(tenant=signed_in.firm.id)) as session:
        assert session.scalars(select(Credential)).all() == []


def test_names_are_unique_whatever_their_case(signed_in: SignedIn, scope: Scope, means: Runtime) -> None:
    other = make.make_authorisation(means.database, means.vault, signed_in.firm, name="Exact NL")
    with pytest.raises(Invalid) as taken:
        service.rename(scope, signed_in.row.id, " exact  nl ")
    assert taken.value.code == "authorisation.name_taken"
    with pytest.raises(Invalid):
        service.rename(scope, signed_in.row.id, "  ")
    assert service.rename(scope, other.id, "EXACT NL").name == "EXACT NL"
    tags = scope.session.scalars(select(Activity.tag).where(Activity.subject_id == other.id)).all()
    assert tags == ["authorisation.renamed"]


def test_owner_and_deputy_belong_to_the_firm(signed_in: SignedIn, scope: Scope, means: Runtime) -> None:
    stranger = make.make_user(means.database, "Iris Vreemd")
    for owner, deputy, code in (
        (stranger.id, None, "authorisation.not_a_member"),
        (signed_in.owner.id, stranger.id, "authorisation.not_a_member"),
        (signed_in.owner.id, signed_in.owner.id, "authorisation.owner_is_deputy"),
    ):
        with pytest.raises(Invalid) as refused:
            service.set_owner(scope, signed_in.row.id, owner, deputy)
        assert refused.value.code == code
    assert service.held_by(scope, signed_in.owner.id)[0].id == signed_in.row.id
    assert service.held_by(scope, stranger.id) == []


def test_another_firms_authorisation_is_not_there(signed_in: SignedIn, means: Runtime) -> None:
    rival = make.make_tenant(means.database, "portal", "Bakker & Zn")
    with means.database.session() as session:
        with pytest.raises(NotFound):
            service.deactivate(make.scope_in(session, rival), signed_in.row.id)
        assert service.list_authorisations(make.scope_in(session, rival)) == []
    with pytest.raises(AuthorisationExpired):
        service.connect(means.database, means.vault, means.settings, rival.id, signed_in.row.id)


@pytest.mark.parametrize(("state", "other"), list(itertools.product(State, State)))
def test_only_the_moves_of_the_table_are_possible(virtual: Time, state: State, other: State) -> None:
    row = Authorisation(tenant_id=uuid.uuid4(), state=state, state_since=clock.now())
    if other == state:
        assert states.move(row, other) is False
    elif other in states.MOVES[state]:
        assert states.move(row, other, "why")
        assert (row.state, row.state_code) == (other, "why")
    else:
        with pytest.raises(Conflict):
            states.move(row, other)


def test_health_warns_ten_days_before_a_log_in_lapses(signed_in: SignedIn, scope: Scope, virtual: Time) -> None:
    seen = []
    for _ in range(22):
        ((_, health),) = service.list_authorisations(scope)
        seen.append(health)
        virtual.pass_(days=1)
    assert seen == ["active"] * 20 + ["expiring"] * 2


def test_what_would_lapse_is_rung_for(
    signed_in: SignedIn, means: Runtime, virtual: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(queue, "ring_now", lambda bells: rung.extend(bells))
    service.ring_due(means.database)
    assert ("authorisations.keep_alive", (str(signed_in.firm.id), str(signed_in.row.id))) not in rung
    virtual.pass_(days=16)
    service.ring_due(means.database)
    assert ("authorisations.keep_alive", (str(signed_in.firm.id), str(signed_in.row.id))) in rung
    assert ("authorisations.collect_spool", ()) in rung


def test_the_job_may_run_twice(
    signed_in: SignedIn, means: Runtime, virtual: Time, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.runtime._current", means)
    virtual.pass_(days=16)
    for _ in range(2):
        jobs.keep_alive(str(signed_in.firm.id), str(signed_in.row.id))
        jobs.collect_spool()
    assert provider.token_calls == ["ok"]


def test_a_client_account_can_hold_its_own(means: Runtime, provider: Provider) -> None:
    client = make.make_tenant(means.database, "client", "Boulangerie Delmotte")
    row = make.make_authorisation(means.database, means.vault, client, access="a-token", refresh="r-token")
    custody = Custody(means.database, means.vault, means.settings, client.id, row.id)
    assert tokens.access_token(custody) == "a-token"


def test_every_code_and_tag_of_the_room_has_its_sentence() -> None:
    source = "".join(path.read_text() for path in Path(service.__file__).parent.glob("*.py") if path.stem != "wording")
    used = set(re.findall(r'"((?:authorisation|consent)\.[a-z_]+)"', source))
    transport = {f"authorisation.{code}" for code in ("unreachable", "timeout", "cut_off", "too_large")}
    outcomes = {f"authorisation.{outcome}" for outcome in service.Outcome}
    assert used | transport | outcomes <= set(wording.ERRORS) | set(wording.TAGS)
    assert set(wording.ERRORS) | set(wording.TAGS) <= used | transport | outcomes
