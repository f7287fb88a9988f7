"""Tokens are spent once, by one process, and never lost while anything can be done about it."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from portal.authorisations import applications, renewal, replies, tokens
from portal.authorisations.custody import Custody
from portal.authorisations.models import RefreshAttempt
from portal.connectors.errors import AuthorisationExpired, Temporary
from portal.kernel import clock, crash
from portal.kernel.db import Setting
from portal.kernel.mail import Mail
from portal.kernel.vault import Unreadable
from portal.runtime import Runtime
from tests.authorisations.conftest import SignedIn, Time, end_of, in_child, sign_in
from tests.authorisations.provider import Provider

DUE = 575  # seconds: a token is due, and old enough for the provider


def race(signed: SignedIn, virtual: Time, folder: Path, processes: int, expiries: int) -> list[set[str]]:
    """Many processes ask at each expiry; the tokens that they were given each time."""
    barrier = multiprocessing.Barrier(processes + 1)

    def ask(custody: Custody) -> None:
        try:
            for turn in range(expiries):
                barrier.wait(60)
                (folder / f"{turn}-{os.getpid()}").write_text(patiently(custody))
                barrier.wait(60)
        except BaseException:
            barrier.abort()  # nobody waits for a process that failed
            raise

    children = [in_child(signed, ask) for _ in range(processes)]
    seen = []
    try:
        for turn in range(expiries):
            virtual.pass_(seconds=DUE)
            barrier.wait(60)
            barrier.wait(60)
            given = list(folder.glob(f"{turn}-*"))
            assert len(given) == processes
            seen.append({path.read_text() for path in given})
    except BaseException:
        barrier.abort()
        raise
    finally:
        ends = [end_of(pid) for pid in children]
    assert ends == [0] * processes
    return seen


def patiently(custody: Custody) -> str:
    """As a caller does on a busy machine: what is Temporary is asked for again."""
    for _ in range(10):
        try:
            return tokens.access_token(custody)
        except Temporary as busy:
            assert busy.code == "authorisation.renewing"  # noqa: PT017  (any other one is a failure here)
    raise AssertionError("no token after ten times five seconds")


@pytest.mark.slow
def test_sixty_four_processes_make_one_token_call_an_expiry(
    signed_in: SignedIn, virtual: Time, provider: Provider, tmp_path: Path
) -> None:
    expiries = 4
    seen = race(signed_in, virtual, tmp_path, processes=64, expiries=expiries)
    assert provider.token_calls == ["ok"] * expiries
    assert [len(tokens_of_a_round) for tokens_of_a_round in seen] == [1] * expiries
    assert len(set.union(*seen)) == expiries
    assert signed_in.state() == "active"


def test_a_fresh_token_needs_no_call(signed_in: SignedIn, virtual: Time, provider: Provider) -> None:
    virtual.pass_(seconds=569)
    assert tokens.access_token(signed_in.custody) == signed_in.grant.access
    assert provider.token_calls == []


def test_fifty_restarts_a_day_cost_no_token_call_of_their_own(
    signed_in: SignedIn, virtual: Time, provider: Provider
) -> None:
    """A process that starts finds the token where the last one left it: at most 24 h ÷ 570 s calls."""
    for _ in range(24 * 10):
        virtual.pass_(minutes=6)
        restarted = Custody(
            signed_in.means.database,
            signed_in.means.vault,
            signed_in.means.settings,
            signed_in.firm.id,
            signed_in.row.id,
        )
        tokens.access_token(restarted)
    assert set(provider.token_calls) == {"ok"}
    assert 110 <= len(provider.token_calls) <= 152


# --------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("grace", [0.0, 1800.0], ids=["no grace", "grace"])
@pytest.mark.parametrize("point", renewal.CRASH_POINTS)
def test_a_crash_loses_a_grant_only_while_the_answer_is_on_the_wire(
    signed_in: SignedIn, virtual: Time, provider: Provider, monkeypatch: pytest.MonkeyPatch, point: str, grace: float
) -> None:
    provider.grace = grace
    oauth = applications.oauth_of("exact")
    patched = oauth.__class__(**{name: getattr(oauth, name) for name in oauth.__slots__} | {"grace": grace})
    monkeypatch.setattr(applications, "oauth_of", lambda app: patched)
    virtual.pass_(seconds=DUE)
    assert end_of(in_child(signed_in, tokens.access_token, crash_at=point)) == -signal.SIGKILL
    virtual.pass_(seconds=60)
    if point == "token.answered" and not grace:
        with pytest.raises(AuthorisationExpired):
            tokens.access_token(signed_in.custody)
        assert signed_in.state() == "needs_consent"
    else:
        assert tokens.access_token(signed_in.custody) == signed_in.grant.access
        assert signed_in.state() == "active"
    assert len(provider.token_calls) <= 2
    means = signed_in.means
    renewal.collect_spool(means.database, means.vault, means.settings)
    assert not any((signed_in.means.settings.home / "spool").glob("*"))


def test_an_incident_costs_two_token_calls_and_then_a_person_is_asked(
    signed_in: SignedIn, virtual: Time, provider: Provider
) -> None:
    """The process dies twice with the answer on the wire: the third time nothing is sent any more."""
    virtual.pass_(seconds=DUE)
    for _ in range(2):
        assert end_of(in_child(signed_in, tokens.access_token, crash_at="token.answered")) == -signal.SIGKILL
        virtual.pass_(seconds=60)
    for _ in range(3):
        with pytest.raises(AuthorisationExpired):
            tokens.access_token(signed_in.custody)
    assert provider.token_calls == ["ok", "Old refresh token used."]
    assert signed_in.state() == "needs_consent"


def test_a_call_that_may_still_be_under_way_is_not_repeated(
    signed_in: SignedIn, virtual: Time, provider: Provider
) -> None:
    """The holder's connection broke, its call may not have ended: nobody else spends the token meanwhile."""
    virtual.pass_(seconds=DUE)
    assert end_of(in_child(signed_in, tokens.access_token, crash_at="token.before_call")) == -signal.SIGKILL
    assert tokens.access_token(signed_in.custody) == signed_in.grant.access  # the old one lives until 600 s
    virtual.pass_(seconds=30)
    with pytest.raises(Temporary) as waiting:
        tokens.access_token(signed_in.custody)
    assert waiting.value.retry_after is not None
    assert 0 < waiting.value.retry_after < renewal.ON_ITS_WAY
    assert provider.token_calls == []


