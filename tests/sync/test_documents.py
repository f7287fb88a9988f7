"""Documents to the books: one entry each, once, on the right account, with VAT to the cent and the right sign."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from portal.connectors.base import EntryKind, Relation
from portal.connectors.errors import Rejected
from portal.couplings.documents import DocumentChoices, save_configuration
from portal.couplings.models import Configuration, Coupling
from portal.couplings.vat import save_mapping
from portal.documents.intake import hand_in
from portal.documents.models import Document
from portal.documents.removal import delete_document
from portal.kernel.db import Database
from portal.kernel.errors import Conflict, Invalid
from portal.kernel.vault import Vault
from portal.ledger.models import Entry
from portal.sync import posting, runs
from portal.sync.comparison import compare
from portal.sync.drafting import draft_due, drop_entry
from portal.sync.models import PostingState, Run
from portal.sync.preview import Preview, preview
from tests.connectors.files.invoice_documents import MILL, SHOP, Invoice, Item, Side, ubl
from tests.sync import provider
from tests.sync.office import SETTLE, Clock, Office, open_office, store_books

TODAY = date(2026, 4, 30)
PURCHASE = DocumentChoices("purchase", "60", "604000", "daily", date(2026, 1, 1))
SALES = DocumentChoices("sales", "70", "702000", "daily", date(2026, 1, 1))
TWO_RATES = (
    Item("Flour", Decimal(10), Decimal("18.40"), Decimal(6)), Item("Repair", Decimal(1), Decimal("99.99"), Decimal(21)),
)  # fmt: skip
TAKINGS = b"date;number;rate;net;vat;gross\n2026-03-31;Z1;6;100.00;6.00;106.00\n2026-03-31;Z1;21;50.00;10.50;60.50\n"


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    found = open_office(database, vault)
    store_books(database, found.coupling, relations=provider.RELATIONS)
    return found


def us(office: Office) -> Side:
    number = office.client.enterprise_number
    return Side(office.client.name, "BE", f"BE{number}", number)


def configure(office: Office, choices: DocumentChoices = PURCHASE, **more: Any) -> Configuration:
    with office.scope() as scope:
        return save_configuration(scope, scope.get(Coupling, office.coupling.id), replace(choices, **more))


def bring(office: Office, *contents: bytes) -> list[Document]:
    with office.scope() as scope:
        for content in contents:
            row = hand_in(scope, "x", io.BytesIO(content))
            assert row.state == "stored", (row.code, row.values)
        return list(scope.session.scalars(select(Document).order_by(Document.number)))


def draft(office: Office, configuration: Configuration, today: date = TODAY) -> list[Entry]:
    with office.scope() as scope:
        return list(draft_due(scope, configuration, today).entries)


def shown(office: Office, entry: Entry) -> Preview:
    with office.scope() as scope:
        return preview(scope, scope.get(Entry, entry.id))


def booked(office: Office) -> list[Any]:
    return [entry for entries in office.package.entries.values() for entry in entries]


def purchase(office: Office, **more: Any) -> bytes:
    return ubl(Invoice(customer=us(office), **more))


def test_a_purchase_becomes_one_entry_and_is_booked_once(office: Office) -> None:
    configuration = configure(office)
    (document,) = bring(office, purchase(office))
    (entry,) = draft(office, configuration)
    assert (entry.kind, entry.journal, entry.date, entry.period_start) == (
        "purchase", "60", date(2026, 3, 17), date(2026, 3, 17),
    )  # fmt: skip
    assert draft(office, configuration) == []
    view = shown(office, entry)
    (line,) = view.lines
    assert (line.ledger_account, line.amount, line.vat_amount) == ("604000", Decimal("184.00"), Decimal("11.04"))
    assert view.outgoing.invoice is not None
    assert (view.outgoing.invoice.number, view.outgoing.invoice.relation, view.outgoing.invoice.due_date) == (
        "2026-0042", "r-mill", date(2026, 4, 16),
    )  # fmt: skip
    assert (view.outgoing.lines[0].vat_code, view.total) == ("P6", Decimal("-195.04"))
    row = office.step(office.offer(entry))
    assert (row.state, row.code, row.remote_debit, row.remote_lines) == (
        PostingState.CONFIRMED, "", Decimal("195.04"), 1,
    )  # fmt: skip
    (there,) = booked(office)
    assert json.loads(row.payload)[0][1] == there.reference == entry.reference
    assert (there.total_debit, there.lines[0].amount, there.lines[0].vat) == (
        Decimal("195.04"), Decimal("184.00"), Decimal("11.04"),
    )  # fmt: skip
    assert office.step(row).state == PostingState.CONFIRMED
    assert len(booked(office)) == 1
    with office.scope() as scope:
        assert scope.get(Document, document.id).entry_id == entry.id
        with pytest.raises(Conflict, match=r"document\.drafted"):
            delete_document(scope, document.id)


@pytest.mark.parametrize(
    ("choices", "credit", "sign"), [(PURCHASE, False, 1), (PURCHASE, True, -1), (SALES, False, -1), (SALES, True, 1)]
)
def test_a_credit_note_turns_every_sign(office: Office, choices: DocumentChoices, credit: bool, sign: int) -> None:
    configuration = configure(office, choices)
    supplier, customer = (MILL, us(office)) if choices is PURCHASE else (us(office), SHOP)
    items = (Item("x", Decimal(1), Decimal(100), Decimal(6)),)
    bring(office, ubl(Invoice(credit=credit, items=items, supplier=supplier, customer=customer)))
    (entry,) = draft(office, configuration)
    view = shown(office, entry)
    assert [(line.amount, line.vat) for line in view.outgoing.lines] == [(sign * Decimal(100), sign * Decimal(6))]
    assert view.total == -sign * Decimal(106)
    row = office.step(office.offer(entry))
    assert (row.state, row.code, row.remote_debit) == (PostingState.CONFIRMED, "", Decimal(106))


def test_each_rate_is_a_line_with_a_code_of_its_own(office: Office) -> None:
    configuration = configure(office, SALES)
    bring(office, ubl(Invoice(supplier=us(office), customer=SHOP, items=TWO_RATES)))
    (entry,) = draft(office, configuration)
    view = shown(office, entry)
    assert view.problems == []
    assert [(line.vat_code, line.amount, line.vat) for line in view.outgoing.lines] == [
        ("S6", Decimal("-184.00"), Decimal("-11.04")), ("S21", Decimal("-99.99"), Decimal("-21.00")),
    ]  # fmt: skip


def test_a_rate_with_several_codes_is_asked_and_never_guessed(office: Office) -> None:
    configuration = configure(office)
    bring(office, purchase(office, items=TWO_RATES))
    (entry,) = draft(office, configuration)
    view = shown(office, entry)
    assert [(found.code, found.values["rate"], found.line) for found in view.problems] == [
        ("entry.vat_unmapped", "21", 2)
    ]
    assert (view.payload, view.sha256) == (b"", "")
    with office.scope() as scope, pytest.raises(Invalid, match=r"entry\.problems"):
        posting.hand_over(scope, preview(scope, scope.get(Entry, entry.id)))
    with office.scope() as scope:
        save_mapping(scope, office.coupling.id, {("purchase", "S", Decimal("0.21")): "D21"})
    assert [line.vat_code for line in shown(office, entry).outgoing.lines] == ["P6", "D21"]
    assert office.step(office.offer(entry)).state == PostingState.CONFIRMED


def test_a_changed_code_makes_what_was_shown_stale(office: Office) -> None:
    configuration = configure(office)
    bring(office, purchase(office, items=TWO_RATES))
    (entry,) = draft(office, configuration)
    with office.scope() as scope:
        save_mapping(scope, office.coupling.id, {("purchase", "S", Decimal("0.21")): "D21"})
    before = shown(office, entry)
    with office.scope() as scope:
        save_mapping(scope, office.coupling.id, {("purchase", "S", Decimal("0.21")): "P21"})
    with office.scope() as scope, pytest.raises(Conflict, match=r"entry\.stale"):
        posting.offer(scope, entry.id, before.sha256, before.entry.version)


@pytest.mark.parametrize(
    ("relations", "code"),
    [
        (None, "entry.relations_unread"),
        ([provider.RELATIONS[1]], "entry.relation_missing"),
        ([provider.RELATIONS[0], replace(provider.RELATIONS[0], id="r-2", code="9")], "entry.relation_ambiguous"),
        ([replace(provider.RELATIONS[0], blocked=True)], "entry.relation_missing"),
        ([Relation("r-x", "5", MILL.name, "BE", "BE0403170701")], "entry.relation_missing"),  # same name, other number
    ],
)
def test_a_party_that_is_not_surely_in_the_dossier_is_told(
    database: Database, vault: Vault, relations: list[Relation] | None, code: str
) -> None:
    office = open_office(database, vault)
    if relations is not None:
        store_books(database, office.coupling, relations=relations)
    configuration = configure(office)
    bring(office, purchase(office))
    (entry,) = draft(office, configuration)
    assert [found.code for found in shown(office, entry).problems] == [code]
    store_books(database, office.coupling, relations=provider.RELATIONS)
    assert shown(office, entry).problems == []


def test_of_two_with_one_number_the_supplier_is_meant(office: Office) -> None:
    customer = replace(provider.RELATIONS[0], id="r-c", code="8", supplier=False)
    supplier = replace(provider.RELATIONS[0], customer=False)
    store_books(office.database, office.coupling, relations=[customer, supplier])
    configuration = configure(office)
    bring(office, purchase(office))
    (entry,) = draft(office, configuration)
    invoice = shown(office, entry).outgoing.invoice
    assert invoice is not None
    assert invoice.relation == supplier.id


def test_takings_go_on_the_customer_that_was_chosen_for_them(office: Office) -> None:
    configuration = configure(office, SALES)
    bring(office, TAKINGS)
    (entry,) = draft(office, configuration)
    assert [found.code for found in shown(office, entry).problems] == ["entry.relation_of_takings"]
    configure(office, SALES, relation="3")
    view = shown(office, entry)
    assert view.outgoing.invoice is not None
    assert (view.problems, view.outgoing.invoice.relation) == ([], "r-counter")
    assert [(line.vat_code, line.amount) for line in view.outgoing.lines] == [
        ("S6", Decimal("-100.00")), ("S21", Decimal("-50.00")),
    ]  # fmt: skip


def test_several_documents_of_a_day_are_several_entries(office: Office) -> None:
    configuration = configure(office)
    bring(office, *(purchase(office, number=f"F{number}") for number in range(3)))
    first = draft(office, configuration)
    bring(office, purchase(office, number="F9"))
    second = draft(office, configuration)
    entries = first + second
    assert len({entry.reference for entry in entries}) == 4
    assert sorted(entry.sequence for entry in entries) == [0, 1, 2, 3]
    for entry in entries:
        assert office.step(office.offer(entry)).state == PostingState.CONFIRMED
    assert len(booked(office)) == 4


def test_only_what_is_due_and_from_the_first_day_on_goes_along(office: Office) -> None:
    configuration = configure(office, starts_on=date(2026, 3, 1), frequency="monthly", delay_days=5)
    bring(office, *(purchase(office, number=f"{day}", on=day) for day in
                    (date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1))))  # fmt: skip
    assert draft(office, configuration, date(2026, 4, 5)) == []
    assert [entry.date for entry in draft(office, configuration, date(2026, 4, 6))] == [
        date(2026, 3, 1), date(2026, 3, 31),
    ]  # fmt: skip


def test_a_draft_that_is_thrown_away_lets_its_document_go(office: Office) -> None:
    configuration = configure(office)
    (document,) = bring(office, purchase(office))
    (entry,) = draft(office, configuration)
    with office.scope() as scope:
        drop_entry(scope, entry.id, version=entry.version)
    (again,) = draft(office, configuration)
    assert again.reference != entry.reference
    with office.scope() as scope:
        drop_entry(scope, again.id, version=again.version)
        delete_document(scope, document.id)
    assert draft(office, configuration) == []


def test_an_answer_that_is_lost_books_nothing_twice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same machine as for bank entries: found by its reference, or sent once more after two empty looks."""
    moving = Clock()
    monkeypatch.setattr("portal.kernel.clock.now", moving.now)
    configuration = configure(office)
    bring(office, *(purchase(office, number=f"F{number}") for number in range(3)))
    for entry, step in zip(draft(office, configuration), ("lost_after", "late", "lost_before"), strict=True):
        office.package.script[:] = [step]
        row = office.step(office.offer(entry))
        assert row.state == PostingState.UNCERTAIN
        office.package.settle()
        for _ in range(5):
            moving.pass_(SETTLE)
            row = office.step(row)
        assert (row.state, row.code) == (PostingState.CONFIRMED, "")
        assert office.package.booked(entry.reference) == 1


