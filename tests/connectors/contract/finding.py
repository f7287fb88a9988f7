"""What stands in the package is found by its reference and listed by its date."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest

from portal.connectors.errors import AlreadyPosted
from tests.connectors.contract.entries import bank_entry, look_up, send
from tests.connectors.contract.world import World


class FindingContract:
    def test_an_unknown_reference_gives_an_empty_answer(self, world: World) -> None:
        assert list(look_up(world, bank_entry(world))) == []

    def test_a_similar_reference_is_not_ours(self, world: World) -> None:
        entry = bank_entry(world)
        send(world, replace(entry, reference=entry.reference + "A"))
        assert list(look_up(world, entry)) == []

    def test_a_repetition_is_refused_or_seen(self, world: World) -> None:
        entry = bank_entry(world)
        send(world, entry)
        if world.capabilities.own_key:
            with pytest.raises(AlreadyPosted):
                send(world, entry)
            assert world.booked(entry.reference) == 1
        else:
            with suppress(AlreadyPosted):  # by a connector that looks before it books
                send(world, entry)
        assert len(look_up(world, entry)) == world.booked(entry.reference)

    def test_a_journal_is_listed_by_date(self, world: World) -> None:
        def listed(since: date, until: date) -> list[str]:
            found = world.connection.entries(world.dossier, first.kind, first.journal, since, until)
            return [remote.reference for remote in found if remote.id in ids]

        first, second = bank_entry(world, on=world.open_day - timedelta(3)), bank_entry(world, "5", "-7")
        ids = {send(world, first).id, send(world, second).id}
        assert listed(world.open_day, world.open_day) == [second.reference]
        assert sorted(listed(first.date, second.date)) == sorted([first.reference, second.reference])
        assert listed(second.date + timedelta(1), second.date + timedelta(2)) == []

    def test_a_listed_entry_equals_the_found_one(self, world: World) -> None:
        entry = bank_entry(world, "100.00", "-30.25")
        send(world, entry)
        (found,) = look_up(world, entry)
        listed = world.connection.entries(world.dossier, entry.kind, entry.journal, entry.date, entry.date)
        assert found in list(listed)