def test_a_database_that_leaves_during_the_call_costs_nothing(
    signed_in: SignedIn, virtual: Time, provider: Provider, means: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our connections are cut just when the answer is here; the sealed file brings it home."""
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user"
    )
    told = crash.point

    def cut_here(name: str) -> None:
        if name == "token.spooled":
            with means.database.engine.connect() as connection:
                connection.execute(cut)
            monkeypatch.setattr(Custody, "session", away)
        told(name)

    def away(custody: Custody) -> None:
        with means.database.engine.connect() as connection:
            connection.execute(text("SELECT 1 / 0"))

    asked = Custody.session
    virtual.pass_(seconds=DUE)
    monkeypatch.setattr(crash, "point", cut_here)
    with pytest.raises(Temporary, match="database_away"):
        tokens.access_token(signed_in.custody)
    assert len(list((means.settings.home / "spool").iterdir())) == 1
    monkeypatch.setattr(Custody, "session", asked)
    monkeypatch.setattr(crash, "point", told)
    assert tokens.access_token(signed_in.custody) == signed_in.grant.access
    assert provider.token_calls == ["ok"]
    assert list((means.settings.home / "spool").iterdir()) == []


def test_an_answer_on_the_disk_wakes_what_another_machine_gave_up(
    signed_in: SignedIn, virtual: Time, provider: Provider, means: Runtime
) -> None:
    virtual.pass_(seconds=DUE)
    end_of(in_child(signed_in, tokens.access_token, crash_at="token.spooled"))
    spool = means.settings.home / "spool"
    spool.rename(spool.with_name("elsewhere"))
    virtual.pass_(seconds=60)
    with pytest.raises(AuthorisationExpired):
        tokens.access_token(signed_in.custody)
    assert signed_in.state() == "needs_consent"
    spool.with_name("elsewhere").rename(spool)
    assert renewal.collect_spool(means.database, means.vault, means.settings) == 1
    assert signed_in.state() == "active"
    assert tokens.access_token(signed_in.custody) == signed_in.grant.access
    assert renewal.collect_spool(means.database, means.vault, means.settings) == 0


def test_a_spooled_answer_of_a_past_generation_is_thrown_away(
    signed_in: SignedIn, virtual: Time, means: Runtime
) -> None:
    virtual.pass_(seconds=DUE)
    end_of(in_child(signed_in, tokens.access_token, crash_at="token.stored"))
    generation = signed_in.credential().generation
    assert len(list((means.settings.home / "spool").iterdir())) == 1
    assert renewal.collect_spool(means.database, means.vault, means.settings) == 0
    assert list((means.settings.home / "spool").iterdir()) == []
    assert signed_in.credential().generation == generation


# --------------------------------------------------------------------------- refusals and silence


def test_a_refusal_asks_owner_and_deputy_for_a_new_log_in_once(
    signed_in: SignedIn, virtual: Time, provider: Provider, means: Runtime
) -> None:
    signed_in.grant.revoked = True
    virtual.pass_(seconds=DUE)
    for _ in range(2):
        with pytest.raises(AuthorisationExpired) as refused:
            tokens.access_token(signed_in.custody)
        assert refused.value.code == "authorisation.consent_withdrawn"
    assert len(provider.token_calls) == 1
    with means.database.scoped() as session:
        query = select(Mail).where(Mail.to_email == signed_in.owner.email)
        assert [mail.template for mail in session.scalars(query)] == ["needs_consent"]


def test_a_refusal_after_somebody_else_renewed_changes_nothing(
    signed_in: SignedIn, virtual: Time, provider: Provider, means: Runtime
) -> None:
    """Our lock broke, another process renewed, and our own late try is refused: the new pair counts."""
    virtual.pass_(seconds=DUE)
    provider.hold = threading.Event()
    results: list[object] = []

    def late() -> None:
        try:
            results.append(tokens.access_token(signed_in.custody))
        except (AuthorisationExpired, Temporary) as error:
            results.append(error)

    signed_in.grant.revoked = True  # so that the late try is refused …
    thread = threading.Thread(target=late)
    thread.start()
    while not provider.token_calls:
        pass
    signed_in.grant.revoked = False
    with means.database.engine.begin() as connection:  # … its lock is gone …
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'idle in transaction' AND pid <> pg_backend_pid()"
            )
        )
    with signed_in.custody.session() as session, session.begin():  # … and somebody stores another pair
        row = signed_in.custody.rows(session)
        assert row is not None
        provider._issue(signed_in.grant)
        receipt = replies.Receipt.now()
        new = replies.Tokens(signed_in.grant.access, signed_in.grant.refresh, 600.0, receipt)
        renewal.store(signed_in.custody, session, row[1], new, 86400.0)
    provider.hold.set()
    thread.join(20)
    assert results == [signed_in.grant.access]
    assert signed_in.state() == "active"
    assert ("refused", "overtaken") in signed_in.attempts()


@pytest.mark.parametrize("fault", ["drop_before", "500", "503", "429"])
def test_silence_puts_off_and_never_ends_a_grant(
    signed_in: SignedIn, virtual: Time, provider: Provider, fault: str
) -> None:
    virtual.pass_(seconds=DUE)
    provider.faults.append(fault)
    assert tokens.access_token(signed_in.custody) == signed_in.grant.access  # still good for 25 s
    virtual.pass_(seconds=23)
    with pytest.raises(Temporary) as put_off:
        tokens.access_token(signed_in.custody)
    assert put_off.value.sent is False
    assert provider.token_calls == [fault]
    virtual.pass_(seconds=60)
    assert tokens.access_token(signed_in.custody) == signed_in.grant.access
    assert (provider.token_calls, signed_in.state()) == ([fault, "ok"], "active")


def test_four_days_of_outage_lose_no_grant_and_do_not_hammer(
    signed_in: SignedIn, virtual: Time, provider: Provider
) -> None:
    chance = random.Random(4)
    virtual.pass_(seconds=DUE)
    provider.faults.extend(chance.choice(["drop_before", "500", "503", "429"]) for _ in range(2000))
    for _ in range(4 * 24 * 2):
        virtual.pass_(minutes=30)
        with pytest.raises(Temporary):
            tokens.access_token(signed_in.custody)
    assert 55 <= len(provider.token_calls) <= 120
    provider.faults.clear()
    virtual.pass_(hours=2)
    assert tokens.access_token(signed_in.custody) == signed_in.grant.access
    assert signed_in.state() == "active"


def test_a_lost_answer_is_decided_by_the_provider(signed_in: SignedIn, virtual: Time, provider: Provider) -> None:
    virtual.pass_(seconds=DUE)
    provider.faults.append("drop_after")
    tokens.access_token(signed_in.custody)
    virtual.pass_(seconds=60)
    with pytest.raises(AuthorisationExpired) as refused:
        tokens.access_token(signed_in.custody)
    assert refused.value.code == "authorisation.token_used"
    assert len(provider.token_calls) == 2


def test_the_pauses_grow_to_an_hour_and_are_spread() -> None:
    pauses = [renewal.pause_after(failures) for failures in range(1, 40)]
    assert 24 <= pauses[0] <= 36
    assert max(pauses) <= 4320
    assert min(pauses[10:]) >= 2880
    assert len(set(pauses)) > 30


# --------------------------------------------------------------------------- clocks


@pytest.mark.parametrize(
    "step", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)], ids=str
)
def test_a_clock_step_spends_nothing_early(
    signed_in: SignedIn, virtual: Time, provider: Provider, step: timedelta
) -> None:
    for second in range(60, 6000, 60):
        if second == 1500:
            virtual.step(seconds=step.total_seconds())
        virtual.pass_(seconds=60)
        assert tokens.access_token(signed_in.custody) == signed_in.grant.access
    assert set(provider.token_calls) == {"ok"}
    assert len(provider.token_calls) in (9, 10)


def test_without_a_shared_steady_clock_too_early_does_no_harm(
    signed_in: SignedIn, virtual: Time, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine, whose clock is an hour ahead, asks too early: the pair in hand goes on working."""
    monkeypatch.setattr("portal.authorisations.steady.machine", lambda: "another machine")
    virtual.step(hours=1)
    assert tokens.access_token(signed_in.custody) == signed_in.grant.access
    assert provider.token_calls == ["Rate limit exceeded: access_token not expired"]
    assert signed_in.state() == "active"


def test_a_young_token_that_is_refused_is_not_renewed_before_its_time(
    signed_in: SignedIn, virtual: Time, provider: Provider
) -> None:
    virtual.pass_(seconds=100)
    with pytest.raises(Temporary) as young:
        tokens.access_token(signed_in.custody, stale=signed_in.grant.access)
    assert young.value.retry_after == pytest.approx(470, abs=5)
    assert provider.token_calls == []


# --------------------------------------------------------------------------- sealing, tidying


def test_tokens_of_two_authorisations_do_not_open_in_each_others_place(
    signed_in: SignedIn, provider: Provider, means: Runtime
) -> None:
    other = sign_in(means, provider, "Piet Bakker")
    stolen = other.credential().access_token
    for custody in (signed_in.custody, other.custody):
        with custody.session() as session:
            if custody is other.custody or custody.authorisation_id == other.row.id:
                assert custody.open(session, "access_token", stolen) == other.grant.access
                with pytest.raises(Unreadable):
                    custody.open(session, "refresh_token", stolen)
            else:
                with pytest.raises(Unreadable):
                    custody.open(session, "access_token", stolen)


def test_an_unused_log_in_is_kept_alive(signed_in: SignedIn, virtual: Time, provider: Provider, means: Runtime) -> None:
    due = text("SELECT count(*) FROM due_authorisations(:now, 1000) WHERE id = :id")
    for _ in range(90):
        virtual.pass_(days=1)
        with means.database.scoped() as session:
            asked = session.execute(due, {"now": clock.now(), "id": signed_in.row.id}).scalar_one()
        if asked:
            tokens.keep_alive(signed_in.custody)
    assert 4 <= len(provider.token_calls) <= 6
    assert set(provider.token_calls) == {"ok"}
    assert signed_in.state() == "active"


def test_asked_every_minute_no_token_is_renewed_before_its_time(
    signed_in: SignedIn, virtual: Time, provider: Provider, means: Runtime
) -> None:
    """An attempt that a crash left open is due at every look; the provider's least age still holds."""
    virtual.pass_(seconds=DUE)
    tokens.access_token(signed_in.custody)
    with means.database.scoped(Setting(tenant=signed_in.firm.id)) as session:
        newest = {"generation": signed_in.credential().generation, "then": clock.now(), "firm": signed_in.firm.id}
        session.execute(
            text("UPDATE refresh_attempts SET outcome = 'open', generation = :generation, started_at = :then"
                 " WHERE tenant_id = :firm"), newest
        )  # fmt: skip
    due = text("SELECT count(*) FROM due_authorisations(:now, 1000) WHERE id = :id")
    asked, calls = 0, []
    for _ in range(11):
        virtual.pass_(seconds=60)
        with means.database.scoped() as session:
            found = session.execute(due, {"now": clock.now(), "id": signed_in.row.id}).scalar_one()
        if found:
            asked += 1
            tokens.keep_alive(signed_in.custody)
        calls.append(len(provider.token_calls))
    assert asked >= 9
    assert calls[:9] == [1] * 9
    assert calls[-1] == 2
    assert set(provider.token_calls) == {"ok"}


def test_old_attempts_are_forgotten_and_left_open_ones_settled(
    signed_in: SignedIn, virtual: Time, means: Runtime
) -> None:
    for _ in range(3):
        virtual.pass_(seconds=DUE)
        tokens.access_token(signed_in.custody)
    with means.database.scoped(Setting(tenant=signed_in.firm.id)) as session:
        session.execute(text("UPDATE refresh_attempts SET outcome = 'open' WHERE generation = 2"))
    tokens.keep_alive(signed_in.custody)
    assert [outcome for outcome, _ in signed_in.attempts()] == ["renewed", "unknown", "renewed"]
    virtual.pass_(days=31)
    tokens.keep_alive(signed_in.custody)
    with means.database.scoped(Setting(tenant=signed_in.firm.id)) as session:
        assert session.scalar(select(func.count()).select_from(RefreshAttempt)) == 1
