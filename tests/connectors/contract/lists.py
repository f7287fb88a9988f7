"""Dossiers, accounts, journals and what else a package tells before anything is booked."""

from __future__ import annotations

from datetime import date

from portal.connectors.base import Bookkeeping, DossierStatus, JournalType
from tests.connectors.contract.world import World


class ListsContract:
    def test_it_is_a_bookkeeping_connection(self, world: World) -> None:
        assert isinstance(world.connection, Bookkeeping)

    def test_it_knows_who_is_logged_in(self, world: World) -> None:
        identity = world.connection.identity()
        assert bool(identity.user_id) == world.tells_who
        assert identity == world.connection.identity()

    def test_the_dossier_is_listed_as_active(self, world: World) -> None:
        dossiers = {dossier.code: dossier for dossier in world.connection.dossiers()}
        assert dossiers[world.dossier].status is DossierStatus.ACTIVE
        assert dossiers[world.dossier].name.strip()
        assert len(dossiers[world.dossier].country) == 2
        assert world.foreign_dossier not in dossiers

    def test_a_list_comes_whole_over_all_pages(self, world: World) -> None:
        dossiers = world.connection.dossiers()
        assert len({dossier.code for dossier in dossiers}) == len(dossiers) == world.dossier_count

    def test_ledger_accounts_say_what_they_are(self, world: World) -> None:
        accounts = world.connection.ledger_accounts(world.dossier)
        assert len({account.code for account in accounts}) == len(accounts)
        kinds = {account.code: account.kind for account in accounts}
        assert kinds[world.suspense_account] == "general"
        assert kinds[world.bank_account] == ("bank" if world.bank_journal else "general")
        assert all(account.id and account.name for account in accounts)

    def test_codes_carry_no_padding(self, world: World) -> None:
        found = world.connection
        codes = [
            item.code
            for items in (
                found.dossiers(),
                found.ledger_accounts(world.dossier),
                found.journals(world.dossier),
                found.vat_codes(world.dossier),
            )
            for item in items
        ]
        assert codes
        assert [code for code in codes if not code or code != code.strip()] == []

    def test_the_bank_journal_names_its_ledger_account(self, world: World) -> None:
        journals = {journal.code: journal for journal in world.connection.journals(world.dossier)}
        assert journals[world.general_journal].type is JournalType.GENERAL
        if world.bank_journal:
            assert journals[world.bank_journal].type is JournalType.BANK
            assert journals[world.bank_journal].ledger_account == world.bank_account

    def test_vat_percentages_are_fractions(self, world: World) -> None:
        percentages = [code.percentage for code in world.connection.vat_codes(world.dossier)]
        assert all(0 <= percentage < 1 for percentage in percentages)
        assert any(percentage > 0 for percentage in percentages) or not world.capabilities.invoices

    def test_periods_tell_what_is_open_and_what_is_closed(self, world: World) -> None:
        def period_of(day: date) -> bool:
            (found,) = [period for period in periods if period.starts_on <= day <= period.ends_on]
            return found.is_open(world.bank_journal or world.general_journal)

        periods = world.connection.periods(world.dossier)
        assert period_of(world.open_day)
        assert not (world.tells_closed and period_of(world.closed_day))

    def test_relations_are_listed_with_their_numbers(self, world: World) -> None:
        if world.capabilities.invoices:
            (found,) = [one for one in world.connection.relations(world.dossier) if one.id == world.relation]
            assert found.name
            assert found.vat_number
            assert found.customer
            assert found.supplier
