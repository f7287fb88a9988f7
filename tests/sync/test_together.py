"""Entries that go to the package in one call: each is answered, refused or uncertain by itself."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.connectors.base import EntryKind, RemoteEntry
from portal.connectors.errors import AlreadyPosted, ConnectorError, Rejected, Temporary, UnexpectedReply
from portal.couplings.models import Configuration
from portal.kernel import clock, crash
from portal.kernel.db import Database
from portal.runtime import Runtime
from portal.sync import attempt as moves
from portal.sync import dispatch, lease
from portal.sync.models import PostingState
from portal.sync.points import BATCH_POINTS
from tests.sync import provider
from tests.sync.office import SETTLE, Clock, Office, settings
from tests.sync.test_stops import withdraw

BATCH = 20


class Batches(provider.Client):
    """The package in memory, taking several entries in one call. `whole` befalls the call and not an entry."""

    def __init__(self, package: provider.Package, whole: list[ConnectorError] | None = None) -> None:
        super().__init__(package)
        self.whole = [] if whole is None else whole
        self.sizes: list[int] = []
        self.before: Callable[[], None] = lambda: None

    def post_many(
        self, dossier: str, kind: EntryKind, payloads: Sequence[bytes]
    ) -> Sequence[RemoteEntry | ConnectorError]:
        self.before()
        self.sizes.append(len(payloads))
        if self.whole:
            raise self.whole.pop(0)
        return [self._one(dossier, payload) for payload in payloads]

    def _one(self, dossier: str, payload: bytes) -> RemoteEntry | ConnectorError:
        assert self.package is not None
        try:
            return self.package.write(dossier, provider.read_payload(payload))
        except ConnectorError as failure:
            return failure


@pytest.fixture(autouse=True)
def _takes_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = provider.MANIFEST
    monkeypatch.setattr(
        provider, "MANIFEST", replace(manifest, capabilities=replace(manifest.capabilities, batch_size=BATCH))
    )


@pytest.fixture
def client(alone: Office, monkeypatch: pytest.MonkeyPatch) -> Batches:
    made = Batches(alone.package)
    monkeypatch.setattr(alone, "connect", lambda *_, **__: made)
    return made


def offer(office: Office, number: int) -> None:
    """So many entries, a day each."""
    with office.scope() as scope:
        scope.get(Configuration, office.configuration.id).frequency = "daily"
    office.bank_says(*[(date(2024, 1, 1) + timedelta(days=n), "1.00") for n in range(number)])
    for entry in office.draft(date(2025, 1, 1)):
        office.offer(entry)


def states(office: Office) -> Counter[str]:
    return Counter(str(row.state) for row in office.all_postings())


def test_what_waits_in_a_dossier_goes_in_few_calls(alone: Office, client: Batches) -> None:
    offer(alone, 30)
    assert dispatch.drain(alone.runtime, alone.connect) == 30
    rows = alone.all_postings()
    assert client.sizes == [BATCH, 10]
    assert {row.state for row in rows} == {PostingState.CONFIRMED}
    assert {row.sends for row in rows} == {1}
    assert len({row.remote_number for row in rows}) == 30, "each has its own receipt"
    assert alone.package.calls == [], "neither sent alone nor read back one by one"


def test_all_are_written_as_sending_before_the_call(alone: Office, client: Batches) -> None:
    offer(alone, 5)
    seen: list[Counter[str]] = []
    client.before = lambda: seen.append(states(alone))
    dispatch.drain(alone.runtime, alone.connect)
    assert seen == [Counter(sending=5)]


def test_a_grant_withdrawn_between_two_batches_stops_the_second(alone: Office, client: Batches) -> None:
    offer(alone, 30)
    client.before = lambda: None if client.sizes else withdraw(alone)
    dispatch.drain(alone.runtime, alone.connect)
    assert client.sizes == [BATCH], "what was on its way arrives, nothing after it"
    assert states(alone) == Counter(confirmed=BATCH, parked=10)
    assert {row.code for row in alone.all_postings()} == {"", "posting.grant_withdrawn"}


def test_each_has_its_own_answer(alone: Office, client: Batches) -> None:
    offer(alone, 5)
    alone.package.script[:] = [
        "ok", Rejected("pretend.period_closed", provider_text="Closed"), UnexpectedReply("pretend.unreadable"),
        Temporary("pretend.limited", sent=False, retry_after=30), "ok",
    ]  # fmt: skip
    dispatch.drain(alone.runtime, alone.connect)
    rows = sorted(alone.all_postings(), key=lambda row: row.id)
    told = [(str(row.state), row.code, row.sends) for row in rows]
    assert told == [
        ("confirmed", "", 1), ("rejected", "pretend.period_closed", 1), ("uncertain", "pretend.unreadable", 1),
        ("intent", "pretend.limited", 0), ("confirmed", "", 1),
    ]  # fmt: skip
    assert rows[1].provider_text == "Closed"


def test_an_entry_that_is_there_already_is_found(alone: Office, client: Batches) -> None:
    offer(alone, 2)
    first = alone.all_postings()[0]
    alone.package.entries[alone.coupling.dossier_code] = [
        replace(provider.read_payload(first.payload), id="id-9", number="9")
    ]
    alone.package.script[:] = [AlreadyPosted("id-9")]
    dispatch.drain(alone.runtime, alone.connect)
    assert alone.posting(first.id).remote_id == "id-9"
    assert states(alone) == Counter(confirmed=2)


def test_a_call_that_was_surely_not_made_gives_all_back(alone: Office, client: Batches, moving: Clock) -> None:
    offer(alone, 4)
    client.whole[:] = [Temporary("pretend.limited", sent=False, retry_after=50)]
    dispatch.drain(alone.runtime, alone.connect)
    assert states(alone) == Counter(intent=4)
    assert {row.sends for row in alone.all_postings()} == {0}
    assert dispatch.drain(alone.runtime, alone.connect) == 0
    moving.pass_(51)
    dispatch.drain(alone.runtime, alone.connect)
    assert (states(alone), client.sizes) == (Counter(confirmed=4), [4, 4])


@pytest.mark.parametrize(
    "failure", [Temporary("pretend.timeout"), UnexpectedReply("pretend.unreadable"), None], ids=str
)
def test_a_call_without_a_clear_answer_is_looked_up_entry_by_entry(
    alone: Office, client: Batches, moving: Clock, monkeypatch: pytest.MonkeyPatch, failure: ConnectorError | None
) -> None:
    """Two of the four were booked. What is not there goes again, alone and looked up first."""
    offer(alone, 4)
    rows = alone.all_postings()
    if failure is None:
        monkeypatch.setattr(client, "post_many", lambda *_: [])
    else:
        client.whole[:] = [failure]
    booked = [
        replace(provider.read_payload(row.payload), id=f"id-{n}", number=str(n)) for n, row in enumerate(rows[:2])
    ]
    alone.package.entries[alone.coupling.dossier_code] = list(booked)
    dispatch.drain(alone.runtime, alone.connect)
    assert states(alone) == Counter(uncertain=4)
    finish(alone, moving)
    assert [alone.package.booked(row.reference) for row in rows] == [1, 1, 1, 1]
    assert alone.package.writes == 2


def finish(office: Office, moving: Clock) -> None:
    for _ in range(6):
        moving.pass_(SETTLE)
        dispatch.drain(office.runtime, office.connect)
    assert set(states(office)) == {"confirmed"}


def test_a_package_that_turns_out_to_take_none_is_told_to_people(alone: Office) -> None:
    offer(alone, 2)
    for _ in range(6):
        for row in alone.all_postings():
            alone.set(row, next_try_at=clock.now())
        dispatch.drain(alone.runtime, alone.connect)
    assert states(alone) == Counter(parked=2)
    assert {row.code for row in alone.all_postings()} == {"posting.internal"}


# ------------------------------------------------------------------------ deaths on the way


@dataclass
class Ledger(provider.Client):
    """A package whose books are a file, so that they outlive the process that writes them."""

    path: Path = Path()
    dies_after: int = -1

    def post_many(
        self, dossier: str, kind: EntryKind, payloads: Sequence[bytes]
    ) -> Sequence[RemoteEntry | ConnectorError]:
        return [self._book(number, payload) for number, payload in enumerate(payloads)]

    def post(self, dossier: str, kind: EntryKind, payload: bytes) -> RemoteEntry:
        return self._book(-2, payload)

    def _book(self, number: int, payload: bytes) -> RemoteEntry:
        if number == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        entry = provider.read_payload(payload)
        with self.path.open("a") as out:
            out.write(json.dumps(entry.reference) + "\n")
        return replace(entry, id=entry.reference, number=entry.reference)

    def find(self, dossier: str, kind: EntryKind, reference: str, journal: str, on: date) -> Sequence[RemoteEntry]:
        there = [one for one in self.references() if one == reference]
        return [RemoteEntry(one, one, one, journal, on, "EUR", 1, 0) for one in there]  # type: ignore[arg-type]  # any sum

    def references(self) -> list[str]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []


@pytest.mark.parametrize("point", [*BATCH_POINTS, "posting.leased", "posting.sending_written", "in the package"])
def test_a_death_in_a_batch_loses_and_doubles_nothing(alone: Office, moving: Clock, tmp_path: Path, point: str) -> None:
    offer(alone, 6)
    path = tmp_path / "ledger"
    pid = os.fork()
    if not pid:
        _work(alone, Ledger(path=path, dies_after=3 if point == "in the package" else -1), point)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL, f"{point} was not reached"
    office = alone
    survivor = Ledger(path=path)
    office.connect = lambda *_, **__: survivor  # type: ignore[method-assign]  # stands for a package on disk
    finish(office, moving)
    assert sorted(survivor.references()) == sorted(row.reference for row in office.all_postings())


def _work(office: Office, client: Ledger, point: str) -> None:
    """What the worker that dies does, in a process and with connections of its own."""
    try:
        url: Any = office.database.engine.url.render_as_string(hide_password=False)
        database = Database(url.replace("+psycopg", ""), pool_size=2)
        crash.arm(point)
        dispatch.drain(Runtime(settings(), database, office.vault), lambda *_, **__: client, hands=1)
    finally:
        os._exit(0)


def test_who_finds_nothing_to_do_makes_room_at_once(alone: Office) -> None:
    """A worker that serves all queues would keep bank feeds waiting."""
    began = time.monotonic()
    assert dispatch.drain(alone.runtime, alone.connect, linger=30) == 0
    assert time.monotonic() - began < 10


def test_of_a_batch_only_what_is_still_ours_is_sent(alone: Office) -> None:
    """One was taken up by another worker meanwhile; its fence moved on."""
    offer(alone, 3)
    database, client, coupling = alone.database, alone.client.id, alone.coupling.id
    first = lease.take_due(database, client, coupling)
    assert first is not None
    others = lease.take_alike(first, 5)
    assert len(others) == 2
    alone.set(alone.posting(others[0].id), lease_until=None)
    assert lease.take(database, client, others[0].id) is not None
    begun = moves.begin_sending_together([first, *others])
    assert [one.id for one in begun] == [first.id, others[1].id]
    assert sorted(row.state for row in alone.all_postings()) == ["intent", "sending", "sending"]
