"""Matches made and undone: sums that hold, drafts that follow, and two people at once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.access import Scope
from portal.activity.service import timeline
from portal.connectors.base import Relation
from portal.couplings.books import store_books
from portal.couplings.models import Coupling
from portal.documents.removal import delete_document
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.ledger.models import Entry, EntryLine, StatementLine
from portal.reconciliation.models import Match, PartyAccount
from portal.reconciliation.reading import Page, certain_decisions, list_waiting, overview, view_line
from portal.reconciliation.service import Decision, accept, accept_all, set_party_accounts, undo
from portal.sync.drafting import correct_line, lines_of
from portal.sync.preview import preview
from tests.reconciliation.conftest import CUSTOMER, Desk

NIL = Decimal(0)


def match(desk: Desk, line: uuid.UUID, *documents: uuid.UUID, rest: bool = False) -> StatementLine:
    with desk.office.scope() as scope:
        return accept(scope, Decision(line, tuple((key, None) for key in documents), rest))


def waiting(scope: Scope, **more: Any) -> Page:
    found = overview(scope)
    return list_waiting(scope, found.accounts[0], found.drafts, **more)


def sides(desk: Desk, line: uuid.UUID) -> list[tuple[str, str]]:
    with desk.office.scope() as scope:
        query = select(EntryLine).where(EntryLine.statement_line_id == line).order_by(EntryLine.part)
        return [(row.ledger_account, str(row.amount)) for row in scope.session.scalars(query)]


def draft(desk: Desk) -> Entry:
    (entry,) = desk.office.draft(date(2024, 4, 1))
    return entry


def test_a_line_settles_a_document(desk: Desk) -> None:
    line, document = desk.line("121.00"), desk.document("121.00")
    match(desk, line, document)
    assert (desk.see(line).matched, desk.settled(document)) == (Decimal("121.00"), Decimal("121.00"))
    with desk.office.scope() as scope:
        assert {row.tag for row in timeline(scope, line)} == {"match.made"}
        assert {row.tag for row in timeline(scope, document)} == {"match.made"}


def test_undoing_opens_both_again_and_keeps_the_match_as_history(desk: Desk) -> None:
    line, document = desk.line("121.00", counterparty_account=CUSTOMER), desk.document("121.00")
    match(desk, line, document)
    with desk.office.scope() as scope:
        undo(scope, line)
    assert (desk.see(line).matched, desk.settled(document)) == (NIL, NIL)
    with desk.office.scope() as scope:
        assert scope.session.scalars(select(Match)).one().undone_at is not None
        assert scope.session.scalars(select(PartyAccount)).all() == []
        with pytest.raises(Conflict, match=r"match\.none"):
            undo(scope, line)


def test_a_payment_in_two_parts_and_not_a_cent_more(desk: Desk) -> None:
    document = desk.document("100.00")
    first, second, third = desk.line("60.00"), desk.line("40.00"), desk.line("1.00")
    match(desk, first, document)
    match(desk, second, document)
    with pytest.raises(Conflict, match=r"match\.document_done"):
        match(desk, third, document)
    assert desk.settled(document) == Decimal("100.00")


def test_one_payment_of_two_invoices_less_a_credit_note(desk: Desk) -> None:
    line = desk.line("100.00")
    documents = [
        desk.document("70.00"),
        desk.document("50.00"),
        desk.document("-20.00", direction="sales", kind="credit"),
    ]
    match(desk, line, *documents)
    assert desk.see(line).matched == Decimal("100.00")
    assert [str(desk.settled(key)) for key in documents] == ["70.00", "50.00", "-20.00"]


def test_what_is_paid_too_much_may_stay_on_suspense(desk: Desk) -> None:
    line, document = desk.line("130.00"), desk.document("121.00")
    assert match(desk, line, document, rest=True).matched == Decimal("130.00")
    draft(desk)
    assert sides(desk, line) == [("400000", "-121.00"), ("499000", "-9.00")]


def test_a_line_without_a_document_may_be_left_on_suspense(desk: Desk) -> None:
    line = desk.line("-3.50")
    assert match(desk, line, rest=True).matched == Decimal("-3.50")
    with pytest.raises(Conflict, match=r"match\.line_done"):
        match(desk, line, rest=True)


@pytest.mark.parametrize(
    ("wish", "error", "code"),
    [("121.01", Conflict, "match.document_less"), ("0", Conflict, "match.document_less")],
)
def test_no_more_than_is_open(desk: Desk, wish: str, error: type[Exception], code: str) -> None:
    line, document = desk.line("200.00"), desk.document("121.00")
    with desk.office.scope() as scope, pytest.raises(error, match=code):
        accept(scope, Decision(line, ((document, Decimal(wish)),)))


def test_no_more_than_the_line_has(desk: Desk) -> None:
    line, document = desk.line("50.00"), desk.document("121.00")
    with desk.office.scope() as scope, pytest.raises(Conflict, match=r"match\.too_much"):
        accept(scope, Decision(line, ((document, Decimal("60.00")),)))
    with desk.office.scope() as scope, pytest.raises(Invalid, match=r"match\.nothing"):
        accept(scope, Decision(line))


def test_another_currency_another_tenant_and_nothing_are_not_there(desk: Desk) -> None:
    line, dollars = desk.line("121.00"), desk.document("121.00", currency="USD")
    for strange in (dollars, uuid.uuid4()):
        with pytest.raises(Conflict, match=r"match\.document_gone"):
            match(desk, line, strange)
    with pytest.raises(NotFound):
        match(desk, uuid.uuid4(), dollars)


# ------------------------------------------------------------------ what the database holds


def test_the_database_refuses_sums_beyond_the_line_or_the_document(desk: Desk) -> None:
    line, document = desk.line("50.00"), desk.document("40.00")
    row = "INSERT INTO matches (tenant_id, id, line_id, document_id, amount, how, reasons, matched_at) VALUES " \
          "(:t, gen_random_uuid(), :l, :d, :a, 'hand', '[]', now())"  # fmt: skip
    for amount in (5_100_000, 4_100_000, -100):
        with (
            pytest.raises(IntegrityError, match=r"ck_(statement_lines_matched|documents_settled)"),
            desk.office.scope() as s,
        ):
            s.session.execute(text(row), {"t": desk.office.client.id, "l": line, "d": document, "a": amount})


def test_the_database_keeps_a_match_as_it_was_made(desk: Desk) -> None:
    line, document = desk.line("50.00"), desk.document("50.00")
    match(desk, line, document)
    for change in ("UPDATE matches SET amount = 1", "DELETE FROM matches", "UPDATE matches SET how = 'certain'"):
        with (
            pytest.raises(DBAPIError, match=r"match .* (nothing but undoing|is undone before)"),
            desk.office.scope() as s,
        ):
            s.session.execute(text(change))


def test_the_parts_of_a_line_are_its_amount(desk: Desk) -> None:
    line = desk.line("50.00")
    draft(desk)
    with pytest.raises(DBAPIError, match="are not its amount"), desk.office.scope() as scope:
        scope.session.execute(
            update(EntryLine).where(EntryLine.statement_line_id == line).values(amount=Decimal("-49"))
        )


def race(*works: Callable[[], object]) -> list[BaseException | None]:
    """At once, each in a thread of its own; what each of them raised."""
    start, raised = threading.Barrier(len(works)), list[BaseException | None]([None] * len(works))

    def run(place: int) -> None:
        start.wait()
        try:
            works[place]()
        except Exception as error:
            raised[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return raised


def test_two_people_accept_the_same_line_at_once(desk: Desk) -> None:
    for _ in range(5):
        line, document = desk.line("121.00"), desk.document("121.00")
        raised = race(*[lambda line=line, document=document: match(desk, line, document)] * 2)
        assert sorted(type(error).__name__ for error in raised) == ["Conflict", "NoneType"]
        assert desk.settled(document) == Decimal("121.00")


def test_two_lines_for_one_document_at_once(desk: Desk) -> None:
    for _ in range(5):
        document = desk.document("121.00")
        lines = [desk.line("121.00"), desk.line("121.00")]
        raised = race(*[lambda line=line, document=document: match(desk, line, document) for line in lines])
        assert sorted(type(error).__name__ for error in raised) == ["Conflict", "NoneType"]
        assert sum(desk.see(line).matched for line in lines) == desk.settled(document) == Decimal("121.00")


def test_a_match_and_a_draft_at_once_agree(desk: Desk) -> None:
    for number in range(5):
        line, document = desk.line("121.00"), desk.document("121.00")
        raised = race(lambda: match(desk, line, document), lambda: desk.office.draft(date(2024, 4, 1)))  # noqa: B023  # run before the loop goes on
        assert raised == [None, None], number
        assert sides(desk, line) == [("400000", "-121.00")]


# ------------------------------------------------------------------ drafts


def test_what_is_matched_before_goes_out_on_the_customer_s_account(desk: Desk) -> None:
    line, document = desk.line("121.00"), desk.document("121.00", number="V24-7", party_name="Garage Peeters")
    match(desk, line, document)
    entry = draft(desk)
    with desk.office.scope() as scope:
        (row,) = lines_of(scope, entry)
        assert (row.ledger_account, row.description, row.amount) == (
            "400000",
            "Garage Peeters · V24-7",
            Decimal("-121.00"),
        )


def test_a_draft_follows_a_match_and_its_hash_is_stale(desk: Desk) -> None:
    line, other, document = desk.line("-121.00"), desk.line("-5.00"), desk.document("-100.00")
    entry = draft(desk)
    with desk.office.scope() as scope:
        before = preview(scope, scope.get(Entry, entry.id))
    match(desk, line, document)
    assert sides(desk, line) == [("440000", "100.00"), ("499000", "21.00")]
    assert sides(desk, other) == [("499000", "5.00")]
    with desk.office.scope() as scope:
        after = preview(scope, scope.get(Entry, entry.id))
        assert after.entry.version == before.entry.version + 1
        assert after.sha256 != before.sha256
        assert after.total == before.total
        assert [row.position for row in after.lines] == [1, 1, 2]
        undo(scope, line)
    assert sides(desk, line) == [("499000", "121.00")]


def test_the_customer_s_relation_goes_with_it(desk: Desk) -> None:
    known = [Relation("r-1", "1", "Garage Peeters", customer=True), Relation("r-2", "2", "Drukkerij", customer=True)]
    with desk.office.scope() as scope:
        store_books(scope, desk.office.coupling.id, {"relations": known})
    line, document = desk.line("121.00"), desk.document("121.00", party_name="Garage Peeters")
    match(desk, line, document)
    entry = draft(desk)
    with desk.office.scope() as scope:
        assert [side.relation for side in preview(scope, scope.get(Entry, entry.id)).outgoing.lines] == ["r-1", ""]


def test_a_correction_of_the_rest_stays(desk: Desk) -> None:
    line, document = desk.line("130.00"), desk.document("121.00")
    entry = draft(desk)
    with desk.office.scope() as scope:
        (row,) = lines_of(scope, entry)
        correct_line(scope, entry.id, row.id, ledger_account="580000", description="Tip", version=entry.version)
    match(desk, line, document)
    assert sides(desk, line) == [("400000", "-121.00"), ("580000", "-9.00")]


def test_without_an_account_for_customers_it_stays_on_suspense(desk: Desk) -> None:
    with desk.office.scope() as scope:
        store_books(scope, desk.office.coupling.id, {"ledger_accounts": []})
    line, document = desk.line("121.00"), desk.document("121.00")
    match(desk, line, document)
    draft(desk)
    assert sides(desk, line) == [("499000", "-121.00")]


def test_another_account_is_followed_by_drafts(desk: Desk) -> None:
    line, document = desk.line("121.00"), desk.document("121.00")
    match(desk, line, document)
    draft(desk)
    with desk.office.scope() as scope:
        set_party_accounts(scope, scope.get(Coupling, desk.office.coupling.id, lock=True), "400100", "")
    assert sides(desk, line) == [("400100", "-121.00")]


def test_what_was_sent_is_neither_matched_nor_undone(desk: Desk) -> None:
    line, other, document = desk.line("121.00"), desk.line("7.00"), desk.document("121.00")
    match(desk, line, document)
    desk.office.offer(draft(desk))
    with pytest.raises(Conflict, match=r"match\.sent"):
        match(desk, other, rest=True)
    with desk.office.scope() as scope, pytest.raises(Conflict, match=r"match\.sent"):
        undo(scope, line)
    with desk.office.scope() as scope:
        assert view_line(scope, line).sent
        assert waiting(scope).rows == []
    with pytest.raises(DBAPIError, match="has been sent"), desk.office.scope() as scope:
        scope.session.execute(text("UPDATE matches SET undone_at = now()"))


# ------------------------------------------------------------------ proposals out of the tables


def test_the_page_finds_by_reference_number_name_account_and_amount(desk: Desk) -> None:
    wanted = {
        desk.line("10.00", reference="090933755493"): desk.document("10.00", payment_reference="090933755493"),
        desk.line("11.00", description="fact 2024/0042"): desk.document("11.00", number="2024-0042"),
        desk.line("12.00", counterparty="PEETERS GARAGE"): desk.document("12.00", party_key="kbo:3"),
        desk.line("-13.00", counterparty_account=CUSTOMER): desk.document(
            "-13.00", party_iban=CUSTOMER, party_key="kbo:4"
        ),
        desk.line("14.00"): desk.document("14.00", party_key="kbo:5", party_name="Nobody else"),
    }
    desk.document("99.00", party_name="Another")
    with desk.office.scope() as scope:
        (account,) = overview(scope).accounts
        rows = waiting(scope).rows
        assert {row.line.id: row.best and row.best.parts[0].document.id for row in rows} == wanted
        assert (account.total, account.to_go) == (5, 5)


def test_all_certain_ones_in_one_go_and_one_that_was_taken_is_passed_over(desk: Desk) -> None:
    lines = [desk.line(f"{n}.00", reference=f"RF{n}") for n in (20, 21, 22)]
    documents = [desk.document(f"{n}.00", payment_reference=f"RF{n}") for n in (20, 21, 22)]
    lines.append(desk.line("500.00"))
    desk.document("500.00", party_name="By amount alone")
    with desk.office.scope() as scope:
        decisions = certain_decisions(scope, lines)
    assert [decision.line_id for decision in decisions] == lines[:3]
    match(desk, lines[1], documents[1])
    with desk.office.scope() as scope:
        done = accept_all(scope, decisions)
    assert (done.matched, done.passed) == (2, 1)
    assert [str(desk.settled(key)) for key in documents] == ["20.00", "21.00", "22.00"]


def test_an_account_is_learnt(desk: Desk) -> None:
    match(desk, desk.line("10.00", counterparty_account=CUSTOMER), desk.document("10.00"))
    again, document = desk.line("33.00", counterparty_account=CUSTOMER), desk.document("33.00")
    with desk.office.scope() as scope:
        best = view_line(scope, again).best
        assert best is not None
        assert best.parts[0].document.id == document
        assert [reason.code for reason in best.reasons] == ["amount", "account"]


def test_pages_follow_each_other(desk: Desk) -> None:
    lines = [desk.line("1.00", date(2024, 3, day)) for day in range(1, 8)]
    draft(desk)
    lines += [desk.line("1.00", date(2024, 4, day)) for day in range(1, 4)]
    with desk.office.scope() as scope:
        seen, after = [], ""
        while True:
            page = waiting(scope, after=after, limit=3)
            seen += [row.line.id for row in page.rows]
            if not (after := page.after):
                break
    assert seen == lines


def test_a_reconciled_document_stays(desk: Desk) -> None:
    line, document = desk.line("121.00"), desk.document("121.00")
    match(desk, line, document)
    with desk.office.scope() as scope, pytest.raises(Conflict, match=r"document\.settled"):
        delete_document(scope, document)
    with desk.office.scope() as scope:
        undo(scope, line)
    with desk.office.scope() as scope:
        delete_document(scope, document)
        assert scope.session.scalars(select(Match)).all() == []
