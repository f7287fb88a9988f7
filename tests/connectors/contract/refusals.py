"""What the package may not take, or may not show."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from portal.connectors.base import EntryKind, OutgoingEntry
from portal.connectors.errors import AuthorisationExpired, Rejected
from tests.connectors.contract.entries import accounts_of, bank_entry, refusal_of, send
from tests.connectors.contract.world import World


class RefusalsContract:
    def test_an_unbalanced_entry_is_rejected(self, world: World) -> None:
        if world.capabilities.bank_entries:
            entry = bank_entry(world, "10.00")
            self._assert_rejected(world, replace(entry, closing=Decimal("1.00")), "unbalanced")

    def test_an_unbalanced_general_entry_is_rejected(self, world: World) -> None:
        entry = replace(bank_entry(world, "10.00"), kind=EntryKind.GENERAL, journal=world.general_journal)
        crooked = (entry.lines[0], replace(entry.lines[1], amount=Decimal("-9.99")))
        self._assert_rejected(world, replace(entry, lines=crooked), "unbalanced")

    def test_a_closed_period_is_rejected(self, world: World) -> None:
        self._assert_rejected(world, bank_entry(world, on=world.closed_day), "period_closed")

    def test_a_journal_of_the_wrong_type_is_rejected(self, world: World) -> None:
        if world.capabilities.bank_entries:
            self._assert_rejected(world, replace(bank_entry(world), journal=world.general_journal), "journal_type")

    def test_an_account_code_that_is_not_there_is_told_before_sending(self, world: World) -> None:
        entry = bank_entry(world)
        accounts = accounts_of(world)
        del accounts[world.suspense_account]
        error = refusal_of(lambda: world.connection.render(entry, accounts))
        assert isinstance(error, Rejected)
        assert world.suspense_account in error.values.values()

    def test_an_account_unknown_to_the_dossier_is_rejected(self, world: World) -> None:
        entry = bank_entry(world)
        accounts = accounts_of(world) | {world.suspense_account: world.foreign_account}
        payload = world.connection.render(entry, accounts)
        error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert isinstance(error, Rejected)
        assert world.booked(entry.reference) == 0

    def test_a_foreign_dossier_is_rejected(self, world: World) -> None:
        for call in (
            lambda: world.connection.journals(world.foreign_dossier),
            lambda: send(world, bank_entry(world), world.foreign_dossier),
        ):
            error = refusal_of(call)
            assert isinstance(error, Rejected)
            assert error.status in world.foreign_statuses

    def test_an_expired_login_is_told(self, world: World) -> None:
        entry = bank_entry(world)
        payload = world.connection.render(entry, accounts_of(world))
        world.expire()
        assert isinstance(refusal_of(lambda: world.connection.identity()), AuthorisationExpired)
        error = refusal_of(lambda: world.connection.post(world.dossier, entry.kind, payload))
        assert isinstance(error, AuthorisationExpired)
        assert world.booked(entry.reference) == 0

    def _assert_rejected(self, world: World, entry: OutgoingEntry, code: str) -> None:
        """In the provider's words, unless the connector knows it before anything is sent."""
        accounts = accounts_of(world)
        world.gate.calls.clear()
        error = refusal_of(lambda: world.connection.post(
            world.dossier, entry.kind, world.connection.render(entry, accounts)
        ))  # fmt: skip
        assert isinstance(error, Rejected)
        assert error.code.partition(".")[2] == code
        assert error.provider_text or not world.gate.writes
        assert world.booked(entry.reference) == 0