def test_a_refusal_opens_it_again(office: Office) -> None:
    configuration = configure(office)
    bring(office, purchase(office))
    (entry,) = draft(office, configuration)
    office.package.script[:] = [Rejected("pretend.period_closed")]
    row = office.step(office.offer(entry))
    assert row.state == PostingState.REJECTED
    with office.scope() as scope:
        posting.reopen(scope, entry.id)
    with office.scope() as scope:
        entry = scope.get(Entry, entry.id)
    assert office.step(office.offer(entry)).state == PostingState.CONFIRMED
    assert len(booked(office)) == 1


def test_a_run_reads_the_relations_and_sends_what_is_automatic(database: Database, vault: Vault) -> None:
    office = open_office(database, vault)
    configuration = configure(office, automatic=True)
    bring(
        office, purchase(office), purchase(office, number="F2", supplier=replace(MILL, vat="", enterprise="", name="?"))
    )
    with office.scope() as scope:
        row, _ = runs.start_run(scope, scope.get(Configuration, configuration.id), "person")
    runs.run(office.runtime, office.client.id, row.id, office.connect)
    with office.scope() as scope:
        done = scope.get(Run, row.id)
        assert (done.state, done.lines, done.drafted, done.offered, done.blocked, done.code) == (
            "done", 2, 2, 1, 1, "entry.relation_missing",
        )  # fmt: skip
    (waiting,) = office.all_postings()
    assert office.step(waiting).state == PostingState.CONFIRMED
    assert ("relations", office.coupling.dossier_code) in office.package.calls


