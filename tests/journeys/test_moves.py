"""A client that moves: to another package, or from its own log-in to the firm's. Nothing goes out twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from config import EVERY
from portal.couplings import service as couplings
from portal.couplings.models import Configuration
from portal.kernel.db import Database
from portal.kernel.errors import Conflict
from portal.kernel.vault import Vault
from portal.ledger.models import Entry
from portal.runtime import Runtime
from portal.sync import posting as postings
from portal.sync.comparison import compare
from portal.sync.drafting import drop_entry
from portal.sync.models import PostingState
from tests import factories as make
from tests.authorisations.conftest import Time, make_settings, virtual
from tests.conftest import Servers, Urls
from tests.connectors.contract.world import Fault
from tests.connectors.package_world import Control
from tests.journeys.apps import APPS
from tests.journeys.journey import Journey

__all__ = ["virtual"]

OLD, NEW = "xero", "minox"
MARCH = ((date(2026, 3, 17), "120.50"), (date(2026, 3, 18), "-20.25"))
APRIL = ((date(2026, 4, 2), "7.77"),)
MAY = ((date(2026, 5, 4), "1.01"),)


@pytest.fixture(scope="module")
def controls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Control]]:
    serving = {key: APPS[key].serve(tmp_path_factory.mktemp(key)) for key in (OLD, NEW)}
    yield {key: next(served) for key, served in serving.items()}
    for served in serving.values():
        next(served, None)


@pytest.fixture
def means(
    controls: dict[str, Control], virtual: Time, tmp_path: Path, database_urls: Urls, servers: Servers,
    database: Database, vault: Vault,
) -> Runtime:  # fmt: skip
    settings = make_settings(tmp_path, database_urls, servers, "http://127.0.0.1:9")
    for key, control in controls.items():
        ours = APPS[key].ours
        settings = make.registered(settings, key, id=ours.id, secret=ours.secret, hosts={EVERY: control.host})
    return Runtime(replace(settings, settle_seconds=None), database, vault)


@pytest.fixture
def before(controls: dict[str, Control], means: Runtime, virtual: Time) -> Journey:
    """In the old package, before anything is authorised."""
    return Journey(OLD, means, APPS[OLD].meet(controls[OLD]), virtual)


def end(journey: Journey) -> None:
    with journey.inside() as scope:
        couplings.end_coupling(scope, journey.coupling.id)


@pytest.mark.parametrize("fault", [None, Fault.LATE, Fault.LOST_AFTER, Fault.LOST_BEFORE])
def test_to_another_package(before: Journey, controls: dict[str, Control], fault: Fault | None) -> None:
    """What is under way is settled in the package that it was sent to; the rest goes to the new one."""
    before.authorise()
    before.couple()
    there = before.world.balance(before.world.bank_account)
    before.bank_says(*MARCH)
    before.run()
    if fault is not None:
        before.world.fault(fault, write=True)
    before.step()
    end(before)
    before.work()
    after = before.onto(NEW, APPS[NEW].meet(controls[NEW]))
    after.authorise()
    after.couple()
    fresh = after.world.balance(after.world.bank_account)
    after.bank_says(*APRIL)
    if fault is Fault.LOST_BEFORE:
        let_go(before)
    moved = Decimal(0) if fault is Fault.LOST_BEFORE else before.moved
    assert before.world.balance(before.world.bank_account) == there + moved
    after.run()
    after.pass_(600)
    found = after.work()
    booked = [row for row in found if row.state == PostingState.CONFIRMED]
    assert all(before.world.booked(row.reference) + after.world.booked(row.reference) == 1 for row in booked)
    assert after.world.balance(after.world.bank_account) == fresh + Decimal("7.77") + before.moved - moved
    assert before.world.balance(before.world.bank_account) == there + moved
    history_stays(before, after, booked_there=fault is not Fault.LOST_BEFORE)


def let_go(journey: Journey) -> None:
    """A person takes back what surely was not booked, so that its lines can go out by the new way."""
    (row,) = [row for row in journey.postings() if row.state == PostingState.PARKED]
    assert (row.code, row.surely_unbooked) == ("posting.coupling_ended", True)
    with journey.as_client() as scope:
        entry = postings.reopen(scope, row.entry_id)
        drop_entry(scope, entry.id, version=entry.version)


def history_stays(before: Journey, after: Journey, *, booked_there: bool) -> None:
    with before.as_client() as scope:
        states = {row.app: row.state for row in couplings.history(scope)}
        entries = scope.session.scalars(select(Entry).where(Entry.coupling_id == before.coupling.id)).all()
    assert states == {OLD: "ended", NEW: "active"}
    assert [entry.state for entry in entries] == ["offered" if booked_there else "dropped"]
    ours = {row.reference for row in after.postings()}
    for journey in (before, after) if booked_there else (after,):
        compared = compare(journey.means, journey.client.id, journey.coupling.id)
        assert [finding for finding in compared.findings if finding.reference in ours] == []


def test_a_bank_account_is_booked_in_one_package_at_a_time(before: Journey, controls: dict[str, Control]) -> None:
    before.authorise()
    before.couple()
    after = before.onto(NEW, APPS[NEW].meet(controls[NEW]))
    after.authorise()
    with pytest.raises(Conflict) as taken:
        after.couple()
    assert taken.value.code == "configuration.account_taken"


@pytest.mark.parametrize("sent", ["booked", "waiting", "under way"])
def test_from_its_own_log_in_to_that_of_the_firm(before: Journey, sent: str) -> None:
    """The dossier stays, so the configuration moves along; each entry is booked once."""
    before.holder = before.client
    before.authorise()
    before.couple()
    there = before.world.balance(before.world.bank_account)
    before.bank_says(*MARCH)
    before.run()
    if sent == "under way":
        before.world.fault(Fault.LATE, write=True)
    if sent != "waiting":
        before.step()
    after = before.onto(OLD, before.world)
    after.holder = None
    after.authorise()
    with after.inside() as scope:
        after.coupling = couplings.overwrite_coupling(
            scope, before.coupling.id, after.authorisation, after.world.dossier
        )
    with after.as_client() as scope:
        moved = scope.get(Configuration, before.configuration.id)
        assert (moved.coupling_id, moved.state) == (after.coupling.id, "active")
    after.read_books()
    after.bank_says(*APRIL)
    after.bank_says(*MAY)
    after.run()
    after.work()
    if sent == "waiting":
        let_go(after)
        after.run()
        after.work()
    booked = [row for row in after.postings() if row.state == PostingState.CONFIRMED]
    assert [after.world.booked(row.reference) for row in booked] == [1, 1, 1]
    assert after.world.balance(after.world.bank_account) == there + Decimal("109.03")
