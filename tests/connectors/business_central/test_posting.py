"""A batch is posted once, wherever it breaks off: killed, paused, refused, late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest

from portal.connectors.base import OutgoingEntry, RemoteEntry
from portal.connectors.business_central import client
from portal.connectors.errors import AlreadyPosted, Rejected, Temporary
from portal.kernel import http
from tests.connectors.business_central.test_contract import BusinessCentralWorld, control, world
from tests.connectors.contract.entries import accounts_of, bank_entry, look_up, refusal_of, send
from tests.connectors.contract.world import Fault, RecordingGate
from tests.connectors.package_world import Bearer

__all__ = ["control", "world"]


class Killed(BaseException):
    """The process is gone: nothing of ours runs any more."""


class Interrupted(RecordingGate):
    """Does something else before or after the call with a number, counted from 0."""

    def __init__(self, number: int, moment: str, act: Callable[[str], None]) -> None:
        super().__init__()
        self._at, self._moment, self._act, self._calls = number, moment, act, count()

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        self._number = next(self._calls)
        if (self._number, self._moment) == (self._at, "before"):
            self._act(endpoint)
        super().before(dossier, endpoint, write=write)

    def after(self, dossier: str, endpoint: str, status: int, headers: object) -> None:
        if (self._number, self._moment) == (self._at, "after"):
            self._act(endpoint)


class KillsAt(RecordingGate):
    """Before the first call to an endpoint."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self._endpoint = endpoint

    def before(self, dossier: str, endpoint: str, *, write: bool) -> None:
        if endpoint == self._endpoint:
            raise Killed(endpoint)


def kill(endpoint: str) -> None:
    raise Killed(endpoint)


def connected(world: BusinessCentralWorld, gate: RecordingGate) -> client.Client:
    session = http.session(connect=1, read=5)
    session.auth = Bearer(world.secret)
    return client.Client(session, world.control.host, gate, sleep=lambda seconds: None)


def payload_of(world: BusinessCentralWorld, entry: OutgoingEntry) -> bytes:
    return world.connection.render(entry, accounts_of(world))


def lines_left(world: BusinessCentralWorld) -> int:
    """Unposted lines in all batches."""
    kept = world.control.get("things", kind="batch", owner=world.company)["things"]
    return sum(len(world.control.get("things", kind="line", owner=batch)["things"]) for batch in kept)


def numbers() -> Iterator[int]:
    return iter(range(30))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_call_it_is_booked_once(world: BusinessCentralWorld, moment: str) -> None:
    """With the look-up that follows a death, and a second sending where it finds nothing."""
    ends = []
    for number in numbers():
        entry = bank_entry(world, *["1.00"] * 60)  # more lines than a $batch holds
        payload = payload_of(world, entry)
        try:
            connected(world, Interrupted(number, moment, kill)).post(world.dossier, entry.kind, payload)
            break
        except Killed as death:
            ends.append(str(death))
        again = connected(world, RecordingGate())
        if not again.find(world.dossier, entry.kind, entry.reference, entry.journal, entry.date):
            again.post(world.dossier, entry.kind, payload)
        assert world.booked(entry.reference) == 1, ends
        assert lines_left(world) == 0, ends
    assert {"journals", "generalLedgerEntries", "batch", "post"} <= set(ends)
    assert ends.count("batch") == 2


def test_who_wakes_up_after_another_took_over_posts_nothing(world: BusinessCentralWorld) -> None:
    entry = bank_entry(world)
    payload = payload_of(world, entry)

    def take_over(endpoint: str) -> None:
        if endpoint == "post":
            connected(world, RecordingGate()).post(world.dossier, entry.kind, payload)

    calls = RecordingGate()
    connected(world, calls).post(world.dossier, entry.kind, payload_of(world, bank_entry(world)))
    at = [call[2] for call in calls.calls if call[0] == "before"].index("post")
    sleeper = connected(world, Interrupted(at, "before", take_over))
    error = refusal_of(lambda: sleeper.post(world.dossier, entry.kind, payload))
    assert isinstance(error, Temporary)
    assert (error.code, error.sent) == ("business_central.batch_gone", False)
    assert world.booked(entry.reference) == 1


def test_an_order_that_waits_in_line_meets_no_batch(world: BusinessCentralWorld) -> None:
    """Somebody sends it again before the first order has settled."""
    entry = bank_entry(world)
    world.fault(Fault.LATE, write=True)
    refusal_of(lambda: send(world, entry))
    send(world, entry)
    world.settle()
    assert world.booked(entry.reference) == 1


