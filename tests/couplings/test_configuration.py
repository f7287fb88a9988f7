"""Configurations: what is refused and why, what is proposed, and when entries go out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from datetime import date as D

import pytest

from portal.couplings import wording
from portal.couplings.books import read_books
from portal.couplings.configurations import (
    Choices,
    InvalidChoices,
    create_configuration,
    deactivate_configuration,
    delete_configuration,
    edit_configuration,
    effect_of,
    reactivate_configuration,
)
from portal.couplings.defaults import defaults_for
from portal.couplings.models import Configuration
from portal.couplings.nearest import suspense_account
from portal.couplings.periods import next_due
from portal.couplings.service import configurations_of, end_coupling
from portal.kernel import clock
from portal.kernel.db import Database
from portal.kernel.errors import Conflict
from portal.ledger.models import BankAccount
from tests import factories as make
from tests.couplings.conftest import BOOKS, IBAN, Office, account

TODAY = D(2026, 6, 15)
GOOD = Choices("bank", "20", "550000", "499000", "monthly", D(2026, 5, 1), delay_days=3)


@pytest.fixture(autouse=True)
def _june(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 6, 15, 10, tzinfo=UTC))


@pytest.fixture
def bank(database: Database, office: Office) -> BankAccount:
    return BankAccount(
        id=make.make_bank_account(database, office.world.client).id, number=IBAN, currency="EUR", name=""
    )


def test_a_good_configuration_is_kept_and_due_at_once_for_months_that_passed(office: Office, bank: BankAccount) -> None:
    scope, coupling = office.with_books()
    row = create_configuration(scope, coupling.id, bank, GOOD)
    assert configurations_of(scope, coupling.id) == [row]
    assert row.next_due_at == clock.now()  # May has passed, with its delay


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"journal": "99"}, "configuration.journal_unknown"),
        ({"journal": "22", "bank_ledger_account": "550000"}, "configuration.journal_blocked"),
        ({"journal": "90"}, "configuration.journal_not_bank"),
        ({"journal": "23", "bank_ledger_account": "550100"}, "configuration.journal_iban"),
        ({"entry_kind": "general"}, "configuration.journal_not_general"),
        ({"entry_kind": "sales"}, "configuration.entry_kind"),
        ({"bank_ledger_account": "550900"}, "configuration.account_unknown_try"),
        ({"bank_ledger_account": "550100"}, "configuration.account_not_of_journal"),
        ({"suspense_account": "499900"}, "configuration.account_unknown_try"),
        ({"suspense_account": "1"}, "configuration.account_unknown"),
        ({"suspense_account": "550200"}, "configuration.account_blocked_try"),
        ({"suspense_account": "550000"}, "configuration.same_accounts"),
        ({"frequency": "weekly"}, "configuration.frequency"),
        ({"delay_days": 15}, "configuration.delay"),
        ({"delay_days": -1}, "configuration.delay"),
        ({"ends_on": D(2026, 4, 30)}, "configuration.ends_before_start"),
        ({"starts_on": D(1999, 1, 1)}, "configuration.start_too_far"),
        ({"starts_on": D(2026, 2, 1)}, "configuration.period_closed_try"),
        ({"starts_on": D(2025, 2, 1)}, "configuration.no_period"),
    ],
)
def test_each_mistake_has_its_own_words(office: Office, bank: BankAccount, wrong: dict[str, object], code: str) -> None:
    scope, coupling = office.with_books()
    with pytest.raises(InvalidChoices) as told:
        create_configuration(scope, coupling.id, bank, replace(GOOD, **wrong))  # type: ignore[arg-type]
    problem = next(p for p in told.value.all if p.code == code)
    assert problem.field in set(Choices.__slots__)
    assert "{" not in wording.ERRORS[code].format(**problem.values)


def test_all_mistakes_are_told_at_once(office: Office, bank: BankAccount) -> None:
    scope, coupling = office.with_books()
    with pytest.raises(InvalidChoices) as told:
        create_configuration(scope, coupling.id, bank, replace(GOOD, journal="99", delay_days=20, suspense_account="1"))
    assert [p.field for p in told.value.all] == ["journal", "suspense_account", "delay_days"]


def test_the_nearest_account_is_suggested(office: Office, bank: BankAccount) -> None:
    scope, coupling = office.with_books()
    with pytest.raises(InvalidChoices) as told:
        create_configuration(scope, coupling.id, bank, replace(GOOD, bank_ledger_account="550900"))
    assert told.value.values["suggestion"] == "550000"  # the account of the journal
    with pytest.raises(InvalidChoices) as told:
        create_configuration(scope, coupling.id, bank, replace(GOOD, suspense_account="499001"))
    assert told.value.values["suggestion"] == "499000"


def test_a_journal_in_another_currency_is_refused(office: Office, bank: BankAccount) -> None:
    scope, coupling = office.with_books()
    bank.currency = "USD"
    with pytest.raises(InvalidChoices) as told:
        create_configuration(scope, coupling.id, bank, GOOD)
    assert told.value.code == "configuration.journal_currency"


def test_unread_books_are_read_first(office: Office, bank: BankAccount) -> None:
    scope, coupling = office.couple()
    with pytest.raises(Conflict) as told:
        create_configuration(scope, coupling.id, bank, GOOD)
    assert told.value.code == "configuration.books_unread"


def test_a_bank_account_is_booked_once(office: Office, bank: BankAccount) -> None:
    scope, coupling = office.with_books()
    first = create_configuration(scope, coupling.id, bank, GOOD)
    with pytest.raises(Conflict) as told:
        create_configuration(scope, coupling.id, bank, replace(GOOD, journal="21", bank_ledger_account="550100"))
    assert told.value.code == "configuration.account_taken"
    deactivate_configuration(scope, first.id)
    second = create_configuration(scope, coupling.id, bank, GOOD)
    with pytest.raises(Conflict):
        reactivate_configuration(scope, first.id, bank)
    delete_configuration(scope, second.id)
    assert reactivate_configuration(scope, first.id, bank).state == "active"
    assert configurations_of(scope, coupling.id) == [first]


def test_an_edit_is_checked_and_told(office: Office, bank: BankAccount) -> None:
    scope, coupling = office.with_books()
    row = create_configuration(scope, coupling.id, bank, GOOD)
    edit_configuration(scope, row.id, bank, replace(GOOD, delay_days=5, automatic=False))
    assert (row.delay_days, row.automatic) == (5, False)
    with pytest.raises(InvalidChoices):
        edit_configuration(scope, row.id, bank, replace(GOOD, suspense_account="1"))


def test_an_ended_coupling_takes_no_configuration(office: Office, bank: BankAccount) -> None:
    scope, coupling = office.with_books()
    row = create_configuration(scope, coupling.id, bank, GOOD)
    end_coupling(scope, coupling.id)
    office.session.refresh(row)
    assert row.state == "inactive"
    with pytest.raises(Conflict):
        create_configuration(scope, coupling.id, bank, GOOD)


# ------------------------------------------------------------------ defaults and periods


def test_defaults_agree_with_the_books(office: Office, bank: BankAccount) -> None:
    scope, coupling = office.with_books()
    choices = defaults_for(read_books(scope, coupling.id), bank, "BE", TODAY)
    assert (choices.journal, choices.bank_ledger_account, choices.suspense_account) == ("20", "550000", "499000")
    assert choices.starts_on == D(2026, 6, 1)
    assert create_configuration(scope, coupling.id, bank, choices).journal == "20"


def test_defaults_of_an_account_without_its_own_journal(office: Office) -> None:
    scope, coupling = office.with_books()
    other = BankAccount(number="BE00000000000000", currency="EUR")
    choices = defaults_for(read_books(scope, coupling.id), other, "BE", D(2026, 1, 20))
    assert (choices.journal, choices.bank_ledger_account) == ("21", "550100")
    assert choices.starts_on == D(2026, 3, 1)  # January and February are closed


@pytest.mark.parametrize(
    ("country", "accounts", "expected"),
    [
        ("BE", BOOKS["ledger_accounts"], "499000"),
        ("FR", [account("471000", "Comptes d'attente"), account("512000", "Banque", "bank")], "471000"),
        ("NL", [account("1200", "Bank", "bank"), account("2010", "Vraagposten")], "2010"),
        ("NL", [account("1200", "Bank", "bank")], ""),
    ],
)
def test_the_suspense_account_of_each_country(country: str, accounts: list[object], expected: str) -> None:
    assert suspense_account(accounts, country) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frequency", "delay", "starts", "ends", "today", "expected"),
    [
        (
            "monthly",
            3,
            D(2026, 1, 1),
            None,
            D(2026, 6, 3),
            (D(2026, 5, 1), D(2026, 5, 31), D(2026, 6, 4)),
        ),
        (
            "monthly",
            3,
            D(2026, 1, 1),
            None,
            D(2026, 6, 4),
            (D(2026, 6, 1), D(2026, 6, 30), D(2026, 7, 4)),
        ),
        ("monthly", 0, D(2026, 8, 10), None, TODAY, (D(2026, 8, 10), D(2026, 8, 31), D(2026, 9, 1))),
        (
            "monthly",
            0,
            D(2026, 1, 1),
            D(2026, 6, 20),
            TODAY,
            (D(2026, 6, 1), D(2026, 6, 20), D(2026, 7, 1)),
        ),
        ("daily", 2, D(2026, 1, 1), None, TODAY, (D(2026, 6, 13), D(2026, 6, 13), D(2026, 6, 16))),
        ("daily", 0, D(2026, 1, 1), D(2026, 5, 1), TODAY, None),
    ],
)
def test_which_period_goes_out_next(
    frequency: str, delay: int, starts: D, ends: D | None, today: D, expected: tuple[D, ...] | None
) -> None:
    row = Configuration(frequency=frequency, delay_days=delay, starts_on=starts, ends_on=ends)
    effect = effect_of(row, today)
    assert (effect and (effect.start, effect.end, effect.goes_out_on)) == expected
    due = next_due(row, today)
    assert (due is None) == (expected is None)