def test_a_firm_that_books_no_documents_never_asks_for_relations(office: Office) -> None:
    office.bank_says((date(2024, 3, 5), "12.50"))
    with office.scope() as scope:
        row, _ = runs.start_run(scope, scope.get(Configuration, office.configuration.id), "person")
    store_books(office.database, office.coupling)
    runs.run(office.runtime, office.client.id, row.id, office.connect)
    assert "relations" not in {call for call, _ in office.package.calls}


def test_both_sides_agree_until_somebody_changes_theirs(office: Office) -> None:
    configuration = configure(office)
    office.step(office.offered())
    bring(office, purchase(office, items=TWO_RATES), purchase(office, number="C1", credit=True))
    with office.scope() as scope:
        save_mapping(scope, office.coupling.id, {("purchase", "S", Decimal("0.21")): "D21"})
    for entry in draft(office, configuration):
        office.step(office.offer(entry))
    result = compare(office.runtime, office.client.id, office.coupling.id, office.connect, reach=None)
    assert (result.booked, result.found, result.findings) == (3, 3, ())
    entries = office.package.entries[office.coupling.dossier_code]
    entries[1] = replace(entries[1], total_debit=entries[1].total_debit + Decimal("0.01"))
    result = compare(office.runtime, office.client.id, office.coupling.id, office.connect, reach=None)
    assert [finding.kind for finding in result.findings] == ["altered"]


