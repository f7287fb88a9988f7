"""The preview is what is sent, and names what would be refused before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from portal.couplings.models import Books, Coupling
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.ledger.models import Entry
from portal.sync.drafting import correct_line, lines_of
from portal.sync.preview import Preview, preview
from tests.sync import provider
from tests.sync.office import Office, open_office, store_books


@pytest.fixture
def drafted(office: Office) -> Office:
    office.bank_says((date(2024, 3, 5), "12.50"), (date(2024, 3, 20), "-2.25"))
    office.draft(date(2024, 4, 1))
    return office


def shown(office: Office, change: Callable[[Entry], None] | None = None) -> Preview:
    with office.scope() as scope:
        entry = scope.session.query(Entry).one()
        if change is not None:
            change(entry)
            scope.session.flush()
        made = preview(scope, entry)
        scope.session.expunge_all()
        scope.session.rollback()
        return made


def codes(office: Office, change: Callable[[Entry], None] | None = None) -> list[str]:
    return [problem.code for problem in shown(office, change).problems]


def test_the_hash_is_that_of_the_bytes_that_are_sent(drafted: Office) -> None:
    made = shown(drafted)
    assert made.problems == []
    assert made.sha256 == hashlib.sha256(made.payload).hexdigest()
    row = drafted.offer(made.entry)
    assert row.payload == made.payload
    sent: list[bytes] = []
    original = provider.Client.post

    def watch(self: provider.Client, dossier: str, kind: Any, payload: bytes) -> Any:
        sent.append(payload)
        return original(self, dossier, kind, payload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider.Client, "post", watch)
        drafted.step(row)
    assert sent == [made.payload]


def test_the_same_entry_has_the_same_hash_every_time(drafted: Office) -> None:
    assert shown(drafted).sha256 == shown(drafted).sha256


def test_a_correction_changes_the_hash(drafted: Office) -> None:
    before = shown(drafted)
    with drafted.scope() as scope:
        line = lines_of(scope, before.entry)[0]
        correct_line(
            scope, before.entry.id, line.id, ledger_account="612000", description="Ink", version=before.entry.version
        )
    assert shown(drafted).sha256 != before.sha256


CHANGES: dict[str, Callable[[Entry], None]] = {
    "entry.journal_unknown": lambda entry: setattr(entry, "journal", "77"),
    "entry.journal_type": lambda entry: setattr(entry, "journal", "90"),
    "entry.currency": lambda entry: setattr(entry, "currency", "USD"),
    "entry.account_unknown": lambda entry: setattr(entry, "bank_ledger_account", "551111"),
    "entry.account_blocked": lambda entry: setattr(entry, "bank_ledger_account", "613000"),
    "entry.account_is_bank": lambda entry: setattr(entry, "bank_ledger_account", "499000"),
    "entry.unbalanced": lambda entry: setattr(entry, "closing", entry.closing + 1 if entry.closing else None),
}


@pytest.mark.parametrize("code", CHANGES)
def test_each_thing_that_would_be_refused_is_named(drafted: Office, code: str) -> None:
    assert code in codes(drafted, CHANGES[code])


def test_an_unknown_account_comes_with_the_nearest_one(drafted: Office) -> None:
    (problem,) = shown(drafted, CHANGES["entry.account_unknown"]).problems
    assert problem.values["nearest"] == "550000"


def test_a_closed_period_is_named_once_with_its_first_line(drafted: Office) -> None:
    closed = [replace(one, closed_journals=frozenset({"20"})) for one in provider.PERIODS]
    store_books(drafted.database, drafted.coupling, periods=closed)
    (problem,) = shown(drafted).problems
    assert (problem.code, problem.line) == ("entry.period_closed", 1)
    assert problem.values == {"year": "2024", "period": "3", "journal": "20"}


def test_a_day_without_a_period_is_named(drafted: Office) -> None:
    store_books(drafted.database, drafted.coupling, periods=[])
    assert codes(drafted) == ["entry.period_unknown"]


def test_books_that_were_never_read_stop_everything(drafted: Office) -> None:
    with drafted.scope() as scope:
        for part in scope.session.query(Books).all():
            scope.session.delete(part)
    made = shown(drafted)
    assert [problem.code for problem in made.problems] == ["entry.books_unread"]
    assert (made.payload, made.sha256) == (b"", "")


def test_an_ended_coupling_is_named(drafted: Office) -> None:
    with drafted.scope() as scope:
        scope.get(Coupling, drafted.coupling.id).state = "ended"
    assert codes(drafted) == ["entry.coupling_ended"]


def test_a_journal_that_is_blocked_is_named(drafted: Office) -> None:
    store_books(drafted.database, drafted.coupling, journals=[replace(one, blocked=True) for one in provider.JOURNALS])
    assert codes(drafted) == ["entry.journal_blocked"]


def test_another_tenant_does_not_see_it(drafted: Office, database: Database, vault: Vault) -> None:
    other = open_office(database, vault)
    with database.scoped(Setting(tenant=other.client.id)) as session:
        assert session.query(Entry).count() == 0
