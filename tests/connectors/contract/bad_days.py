"""Limits, lost answers and nonsense: a read is repeated, a write never."""

from __future__ import annotations

from functools import partial

import pytest

from portal.connectors.errors import Temporary, UnexpectedReply
from tests.connectors.contract.entries import accounts_of, bank_entry, is_uncertain, look_up, refusal_of, send
from tests.connectors.contract.world import Fault, World


class BadDaysContract:
    @pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
    def test_too_many_calls_say_how_long_to_wait(self, world: World, write: bool) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.fault(Fault.RATE_LIMITED, write=write)
        call = partial(world.connection.post, world.dossier, entry.kind, payload)
        error = refusal_of(call if write else partial(world.connection.journals, world.dossier))
        assert isinstance(error, Temporary)
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 86400
        assert not error.sent
        assert world.booked(entry.reference) == 0

    @pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.BUSY, Fault.TRUNCATED])
    def test_a_read_that_failed_once_is_repeated(self, world: World, fault: Fault) -> None:
        world.fault(fault, write=False)
        assert world.connection.journals(world.dossier)

    @pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.RATE_LIMITED])
    def test_a_write_in_doubt_is_uncertain_and_sent_once(self, world: World, fault: Fault) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.fault(fault, write=True)
        world.gate.calls.clear()
        error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert is_uncertain(error), error
        assert world.gate.writes == 1
        world.settle()
        nothing_done = fault in (Fault.LOST_BEFORE, Fault.BUSY, Fault.FAULTY)
        assert world.booked(entry.reference) == (0 if nothing_done else 1)
        assert len(look_up(world, entry)) == world.booked(entry.reference)

    def test_a_late_write_is_found_only_after_it_settled(self, world: World) -> None:
        entry = bank_entry(world)
        world.fault(Fault.LATE, write=True)
        assert is_uncertain(refusal_of(lambda: send(world, entry)))
        assert list(look_up(world, entry)) == []
        world.settle()
        assert len(look_up(world, entry)) == 1

    def test_a_slow_read_ends_in_a_time_out(self, world: World) -> None:
        world.fault(Fault.SLOW, write=False, times=3)
        error = refusal_of(lambda: world.connection.journals(world.dossier))
        assert isinstance(error, Temporary)
        assert error.code.endswith(".timeout")

    def test_garbage_is_not_taken_for_an_answer(self, world: World) -> None:
        world.fault(Fault.GARBAGE, write=False)
        assert isinstance(refusal_of(lambda: world.connection.journals(world.dossier)), UnexpectedReply)

    def test_where_nobody_listens_nothing_was_sent(self, world: World) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        error = refusal_of(lambda: world.unreachable.post(world.dossier, entry.kind, payload))
        assert isinstance(error, Temporary)
        assert not error.sent