def test_a_configuration_is_checked_against_the_dossier_and_there_is_one_of_each(office: Office) -> None:
    for wrong, code in (
        ({"journal": "70"}, "configuration.journal_not_purchase"),
        ({"journal": "??"}, "configuration.journal_unknown"),
        ({"ledger_account": "613000"}, "configuration.account_blocked"),
        ({"relation": "77"}, "configuration.relation_unknown"),
        ({"delay_days": 40}, "configuration.delay"),
    ):
        with pytest.raises(Invalid) as caught:
            configure(office, **wrong)
        assert caught.value.code.startswith(code)
    first, again = configure(office), configure(office, delay_days=3)
    assert (first.id, again.delay_days) == (again.id, 3)
    assert configure(office, SALES).id != first.id


def test_kinds_that_are_invoices() -> None:
    assert [kind for kind in EntryKind if kind.is_invoice] == [EntryKind.SALES, EntryKind.PURCHASE]


def test_a_package_without_documents_is_not_set_up_for_them(office: Office) -> None:
    with office.scope() as scope:
        scope.get(Coupling, office.coupling.id).app = "pennylane"
    with pytest.raises(Conflict, match=r"configuration\.no_documents"):
        configure(office)
    with office.scope() as scope:
        scope.get(Coupling, office.coupling.id).app = "odoo"
    assert configure(office).state == "active"
