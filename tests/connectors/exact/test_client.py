"""What the client does when Exact answers in its less usual ways, scripted reply by reply."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from urllib.parse import unquote_plus

import pytest
import responses
from requests import PreparedRequest

from portal.connectors.base import DossierStatus, EntryKind
from portal.connectors.errors import Rejected, UnexpectedReply
from portal.connectors.exact import client
from portal.connectors.exact.client import Client
from portal.kernel import http
from tests.connectors.contract.world import RecordingGate

HOST = "https://start.exactonline.be"
API = f"{HOST}/api/v1"


@pytest.fixture
def gate() -> RecordingGate:
    return RecordingGate()


@pytest.fixture
def exact(gate: RecordingGate) -> Client:
    return Client(http.session(), HOST, gate, sleep=lambda seconds: None)


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def rows(*found: Mapping[str, object], following: str = "") -> dict[str, object]:
    return {"d": {"results": list(found)} | ({"__next": following} if following else {})}


def refusal(text: str) -> dict[str, object]:
    return {"error": {"code": "", "message": {"lang": "", "value": text}}}


def me(current: int, accounting: int | None = None) -> dict[str, object]:
    return rows(
        {"UserID": "guid", "UserName": "a.peeters", "CurrentDivision": current, "AccountingDivision": accounting}
    )


def journal(code: str) -> dict[str, object]:
    return {"ID": "guid", "Code": code, "Description": "KBC", "Type": 12, "GLAccountCode": "550000"}


DIVISION = {"Code": 7, "Description": "Bakkerij", "Status": 0, "Country": "BE ", "Currency": "EUR"}


def test_the_current_dossier_is_where_the_login_stands(exact: Client, server: responses.RequestsMock) -> None:
    server.get(f"{API}/current/Me", json=me(7))
    found = exact.identity()
    assert (found.user_id, found.user_name, found.default_dossier) == ("guid", "a.peeters", "7")


def test_nobody_logged_in_is_unreadable(exact: Client, server: responses.RequestsMock) -> None:
    server.get(f"{API}/current/Me", json={"d": []})
    with pytest.raises(UnexpectedReply):
        exact.identity()


def test_the_older_list_of_dossiers_stands_in(exact: Client, server: responses.RequestsMock) -> None:
    server.get(f"{API}/current/Me", json=me(7))
    server.get(f"{API}/7/system/Divisions", status=403, json=refusal("Forbidden"))
    server.get(f"{API}/7/hrm/Divisions", json=rows(DIVISION | {"HID": "12"}))
    (found,) = exact.dossiers()
    assert (found.code, found.number, found.status) == ("7", "12", DossierStatus.ACTIVE)


def test_another_dossier_of_the_login_opens_the_list(exact: Client, server: responses.RequestsMock) -> None:
    server.get(f"{API}/current/Me", json=me(7, 8))
    out_of_scope = refusal("Forbidden - User division is not within division scope.")
    server.get(f"{API}/7/system/Divisions", status=403, json=out_of_scope)
    server.get(f"{API}/8/system/Divisions", json=rows(DIVISION | {"Hid": "12", "Status": 1}))
    assert [found.code for found in exact.dossiers()] == ["7"]


def test_no_list_at_all_gives_the_last_refusal(exact: Client, server: responses.RequestsMock) -> None:
    server.get(f"{API}/current/Me", json=me(7, 7))
    out_of_scope = refusal("Forbidden - User division is not within division scope.")
    server.get(f"{API}/7/system/Divisions", status=403, json=out_of_scope)
    with pytest.raises(Rejected) as caught:
        exact.dossiers()
    assert caught.value.code == "exact.division_scope"


def test_a_login_without_a_dossier_is_told(exact: Client, server: responses.RequestsMock) -> None:
    server.get(f"{API}/current/Me", json=rows({"UserID": "guid"}))
    with pytest.raises(Rejected) as caught:
        exact.dossiers()
    assert caught.value.code == "exact.no_dossier"


def test_the_next_page_is_asked_at_its_own_address(
    exact: Client, server: responses.RequestsMock, gate: RecordingGate
) -> None:
    second = f"{API}/7/financial/Journals?$select=ID&$skiptoken=guid'x'"
    server.get(f"{API}/7/financial/Journals", json=rows(journal("20"), following=second))
    server.get(f"{API}/7/financial/Journals", json={"d": [journal("21")]})
    assert [found.code for found in exact.journals("7")] == ["20", "21"]
    asked = str(server.calls[1].request.url)
    assert asked.count("select") == 1
    assert "skiptoken" in asked
    assert len(gate.calls) == 4


@pytest.mark.parametrize(
    "link",
    [
        "https://start.exactonline.example/api/v1/7/financial/Journals?$skiptoken=1",
        "http://start.exactonline.be/api/v1/7/financial/Journals?$skiptoken=1",
        "https://start.exactonline.be/api/v1/8/financial/Journals?$skiptoken=1",
        "https://start.exactonline.be@evil.example/api/v1/7/financial/Journals",
        f"{API}/7/financial/Journals/../../../oauth2/token",
    ],
)
def test_a_link_elsewhere_is_not_followed(exact: Client, server: responses.RequestsMock, link: str) -> None:
    server.get(f"{API}/7/financial/Journals", json=rows(journal("20"), following=link))
    with pytest.raises(UnexpectedReply) as caught:
        exact.journals("7")
    assert caught.value.code == "exact.foreign_link"
    assert len(server.calls) == 1


def test_a_list_without_end_is_given_up(
    exact: Client, server: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        link = f"{API}/7/financial/Journals?$skiptoken={len(server.calls)}"
        return 200, {}, json.dumps(rows(journal("20"), following=link))

    monkeypatch.setattr(client, "MAX_PAGES", 5)
    server.add_callback(responses.GET, f"{API}/7/financial/Journals", page)
    with pytest.raises(UnexpectedReply) as caught:
        exact.journals("7")
    assert caught.value.code == "exact.endless_list"
    assert len(server.calls) == 5


def line(entry: str, notes: str) -> dict[str, object]:
    return {
        "EntryID": entry,
        "EntryNumber": 26200001,
        "JournalCode": "20",
        "Currency": "EUR",
        "LineNumber": 1,
        "Date": "/Date(1773014400000)/",
        "GLAccountCode": "499000",
        "AmountFC": -12.34,
        "Description": "d",
        "Notes": notes,
    }


def test_a_refused_filter_makes_us_read_the_journal(exact: Client, server: responses.RequestsMock) -> None:
    lines = f"{API}/7/bulk/Financial/TransactionLines"
    server.get(lines, status=400, json=refusal("Filtering on these fields is not supported: Notes"))
    server.get(f"{API}/7/financial/Journals", json=rows(journal("20")))
    server.get(lines, json=rows(line("a", "KP-OURS"), line("b", "KP-OTHER"), line("c", "")))
    found = exact.find("7", EntryKind.BANK, "KP-OURS", "20", date(2026, 3, 9))
    assert [entry.id for entry in found] == ["a"]
    assert "datetime'2026-01-06'" in unquote_plus(str(server.calls[2].request.url))


def test_a_case_insensitive_answer_is_not_ours(exact: Client, server: responses.RequestsMock) -> None:
    server.get(f"{API}/7/bulk/Financial/TransactionLines", json=rows(line("a", "kp-ours")))
    assert list(exact.find("7", EntryKind.BANK, "KP-OURS", "20", date(2026, 3, 9))) == []


def test_a_refused_filter_on_closed_periods_reads_them_all(exact: Client, server: responses.RequestsMock) -> None:
    period = {"FinYear": 2026, "FinPeriod": 3, "StartDate": "/Date(1772323200000)/", "EndDate": "/Date(1774915200000)/"}
    server.get(f"{API}/7/financial/FinancialPeriods", json=rows(period))
    status = f"{API}/7/read/financial/JournalStatusList"
    server.get(status, status=400, json=refusal("This $filter parameter is not supported for this resource"))
    server.get(status, json={"d": [{"Journal": "20", "Year": 2026, "Period": 3, "Status": 1}]})
    assert [found.is_open("20") for found in exact.periods("7")] == [False]


@pytest.mark.parametrize(
    "body", [b"", b"null", b'{"d": null}', b'{"d": {}}', b'{"d": [{"ID": 1}]}', b"<feed/>", b"[" * 9999]
)
def test_an_answer_of_another_shape_is_unreadable(exact: Client, server: responses.RequestsMock, body: bytes) -> None:
    server.get(f"{API}/7/financial/Journals", body=body)
    with pytest.raises(UnexpectedReply):
        exact.journals("7")


@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_success_of_a_post_is_one(exact: Client, server: responses.RequestsMock, status: int) -> None:
    server.post(f"{API}/7/financialtransaction/BankEntries", status=status, json={"d": {"EntryID": "guid"}})
    assert exact.post("7", EntryKind.BANK, b"{}").id == "guid"
    sent = server.calls[0].request
    assert (sent.body, sent.headers["Prefer"]) == (b"{}", "return=representation")


def test_a_failing_gate_is_not_taken_for_a_bad_reply(exact: Client, gate: RecordingGate) -> None:
    def broken(dossier: str, endpoint: str, *, write: bool) -> None:
        raise LookupError("no such dossier")

    gate.before = broken  # type: ignore[method-assign]  # a gate that fails in its own way
    with pytest.raises(LookupError):
        exact.journals("7")
