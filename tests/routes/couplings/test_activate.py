"""Coupling a client with its dossier, step by step."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from portal.connectors.base import DossierStatus
from portal.connectors.errors import Temporary
from portal.couplings.models import Configuration, Coupling
from portal.kernel import clock
from portal.kernel.db import Setting
from portal.kernel.vault import Vault
from portal.ledger.models import BankAccount
from tests import factories as make
from tests.routes.couplings.conftest import Firm, dossier

GOOD = {
    "frequency": "monthly", "delay_days": "3", "journal": "20", "bank_ledger_account": "550000",
    "suspense_account": "499000", "starts_on": "01/05/2026", "automatic": "1",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _june(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 6, 15, 10, tzinfo=UTC))


def answers(firm: Firm, **more: str) -> dict[str, str]:
    return {"authorisation": str(firm.authorisation.id), "dossier": "1"} | more


def couplings(firm: Firm) -> list[Coupling]:
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        return list(session.scalars(select(Coupling).order_by(Coupling.activated_at, Coupling.id)))


def test_every_step_to_a_coupling_with_its_configuration(firm: Firm, bank: BankAccount) -> None:
    firm.list_dossiers(firm.own(), dossier("2", "Boulangerie Delmote", "0123456749"))
    browser = firm.browser
    assert firm.authorisation.name in browser.get(firm.url("/activate/exact")).text
    found = browser.get(firm.url("/activate/exact/dossier", authorisation=str(firm.authorisation.id))).text
    assert re.search(r'value="1" required checked.*?Certain', found, re.DOTALL)
    page = browser.get(firm.url("/activate/exact/configuration") + "?" + urlencode(answers(firm)))
    assert page.status_code == 200
    assert "June 2026 goes out 4 Jul" in page.text
    query = answers(firm, account=str(bank.id), **GOOD)
    page = browser.get(firm.url("/activate/exact/check") + "?" + urlencode(query))
    assert page.status_code == 200
    assert couplings(firm) == []
    assert browser.post(firm.url("/activate/exact"), data=query).status_code == 303
    (row,) = couplings(firm)
    assert (row.dossier_code, row.state) == ("1", "active")
    with firm.database.scoped(Setting(tenant=firm.client.id)) as session:
        made = session.scalars(select(Configuration)).one()
    assert (made.journal, made.bank_account_id, made.automatic) == ("20", bank.id, True)
    assert "Coupled with dossier 201" in browser.get(firm.url("")).text


def test_a_wrong_ledger_account_is_named_with_the_one_to_choose(firm: Firm, bank: BankAccount) -> None:
    firm.list_dossiers(firm.own())
    query = answers(firm, account=str(bank.id), **(GOOD | {"bank_ledger_account": "550900"}))
    page = firm.browser.get(firm.url("/activate/exact/check") + "?" + urlencode(query))
    assert page.status_code == 422
    assert "550900 does not exist in the dossier. Choose 550000" in page.text
    assert 'id="errors"' in page.text
    assert firm.browser.post(firm.url("/activate/exact"), data=query).status_code == 422
    assert couplings(firm) == []


def test_a_step_that_is_too_early_leads_back(firm: Firm) -> None:
    for step in ("/dossier", "/replaced", "/configuration", "/check"):
        answer = firm.browser.get(firm.url(f"/activate/exact{step}"))
        assert answer.status_code == 303
        assert answer.headers["Location"] == firm.url("/activate/exact")
    answer = firm.browser.get(firm.url("/activate/exact/check", authorisation=str(firm.authorisation.id)))
    assert "/activate/exact/dossier" in answer.headers["Location"]


def test_without_a_bank_account_the_configuration_comes_later(firm: Firm) -> None:
    firm.list_dossiers(firm.own())
    page = firm.browser.get(firm.url("/activate/exact/configuration") + "?" + urlencode(answers(firm)))
    assert "No bank account yet" in page.text
    assert firm.browser.post(firm.url("/activate/exact"), data=answers(firm, later="1")).status_code == 303
    assert len(couplings(firm)) == 1


def test_a_silent_provider_is_explained_and_the_coupling_can_go_on(firm: Firm, bank: BankAccount) -> None:
    firm.list_dossiers(firm.own())
    firm.provider.failure = Temporary("exact.unreachable")
    page = firm.browser.get(firm.url("/activate/exact/configuration") + "?" + urlencode(answers(firm)))
    assert page.status_code == 200
    assert "The books of the dossier could not be read" in page.text
    assert "Try again" in page.text
    assert "Configure later" in page.text


def test_overwriting_shows_what_is_replaced_and_keeps_the_history(firm: Firm) -> None:
    firm.list_dossiers(firm.own(), firm.own("2"))
    first = answers(firm, later="1")
    firm.browser.post(firm.url("/activate/exact"), data=first)
    second = first | {"dossier": "2"}
    page = firm.browser.get(firm.url("/activate/exact/replaced") + "?" + urlencode(second)).text
    assert "<del>201 Boulangerie Delmotte SRL</del>" in page
    assert firm.browser.post(firm.url("/activate/exact"), data=second).status_code == 303
    assert len(couplings(firm)) == 1  # not without the tick
    assert firm.browser.post(firm.url("/activate/exact"), data=second | {"seen": "1"}).status_code == 303
    old, new = couplings(firm)
    assert (old.state, new.state, new.replaces_id) == ("ended", "active", old.id)
    assert "Earlier couplings" in firm.browser.get(firm.url("")).text


def test_a_dossier_that_cannot_be_chosen_says_why(firm: Firm) -> None:
    firm.list_dossiers(firm.own(status=DossierStatus.ARCHIVED))
    url = firm.url("/activate/exact/dossier", authorisation=str(firm.authorisation.id))
    page = firm.browser.get(url).text
    assert "Cannot be chosen" in page
    assert "Archived: 1 found" in page
    answer = firm.browser.post(firm.url("/activate/exact"), data=answers(firm, later="1"))
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.text
    assert couplings(firm) == []


def test_check_again_really_reads_the_dossiers_anew(firm: Firm) -> None:
    url = firm.url("/activate/exact/dossier", authorisation=str(firm.authorisation.id))
    assert "No dossier carries this number" in firm.browser.get(url).text
    firm.provider.listed = [firm.own()]
    answer = firm.browser.post(firm.url("/activate/exact/dossiers"), data={"authorisation": str(firm.authorisation.id)})
    assert answer.status_code == 303
    assert firm.provider.calls == ["dossiers"]
    page = firm.browser.get(url).text
    assert "1 dossier read just now: 1 is new, none is gone." in page
    assert "Certain" in page


def test_all_dossiers_can_be_searched(firm: Firm) -> None:
    firm.list_dossiers(firm.own(), dossier("7", "Garage Kerkhofs"))
    url = firm.url("/activate/exact/dossier", authorisation=str(firm.authorisation.id), q="kerkh")
    assert "Garage Kerkhofs" in firm.browser.get(url).text
    part = firm.browser.get(url, headers={"HX-Request": "true", "HX-Target": "found"}).text
    assert part.lstrip().startswith('<div id="found">')
    assert 'form="pick"' in part


def test_an_authorisation_of_another_firm_is_not_there(firm: Firm, vault: Vault) -> None:
    rival = make.make_tenant(firm.database, "portal", "Bakker & Zn")
    theirs = make.make_authorisation(firm.database, vault, rival)
    for step in ("", "/dossier", "/check"):
        assert firm.browser.get(firm.url(f"/activate/exact{step}", authorisation=str(theirs.id))).status_code == 404


def test_the_hint_counts_the_effect_of_the_choices(firm: Firm) -> None:
    query = {"frequency": "monthly", "delay_days": "3", "starts_on": "01/06/2026"}
    text = firm.browser.get(firm.url("/effect") + "?" + urlencode(query)).text
    assert "June 2026 goes out 4 Jul" in text
