"""What gets booked, what is refused and in which words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.world import DIVISION, FRENCH, OTHER, World, text

GENERAL = f"{DIVISION}/generaljournalentry/GeneralJournalEntries"
SALES = f"{DIVISION}/salesentry/SalesEntries"


def general(world: World, *amounts: Any, journal: str = "90", date: str = "2026-05-04", **line: Any) -> dict[str, Any]:
    account = world.account("610000")
    lines = [{"GLAccount": account, "AmountFC": amount, "Date": date, **line} for amount in amounts]
    return {"JournalCode": journal, "GeneralJournalEntryLines": lines}


def relation(world: World) -> str:
    made = world.api("POST", f"{DIVISION}/crm/Accounts", json={"Name": "Leverancier"})
    assert made.status_code == 201
    return str(made.json()["d"]["ID"])


def test_a_bank_entry_moves_the_bank_by_the_total_of_its_lines(world: World) -> None:
    body = world.bank_entry(100.10, -30.05, OpeningBalanceFC=1000, ClosingBalanceFC=1070.05)
    made = world.post_bank(body)
    assert made.status_code == 201
    assert made.json()["d"]["EntryNumber"] == 26200001
    assert (world.balance("550000"), world.balance("499000")) == ("70.05", "-70.05")
    (entry,) = world.entries()
    assert [line["own"] for line in entry["lines"]] == [True, False, False]
    assert sum(Decimal(line["amount"]) for line in entry["lines"]) == 0


def test_bank_lines_have_the_statements_sign_and_transaction_lines_the_ledgers(world: World) -> None:
    world.post_bank(world.bank_entry(-4.5))
    (line,) = world.get(f"{DIVISION}/financialtransaction/BankEntryLines?$filter=Notes eq 'KP-1'")["results"]
    path = f"{DIVISION}/financialtransaction/TransactionLines?$select=ID,AmountDC,LineNumber,Type&$orderby=LineNumber"
    bank, suspense = world.get(path)["results"]
    assert (line["AmountFC"], bank["AmountDC"], suspense["AmountDC"]) == (-4.5, -4.5, 4.5)
    assert (bank["LineNumber"], bank["Type"], suspense["ID"]) == (0, 40, line["ID"])


@pytest.mark.parametrize("amount", [0.01, 999999999.99, -0.01, 0.1, 1234567.89])
def test_amounts_are_kept_to_the_cent(world: World, amount: float) -> None:
    made = world.post_bank(world.bank_entry(amount, OpeningBalanceFC=0.3, ClosingBalanceFC=round(amount + 0.3, 2)))
    assert made.status_code == 201
    (line,) = world.get(f"{DIVISION}/financialtransaction/BankEntryLines")["results"]
    assert line["AmountFC"] == amount
    assert world.balance("550000") == f"{amount:.2f}"


def test_balances_left_out_follow_from_the_last_entry(world: World) -> None:
    world.post_bank(world.bank_entry(10, OpeningBalanceFC=90))
    made = world.post_bank(world.bank_entry(5)).json()["d"]
    assert (made["OpeningBalanceFC"], made["ClosingBalanceFC"]) == (100, 105)


@pytest.mark.parametrize(
    ("login", "message"),
    [
        ("english", "Opening balance plus all bank entry lines should result in the closing balance"),
        ("kantoor", "Beginsaldo plus alle bankboekingsregels moet het eindsaldo opleveren"),
    ],
)
def test_balances_that_do_not_fit_are_refused_in_the_users_language(world: World, login: str, message: str) -> None:
    body = world.bank_entry(10, OpeningBalanceFC=0, ClosingBalanceFC=11)
    answer = world.post_bank(body, token=world.grant(login)["access_token"])
    assert (answer.status_code, text(answer)) == (500, message)
    assert world.entries() == []


def test_an_unbalanced_general_entry_is_refused(world: World) -> None:
    token = world.grant("english")["access_token"]
    answer = world.api("POST", GENERAL, json=general(world, 1500, -500), token=token)
    assert answer.status_code == 500
    assert text(answer) == "This entry is not balanced on: 2026 / 5 (Type: Other) - Difference: EUR 1.000,00"
    assert world.api("POST", GENERAL, json=general(world, 1500, -500, -1000)).status_code == 201
    assert world.balance("610000") == "0.00"


def test_a_closed_period_is_refused_and_listed(world: World) -> None:
    world.control("periods", division=DIVISION, year=2026, period=5, journal="20", status="closed")
    answer = world.post_bank(world.bank_entry(1))
    assert (answer.status_code, text(answer)) == (500, "Periode is afgesloten: 2026 – 5")
    rows = world.all(f"{DIVISION}/read/financial/JournalStatusList")
    closed = [(row["Journal"], row["Year"], row["Period"]) for row in rows if row["Status"] == 1]
    assert closed == [("20", 2026, 5)]
    assert world.api("POST", GENERAL, json=general(world, 1, -1)).status_code == 201
    world.control("periods", division=DIVISION, year=2026, period=5, status="open")
    assert world.post_bank(world.bank_entry(1)).status_code == 201


def test_an_unknown_year_is_refused(world: World) -> None:
    token = world.grant("english")["access_token"]
    answer = world.api("POST", GENERAL, json=general(world, 1, -1, date="2031-01-01"), token=token)
    assert text(answer) == "Unknown: Fiscal year (Period - date table)"


def test_the_year_and_period_sent_win_over_the_dates(world: World) -> None:
    made = world.post_bank(world.bank_entry(1, FinancialYear=2025, FinancialPeriod=12)).json()["d"]
    assert (made["FinancialYear"], made["FinancialPeriod"], made["EntryNumber"]) == (2025, 12, 25200001)


def test_an_unknown_account_is_refused_and_that_of_another_division_lost(world: World) -> None:
    body = world.bank_entry(7)
    body["BankEntryLines"][0]["GLAccount"] = "00000000-0000-0000-0000-000000000001"
    answer = world.post_bank(body)
    assert (answer.status_code, text(answer)) == (500, "Ongeldige referentie: Grootboekrekening")
    body["BankEntryLines"][0]["GLAccount"] = world.account("471000", FRENCH)
    assert world.post_bank(body).status_code == 201
    (line,) = world.get(f"{DIVISION}/financialtransaction/BankEntryLines")["results"]
    assert (line["GLAccount"], line["GLAccountCode"]) == (None, None)
    assert world.look(f"balances?division={DIVISION}")["balances"][0]["gl_account"] is None


@pytest.mark.parametrize(
    ("journal", "message"),
    [
        ("90", "Invalid journal. The journal must be a bank journal."),
        ("nope", "Invalid reference: Journals"),
        ("", "Mandatory: Diary"),
        (None, "Mandatory: Diary"),
    ],
)
def test_a_wrong_journal_is_refused(world: World, journal: str | None, message: str) -> None:
    token = world.grant("english")["access_token"]
    answer = world.post_bank(world.bank_entry(1, JournalCode=journal), token=token)
    assert (answer.status_code, text(answer)) == (500, message)


def test_a_general_entry_needs_a_general_journal(world: World) -> None:
    token = world.grant("english")["access_token"]
    answer = world.api("POST", GENERAL, json=general(world, 1, -1, journal="20"), token=token)
    assert text(answer) == "Invalid: Journal (type)"


def test_numbers_follow_year_and_journal_and_a_taken_one_is_refused(world: World) -> None:
    assert world.post_bank(world.bank_entry(1, EntryNumber=26200002)).json()["d"]["EntryNumber"] == 26200002
    answer = world.post_bank(world.bank_entry(1, EntryNumber=26200002))
    assert (answer.status_code, text(answer)) == (500, "In gebruik: Boekstuknummer")
    numbers = [world.post_bank(world.bank_entry(1)).json()["d"]["EntryNumber"] for _ in range(2)]
    assert numbers == [26200001, 26200003]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"YourRef": "KP-1"}, "The property name 'YourRef' specified for type"),
        ({"Description": "KP-1"}, "The property name 'Description' specified for type"),
        ({"OpeningBalanceFC": "x"}, "Error encountered in converting the value of property 'OpeningBalanceFC'"),
        ({"BankEntryLines": "x"}, "A list was expected"),
        ({"BankEntryLines": [{"GLAccount": "not-a-guid"}]}, "property 'GLAccount'"),
        ({"BankEntryLines": [{"Date": "/Date(1700000000000)/"}]}, "property 'Date'"),
        ({"BankEntryLines": [{"AmountFC": True}]}, "property 'AmountFC'"),
        ({"BankEntryLines": [{"AmountFC": 1e300}]}, "property 'AmountFC'"),
    ],
)
def test_a_body_that_cannot_be_read_is_400(world: World, change: dict[str, Any], message: str) -> None:
    answer = world.post_bank(world.bank_entry(1) | change)
    assert answer.status_code == 400
    assert text(answer).startswith("Error processing request stream.")
    assert message in text(answer)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"a":' * 10_000])
def test_broken_json_is_400(world: World, raw: bytes) -> None:
    answer = world.api("POST", f"{DIVISION}/financialtransaction/BankEntries", data=raw)
    assert answer.status_code == 400


def test_several_refusals_are_joined(world: World) -> None:
    body = world.bank_entry(1, 2)
    del body["BankEntryLines"][0]["GLAccount"]
    body["BankEntryLines"][1]["GLAccount"] = "00000000-0000-0000-0000-000000000001"
    answer = text(world.post_bank(body))
    assert answer == "Verplicht: Grootboekrekening\r\nOngeldige referentie: Grootboekrekening"


def test_read_only_amounts_are_ignored(world: World) -> None:
    purchase = {
        "Supplier": relation(world), "Journal": "60", "YourRef": "F-1",
        "PurchaseEntryLines": [{"GLAccount": world.account("610000"), "AmountDC": 100}],
    }  # fmt: skip
    made = world.api("POST", f"{DIVISION}/purchaseentry/PurchaseEntries", json=purchase)
    assert (made.status_code, made.json()["d"]["AmountDC"]) == (201, 0)


def test_a_sales_entry_books_vat_and_the_customer(world: World) -> None:
    line = {"GLAccount": world.account("702000"), "AmountFC": 100.05, "VATCode": "4  "}
    body = {"Customer": relation(world), "Journal": "70", "YourRef": "V-9", "SalesEntryLines": [line]}
    made = world.api("POST", SALES, json=body)
    assert made.status_code == 201
    assert (made.json()["d"]["AmountDC"], made.json()["d"]["VATAmountDC"]) == (121.06, 21.01)
    assert [world.balance(code) for code in ("400000", "702000", "451054")] == ["121.06", "-100.05", "-21.01"]
    found = world.get(f"{SALES}?$filter=YourRef eq 'V-9'&$select=EntryID,Type")["results"]
    assert [row["Type"] for row in found] == [20]
    line["AmountFC"] = -100.05
    credit = world.api("POST", SALES, json=body).json()["d"]
    assert (credit["Type"], credit["AmountDC"]) == (21, -121.06)
    assert world.balance("400000") == "0.00"


def test_an_invoice_is_changed_line_by_line(world: World) -> None:
    account = world.account("702000")
    body = {
        "Customer": relation(world), "Journal": "70", "SalesEntryLines": [{"GLAccount": account, "AmountFC": 50}],
    }  # fmt: skip
    entry = world.api("POST", SALES, json=body).json()["d"]["EntryID"]
    lines = f"{DIVISION}/salesentry/SalesEntryLines"
    added = world.api("POST", lines, json={"EntryID": entry, "GLAccount": account, "AmountFC": 25}).json()["d"]
    assert world.balance("400000") == "75.00"
    assert world.api("PUT", f"{lines}(guid'{added['ID']}')", json={"AmountFC": 30}).status_code == 204
    assert world.balance("400000") == "80.00"
    head = f"{SALES}(guid'{entry}')"
    assert world.api("PUT", head, json={"SalesEntryLines": []}).status_code == 400
    assert world.api("PUT", head, json={"YourRef": "V-10"}).status_code == 204
    assert world.get(head)["YourRef"] == "V-10"
    assert world.api("PUT", head, json={"ReportingYear": 2025}).status_code == 500
    for line in list(world.all(f"{lines}?$select=ID")):
        assert world.api("DELETE", f"{lines}(guid'{line['ID']}')").status_code == 204
    assert world.api("GET", head).status_code == 404
    assert world.entries() == []


def test_a_line_added_to_a_statement_moves_its_closing_balance(world: World) -> None:
    entry = world.post_bank(world.bank_entry(10, OpeningBalanceFC=0)).json()["d"]["EntryID"]
    line = {"EntryID": entry, "GLAccount": world.account("657000"), "AmountFC": -2}
    assert world.api("POST", f"{DIVISION}/financialtransaction/BankEntryLines", json=line).status_code == 201
    head = world.get(f"{DIVISION}/financialtransaction/BankEntries(guid'{entry}')")
    assert head["ClosingBalanceFC"] == 8
    assert (world.balance("550000"), world.balance("657000")) == ("8.00", "2.00")
    assert world.api("PUT", f"{DIVISION}/financialtransaction/BankEntries(guid'{entry}')", json={}).status_code == 405


def test_a_limited_portal_user_cannot_book(world: World) -> None:
    answer = world.post_bank(world.bank_entry(1), token=world.grant("beperkt")["access_token"])
    assert (answer.status_code, text(answer)) == (500, "Document Type not allowed")


@pytest.mark.parametrize(("status", "blocking"), [(2, 0), (0, 0), (1, 5)])
def test_a_closed_division_cannot_be_reached(world: World, status: int, blocking: int) -> None:
    body = world.bank_entry(1, division=OTHER)
    world.http.patch(f"{world.url}/control/api/divisions/{OTHER}", json={"status": status, "blocking": blocking})
    assert world.post_bank(body, OTHER).status_code == 403


def test_the_echo_may_be_empty_but_for_the_key(world: World) -> None:
    world.settings(post_echo="nulls", post_status=200)
    made = world.post_bank(world.bank_entry(1))
    values = {name: value for name, value in made.json()["d"].items() if value is not None}
    assert made.status_code == 200
    assert set(values) == {"__metadata", "EntryID"}
    body = world.bank_entry(1)
    path = f"{DIVISION}/financialtransaction/BankEntries"
    full = world.api("POST", path, json=body, headers={"Prefer": "return=representation"})
    assert full.json()["d"]["EntryNumber"] == 26200002


def test_an_existing_code_is_refused_and_a_used_account_cannot_go(world: World) -> None:
    path = f"{DIVISION}/financial/GLAccounts"
    again = world.api("POST", path, json={"Code": "550000", "Description": "x"})
    assert (again.status_code, text(again)) == (500, "Gegeven bestaat reeds.")
    wrong = world.api("POST", path, json={"Code": "550009", "Description": "x", "Type": 7})
    assert text(wrong) == "Ongeldig: Grootboekrekeningtype"
    world.post_bank(world.bank_entry(1))
    used = world.api("DELETE", f"{path}(guid'{world.account('499000')}')")
    assert used.status_code == 500
    blocked = world.api("PUT", f"{path}(guid'{world.account('499000')}')", json={"IsBlocked": True})
    assert blocked.status_code == 204
    assert text(world.post_bank(world.bank_entry(1))) == "Geblokkeerd: Grootboekrekening"
