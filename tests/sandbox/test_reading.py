"""Shapes, pages, filters and the wire format."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.sandbox.world import DIVISION, OTHER, World, text

ACCOUNTS = f"{DIVISION}/financial/GLAccounts"


def codes(rows: Any) -> list[str]:
    return [row["Code"] for row in (rows["results"] if isinstance(rows, dict) else rows)]


def test_a_small_top_gives_a_bare_list_and_others_results(world: World) -> None:
    assert isinstance(world.get(f"{ACCOUNTS}?$top=60"), list)
    assert isinstance(world.get(f"{ACCOUNTS}?$top=61"), dict)
    assert isinstance(world.get(ACCOUNTS), dict)
    assert world.get(f"{ACCOUNTS}?$top=2&$filter=Code eq 'none'") == []
    assert world.get(f"{ACCOUNTS}?$filter=Code eq 'none'") == {"results": []}


def test_me_is_a_collection_of_one(world: World) -> None:
    (me,) = world.get("current/Me")["results"]
    assert me["CurrentDivision"] == DIVISION
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", me["ServerTime"])
    assert me["Legislation"] == "1"


def test_pages_of_sixty_cover_every_row_once(world: World) -> None:
    for number in range(70):
        body = {"Code": f"79{number:04d}", "Description": "extra", "Type": 110}
        assert world.api("POST", ACCOUNTS, json=body).status_code == 201
    first = world.get(f"{ACCOUNTS}?$select=Code")
    assert len(first["results"]) == 60
    assert re.search(r"\$skiptoken=guid%27[0-9a-f-]{36}%27$", first["__next"])
    found = [row["Code"] for row in world.all(f"{ACCOUNTS}?$select=Code")]
    assert len(found) == len(set(found)) == int(world.api("GET", f"{ACCOUNTS}/$count").text)
    assert {f"79{number:04d}" for number in range(70)} <= set(found)


def test_a_large_top_is_carried_to_the_next_page(world: World) -> None:
    path = f"{DIVISION}/read/financial/JournalStatusList"
    first = world.get(f"{path}?$top=100")
    assert len(first["results"]) == 60
    assert "$top=40" in first["__next"]
    assert len(list(world.all(f"{path}?$top=100"))) == 100


def test_a_composite_key_makes_a_composite_skiptoken(world: World) -> None:
    first = world.get(f"{DIVISION}/read/financial/JournalStatusList")
    assert first["__next"].endswith("$skiptoken=%2720%27%2C3%2C2027")
    rows = list(world.all(f"{DIVISION}/read/financial/JournalStatusList"))
    assert len({(row["Journal"], row["Year"], row["Period"]) for row in rows}) == len(rows) == 8 * 48


@pytest.mark.parametrize("order", ["Code", "Code desc", "Type desc,Code", "SearchCode", "Created desc"])
def test_an_order_is_kept_over_pages(world: World, order: str) -> None:
    for number in range(30):
        world.api("POST", ACCOUNTS, json={"Code": f"8{number:05d}", "Description": "x", "SearchCode": f"s{number % 3}"})
    rows = list(world.all(f"{ACCOUNTS}?$orderby={order}&$select=ID,Code,Type,SearchCode"))
    assert len({row["ID"] for row in rows}) == len(rows) > 60
    if order == "Code desc":
        assert codes(rows) == sorted(codes(rows), reverse=True)
    if order == "Type desc,Code":
        assert [(-row["Type"], row["Code"]) for row in rows] == sorted((-row["Type"], row["Code"]) for row in rows)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Code eq '550000'", ["550000"]),
        ("Code+eq+'550000'", ["550000"]),
        ("(Code eq '550000' or Code eq '499000') and Type eq 12", ["550000"]),
        ("startswith(Code,'55') eq true", ["550000", "551000"]),
        ("startswith(Code,'55') and Code ne '551000'", ["550000"]),
        ("substringof('WACHT',Description)", ["499000"]),
        ("trim(Code) eq '570000'", ["570000"]),
        ("not (Code lt '750000')", ["750000"]),
        ("Code ge '743000' and Code le '750000'", ["743000", "750000"]),
        ("tolower(Description) eq 'kas'", ["570000"]),
        ("Description eq 'Appels d''offres'", []),
        ("IsBlocked eq true", []),
        ("Type eq 12L", ["550000", "551000"]),
        ("SearchCode ne null", []),
        ("Created gt datetime'2020-01-01' and Type eq 10", ["570000"]),
        ("ID eq guid'00000000-0000-0000-0000-000000000000'", []),
    ],
)
def test_filters(world: World, condition: str, expected: list[str]) -> None:
    found = world.get(f"{ACCOUNTS}?$filter={condition}&$select=Code&$orderby=Code")
    assert codes(found) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("$filter=Nonsense eq 1", "No property 'Nonsense' exists"),
        ("$filter=Code eq", "Syntax error"),
        ("$filter=Code like 'x'", "Syntax error"),
        ("$filter=(Code eq 'x'", "Syntax error"),
        ("$filter=CreatorFullName eq 'x'", "Filtering on these fields is not supported: CreatorFullName"),
        ("$filter=ID eq 'x'", "incompatible"),
        ("$filter=ID eq guid'x'", "Error processing request stream"),
        ("$select=Nonsense", "Could not find a property named 'Nonsense'"),
        ("$orderby=Nonsense", "Syntax error in $orderby"),
        ("$top=some", "Incorrect format for $top"),
        ("$skiptoken='x", "Error in query syntax"),
    ],
)
def test_a_query_that_makes_no_sense_is_400(world: World, query: str, message: str) -> None:
    answer = world.api("GET", f"{ACCOUNTS}?{query}")
    assert answer.status_code == 400
    assert message in text(answer)


def test_more_fields_can_be_made_unfilterable(world: World) -> None:
    world.settings(unfilterable={"financialtransaction/BankEntryLines": ["Notes"]})
    answer = world.api("GET", f"{DIVISION}/financialtransaction/BankEntryLines?$filter=Notes eq 'x'")
    assert (answer.status_code, text(answer)) == (400, "Filtering on these fields is not supported: Notes")


def test_mandatory_select_and_filter(world: World) -> None:
    path = f"{DIVISION}/generaljournalentry/GeneralJournalEntries"
    assert text(world.api("GET", path)) == "Please add a $select or a $top=1 statement to the query string."
    assert world.get(f"{path}?$top=1") == []
    assert world.get(f"{path}?$select=EntryID") == {"results": []}
    refused = world.api("GET", f"{DIVISION}/crm/Accounts?$filter=City eq 'Gent'")
    assert refused.status_code == 400
    assert text(refused).startswith("This endpoint has mandatory filtering applied.")
    assert world.get(f"{DIVISION}/crm/Accounts?$select=ID&$filter=Name+eq+'DOES_NOT_EXIST'") == {"results": []}


def test_codes_are_padded_and_dates_and_long_numbers_coded(world: World) -> None:
    world.api("POST", f"{DIVISION}/crm/Accounts", json={"Name": "Café & Zoon", "Code": "42", "Country": "BE"})
    (account,) = world.get(f"{DIVISION}/crm/Accounts?$filter=trim(Code) eq '42'")["results"]
    assert account["Code"] == "42".rjust(18)
    assert account["Country"] == "BE "
    assert re.fullmatch(r"/Date\(\d+\)/", account["Created"])
    assert world.get(f"{DIVISION}/crm/Accounts?$filter=Code eq '42'")["results"] == []
    (division, *_) = world.get(f"{DIVISION}/system/Divisions")["results"]
    assert division["Hid"] == str(DIVISION)
    (vat,) = world.get(f"{DIVISION}/vat/VATCodes?$filter=Code eq '4'")["results"]
    assert (vat["Code"], vat["Percentage"]) == ("4  ", 0.21)


def test_the_two_lists_of_divisions_tell_the_status_differently(world: World) -> None:
    world.http.patch(f"{world.url}/control/api/divisions/{OTHER}", json={"status": 2})
    system = {row["Code"]: row for row in world.get(f"{DIVISION}/system/Divisions")["results"]}
    hrm = {row["Code"]: row for row in world.get(f"{DIVISION}/hrm/Divisions")["results"]}
    assert (system[DIVISION]["Status"], system[OTHER]["Status"]) == (1, 2)
    assert (hrm[DIVISION]["Status"], hrm[OTHER]["Status"]) == (0, 1)
    assert "Hid" in system[DIVISION]
    assert "HID" in hrm[DIVISION]
    assert [row["Code"] for row in world.get("999/system/Divisions")["results"]] == list(system)


def test_expand_defer_and_the_lines_of_one_entry(world: World) -> None:
    made = world.post_bank(world.bank_entry(10, 20)).json()["d"]
    path = f"{DIVISION}/financialtransaction/BankEntries"
    deferred = made["BankEntryLines"]["__deferred"]["uri"]
    assert len(world.get(deferred.split("/api/v1/")[1])["results"]) == 2
    (entry,) = world.get(f"{path}?$expand=BankEntryLines&$select=EntryID,BankEntryLines/AmountFC")["results"]
    assert [line["AmountFC"] for line in entry["BankEntryLines"]["results"]] == [10, 20]
    assert set(entry) == {"__metadata", "EntryID", "BankEntryLines"}
    assert world.get(f"{path}(guid'{made['EntryID']}')")["EntryNumber"] == made["EntryNumber"]


def test_a_missing_record_is_404_and_an_unknown_endpoint_too(world: World) -> None:
    none = "guid'00000000-0000-0000-0000-000000000000'"
    assert world.api("GET", f"{ACCOUNTS}({none})").status_code == 404
    assert world.api("GET", f"{DIVISION}/financial/Nonsense").status_code == 404
    assert world.api("GET", f"{DIVISION}/system/Users").status_code == 501


def test_inlinecount_and_skip(world: World) -> None:
    total = world.api("GET", f"{ACCOUNTS}/$count").text
    rows = world.get(f"{ACCOUNTS}?$inlinecount=allpages&$top=2&$skip=1&$orderby=Code&$select=Code")
    assert rows["__count"] == total
    assert codes(rows) == ["130000", "140000"]


def test_without_asking_for_json_one_gets_atom(world: World) -> None:
    answer = world.api("GET", f"{ACCOUNTS}?$filter=Code eq '550000'", headers={"Accept": "*/*"})
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    root = ElementTree.fromstring(answer.content)  # noqa: S314 - made by the server under test
    space = "{http://schemas.microsoft.com/ado/2007/08/dataservices}"
    assert [node.text for node in root.iter(f"{space}Code")] == ["550000"]
    refused = world.api("GET", f"{ACCOUNTS}?$filter=X eq 1", headers={"Accept": "*/*"})
    assert refused.status_code == 400
    assert ElementTree.fromstring(refused.content).tag.endswith("error")  # noqa: S314 - made by the server under test


def test_sync_starts_at_one_and_goes_on_by_timestamp(world: World) -> None:
    world.post_bank(world.bank_entry(1, 2))
    path = f"{DIVISION}/sync/Financial/TransactionLines"
    assert world.api("GET", path).status_code == 400
    rows = world.get(f"{path}?$filter=Timestamp gt 1&$top=1&$orderby=Date desc")["results"]
    assert len(rows) == 3
    last = rows[-1]["Timestamp"]
    assert isinstance(last, str)
    assert world.get(f"{path}?$filter=Timestamp gt {last}L")["results"] == []


def test_deletions_are_listed_for_sync(world: World) -> None:
    made = world.post_bank(world.bank_entry(5)).json()["d"]
    entry = f"{DIVISION}/financialtransaction/BankEntries(guid'{made['EntryID']}')"
    assert world.api("DELETE", entry).status_code == 204
    rows = world.get(f"{DIVISION}/sync/Deleted?$filter=Timestamp gt 1L")["results"]
    assert [row["EntityType"] for row in rows] == [1, 1]
    assert world.entries() == []


@pytest.mark.parametrize(
    ("login", "division", "status"), [("klant", DIVISION, 200), ("klant", OTHER, 403), ("klant", 999, 403)]
)
def test_rights(world: World, login: str, division: int, status: int) -> None:
    token = world.grant(login)["access_token"]
    answer = world.api("GET", f"{division}/financial/Journals", token=token)
    assert answer.status_code == status
    if status == 403:
        assert text(answer) == "Forbidden"
    assert [row["Code"] for row in world.get(f"{division}/system/Divisions", token=token)["results"]] == [DIVISION]
    assert len(world.get(f"{division}/system/AllDivisions", token=token)["results"]) == 3


def test_an_app_without_the_scope_is_told_so(world: World) -> None:
    world.control("apps", client_id="narrow", secret="s", redirect_uris=[], scopes=["organization.administration"])
    token = world.grant(app="narrow")["access_token"]
    assert world.api("GET", "current/Me", token=token).status_code == 200
    refused = world.api("GET", f"{DIVISION}/financial/Journals", token=token)
    assert refused.status_code == 403
    assert text(refused) == "Forbidden - Application Scope Violated. Cannot read 'financial.accounting' scope."
