"""The page where lines meet documents: accept, split, undo, search, and what a reader sees."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal

from sqlalchemy import event

from portal.couplings.models import Coupling
from portal.kernel.db import Database
from portal.ledger.models import Entry
from portal.reconciliation.models import Match
from tests.reconciliation.conftest import Desk
from tests.routes.conftest import Client

HTMX = {"HX-Request": "true"}
REFERENCE = "090933755493"


def choices(page: str, line: uuid.UUID) -> list[str]:
    row = page.split(f'id="line-{line}"', 1)[1].split('<li class="kp-rec', 1)[0]
    return re.findall(r'name="choice" value="([^"]+)"', row)


def test_nothing_to_do_says_so(client: Client, address: str) -> None:
    assert "Everything is reconciled" in client.get(address).text


def test_each_line_shows_its_proposal_how_sure_and_why(client: Client, address: str, desk: Desk) -> None:
    desk.line("121.00", reference=REFERENCE, counterparty="Garage Peeters")
    desk.document("121.00", number="V24-0007", payment_reference=REFERENCE)
    desk.line("-3.50", counterparty="Bank charges")
    page = client.get(address).text
    assert "2 of 2 to go" in page
    for word in ("V24-0007", "Certain", "same structured reference", "same amount", "No open document fits."):
        assert word in page
    assert "Accept 1 certain one" in page


def test_a_proposal_is_accepted_and_taken_back(client: Client, address: str, desk: Desk) -> None:
    line, document = desk.line("121.00", reference=REFERENCE), desk.document("121.00", payment_reference=REFERENCE)
    (choice,) = choices(client.get(address).text, line)
    answer = client.post(f"{address}/{line}", data={"choice": choice, "do": "match"}, headers=HTMX)
    assert answer.status_code == 200
    assert 'data-line="done"' in answer.text
    assert 'hx-swap-oob="true"' in answer.text
    assert "1 of 1 line reconciled" in answer.text
    assert desk.settled(document) == Decimal("121.00")
    with desk.office.scope() as scope:
        match = scope.session.query(Match).one()
        assert (match.how, [reason["code"] for reason in match.reasons][:2]) == ("proposed", ["reference", "amount"])
    answer = client.post(f"{address}/{line}/undo", headers=HTMX)
    assert 'data-line="todo"' in answer.text
    assert desk.settled(document) == 0


def test_it_works_without_script_and_comes_back_to_the_list(client: Client, address: str, desk: Desk) -> None:
    line = desk.line("121.00", reference=REFERENCE)
    desk.document("121.00", payment_reference=REFERENCE)
    (choice,) = choices(client.get(address).text, line)
    answer = client.post(f"{address}/{line}", data={"choice": choice, "do": "match"})
    assert answer.status_code == 303
    assert f"account={desk.office.account.id}" in answer.headers["Location"]
    assert "V24-" in client.get(f"{address}?view=done").text


def test_another_proposal_may_be_chosen(client: Client, address: str, desk: Desk) -> None:
    line = desk.line("60.00", counterparty="Garage Peeters")
    documents = [desk.document("60.00"), desk.document("60.00", party_key="kbo:2", party_name="Somebody")]
    found = choices(client.get(address).text, line)
    assert len(found) == 2
    second = uuid.UUID(found[1].split(":")[0])
    client.post(f"{address}/{line}", data={"choice": found[1], "do": "match"})
    assert desk.settled(second) == Decimal("60.00")
    assert second in documents


def test_the_rest_may_stay_on_suspense(client: Client, address: str, desk: Desk) -> None:
    line, document = desk.line("130.00", reference=REFERENCE), desk.document("121.00", payment_reference=REFERENCE)
    page = client.get(address).text
    assert "9.00 of the line stays" in page
    client.post(f"{address}/{line}", data={"choice": choices(page, line)[0], "do": "split"})
    assert (desk.see(line).matched, desk.settled(document)) == (Decimal("130.00"), Decimal("121.00"))
    other = desk.line("-3.50")
    answer = client.post(f"{address}/{other}", data={"do": "suspense"}, headers=HTMX)
    assert "Left on suspense" in answer.text


def test_all_certain_ones_at_once(client: Client, address: str, desk: Desk) -> None:
    lines = [desk.line(f"{n}.00", reference=f"RF{n}") for n in (20, 21)]
    documents = [desk.document(f"{n}.00", payment_reference=f"RF{n}") for n in (20, 21)]
    unsure, _ = desk.line("99.00"), desk.document("99.00")
    client.post(f"{address}/certain", data={"line": [str(line) for line in (*lines, unsure)]})
    assert [str(desk.settled(document)) for document in documents] == ["20.00", "21.00"]
    assert desk.see(unsure).matched == 0
    assert "2 lines matched. 1 no longer fits." in client.get(address).text


def test_documents_are_searched_and_ticked(client: Client, address: str, desk: Desk) -> None:
    line = desk.line("100.00")
    one, two = desk.document("70.00", number="INV-77"), desk.document("50.00", number="INV-78")
    page = client.get(f"{address}/{line}?q=inv-7").text
    assert "INV-77" in page
    assert "INV-78" in page
    part = client.get(f"{address}/{line}?q=inv-78", headers=HTMX | {"HX-Target": "documents"}).text
    assert "INV-77" not in part
    answer = client.post(f"{address}/{line}", data={"by_hand": "1", "document": [str(one), str(two)], "do": "match"})
    assert answer.status_code == 303
    assert (str(desk.settled(one)), str(desk.settled(two))) == ("70.00", "30.00")


def test_an_amount_by_hand_that_does_not_fit_is_told(client: Client, address: str, desk: Desk) -> None:
    line, document = desk.line("100.00"), desk.document("70.00", number="INV-77")
    for typed, word in (("70.01", "Of INV-77 70.00 is open"), ("x", "x is not an amount")):
        data = {"by_hand": "1", "document": str(document), f"amount-{document}": typed, "do": "match"}
        answer = client.post(f"{address}/{line}", data=data)
        assert answer.status_code in (409, 422)
        assert word in answer.text
    assert desk.settled(document) == 0


def test_what_somebody_else_took_is_told_with_what_is_left(client: Client, address: str, desk: Desk) -> None:
    line, other = desk.line("121.00", reference=REFERENCE), desk.line("121.00", reference=REFERENCE)
    desk.document("121.00", payment_reference=REFERENCE, number="V24-1")
    page = client.get(address).text
    chosen = choices(page, line)[0]
    client.post(f"{address}/{other}", data={"choice": chosen, "do": "match"})
    answer = client.post(f"{address}/{line}", data={"choice": chosen, "do": "match"}, headers=HTMX)
    assert answer.status_code == 409
    assert "V24-1 is paid in full by other lines already." in answer.text
    assert "No open document fits." in answer.text


def test_choices_that_no_page_offered_are_refused(client: Client, address: str, desk: Desk) -> None:
    line = desk.line("121.00")
    for choice in ("", "x", f"{uuid.uuid4()}:NaN", f"{uuid.uuid4()}:1e999999", f"{uuid.uuid4()}:5"):
        answer = client.post(f"{address}/{line}", data={"choice": choice, "do": "match"}, headers=HTMX)
        assert answer.status_code in (409, 422)
    assert client.get(f"{address}?account={uuid.uuid4()}").status_code == 404
    assert client.post(f"{address}/certain", data={"line": "x"}).status_code in (303, 404)


def test_a_sent_line_says_why_it_stays(client: Client, address: str, desk: Desk) -> None:
    line = desk.line("121.00", reference=REFERENCE)
    document = desk.document("121.00", payment_reference=REFERENCE)
    client.post(f"{address}/{line}", data={"choice": f"{document}:121.00", "do": "match"})
    with desk.office.scope() as scope:
        (entry,) = desk.office.draft(desk.see(line).date.replace(month=4))
        scope.get(Entry, entry.id).state = "offered"
    answer = client.post(f"{address}/{line}/undo", headers=HTMX)
    assert answer.status_code == 409
    assert "which was sent" in answer.text
    assert "data-undo" not in answer.text


def test_a_reader_sees_proposals_and_no_buttons(reader: Client, address: str, desk: Desk) -> None:
    line = desk.line("121.00", reference=REFERENCE)
    desk.document("121.00", payment_reference=REFERENCE, number="V24-0007")
    page = reader.get(address).text
    assert "V24-0007" in page
    assert "data-accept" not in page
    assert "Accept 1 certain" not in page
    assert reader.post(f"{address}/{line}", data={"do": "suspense"}).status_code == 403


def test_the_accounts_of_customers_and_suppliers_are_chosen(client: Client, address: str, desk: Desk) -> None:
    coupling = desk.office.coupling.id
    page = client.get(f"{address}/accounts/{coupling}").text
    assert "As proposed: 400000" in page
    wrong = client.post(f"{address}/accounts/{coupling}", data={"receivable": "1", "payable": ""})
    assert wrong.status_code == 422
    assert "1 is not an account of this dossier" in wrong.text
    client.post(f"{address}/accounts/{coupling}", data={"receivable": "400000", "payable": "440000"})
    with desk.office.scope() as scope:
        row = scope.get(Coupling, coupling)
        assert (row.receivable_account, row.payable_account) == ("400000", "440000")


def test_a_page_asks_the_database_four_things(
    client: Client, address: str, desk: Desk, database: Database
) -> None:  # fmt: skip
    for n in range(30):
        desk.line(f"{n + 1}.00", reference=REFERENCE)
        desk.document(f"{n + 1}.00", payment_reference=REFERENCE)
    client.get(address)
    asked: list[str] = []

    def note(*told: object) -> None:
        asked.append(str(told[2]))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        page = client.get(address).text
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    assert page.count("data-accept") == 25
    assert 'rel="next"' in page
    assert len([one for one in asked if "set_config" not in one]) <= 4, asked
