"""Documents in: each once, on the right side, and nothing of a file that is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from sqlalchemy import func, select

from portal.access import Scope
from portal.activity.service import timeline
from portal.documents import wording
from portal.documents.intake import due_of, hand_in, number_key
from portal.documents.lists import (
    DocumentFilter,
    count_documents,
    list_documents,
    original_of,
    view_document,
)
from portal.documents.models import Document, DocumentFile, DocumentLine, DocumentVat
from portal.documents.removal import delete_document
from portal.kernel.db import Database
from portal.kernel.errors import Conflict, NotFound
from portal.tenants.models import Tenant
from portal.tenants.numbers import number_keys
from tests import factories as make
from tests.connectors.files.invoice_documents import MILL, SHOP, Invoice, Item, Side, cii, factur_x, ubl
from tests.documents.conftest import Bring


def stored(scope: Scope) -> list[Document]:
    return list(list_documents(scope, DocumentFilter()).rows)


def test_a_purchase_is_stored_with_its_lines_its_vat_and_its_original(scope: Scope, bakery: Side, bring: Bring) -> None:
    data = ubl(Invoice(customer=bakery, prepaid=Decimal(10)))
    row = bring(data, "../../van Callens.xml")
    assert (row.state, row.stored, row.known, row.filename) == ("stored", 1, 0, "van Callens.xml")
    (document,) = stored(scope)
    assert (document.direction, document.kind, document.number, document.date, document.due_date) == (
        "purchase", "invoice", "2026-0042", date(2026, 3, 17), date(2026, 4, 16),
    )  # fmt: skip
    assert (document.party_name, document.party_key, document.issuer_key) == (
        MILL.name, "kbo:0417497106", "kbo:0417497106",
    )  # fmt: skip
    assert (document.payment_reference, document.party_iban) == ("090933755493", "BE68539007547034")
    assert (document.gross, document.payable, document.due) == (
        Decimal("195.04"), Decimal("185.04"), Decimal("-185.04"),
    )  # fmt: skip
    view = view_document(scope, document.id)
    assert [(line.description, line.net) for line in view.lines] == [("Bloem T65, 25 kg", Decimal("184.00"))]
    assert [(rate.rate, rate.net, rate.vat) for rate in view.vat] == [
        (Decimal("0.06"), Decimal("184.00"), Decimal("11.04"))
    ]
    assert original_of(scope, row.id)[1] == data
    assert [event.tag for event in timeline(scope, document.id)] == ["document.purchase"]


@pytest.mark.parametrize(
    ("direction", "kind", "due"),
    [
        ("sales", "invoice", "12.10"), ("sales", "credit", "-12.10"), ("sales", "takings", "12.10"),
        ("purchase", "invoice", "-12.10"), ("purchase", "credit", "12.10"),
    ],
)  # fmt: skip
def test_what_is_due_has_the_sign_of_the_bank(direction: str, kind: str, due: str) -> None:
    assert due_of(direction, kind, Decimal("12.10")) == Decimal(due)


def test_our_own_invoice_is_a_sale(scope: Scope, bakery: Side, bring: Bring) -> None:
    bring(cii(Invoice(supplier=bakery, customer=SHOP)))
    (document,) = stored(scope)
    assert (document.direction, document.party_name, document.party_key, document.issuer_key) == (
        "sales", SHOP.name, "vat:NL004495445B01", "",
    )  # fmt: skip


def test_the_same_document_is_known_whatever_file_it_comes_in(scope: Scope, bakery: Side, bring: Bring) -> None:
    invoice = Invoice(customer=bakery)
    assert bring(ubl(invoice)).state == "stored"
    for again in (ubl(invoice), cii(invoice), factur_x(invoice), ubl(replace(invoice, number="2026/0042"))):
        row = bring(again)
        assert (row.state, row.stored, row.known) == ("known", 0, 1)
        assert original_of(scope, row.id)[1] is None
    assert len(stored(scope)) == 1


def test_the_same_number_with_other_content_is_told_as_a_conflict(scope: Scope, bakery: Side, bring: Bring) -> None:
    invoice = Invoice(customer=bakery)
    bring(ubl(invoice))
    row = bring(ubl(replace(invoice, items=(Item("Bloem", Decimal(10), Decimal("19.40"), Decimal(6)),))))
    assert (row.state, row.code) == ("refused", "document.conflict")
    text = wording.REFUSALS[row.code].format(**row.values)
    assert "195.04" in text
    assert "205.64" in text
    assert len(stored(scope)) == 1


def test_a_credit_note_may_have_the_number_of_an_invoice_and_another_supplier_too(
    scope: Scope, bakery: Side, bring: Bring
) -> None:
    bring(ubl(Invoice(customer=bakery)))
    assert bring(ubl(Invoice(customer=bakery, credit=True))).state == "stored"
    assert bring(ubl(Invoice(customer=bakery, supplier=SHOP))).state == "stored"
    assert len(stored(scope)) == 3


def test_a_document_of_others_is_refused(scope: Scope, bring: Bring) -> None:
    row = bring(ubl(Invoice()))
    assert (row.state, row.code) == ("refused", "document.other_client")
    assert stored(scope) == []


def test_a_document_of_ourselves_to_ourselves_is_refused(bakery: Side, bring: Bring) -> None:
    assert bring(ubl(Invoice(supplier=bakery, customer=bakery))).code == "document.both_sides"


def test_the_name_counts_only_where_there_is_no_number(scope: Scope, bakery: Side, bring: Bring) -> None:
    named = replace(bakery, vat="", enterprise="")
    assert bring(ubl(Invoice(customer=named))).state == "stored"
    stranger = replace(bakery, vat="BE0403170701", enterprise="0403170701")
    assert bring(ubl(Invoice(customer=stranger, number="7"))).code == "document.other_client"


def test_takings_of_several_days_are_several_sales(scope: Scope, bring: Bring) -> None:
    data = b"date;number;rate;net;vat;gross\n2026-03-30;Z1;6;100.00;6.00;106.00\n2026-03-31;Z2;6;50,00;3,00;53,00\n"
    row = bring(data, "takings.csv")
    assert (row.state, row.stored) == ("stored", 2)
    assert [(one.direction, one.kind, one.number, one.due) for one in stored(scope)] == [
        ("sales", "takings", "Z2", Decimal("53.00")), ("sales", "takings", "Z1", Decimal("106.00")),
    ]  # fmt: skip
    more = data + b"2026-04-01;Z3;6;10.00;0.60;10.60\n"
    assert [(again.stored, again.known) for again in [bring(more)]] == [(1, 2)]


def test_of_a_file_with_one_wrong_day_nothing_is_stored(scope: Scope, bring: Bring) -> None:
    data = b"date;rate;net;vat;gross\n2026-03-30;6;100.00;6.00;106.00\n2026-03-31;6;50.00;3.00;54.00\n"
    row = bring(data)
    assert (row.state, row.code, row.line) == ("refused", "document.sum", 3)
    for model in (Document, DocumentLine, DocumentVat):
        assert scope.session.scalar(select(func.count()).where(model.tenant_id == scope.tenant_id)) == 0


def test_two_who_hand_in_the_same_at_once_store_it_once(database: Database, client: Tenant, bakery: Side) -> None:
    data = ubl(Invoice(customer=bakery))

    def bring_one(_: int) -> str:
        with database.session() as session:
            row = hand_in(make.scope_in(session, client), "a.xml", BytesIO(data))
            session.commit()
            return row.state

    with ThreadPoolExecutor(4) as several:
        states = sorted(several.map(bring_one, range(4)))
    assert states == ["known", "known", "known", "stored"]


def test_another_client_sees_nothing_of_it(database: Database, scope: Scope, bakery: Side, bring: Bring) -> None:
    row = bring(ubl(Invoice(customer=bakery)))
    (document,) = stored(scope)
    file_id, document_id = row.id, document.id
    other = make.make_tenant(database, "client", "Ander")
    scope.session.flush()
    stranger = make.scope_in(scope.session, other)
    with pytest.raises(NotFound):
        view_document(stranger, document_id)
    with pytest.raises(NotFound):
        original_of(stranger, file_id)
    assert stored(stranger) == []


# ------------------------------------------------------------------ taking out, listing


def test_a_document_can_be_deleted_with_its_file_and_handed_in_anew(scope: Scope, bakery: Side, bring: Bring) -> None:
    row = bring(ubl(Invoice(customer=bakery)))
    (document,) = stored(scope)
    delete_document(scope, document.id)
    assert stored(scope) == []
    assert scope.session.scalar(select(func.count()).where(DocumentFile.id == row.id)) == 0
    assert bring(ubl(Invoice(customer=bakery))).state == "stored"


def test_a_settled_document_stays(scope: Scope, bakery: Side, bring: Bring) -> None:
    bring(ubl(Invoice(customer=bakery)))
    (document,) = stored(scope)
    document.settled = document.due
    scope.session.flush()
    with pytest.raises(Conflict, match=r"document\.settled"):
        delete_document(scope, document.id)


def test_lists_filter_and_page(scope: Scope, bakery: Side, bring: Bring) -> None:
    for number in range(7):
        bring(ubl(Invoice(customer=bakery, number=f"P{number}", on=date(2026, 3, 1 + number // 2))))
    bring(ubl(Invoice(supplier=bakery, customer=SHOP, number="S1", credit=True)))
    seen, after = [], ""
    while True:
        page = list_documents(scope, DocumentFilter(direction="purchase"), after=after, limit=3)
        seen += [document.number for document in page.rows]
        after = page.after
        if not after:
            break
    assert sorted(seen) == [f"P{number}" for number in range(7)]
    found = list_documents(scope, DocumentFilter(find="koffiehuis")).rows
    assert [document.number for document in found] == ["S1"]
    assert len(list_documents(scope, DocumentFilter(find="090/9337/55493")).rows) == 8
    assert len(list_documents(scope, DocumentFilter(since=date(2026, 3, 3), until=date(2026, 3, 3))).rows) == 2
    assert len(list_documents(scope, DocumentFilter(kind="credit", state="open")).rows) == 1
    counts = count_documents(scope)
    assert (counts.documents, counts.waiting, counts.open) == (8, 8, 8)
    assert (counts.unpaid, counts.to_pay) == (Decimal(0), Decimal("195.04") * 8)


@pytest.mark.parametrize(
    ("number", "key"), [("2026/0042", "20260042"), (" f-12 b", "F12B"), ("№ 7", "NO7"), ("#", "#")]
)
def test_numbers_are_compared_by_letters_and_digits(number: str, key: str) -> None:
    assert number_key(number) == key


@pytest.mark.parametrize(
    ("country", "vat", "enterprise", "keys"),
    [
        ("BE", "BE0417497106", "0417.497.106", ["kbo:0417497106"]),
        ("BE", "", "417497106", ["kbo:0417497106"]),
        ("BE", "BE0417497107", "", []),
        ("NL", "NL004495445B01", "27124700", ["vat:NL004495445B01", "kvk:27124700"]),
        ("FR", "FR40303265045", "30326504500017", ["siren:303265045"]),
        ("DE", "DE123456789", "HRB 12", ["vat:DE123456789", "de:12"]),
        ("", "", "", []),
    ],
)
def test_numbers_of_a_party_are_made_comparable(country: str, vat: str, enterprise: str, keys: list[str]) -> None:
    assert number_keys(country, vat, enterprise) == keys
