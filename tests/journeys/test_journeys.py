"""For every app: authorise, couple, configure, statement in, entry out, receipt; on good days and bad ones."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from config import EVERY
from portal.connectors import registry
from portal.connectors.base import EntryKind
from portal.connectors.login import AuthMode
from portal.documents.intake import hand_in
from portal.kernel.db import Database, Setting, set_scope
from portal.kernel.errors import Conflict
from portal.kernel.vault import Vault
from portal.ledger.models import Entry
from portal.runtime import Runtime
from portal.sync import posting as postings
from portal.sync import reversal
from portal.sync.comparison import compare
from portal.sync.models import Posting, PostingState
from portal.sync.preview import preview
from tests import factories as make
from tests.authorisations.conftest import Time, make_settings, virtual
from tests.conftest import Servers, Urls
from tests.connectors.contract.world import Fault
from tests.connectors.files.invoice_documents import MILL, Invoice, Item, Side, ubl
from tests.connectors.package_world import Control
from tests.journeys.apps import APPS, App
from tests.journeys.exact import Exact
from tests.journeys.journey import Journey

__all__ = ["virtual"]

MARCH = ((date(2026, 3, 17), "120.50"), (date(2026, 3, 18), "-20.25"), (date(2026, 3, 18), "-20.25"))
FLOUR = (Item("Flour", Decimal(4), Decimal("25.00"), Decimal(21)),)
APRIL = ((date(2026, 4, 2), "7.77"),)


EVERY_APP: Mapping[str, App] = {"exact": Exact("exact", "ExactWorld"), **APPS}


@pytest.fixture(scope="module", params=EVERY_APP, ids=list(EVERY_APP))
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Control]]:
    key: str = request.param
    for control in EVERY_APP[key].serve(tmp_path_factory.mktemp(key)):
        yield key, control


@pytest.fixture
def journey(
    served: tuple[str, Control], virtual: Time, tmp_path: Path, database_urls: Urls, servers: Servers,
    database: Database, vault: Vault,
) -> Journey:  # fmt: skip
    """Authorised, coupled and configured; nothing was booked yet."""
    key, control = served
    app = EVERY_APP[key]
    settings = make_settings(tmp_path, database_urls, servers, "http://127.0.0.1:9")
    settings = make.registered(settings, key, id=app.ours.id, secret=app.ours.secret, hosts={EVERY: control.host})
    made = Journey(key, Runtime(replace(settings, settle_seconds=None), database, vault), app.meet(control), virtual)
    made.authorise()
    made.couple()
    return made


def test_every_app_that_has_a_server_is_tried() -> None:
    with_server = {key for key in registry.CONNECTORS if registry.load(key).MANIFEST.auth is not AuthMode.FILE}
    assert set(EVERY_APP) >= with_server - {"pretend", "keyed"}


def test_the_whole_way(journey: Journey) -> None:
    before = journey.world.balance(journey.world.bank_account)
    journey.bank_says(*MARCH)
    journey.bank_says(*APRIL)
    assert [row.state for row in journey.run()] == [PostingState.INTENT] * 2
    found = journey.work()
    assert [(row.state, row.code) for row in found] == [(PostingState.CONFIRMED, "")] * 2
    assert all(row.remote_id and row.sends == 1 for row in found)
    assert journey.count() == (0, 0)
    assert journey.world.balance(journey.world.bank_account) == before + Decimal("87.77")
    journey.pass_(600)  # some count few calls, and the night asks again
    compared = compare(journey.means, journey.client.id, journey.coupling.id)
    assert (compared.booked, compared.found, compared.findings) == (2, 2, ())


@pytest.mark.parametrize(
    "fault",
    [Fault.LATE, Fault.LOST_AFTER, Fault.LOST_BEFORE, Fault.RATE_LIMITED, Fault.BUSY, Fault.GARBAGE, Fault.SLOW],
)
def test_a_bad_day_loses_and_doubles_nothing(journey: Journey, fault: Fault) -> None:
    before = journey.world.balance(journey.world.bank_account)
    journey.bank_says(*MARCH)
    journey.run()
    journey.world.fault(fault, write=True)
    found = journey.see_through()
    assert journey.count() == (0, 0)
    assert journey.world.balance(journey.world.bank_account) == before + journey.moved
    assert [row.state for row in found] == [PostingState.CONFIRMED]


@pytest.mark.parametrize("fault", [None, Fault.LATE, Fault.LOST_BEFORE, Fault.LOST_AFTER])
@pytest.mark.parametrize("kind", [EntryKind.PURCHASE, EntryKind.SALES])
def test_a_document_is_booked_once(journey: Journey, kind: EntryKind, fault: Fault | None) -> None:
    if not journey.manifest.capabilities.invoices:
        return
    journey.book_documents(kind)
    us = Side(journey.client.name, "BE", f"BE{journey.client.enterprise_number}", journey.client.enterprise_number)
    supplier, customer = (MILL, us) if kind is EntryKind.PURCHASE else (us, MILL)
    number = f"F{journey.client.id.hex[-8:]}"
    content = ubl(Invoice(number=number, supplier=supplier, customer=customer, items=FLOUR))
    with journey.as_client() as scope:
        assert hand_in(scope, "invoice.xml", io.BytesIO(content)).state == "stored"
    places = (journey.world.result_account, journey.world.party_accounts[kind])
    before = [journey.world.balance(place) for place in places]
    (row,) = journey.run()
    if fault is not None:
        journey.world.fault(fault, write=True)
    (row,) = journey.see_through()
    assert (row.code, row.remote_debit, journey.count()) == ("", Decimal("121.00"), (0, 0))
    sign = 1 if kind is EntryKind.PURCHASE else -1
    moved = [journey.world.balance(place) - old for place, old in zip(places, before, strict=True)]
    assert moved == [sign * 100, -sign * 121]


def undo(journey: Journey, row: Posting) -> Posting:
    """By a person of the firm, who sees the log-in that it was sent through."""
    with journey.as_client() as scope:
        set_scope(scope.session, Setting(tenant=scope.tenant_id, via=journey.firm.id))
        shown = reversal.plan(scope, row.entry_id).shown
        assert shown.problems == []
        return reversal.undo(scope, row.entry_id, reason="Wrong account", sha256=shown.sha256)


@pytest.mark.parametrize("fault", [None, Fault.LATE, Fault.LOST_AFTER, Fault.LOST_BEFORE, Fault.GARBAGE])
def test_what_was_booked_is_undone_once_and_sent_again(journey: Journey, fault: Fault | None) -> None:
    before = journey.world.balance(journey.world.bank_account)
    journey.bank_says(*MARCH)
    journey.run()
    (row,) = journey.see_through()
    if not journey.manifest.capabilities.reversal:
        with pytest.raises(Conflict) as refused:
            undo(journey, row)
        assert refused.value.code in ("reversal.drafts", "reversal.unfindable")
        return
    undo(journey, row)
    if fault is not None:
        journey.world.fault(fault, write=True)
    journey.see_through()
    assert journey.count() == (0, 0)
    assert journey.world.balance(journey.world.bank_account) == before
    journey.run()
    with journey.as_client() as scope:
        (entry,) = scope.session.scalars(select(Entry).where(Entry.state == "draft")).all()
        postings.offer(scope, entry.id, preview(scope, entry).sha256, entry.version)
    journey.see_through()
    assert journey.count() == (0, 0)
    assert journey.world.balance(journey.world.bank_account) == before + journey.moved
    journey.pass_(600)
    compared = compare(journey.means, journey.client.id, journey.coupling.id)
    ours = {row.reference for row in journey.postings()}  # the books are those of other tests too
    assert (compared.booked, compared.found) == (3, 3)
    assert [finding for finding in compared.findings if finding.reference in ours] == []


def test_an_undoing_that_meets_a_closed_period_is_given_up_and_begun_anew(journey: Journey) -> None:
    if not journey.manifest.capabilities.reversal:
        return
    before = journey.world.balance(journey.world.bank_account)
    journey.bank_says(*MARCH)
    journey.run()
    (first,) = journey.see_through()
    undo(journey, first)
    lock = partial(EVERY_APP[journey.app].lock, journey.world.control)
    lock(closed=True)
    (refused,) = [row for row in journey.work() if row.id != first.id]
    assert refused.state == PostingState.REJECTED
    assert journey.world.balance(journey.world.bank_account) == before + journey.moved
    with journey.as_client() as scope:
        reversal.give_up(scope, refused.entry_id)
    lock(closed=False)
    again = undo(journey, first)
    assert again.reference != refused.reference
    journey.work()
    assert journey.world.balance(journey.world.bank_account) == before
    assert [journey.world.booked(row.reference) for row in (first, refused, again)] == [1, 0, 1]


def test_an_ended_connection_waits_for_people_and_goes_on(journey: Journey) -> None:
    journey.bank_says(*MARCH)
    journey.run()
    journey.world.expire()
    journey.step()
    assert journey.count() == (1, 0)
    journey.pass_(660)
    journey.step()
    journey.authorise_again()
    journey.pass_(3600)
    journey.see_through()
    assert journey.count() == (0, 0)


def test_a_period_that_closes_on_the_way_is_booked_once_it_is_open(journey: Journey) -> None:
    journey.bank_says(*MARCH)
    journey.run()
    lock = partial(EVERY_APP[journey.app].lock, journey.world.control)
    lock(closed=True)
    (row,) = journey.work()
    assert (row.state, journey.count()) == (PostingState.REJECTED, (1, 0))
    lock(closed=False)
    journey.decide()
    journey.see_through()
    assert journey.count() == (0, 0)
