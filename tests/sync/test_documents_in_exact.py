"""From a Peppol invoice to the stand-in of Exact Online and back: what is booked there, to the cent, and once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from portal.connectors import base
from portal.connectors.exact.client import Client
from portal.couplings.books import refresh_books
from portal.couplings.documents import DocumentChoices, find_configuration, save_configuration
from portal.couplings.models import Coupling
from portal.documents.intake import hand_in
from portal.kernel import http
from portal.kernel.db import Database, Setting
from portal.kernel.vault import Vault
from portal.ledger.models import Entry
from portal.sync.comparison import compare
from portal.sync.drafting import draft_due
from portal.sync.models import Posting, PostingState
from portal.sync.preview import preview
from sandbox.exact import Running, serve
from tests import factories as make
from tests.connectors.contract.world import RecordingGate
from tests.connectors.exact.test_contract import APP, ENVIRONMENT, Bearer, Control
from tests.connectors.files.invoice_documents import MILL, Invoice, Item, Side, ubl
from tests.sync.office import Office, open_office

DOSSIER = 500001
ITEMS = (
    Item("Flour", Decimal(10), Decimal("18.40"), Decimal(6)), Item("Repair", Decimal(3), Decimal("33.33"), Decimal(21)),
)  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = serve(port=0, data=tmp_path / "exact")
    control = Control(running.url)
    control.post("apps", client_id=APP, name="Test", secret="s", redirect_uris=["http://127.0.0.1:*"])
    control.post("divisions", code=DOSSIER, name="Bakkerij", country="BE", environment=ENVIRONMENT)
    control.post("users", login="kantoor", environment=ENVIRONMENT, current=DOSSIER)
    control.post("settings", per_minute=0, per_day=0, errors_per_hour=0)
    yield running
    running.stop()


class Exact:
    """The stand-in as its bookkeeper sees it, and as our connector does."""

    def __init__(self, url: str) -> None:
        self.control = Control(url)
        grant = self.control.post("grants", environment=ENVIRONMENT, client_id=APP, login="kantoor")
        self._session = http.session()
        self._session.auth = Bearer(grant["access_token"])
        self._root = f"{url}/{ENVIRONMENT}/api/v1/{DOSSIER}"
        self.connection = Client(self._session, f"{url}/{ENVIRONMENT}", RecordingGate(), sleep=lambda seconds: None)

    def make_relation(self, side: Side) -> None:
        body = {"Name": side.name, "VATNumber": side.vat, "Country": side.country, "Status": "C", "IsSupplier": True}
        self._session.post(
            f"{self._root}/crm/Accounts", json=body, headers={"Accept": "application/json"}, timeout=10
        ).raise_for_status()

    def entries(self, reference: str) -> list[Any]:
        query = {"division": DOSSIER, "reference": reference}
        found: list[Any] = self.control("GET", "ledger", params=query)["entries"]
        return found

    def balance(self, account: str) -> Decimal:
        rows = self.control("GET", "balances", params={"division": DOSSIER})["balances"]
        return sum((Decimal(row["balance"]) for row in rows if row["gl_account"] == account), Decimal(0))


@pytest.fixture
def exact(server: Running) -> Exact:
    return Exact(server.url)


@pytest.fixture
def mill(exact: Exact) -> None:
    """The other side is a relation of the dossier already."""
    exact.make_relation(MILL)


@pytest.fixture
def office(database: Database, vault: Vault, exact: Exact, monkeypatch: pytest.MonkeyPatch) -> Office:
    found = open_office(database, vault)
    with database.scoped(Setting(tenant=found.client.id)) as session:
        session.execute(
            update(Coupling).where(Coupling.id == found.coupling.id)
            .values(app="exact", dossier_code=str(DOSSIER), state="active")
        )  # fmt: skip
    found.coupling.app, found.coupling.dossier_code = "exact", str(DOSSIER)
    make.let_app_in(database, found.coupling.authorisation_tenant_id, "exact", found.client.id)
    monkeypatch.setattr(found, "connect", lambda *_, **__: exact.connection, raising=False)
    for kind, journal, account in (("purchase", "60", "604000"), ("sales", "70", "702000")):
        with found.scope() as scope:
            coupling = scope.get(Coupling, found.coupling.id)
            refresh_books(scope, coupling, exact.connection)
            save_configuration(scope, coupling, DocumentChoices(kind, journal, account, "daily", date(2026, 1, 1)))
    return found


def us(office: Office) -> Side:
    number = office.client.enterprise_number
    return Side(office.client.name, "BE", f"BE{number}", number)


def draft(office: Office, exact: Exact, content: bytes, kind: str) -> Entry:
    with office.scope() as scope:
        assert hand_in(scope, "invoice.xml", io.BytesIO(content)).state == "stored"
        refresh_books(scope, scope.get(Coupling, office.coupling.id), exact.connection)
        configuration = find_configuration(scope, kind)
        assert configuration is not None
        (entry,) = draft_due(scope, configuration, date(2026, 5, 1)).entries
        return entry


def test_a_purchase_invoice_is_booked_once_and_to_the_cent(office: Office, exact: Exact) -> None:
    places = ("604000", "411059", "440000")
    before = [exact.balance(place) for place in places]
    entry = draft(office, exact, ubl(Invoice(customer=us(office), items=ITEMS)), "purchase")
    with office.scope() as scope:
        assert [found.code for found in preview(scope, scope.get(Entry, entry.id)).problems] == [
            "entry.relation_missing"
        ]
        exact.make_relation(MILL)
        refresh_books(scope, scope.get(Coupling, office.coupling.id), exact.connection)
    row = office.step(office.offer(entry))
    assert (row.state, row.code, row.remote_debit, row.remote_lines) == (
        PostingState.CONFIRMED, "", Decimal("316.03"), 2,
    )  # fmt: skip
    (there,) = exact.entries(row.reference)
    assert [line["notes"] for line in there["lines"] if not line["own"]] == [row.reference] * 2
    moved = [exact.balance(place) - old for place, old in zip(places, before, strict=True)]
    assert moved == [Decimal("283.99"), Decimal("32.04"), Decimal("-316.03")]
    assert office.step(row).state == PostingState.CONFIRMED
    assert len(exact.entries(row.reference)) == 1
    result = compare(office.runtime, office.client.id, office.coupling.id, office.connect, reach=None)
    assert (result.booked, result.found, result.findings) == (1, 1, ())


@pytest.mark.usefixtures("mill")
def test_a_lost_answer_is_looked_up_and_booked_once(office: Office, exact: Exact) -> None:
    exact.control.post("faults", division=DOSSIER, method="POST", times=1, kind="drop_after_commit")
    entry = draft(office, exact, ubl(Invoice(customer=us(office), number="LOST-1")), "purchase")
    row = office.step(office.offer(entry))
    assert row.state == PostingState.UNCERTAIN
    office.set(row, settles_at=None, next_try_at=row.created_at)
    row = office.step(row)
    assert (row.state, row.code, len(exact.entries(row.reference))) == (PostingState.CONFIRMED, "", 1)


@pytest.mark.usefixtures("mill")
def test_a_sales_credit_note_turns_the_signs_and_the_type(office: Office, exact: Exact) -> None:
    places = ("702000", "451054", "400000")
    before = [exact.balance(place) for place in places]
    content = ubl(Invoice(supplier=us(office), customer=MILL, number="CN-7", credit=True, items=ITEMS))
    row = office.step(office.offer(draft(office, exact, content, "sales")))
    assert (row.state, row.code, row.remote_debit) == (PostingState.CONFIRMED, "", Decimal("316.03"))
    moved = [exact.balance(place) - old for place, old in zip(places, before, strict=True)]
    assert moved == [Decimal("283.99"), Decimal("32.04"), Decimal("-316.03")]


@pytest.mark.usefixtures("mill")
def test_a_closed_period_is_told_before_and_refused_after(office: Office, exact: Exact) -> None:
    exact.control.post("periods", division=DOSSIER, year=2026, period=2, journal="60", status="closed")
    content = ubl(Invoice(customer=us(office), number="FEB-1", on=date(2026, 2, 10)))
    entry = draft(office, exact, content, "purchase")
    with office.scope() as scope:
        assert [found.code for found in preview(scope, scope.get(Entry, entry.id)).problems] == ["entry.period_closed"]


@pytest.mark.usefixtures("mill")
def test_the_bytes_are_those_of_a_purchase_entry(office: Office, exact: Exact) -> None:
    entry = draft(office, exact, ubl(Invoice(customer=us(office), number="2026/77")), "purchase")
    with office.scope() as scope:
        shown = preview(scope, scope.get(Entry, entry.id))
    assert shown.outgoing.kind is base.EntryKind.PURCHASE
    text = shown.payload.decode()
    for part in (
        '"Journal":"60"', '"YourRef":"2026/77"', '"EntryDate":"2026-03-17"', '"DueDate":"2026-04-16"',
        '"PaymentReference":"090933755493"', '"AmountFC":184.00', '"VATCode":"1","VATAmountFC":11.04',
        f'"Notes":"{entry.reference}"',
    ):  # fmt: skip
        assert part in text, part
    assert isinstance(office.offer(entry), Posting)
