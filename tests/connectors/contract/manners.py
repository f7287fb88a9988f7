"""Every call asks the gate, and no secret gets out."""

from __future__ import annotations

import pytest

from portal.connectors.errors import Temporary
from tests.connectors.contract.entries import accounts_of, bank_entry, look_up, refusal_of, send
from tests.connectors.contract.world import Fault, World


class MannersContract:
    def test_the_gate_is_asked_before_and_told_after_every_call(self, world: World) -> None:
        entry = bank_entry(world)
        send(world, entry)
        look_up(world, entry)
        refusal_of(lambda: world.connection.journals(world.foreign_dossier))
        before, after = world.gate.calls[::2], world.gate.calls[1::2]
        assert [call[0] for call in before] == ["before"] * len(before)
        assert [call[0] for call in after] == ["after"] * len(before)
        assert [call[1:3] for call in before] == [call[1:3] for call in after]
        assert {call[1] for call in before} == {world.dossier, world.foreign_dossier}
        assert world.gate.writes == 1
        assert [call[3] for call in after][-1] in world.foreign_statuses

    def test_the_gate_is_told_of_a_call_without_an_answer(self, world: World) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.fault(Fault.LOST_BEFORE, write=True)
        refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert world.gate.calls[-1][3] == 0

    def test_a_closed_gate_keeps_the_call_in(self, world: World) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.gate.refuse = Temporary("limit_reached", retry_after=7, sent=False)
        error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert error is world.gate.refuse
        world.gate.refuse = None
        assert world.booked(entry.reference) == 0

    @pytest.mark.parametrize("fault", list(Fault))
    def test_no_secret_is_in_an_error(self, world: World, fault: Fault) -> None:
        world.fault(fault, write=True)
        error = refusal_of(lambda: send(world, bank_entry(world)))
        seen = f"{error!r} {error} {error.__dict__} {error.__cause__!r}"
        assert world.secret not in seen
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
