"""What a coupling syncs: made, changed, stopped and removed through the pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from portal.connectors.base import EntryKind, Journal, JournalType
from portal.connectors.errors import Rejected
from portal.couplings.books import DossierBooks
from portal.couplings.models import Books, Configuration, Coupling
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.ledger.models import BankAccount
from portal.routes.forms import couplings as forms
from tests.routes.couplings.conftest import Firm
from tests.routes.couplings.test_activate import GOOD


@pytest.fixture(autouse=True)
def _june(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 6, 15, 10, tzinfo=UTC))


@pytest.fixture
def coupling(firm: Firm) -> Coupling:
    firm.list_dossiers(firm.own())
    form = {"authorisation": str(firm.authorisation.id), "dossier": "1", "later": "1"}
    assert firm.browser.post(firm.url("/activate/exact"), data=form).status_code == 303
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        return session.scalars(select(Coupling)).one()


def configurations(firm: Firm) -> list[Configuration]:
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        return list(session.scalars(select(Configuration)))


def read_books(firm: Firm, coupling: Coupling) -> None:
    assert firm.browser.post(firm.url(f"/{coupling.id}/books")).status_code == 303


def test_a_bank_account_is_configured_with_what_is_proposed(firm: Firm, coupling: Coupling, bank: BankAccount) -> None:
    assert "were not read yet" in firm.browser.get(firm.url("/configure")).text
    read_books(firm, coupling)
    page = firm.browser.get(firm.url("/configure")).text
    assert 'value="550000"' in page
    assert 'value="01/06/2026"' in page
    answer = firm.browser.post(firm.url("/configure"), data=GOOD | {"account": str(bank.id)})
    assert answer.status_code == 303
    (row,) = configurations(firm)
    assert (row.journal, row.delay_days, row.state) == ("20", 3, "active")


def test_each_wrong_field_is_named_with_its_cure(firm: Firm, coupling: Coupling, bank: BankAccount) -> None:
    read_books(firm, coupling)
    wrong = GOOD | {
        "account": str(bank.id),
        "suspense_account": "499001",
        "delay_days": "15",
        "starts_on": "31/02/2026",
    }
    answer = firm.browser.post(firm.url("/configure"), data=wrong)
    assert answer.status_code == 422
    assert "Type a day as 31/12/2026." in answer.text
    answer = firm.browser.post(firm.url("/configure"), data=wrong | {"starts_on": "01/02/2026"})
    assert "499001 does not exist in the dossier. Choose 499000" in answer.text
    assert "Choose a delay of 0 to 14 days." in answer.text
    assert "Period 2 of 2026 is closed for journal 20. The first open one begins on 01/03/2026." in answer.text
    assert configurations(firm) == []


def test_it_is_changed_switched_off_on_and_deleted(firm: Firm, coupling: Coupling, bank: BankAccount) -> None:
    read_books(firm, coupling)
    firm.browser.post(firm.url("/configure"), data=GOOD | {"account": str(bank.id)})
    (row,) = configurations(firm)
    one = firm.url(f"/configurations/{row.id}")
    page = firm.browser.get(one).text
    assert "June 2026 goes out on 04/07/2026" in page
    asked = re.search(
        r"<details[^>]*>((?:(?!</details>).)*)</details>", page[page.index("kp-confirm") - 20 :], re.DOTALL
    )
    assert asked is not None, "the question stands around the form, so that it is asked without a script too"
    assert "Delete this configuration?" in asked[1]
    assert f'action="{one}/delete"' in asked[1]
    assert page.count(f'action="{one}/delete"') == 1
    changed = GOOD | {"account": str(bank.id), "delay_days": "0"}
    assert firm.browser.post(one, data=changed).status_code == 303
    assert configurations(firm)[0].delay_days == 0
    for path, state in (("/off", "inactive"), ("/on", "active"), ("/delete", "deleted")):
        assert firm.browser.post(one + path).status_code == 303
        assert configurations(firm)[0].state == state
    assert firm.browser.get(one).status_code == 404


def test_ending_a_coupling_stops_its_configurations(firm: Firm, coupling: Coupling, bank: BankAccount) -> None:
    read_books(firm, coupling)
    firm.browser.post(firm.url("/configure"), data=GOOD | {"account": str(bank.id)})
    assert firm.browser.post(firm.url(f"/{coupling.id}/end")).status_code == 303
    assert configurations(firm)[0].state == "inactive"
    assert firm.browser.post(firm.url(f"/{coupling.id}/end")).status_code == 409


def test_books_that_cannot_be_read_keep_the_old_ones(firm: Firm, coupling: Coupling) -> None:
    read_books(firm, coupling)
    firm.provider.failure = Rejected("exact.user_rights")
    read_books(firm, coupling)
    assert "The Exact login has no rights for this" in firm.browser.get(firm.url("")).text
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        assert len(session.scalars(select(Books)).all()) == 4


@pytest.mark.parametrize(("journal", "shown"), [("", ["", "10", "20"]), ("20", ["10", "20"]), ("99", ["", "10", "20"])])
def test_where_no_journal_is_proposed_none_seems_to_be(
    app: Flask, monkeypatch: pytest.MonkeyPatch, journal: str, shown: list[str]
) -> None:
    usable = [Journal(code, code, JournalType.BANK, code) for code in ("10", "20")]
    monkeypatch.setattr(forms, "usable_journals", lambda _, kind: usable if kind is EntryKind.BANK else [])
    with app.test_request_context():
        form = forms.ConfigurationForm(formdata=None, data={"journal": journal}, meta={"csrf": False})
        form.offer(DossierBooks({}, {}, {}, [], None), [])
        assert [choice.value for choice in form.journal.choices] == shown
