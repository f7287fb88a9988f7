"""Which document a line pays, how sure that is, and why."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.reconciliation.combining import sums_to
from portal.reconciliation.documents import OpenDocuments
from portal.reconciliation.evidence import Confidence, OpenDocument, OpenLine
from portal.reconciliation.proposals import Proposal, propose, propose_for, share_out
from portal.tenants.names import name_key
from tests.reconciliation.plain import PlainDocuments

_serial = itertools.count(1)
DAY = date(2026, 3, 10)
THEIRS = "BE68539007547034"


def line(amount: str, **more: Any) -> OpenLine:
    values: dict[str, Any] = {"date": DAY, "currency": "EUR"} | more
    return OpenLine(id=uuid.UUID(int=next(_serial)), amount=Decimal(amount), **values)


def document(
    amount: str, number: str = "", party: str = "kbo:1", name: str = "Garage Peeters BV", **more: Any
) -> OpenDocument:
    serial = next(_serial)
    number = number or f"V26-{serial:05d}"
    values: dict[str, Any] = {"date": DAY - timedelta(days=30), "currency": "EUR"} | more
    return OpenDocument(
        id=uuid.UUID(int=serial), number=number, number_key="".join(filter(str.isalnum, number)).upper(),
        amount=Decimal(amount), party=party, party_name=name, party_words=name_key(name), **values,
    )  # fmt: skip


def best(paid: OpenLine, *documents: OpenDocument, **known: Any) -> Proposal:
    found = propose_for(paid, OpenDocuments(documents, known)).best
    assert found is not None
    return found


def codes(proposal: Proposal) -> list[str]:
    return [reason.code for reason in proposal.reasons]


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("090933755493", ""),
        ("", "+++090/9337/55493+++"),
        ("", "betaling 090/9337/55493 dank u"),
        ("RF18539007547034", ""),
        ("", "RF18 5390 0754 7034"),
        ("5000056789012345", "kenmerk"),
    ],
)
def test_a_structured_reference_and_the_amount_are_certain(reference: str, text: str) -> None:
    bare = reference or ("RF18539007547034" if "RF" in text else "090933755493")
    found = best(line("121.00", reference=reference, text=text), document("121.00", reference=bare), document("121.00"))
    assert (found.confidence, found.parts[0].document.reference) == (Confidence.CERTAIN, bare)
    assert codes(found)[:2] == ["reference", "amount"]


def test_a_reference_with_less_than_the_amount_pays_a_part() -> None:
    found = best(line("100.00", reference="090933755493"), document("121.00", reference="090933755493"))
    assert (found.confidence, found.amount, found.parts[0].rest) == (
        Confidence.PROBABLE, Decimal("100.00"), Decimal("21.00"),
    )  # fmt: skip
    assert "part" in codes(found)


def test_what_is_paid_too_much_stays_on_the_line() -> None:
    paid = line("130.00", reference="090933755493")
    found = best(paid, document("121.00", reference="090933755493"))
    assert (paid.amount - found.amount, codes(found)) == (Decimal("9.00"), ["reference", "over"])


def test_an_invoice_number_in_the_text_is_found_however_it_is_printed() -> None:
    for text in ("factuur 2026/0042", "FACT 2026-0042.", "inv 2026 0042"):
        assert best(line("50.00", text=text), document("50.00", "2026/0042")).confidence == Confidence.CERTAIN


def test_a_year_or_a_short_number_in_the_text_says_nothing() -> None:
    found = best(line("50.00", text="huur 2026 7"), document("50.00", "2026"), document("50.00", "7"))
    assert found.confidence == Confidence.UNLIKELY
    assert "number" not in codes(found)


def test_the_supplier_s_own_account_and_the_amount_are_certain() -> None:
    found = best(line("-75.50", account=THEIRS), document("-75.50", iban=THEIRS), document("-75.50", party="kbo:2"))
    assert (found.confidence, found.parts[0].document.iban) == (Confidence.CERTAIN, THEIRS)


def test_an_account_is_known_from_what_was_matched_before() -> None:
    found = best(line("75.50", account=THEIRS), document("75.50"), **{THEIRS: ["kbo:1"]})
    assert (found.confidence, codes(found)) == (Confidence.CERTAIN, ["amount", "account"])


def test_two_invoices_that_fit_equally_are_never_certain() -> None:
    for more in ({}, {"iban": THEIRS}, {"reference": "090933755493"}):
        paid = line("-60.00", account=THEIRS, reference=more.get("reference", ""))
        found = propose_for(paid, OpenDocuments([document("-60.00", **more), document("-60.00", **more)]))
        assert [proposal.confidence < Confidence.CERTAIN for proposal in found.proposals] == [True, True]
        assert all("rivals" in codes(proposal) for proposal in found.proposals)


def test_the_amount_alone_is_never_certain() -> None:
    assert best(line("60.00"), document("60.00")).confidence == Confidence.PROBABLE
    assert best(line("60.00"), document("60.00"), document("60.00")).confidence == Confidence.UNLIKELY


def test_names_match_whatever_the_order_accents_and_legal_form() -> None:
    found = best(line("60.00", counterparty="PEETERS GARAGE"), document("60.00", name="Garage Péeters B.V."))
    assert (found.confidence, "name" in codes(found)) == (Confidence.PROBABLE, True)


def test_the_same_amount_of_somebody_else_s_known_account_is_unlikely() -> None:
    mine, other = document("-60.00", party="kbo:2", name="Drukkerij"), document("-10.00", iban=THEIRS)
    paid = line("-60.00", account=THEIRS)
    found = {p.parts[0].document.id: p for p in propose_for(paid, OpenDocuments([mine, other])).proposals}
    assert (found[mine.id].confidence, codes(found[mine.id])) == (Confidence.UNLIKELY, ["amount", "foreign"])


def test_one_payment_of_several_invoices_that_it_names_is_certain() -> None:
    some = [document("100.00", "V26-0101"), document("21.50", "V26-0102"), document("9.00", "V26-0103")]
    found = best(line("121.50", text="V26-0101 + V26-0102"), *some)
    assert ([part.document.number for part in found.parts], found.confidence) == (
        ["V26-0101", "V26-0102"], Confidence.CERTAIN,
    )  # fmt: skip


def test_several_invoices_of_one_party_are_put_together() -> None:
    some = [document(f"-{amount}", iban=THEIRS) for amount in ("10.00", "20.00", "40.00", "80.00", "160.00")]
    found = best(line("-210.00", account=THEIRS), *some)
    assert (sorted(str(part.amount) for part in found.parts), found.confidence) == (
        ["-10.00", "-160.00", "-40.00"], Confidence.PROBABLE,
    )  # fmt: skip


def test_a_credit_note_is_set_off() -> None:
    found = best(
        line("80.00", counterparty="Garage Peeters"),
        document("100.00"),
        document("-20.00", "C26-0001"),
        document("7.00"),
    )
    assert (sorted(str(part.amount) for part in found.parts), codes(found)) == (
        ["-20.00", "100.00"], ["name", "sum", "credit"],
    )  # fmt: skip


def test_what_uses_the_whole_line_comes_before_what_leaves_a_rest() -> None:
    some = [document("200.00", "V26-0091"), document("150.00", "V26-0092"), document("-20.00", "C26-0003")]
    found = best(line("330.00", text="V26-0091 en V26-0092 min creditnota", counterparty="Garage Peeters"), *some)
    assert (len(found.parts), found.confidence) == (3, Confidence.PROBABLE)


def test_a_round_sum_of_a_known_party_goes_on_the_oldest() -> None:
    old, new = document("70.00", date=DAY - timedelta(days=60)), document("70.00", date=DAY - timedelta(days=20))
    found = best(line("100.00", counterparty="Garage Peeters"), new, old)
    assert [(part.document.id, str(part.amount)) for part in found.parts] == [(old.id, "70.00"), (new.id, "30.00")]
    assert found.confidence == Confidence.UNLIKELY


def test_other_currencies_and_the_other_direction_do_not_match() -> None:
    rows = [document("60.00", currency="USD", reference="090933755493"), document("-60.00", reference="090933755493")]
    assert propose_for(line("60.00", reference="090933755493"), OpenDocuments(rows)).best is None


def test_two_lines_do_not_share_what_is_open_once() -> None:
    one = document("60.00", reference="090933755493")
    first = line("60.00", reference="090933755493")
    second = line("60.00", reference="090933755493", date=DAY + timedelta(days=1))
    later, sooner = share_out(list(propose([second, first], OpenDocuments([one]))))
    assert sooner.best is not None
    assert later.best is not None
    assert sooner.best.confidence == Confidence.CERTAIN
    assert (later.best.confidence, codes(later.best)[0]) == (Confidence.UNLIKELY, "claimed")


def test_two_parts_of_one_invoice_are_both_proposed() -> None:
    one = document("100.00", reference="090933755493")
    lines = [line(amount, reference="090933755493") for amount in ("60.00", "40.00")]
    assert all(
        found.best and "claimed" not in codes(found.best)
        for found in share_out(list(propose(lines, OpenDocuments([one]))))
    )  # fmt: skip


# ------------------------------------------------------------------ properties

NAMES = ["Garage Peeters BV", "Peeters Garage", "Bakkerij Jansen", "Jansen", ""]
ACCOUNTS = ["", THEIRS, "NL91ABNA0417164300"]
REFERENCES = ["", "090933755493", "RF18539007547034"]
AMOUNTS = st.sampled_from(["10.00", "20.00", "30.00", "40.00", "-10.00", "-30.00", "0.01"])
days = st.integers(0, 200).map(lambda ago: DAY - timedelta(days=ago))
documents_ = st.lists(
    st.builds(
        document,
        AMOUNTS,
        st.sampled_from(["", "2026/0042", "V26-77", "2025", "12345"]),
        st.sampled_from(["kbo:1", "kbo:2", "name:jansen"]),
        st.sampled_from(NAMES),
        date=days,
        iban=st.sampled_from(ACCOUNTS),
        reference=st.sampled_from(REFERENCES),
        currency=st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
    ),
    max_size=40,
)
lines_ = st.lists(
    st.builds(
        line,
        AMOUNTS,
        date=days,
        counterparty=st.sampled_from(NAMES),
        account=st.sampled_from(ACCOUNTS),
        reference=st.sampled_from(REFERENCES),
        text=st.sampled_from(["", "2026 0042 en V26/77", "12345", "090/9337/55493", "huur 2025"]),
    ),
    max_size=8,
)
known_ = st.sampled_from([{}, {THEIRS: ["kbo:2"]}, {"NL91ABNA0417164300": ["kbo:1", "kbo:2"]}])


@given(lines_, documents_, known_)
@settings(max_examples=150, deadline=None)
def test_the_index_finds_what_looking_at_everything_finds(
    lines: Sequence[OpenLine], documents: Sequence[OpenDocument], known: dict[str, list[str]]
) -> None:
    assert list(propose(lines, OpenDocuments(documents, known))) == list(
        propose(lines, PlainDocuments(documents, known))
    )


@given(lines_, documents_, known_)
@settings(max_examples=100, deadline=None)
def test_what_is_proposed_can_be_done(
    lines: Sequence[OpenLine], documents: Sequence[OpenDocument], known: dict[str, list[str]]
) -> None:
    shared = share_out(list(propose(lines, OpenDocuments(documents, known))))
    assert [found.line for found in shared] == list(lines)
    taken: dict[uuid.UUID, Decimal] = {}
    for found in shared:
        for proposal in found.proposals:
            assert 0 < abs(proposal.amount) <= abs(found.line.amount)
            assert (proposal.amount > 0) == (found.line.amount > 0)
            for part in proposal.parts:
                assert 0 < abs(part.amount) <= abs(part.document.amount)
                assert (part.amount > 0) == (part.document.amount > 0)
            if proposal.confidence == Confidence.CERTAIN:
                assert "rivals" not in codes(proposal)
                assert set(codes(proposal)) & {"reference", "number", "account", "numbers"}
        if found.best and "claimed" not in codes(found.best):
            for part in found.best.parts:
                taken[part.document.id] = taken.get(part.document.id, Decimal(0)) + part.amount
                assert abs(taken[part.document.id]) <= abs(part.document.amount)


@given(st.lists(st.integers(-50, 50).filter(bool), max_size=7), st.integers(-100, 100))
def test_up_to_four_amounts_are_found_whenever_they_are_there(amounts: list[int], target: int) -> None:
    ways = {
        way
        for size in (2, 3, 4, len(amounts))
        for way in itertools.combinations(range(len(amounts)), size)
        if size > 1 and sum(amounts[at] for at in way) == target
    }
    found = sums_to(amounts, target)
    assert set(found) <= {tuple(range(n)) for n in range(2, len(amounts) + 1)} | ways
    assert all(sum(amounts[at] for at in way) == target for way in found)
    assert len(found) >= min(2, len(ways))
