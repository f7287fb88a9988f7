"""Dossiers by hand and from lists, and what is read out of a file of the client's books."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from portal.access import Scope
from portal.authorisations.models import Authorisation
from portal.exchange import books, charts, dossiers
from portal.exchange.charts import FoundJournal, read_chart
from portal.kernel.db import Database, Setting
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.tenants.models import Tenant
from tests import factories as make
from tests.exchange.shelf import FEC, SIREN, make_file_authorisation, make_file_dossier

Act = Callable[..., Any]
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture
def firm(database: Database) -> Tenant:
    return make.make_tenant(database, "portal", "Cabinet Évrard")


@pytest.fixture
def login(database: Database, firm: Tenant) -> Authorisation:
    return make_file_authorisation(database, firm, "fec")


@pytest.fixture
def act(database: Database, firm: Tenant) -> Act:
    def do(what: Act, *args: Any, **named: Any) -> Any:
        with database.scoped(Setting(tenant=firm.id)) as session:
            return what(Scope.system(session, firm.id, "portal"), *args, **named)

    return do


def draft(number: str = "F1", **more: Any) -> dossiers.Draft:
    given: dict[str, Any] = {
        "name": "Boulangerie", "country": "FR", "enterprise_number": SIREN, "starts_on": YEAR[0], "ends_on": YEAR[1],
    }  # fmt: skip
    return dossiers.Draft(number, **(given | more))


# ------------------------------------------------------------------------------ the books of the client


def test_a_long_chart_is_brought_in(database: Database, login: Authorisation, act: Act) -> None:
    """More values than one statement of PostgreSQL takes; brought in again, the name is the new one."""
    row, many = act(dossiers.add_dossier, login.id, draft()), 11_000
    lines = "".join(f"{600000 + n};Old {n}\n" for n in range(many))
    act(dossiers.bring_chart, row.id, f"account;name\n{lines}".encode())
    act(dossiers.bring_chart, row.id, b"account;name\n600007;New\n")
    with database.scoped(Setting(tenant=row.tenant_id)) as session:
        accounts = books.accounts_of(session, row)
    assert (len(accounts), accounts["600007"].name, accounts["600008"].name) == (many, "New", "Old 8")


def test_a_fec_brings_accounts_and_journals() -> None:
    chart = read_chart(FEC, "FR")
    assert chart.accounts["512100"] == ("Crédit Agricole", "bank")
    assert chart.accounts["471000"] == ("Compte d'attente", "general")
    assert {code: kind for code, (_name, kind) in chart.accounts.items()} == {
        "512100": "bank", "471000": "general", "401000": "payable", "606000": "costs",
    }  # fmt: skip
    assert chart.journals == {
        "BQ": FoundJournal("Banque", "bank", "512100"), "OD": FoundJournal("Opérations diverses", "general"),
    }  # fmt: skip


def test_lines_tell_more_than_the_name_of_a_journal() -> None:
    lines = "JournalCode|JournalLib|CompteNum|CompteLib\n" + "X1|Divers|512000|Banque\nX1|Divers|401000|F\n" * 3
    assert read_chart(lines.encode(), "FR").journals["X1"] == FoundJournal("Divers", "bank", "512000")


@pytest.mark.parametrize(
    ("content", "accounts", "journals"),
    [
        ("Rekening;Naam\n550000;KBC\n440000;Leveranciers\n", {"550000": "bank", "440000": "payable"}, {}),
        ("account,name,kind\n1100,ING,bank\n4000,Omzet,revenue\n", {"1100": "bank", "4000": "revenue"}, {}),
        ("Journal;Journal name;Type;Journal account\nK1;KBC;bank;550000\n", {}, {"K1": "bank"}),
        (
            "code journal\tlibellé journal\nVE\tVentes\nHA\tAchats\nCS\tCaisse",
            {},
            {"VE": "sales", "HA": "purchase", "CS": "cash"},
        ),
        ("\ufeffCompte;Libellé\n411000;Clients\n", {"411000": "vat"}, {}),
    ],
)
def test_tables_of_many_hands(content: str, accounts: dict[str, str], journals: dict[str, str]) -> None:
    chart = read_chart(content.encode(), "BE")
    found = {code: kind for code, (_name, kind) in chart.accounts.items()}
    assert (found, {code: one.type for code, one in chart.journals.items()}) == (accounts, journals)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "exchange.chart_unreadable"),
        (b"\x00\x01\x02", "exchange.chart_unreadable"),
        (b"account;name\n" + b"1;x\n" * 2000 + b"2;a\x00b\n", "exchange.chart_unreadable"),
        (b"a;b;c\n1;2;3\n", "exchange.chart_columns"),
        (b"account;name\n", "exchange.chart_empty"),
        (b"account;name\n" + b"1" * 21 + b";x\n", "exchange.code_long"),
    ],
)
def test_what_is_no_book_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(Invalid, match=code):
        read_chart(content, "FR")


def test_too_many_codes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "MOST_CODES", 2)
    with pytest.raises(Invalid, match="chart_large"):
        read_chart(b"account\n1\n2\n3\n", "FR")


def test_bringing_in_again_renames_and_keeps_what_was_set_by_hand(
    database: Database, act: Act, login: Authorisation
) -> None:
    row = act(dossiers.add_dossier, login.id, draft())
    act(dossiers.bring_chart, row.id, FEC)
    act(dossiers.set_account, row.id, code="471000", name="Suspense", kind="other", blocked=True)
    act(dossiers.set_account, row.id, code="999", name="", kind="general", blocked=False)
    act(dossiers.bring_chart, row.id, FEC)
    found = act(lambda scope: books.accounts_of(scope.session, row))
    assert (found["471000"].name, found["471000"].kind, found["471000"].blocked) == ("Compte d'attente", "other", True)
    assert found["999"].name == "999"


# ------------------------------------------------------------------------------ dossiers


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"number": " "}, "exchange.number_length"),
        ({"name": ""}, "exchange.name_length"),
        ({"country": "DE"}, "exchange.country"),
        ({"enterprise_number": "12345"}, "exchange.siren"),
        ({"ends_on": date(2025, 12, 31)}, "exchange.year_span"),
        ({"ends_on": date(2030, 12, 31)}, "exchange.year_span"),
    ],
)
def test_a_dossier_that_is_none_is_refused(act: Act, login: Authorisation, given: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid, match=code):
        act(dossiers.add_dossier, login.id, draft(**given))


def test_a_number_is_used_once_and_a_siret_has_its_siren(act: Act, login: Authorisation) -> None:
    row = act(dossiers.add_dossier, login.id, draft(enterprise_number="732 829 320 00074"))
    assert row.enterprise_number == SIREN
    with pytest.raises(Invalid, match="number_taken"):
        act(dossiers.add_dossier, login.id, draft("f1"))


def test_dossiers_hang_on_an_authorisation_without_a_server(
    database: Database, vault: Any, firm: Tenant, act: Act
) -> None:
    exact = make.make_authorisation(database, vault, firm)
    with pytest.raises(NotFound):
        act(dossiers.add_dossier, exact.id, draft())


LIST = (
    "number;name;country;siren;from;until\n"
    "F7;Léa;FR;732829320;01/01/2026;31/12/2026\n"
    "F8;Jan;BE;;2026-01-01;2026-12-31\n"
)


def test_a_list_adds_all_and_knows_them_the_second_time(act: Act, login: Authorisation) -> None:
    assert act(dossiers.add_listed, login.id, LIST.encode()) == (2, 0)
    assert act(dossiers.add_listed, login.id, LIST.encode()) == (0, 2)


def test_a_list_without_names_loses_no_line(act: Act, login: Authorisation) -> None:
    assert act(dossiers.add_listed, login.id, LIST.partition("\n")[2].encode()) == (2, 0)


def test_what_is_no_list_is_refused_and_not_taken_for_an_empty_one(act: Act, login: Authorisation) -> None:
    with pytest.raises(Invalid, match="list_columns"):
        act(dossiers.add_listed, login.id, b"a letter to the accountant")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("F9;x;FR;1;01/01/2026;31/12/2026\n", "exchange.list_line"),
        ("F9;x;FR;;soon;31/12/2026\n", "exchange.list_day"),
        ("F9;x\n", "exchange.list_columns"),
    ],
)
def test_a_list_with_a_wrong_line_adds_nothing(act: Act, login: Authorisation, more: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        act(dossiers.add_listed, login.id, (LIST + more).encode())
    assert (caught.value.code, caught.value.values["line"]) == (code, 4)
    assert act(dossiers.add_listed, login.id, LIST.encode()) == (2, 0)


def test_a_dossier_with_entries_stays(database: Database, firm: Tenant, act: Act, login: Authorisation) -> None:
    row = make_file_dossier(database, firm, login)
    client = make.make_tenant(database, "client", "Boulangerie")
    make.make_grant(database, client, firm)
    make.make_coupling(database, client, login, dossier=str(row.id))

    def remove(scope: Scope) -> None:
        scope.session.info["setting"] = Setting(tenant=firm.id, portal=firm.id)
        dossiers.remove_dossier(scope, row.id)

    with pytest.raises(Conflict, match="is_coupled"):
        act(remove)
    other = make_file_dossier(database, firm, login)
    act(dossiers.remove_dossier, other.id)
    with pytest.raises(NotFound):
        act(dossiers.remove_dossier, other.id)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"type": "bank", "ledger_account": ""}, "exchange.journal_account"),
        ({"type": "bank", "ledger_account": "999999"}, "exchange.account_unknown"),
        ({"type": "magic"}, "exchange.kind"),
        ({"code": "A B"}, "exchange.code_long"),
    ],
)
def test_a_journal_that_is_none_is_refused(
    database: Database, firm: Tenant, act: Act, login: Authorisation, given: dict[str, Any], code: str
) -> None:
    row = make_file_dossier(database, firm, login)
    usual: dict[str, Any] = {"code": "B2", "name": "", "type": "general", "ledger_account": "", "blocked": False}
    with pytest.raises(Invalid, match=code):
        act(lambda scope: dossiers.set_journal(scope, row.id, **(usual | given)))


def test_years_share_no_day_and_open_again(act: Act, login: Authorisation) -> None:
    row = act(dossiers.add_dossier, login.id, draft())
    with pytest.raises(Invalid, match="year_overlaps"):
        act(dossiers.add_year, row.id, date(2026, 12, 31), date(2027, 12, 30))
    year = act(dossiers.add_year, row.id, date(2027, 1, 1), date(2027, 12, 31))
    assert act(dossiers.close_year, year.id, closed=True).closed_at is not None
    assert act(dossiers.close_year, year.id, closed=False).closed_at is None
