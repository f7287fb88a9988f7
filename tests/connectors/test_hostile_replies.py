"""Whatever a package answers, a connector raises one of the five errors or reads it; it never breaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from portal.connectors import registry
from portal.connectors.base import Bookkeeping, EntryKind, LedgerAccount, OutgoingEntry, OutgoingLine
from portal.connectors.errors import ConnectorError
from portal.connectors.login import Form
from portal.kernel import http
from tests.connectors.contract.world import RecordingGate
from tests.connectors.package_world import patient

DAY = date(2026, 3, 18)
COMPANY = "Production.5f0d2a11-0000-4000-8000-00000000c001"
# key of the connector, what was typed, a dossier
TRIED: list[tuple[str, dict[str, str], str]] = [
    ("exact", {}, "500001"),
    ("xero", {}, "5f0d2a11-0000-4000-8000-00000000c001"),
    ("minox", {}, "5"),
    ("myunisoft", {"key": "k" * 30}, "5"),
    ("odoo", {"url": "https://odoo.example", "database": "d", "user": "u", "key": "k" * 30}, "1"),
    ("acd", {"consumer": "c", "connection": "d"}, "5"),
    ("pennylane", {"interface": "firm", "token": "t" * 20}, "17"),
    ("pennylane", {"interface": "company", "token": "t" * 20}, "17"),
    ("business_central", {}, COMPANY),
]
BODIES = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"17",
    b'"text"',
    b"{",
    b"\xff\xfe",
    b"<html></html>",
    b'{"items": 17, "has_more": true, "next_cursor": null}',
    b'{"items": [17], "has_more": false, "next_cursor": null, "total_pages": "many"}',
    b'{"items": [{"id": null}], "has_more": false, "next_cursor": "x", "total_pages": 1}',
    b'{"items": [], "has_more": true, "next_cursor": "same", "total_pages": 10000000}',
    b'{"value": null}',
    b'{"value": [{"id": "../../other", "code": "KPX", "displayName": "Koppelpoort"}]}',
    b'{"value": [{"id": 1, "name": {}, "aadTenantId": "x"}]}',
    b'{"value": [], "@odata.nextLink": "https://evil.example/"}',
    b'{"value": [], "@odata.nextLink": 17}',
    b'{"error": "text"}',
    b'{"error": {"message": null}}',
    b'{"responses": [{"id": "x"}]}',
    b'{"company": {"id": true}, "user": 17}',
]
READ = "read"
ACCOUNTS = {"1": LedgerAccount("1", "A", "11", "general"), "2": LedgerAccount("2", "B", "12", "general")}


def an_entry() -> OutgoingEntry:
    lines = (OutgoingLine(DAY, "1", Decimal(5), "text"), OutgoingLine(DAY, "2", Decimal(-5), "text"))
    return OutgoingEntry(EntryKind.GENERAL, "KP-ABC2", "BQ", DAY, "EUR", "1", None, None, lines)


def asked(connection: Bookkeeping, dossier: str) -> list[Callable[[], object]]:
    entry = an_entry()
    payload = connection.render(entry, ACCOUNTS)
    kind = EntryKind.GENERAL
    return [
        connection.identity,
        connection.dossiers,
        lambda: connection.ledger_accounts(dossier),
        lambda: connection.journals(dossier),
        lambda: connection.vat_codes(dossier),
        lambda: connection.relations(dossier),
        lambda: connection.periods(dossier),
        lambda: connection.post(dossier, kind, payload),
        lambda: connection.find(dossier, kind, entry.reference, entry.journal, DAY),
        lambda: list(connection.entries(dossier, kind, entry.journal, DAY, DAY)),
    ]


def code_of(call: Callable[[], object]) -> str:
    """Of its refusal."""
    try:
        call()
    except ConnectorError as told:
        return told.code
    return READ


@pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 422, 500])
@pytest.mark.parametrize(("key", "typed", "dossier"), TRIED)
def test_nonsense_is_one_of_the_five_errors(
    monkeypatch: pytest.MonkeyPatch, key: str, typed: dict[str, str], dossier: str, status: int
) -> None:
    connection = registry.load(key).connect(http.session(), "https://package.example", RecordingGate(), Form(typed))
    patient(connection)
    for body in BODIES:
        reply = http.Reply(status, http.NO_HEADERS, body)
        monkeypatch.setattr(http, "exchange", lambda *given, _reply=reply, **named: _reply)
        codes = {code_of(call) for call in asked(connection, dossier)}
        assert all(code == READ or code.startswith(f"{key}.") for code in codes), (body, codes)


@pytest.mark.parametrize(
    "dossier", ["", ".", "..", "a/b", "17/../18", "Production.x", "../x." + COMPANY[11:], "17?x=1"]
)
@pytest.mark.parametrize("key", ["pennylane", "business_central"])
def test_a_dossier_never_leaves_its_place_in_the_address(
    monkeypatch: pytest.MonkeyPatch, key: str, dossier: str
) -> None:
    went: list[str] = []

    def exchange(session: object, method: str, url: str, **given: object) -> http.Reply:
        went.append(url)
        return http.Reply(404, http.NO_HEADERS, b"{}")

    monkeypatch.setattr(http, "exchange", exchange)
    form = Form(interface="firm", token="t" * 20)
    connection = registry.load(key).connect(http.session(), "https://package.example", RecordingGate(), form)
    with pytest.raises(ConnectorError):
        connection.journals(dossier)
    for url in went:
        assert "/../" not in url
        assert "?" not in url
        assert url.count("/") <= 9