def test_a_batch_is_not_posted_when_preparing_it_took_too_long(
    world: BusinessCentralWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PREPARING_SECONDS", -1.0)
    entry = bank_entry(world)
    error = refusal_of(lambda: send(world, entry))
    assert isinstance(error, Temporary)
    assert (error.code, error.sent, world.gate.writes) == ("business_central.too_late", False, 0)
    assert world.left_behind() == []


@pytest.mark.parametrize("endpoint", ["journals", "batch"])
@pytest.mark.parametrize("kind", ["drop_before_commit", "drop_after_commit", "503", "garbage"])
def test_what_is_lost_before_posting_was_not_sent(world: BusinessCentralWorld, endpoint: str, kind: str) -> None:
    entry = bank_entry(world)
    payload = payload_of(world, entry)
    world.control.post("faults", kind=kind, dossier=world.company, endpoint=endpoint, times=3)
    error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
    assert isinstance(error, Temporary)
    assert not error.sent
    world.control("DELETE", "faults")
    world.connection.post(world.dossier, entry.kind, payload)
    assert (world.booked(entry.reference), lines_left(world)) == (1, 0)


def test_nothing_stays_behind_after_a_refusal(world: BusinessCentralWorld) -> None:
    refusal_of(lambda: send(world, bank_entry(world, on=world.closed_day)))
    send(world, bank_entry(world))
    assert world.left_behind() == []


def test_what_was_forgotten_is_thrown_away_in_the_end(world: BusinessCentralWorld) -> None:
    """Only when nobody can be about to post it: another entry's batch may be in the making."""
    entry = bank_entry(world)
    payload = payload_of(world, entry)
    with pytest.raises(Killed):
        connected(world, KillsAt("post")).post(world.dossier, entry.kind, payload)
    send(world, bank_entry(world))
    assert len(world.left_behind()) == 1
    world.control.post("clock", advance=-2 * 3600)
    with pytest.raises(Killed):
        connected(world, KillsAt("post")).post(world.dossier, entry.kind, payload)
    send(world, bank_entry(world))
    assert world.left_behind() == []


def test_batches_of_other_people_are_left_alone(world: BusinessCentralWorld) -> None:
    """Though they begin as ours do, and hold a number of ours."""
    session = world.by_hand()
    made = session.post(world.journals_address, json={"code": "KPMG", "displayName": "Audit"}).json()
    entry = bank_entry(world)
    line = {"accountNumber": world.suspense_account, "documentNumber": entry.reference, "amount": 5}
    line["postingDate"] = entry.date.isoformat()
    session.post(f"{world.journals_address}({made['id']})/journalLines", json=line).raise_for_status()
    send(world, entry)
    assert world.left_behind() == ["KPMG"]
    assert [journal.code for journal in world.connection.journals(world.dossier)].count("KPMG") == 1


# ------------------------------------------------------------------------------ many at once


def test_many_entries_go_in_one_batch(world: BusinessCentralWorld) -> None:
    entries = [bank_entry(world, f"{number}.00") for number in range(1, 31)]
    payloads = [payload_of(world, entry) for entry in entries]
    connection = connected(world, gate := RecordingGate())
    results = connection.post_many(world.dossier, entries[0].kind, payloads)
    assert [result.reference for result in results if not isinstance(result, Exception)] == [
        entry.reference for entry in entries
    ]
    assert [result.total_debit for result in results if isinstance(result, RemoteEntry)] == list(range(1, 31))
    assert gate.writes == 1
    # Batches, two look-ups, the batch, its lines, posting, away with it, two to read back, the currency.
    assert len(gate.calls) / 2 == 10
    assert [world.booked(entry.reference) for entry in entries] == [1] * 30


def test_what_cannot_be_read_back_is_posted_all_the_same(
    world: BusinessCentralWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*given: object) -> None:
        raise Temporary("business_central.timeout")

    entries = [bank_entry(world), bank_entry(world)]
    payloads = [payload_of(world, entry) for entry in entries]
    connection = connected(world, RecordingGate())
    monkeypatch.setattr(connection, "_currency", lost)
    results = connection.post_many(world.dossier, entries[0].kind, payloads)
    assert [getattr(result, "reference", "") for result in results] == [entry.reference for entry in entries]


def test_each_is_told_what_became_of_it(world: BusinessCentralWorld) -> None:
    there, good, closed = bank_entry(world), bank_entry(world), bank_entry(world, on=world.closed_day)
    crooked = bank_entry(world)
    crooked = replace(crooked, lines=(crooked.lines[0], replace(crooked.lines[1], amount=Decimal("-1"))))
    send(world, there)
    entries = [closed, there, good, crooked]
    connection = connected(world, RecordingGate())
    results = connection.post_many(world.dossier, good.kind, [payload_of(world, entry) for entry in entries])
    assert [type(result).__name__ for result in results] == ["Rejected", "AlreadyPosted", "RemoteEntry", "Rejected"]
    codes = [result.code for result in results if isinstance(result, Rejected)]
    assert codes == ["business_central.period_closed", "business_central.unbalanced"]
    assert [world.booked(entry.reference) for entry in entries] == [0, 1, 1, 0]
    assert world.left_behind() == []


def test_doubt_about_a_batch_is_doubt_about_all_of_it(world: BusinessCentralWorld) -> None:
    entries = [bank_entry(world), bank_entry(world)]
    payloads = [payload_of(world, entry) for entry in entries]
    world.fault(Fault.LOST_AFTER, write=True)
    connection = connected(world, RecordingGate())
    error = refusal_of(lambda: connection.post_many(world.dossier, entries[0].kind, payloads))
    assert isinstance(error, Temporary)
    assert error.sent
    assert [len(look_up(world, entry)) for entry in entries] == [1, 1]
    results = connection.post_many(world.dossier, entries[0].kind, payloads)
    assert all(isinstance(result, AlreadyPosted) for result in results)
    assert [world.booked(entry.reference) for entry in entries] == [1, 1]


def test_an_entry_of_several_days_is_booked_as_it_balances(world: BusinessCentralWorld) -> None:
    """Lines that balance day by day keep their days; else all are booked on the day of the entry."""
    entry = bank_entry(world, "10.00", "20.00")
    earlier = entry.date - timedelta(2)
    by_day = replace(entry, lines=tuple(replace(line, date=earlier) for line in entry.lines[:2]) + entry.lines[2:])
    send(world, by_day)
    assert [line.date for line in look_up(world, by_day)[0].lines] == [earlier, earlier, entry.date, entry.date]
    other = bank_entry(world, "10.00")
    crooked = replace(other, lines=(replace(other.lines[0], date=earlier), other.lines[1]))
    send(world, crooked)
    (found,) = look_up(world, crooked)
    assert [line.date for line in found.lines] == [other.date, other.date]
    assert found.lines[0].description == f"{earlier:%d/%m} Invoice 17"
