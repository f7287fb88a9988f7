"""What stand-ins say is left in their headers, and the row of the quota that follows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from portal.authorisations.limits import BudgetGate
from portal.authorisations.models import Authorisation
from portal.connectors import registry
from portal.connectors.errors import Temporary
from portal.connectors.manifest import Limits, Told
from portal.kernel import clock, http
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from tests import factories as make
from tests.authorisations.test_limits import Moment, gate
from tests.connectors.contract.world import Fault
from tests.connectors.minox.test_contract import MinoxWorld
from tests.connectors.myunisoft.test_contract import MyUnisoftWorld
from tests.connectors.package_world import FAULTS, Control, PackageWorld, fresh, patient, serving
from tests.connectors.pennylane.test_contract import PennylaneWorld
from tests.connectors.xero.test_contract import XeroWorld

WORLDS: tuple[type[PackageWorld], ...] = (XeroWorld, PennylaneWorld, MyUnisoftWorld, MinoxWorld)


@dataclass
class Heard:
    """A gate that keeps the headers of the last reply besides, and how often it was told of a 429."""

    inner: BudgetGate
    headers: dict[str, str] = field(default_factory=dict)
    refused: int = 0

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        self.inner.before(dossier, endpoint, write=write)

    def after(self, dossier: str, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.refused += status == 429
        self.inner.after(dossier, endpoint, status, headers)

    def left(self, told: Told) -> int:
        return int(self.headers[told.remaining.lower()])


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    """Ours stands still, as the clock of the stand-in does."""
    made = Moment()
    made.at = datetime.now(UTC)
    monkeypatch.setattr(clock, "now", made)
    return made


@pytest.fixture
def row(database: Database, vault: Vault) -> Authorisation:
    return make.make_authorisation(database, vault, make.make_tenant(database, "portal", "Peeters Lambrechts"))


@pytest.fixture(scope="module", params=WORLDS, ids=lambda world: world.key)
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Control]]:
    for control in serving(request.param, tmp_path_factory.mktemp(request.param.key)):
        yield request.param, control


@pytest.fixture
def world(stand: tuple[type[PackageWorld], Control]) -> PackageWorld:
    return fresh(*stand)


@pytest.fixture
def limits(world: PackageWorld) -> Limits:
    """As the manifest says; the stand-in counts alike."""
    found = registry.load(world.key).MANIFEST.limits
    world.control.post("settings", per_window=found.per_minute, window=found.window_seconds, per_day=found.per_day or 0)
    return found


@pytest.fixture
def heard(database: Database, row: Authorisation, limits: Limits, moment: Moment) -> Heard:
    return Heard(gate(database, row, allowed=limits))


def connected(world: PackageWorld, heard: Heard) -> Any:
    session = http.session(connect=1, read=5)
    session.auth = world.signature(world.control.host)
    made = type(world).connect(session, world.control.host, heard, world.form)
    patient(made)
    return made


def kept(database: Database, row: Authorisation, world: PackageWorld, limits: Limits) -> tuple[int, int, datetime]:
    """(calls in the window, calls of the day, blocked until) of the row that counts for the dossier."""
    budget = "" if limits.shared else world.dossier
    asked = text(
        "SELECT (SELECT sum(s) FROM unnest(slots) s) AS used, day_used, blocked_until FROM call_budgets"
        " WHERE endpoint = '' AND dossier = :budget"
    )
    with database.scoped(Setting(tenant=row.tenant_id)) as session:
        used, day_used, blocked_until = session.execute(asked, {"budget": budget}).one()
    return used, day_used, blocked_until


def test_the_row_follows_what_is_left(
    database: Database,
    row: Authorisation,
    world: PackageWorld,
    limits: Limits,
    heard: Heard,
) -> None:
    """Another program uses the same key: its calls show in the headers only."""
    for _ in range(3):
        world.connection.journals(world.dossier)
    connected(world, heard).journals(world.dossier)
    assert limits.window_told is not None
    assert limits.per_minute is not None
    used, day_used, _ = kept(database, row, world, limits)
    assert used == limits.per_minute - heard.left(limits.window_told) > 3
    if limits.day_told is not None and limits.per_day is not None:
        assert day_used == limits.per_day - heard.left(limits.day_told) > 3


def test_when_nothing_is_left_no_call_goes_out_until_it_is_whole_again(
    database: Database,
    row: Authorisation,
    world: PackageWorld,
    limits: Limits,
    heard: Heard,
    moment: Moment,
) -> None:
    ours = connected(world, heard)
    for _ in range((limits.per_minute or 0) - 3):
        world.connection.journals(world.dossier)
    with pytest.raises(Temporary) as held:
        list(map(ours.journals, [world.dossier] * 4))
    assert (held.value.sent, heard.refused) == (False, 0)
    assert held.value.code in ("authorisation.limit_told", "authorisation.limit_window")
    start, longest = moment.at, timedelta(seconds=limits.window_seconds * 1.1 + 2)
    world.control.post("clock", advance=longest.total_seconds())
    with suppress(Temporary):  # held a little longer, as its own count may start later
        moment.pass_(held.value.retry_after or 0)
        ours.journals(world.dossier)
    moment.at = start + longest
    ours.journals(world.dossier)
    assert heard.refused == 0


def test_a_refusal_closes_the_row_for_as_long_as_it_says(
    database: Database,
    row: Authorisation,
    world: PackageWorld,
    limits: Limits,
    heard: Heard,
    moment: Moment,
) -> None:
    world.control.post("faults", write=False, times=1, dossier=world.dossier, **FAULTS[Fault.RATE_LIMITED])
    with pytest.raises(Temporary) as refused:
        connected(world, heard).journals(world.dossier)
    assert (refused.value.sent, heard.refused) == (False, 1)
    *_, blocked_until = kept(database, row, world, limits)
    assert timedelta(seconds=0) < blocked_until - moment.at <= timedelta(seconds=max(limits.window_seconds + 2, 17))
