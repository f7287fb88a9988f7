"""The firm's home: which accounts are on it, in which order, and what the address asks for."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import event

from portal.kernel import clock
from portal.kernel.db import Setting
from portal.sync.models import Standing
from portal.tenants.models import Membership, Tenant
from tests import factories as make
from tests.routes.conftest import SignIn
from tests.routes.portal.conftest import Office

MOST_QUERIES = 4


def test_the_worst_come_first_and_then_the_alphabet(office: Office) -> None:
    login = office.login("Main")
    office.client("Zeta", login=login)
    office.client("alfa", login=login)
    office.client("Beta", "wait_client", "standing.no_statements", login=login)
    office.client("Gamma", "stopped", "exact.period_closed", login=login)
    office.client("Delta", "none", "standing.no_coupling")
    office.client("Epsilon", "attention", "standing.entries_wait", login=login)
    assert office.names() == ["Gamma", "Epsilon", "Beta", "Delta", "alfa", "Zeta"]
    assert office.names("?sort=-state") == ["alfa", "Zeta", "Delta", "Beta", "Epsilon", "Gamma"]
    assert "2 in order · 4 need attention" in office.page()


def test_each_column_sorts_both_ways(office: Office) -> None:
    now, login = clock.now(), office.login("Main")
    office.client("Alfa", waiting=3, last_sync=now - timedelta(hours=2), login=login)
    office.client("Beta", waiting=9, last_sync=now - timedelta(hours=1), login=login)
    office.client("Gamma", waiting=5, login=login)
    assert office.names("?sort=-name") == ["Gamma", "Beta", "Alfa"]
    assert office.names("?sort=waiting") == ["Alfa", "Gamma", "Beta"]
    assert office.names("?sort=-waiting") == ["Beta", "Gamma", "Alfa"]
    assert office.names("?sort=last") == ["Gamma", "Alfa", "Beta"]  # never comes before long ago
    assert office.names("?sort=-last") == ["Beta", "Alfa", "Gamma"]
    assert office.names("?sort=enterprise_number; DROP TABLE users") == ["Alfa", "Beta", "Gamma"]


def test_a_head_says_how_the_list_is_sorted(office: Office) -> None:
    office.client("Alfa")
    head = re.search(
        r'<th [^>]*aria-sort="descending"><a href="([^"]+)">Client', office.page("?sort=-name&state=active")
    )
    assert head
    assert "sort=name" in head[1]
    assert "state=active" in head[1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=bouLANG", ["Boulangerie 12"]),
        ("?q=0403.170.701", ["Drukkerij Ingels"]),
        ("?q=BE 0403 170", ["Drukkerij Ingels"]),
        ("?q=K-77", ["Drukkerij Ingels"]),
        ("?q=Boulangerie 40", []),  # the figure of a name is not looked for in numbers
        ("?state=stopped", ["Drukkerij Ingels"]),
        ("?state=active&q=drukkerij", []),
        ("?state=nonsense", []),
        ("?code=exact.period_closed", ["Drukkerij Ingels"]),
        ("?q=%00", ["Drukkerij Ingels", "Boulangerie 12"]),
    ],
)
def test_searching_and_filtering(office: Office, query: str, found: list[str]) -> None:
    login = office.login("Main")
    office.client("Boulangerie 12", login=login, enterprise_number="0999999922")
    ingels = office.client("Drukkerij Ingels", enterprise_number="0403170701")
    coupling = make.make_coupling(office.database, ingels, login, number="K-77")
    _stand(office, ingels, "stopped", "exact.period_closed", coupling.id)
    assert office.names(query) == found


def _stand(office: Office, client: Tenant, state: str, code: str, coupling_id: object) -> None:
    with office.database.scoped(Setting(tenant=client.id)) as session:
        standing = session.get_one(Standing, client.id)
        standing.state, standing.code = state, code


def test_a_search_keeps_the_filter_and_so_does_the_csv(office: Office) -> None:
    office.client("Alfa", "stopped", "exact.period_closed", login=office.login("Main"))
    page = office.page("?state=stopped&assigned=me&sort=-name")
    form = page[page.index('role="search" method="get" action="/p/') :]
    for key, value in (("state", "stopped"), ("assigned", "me"), ("sort", "-name")):
        assert f'<input type="hidden" name="{key}" value="{value}">' in form[: form.index("</form>")]
    link = re.search(r'href="([^"]+clients\.csv[^"]*)"', page)
    assert link
    assert {"state=stopped", "assigned=me", "sort=-name"} <= set(link[1].partition("?")[2].split("&amp;"))


def test_pages_are_in_the_address_and_past_the_end_is_the_last(office: Office) -> None:
    for n in range(53):
        office.client(f"Client {n:02d}")
    assert office.names("?sort=name")[0] == "Client 00"
    assert len(office.names("?sort=name")) == 50
    assert office.names("?sort=name&page=2") == ["Client 50", "Client 51", "Client 52"]
    for page in ("7", "99999999999999999999"):
        assert office.names(f"?sort=name&page={page}") == ["Client 50", "Client 51", "Client 52"]
        assert "51–53 of 53 matching" in office.page(f"?sort=name&page={page}")
    for nonsense in ("page=-1", "page=x", "per=7", "per=x"):
        assert office.names(f"?sort=name&{nonsense}")[0] == "Client 00"
    assert len(office.names("?per=100")) == 53


def test_a_fragment_holds_the_list_and_no_frame(office: Office) -> None:
    office.client("Alfa")
    part = office.page(headers={"HX-Request": "true", "HX-Target": "clients"}).strip()
    assert part.startswith('<div class="kp-mt-lg" id="clients">')  # so that the next swap finds its target
    assert "Alfa" in part
    assert "<html" not in part


def test_one_log_in_that_lapsed_is_one_cause_for_all_its_clients(office: Office) -> None:
    lapsed, fine, soon = (
        office.login("Lapsed", "needs_consent"),
        office.login("Fine"),
        office.login("Soon", days_left=4),
    )
    for name in ("Alfa", "Beta", "Gamma"):
        office.client(name, login=lapsed)
    office.client("Delta", login=fine)
    office.client("Epsilon", login=soon)
    page = office.page()
    assert "couplings stopped, one cause" in page
    assert "Lapsed: log-in at the package lapsed." in page
    assert "coupling loses its log-in soon" in page
    assert "1 in order · 4 need attention" in page
    assert office.names(f"?code=authorisation.needs_consent&cause={lapsed.id}") == ["Alfa", "Beta", "Gamma"]
    assert office.names(f"?code=authorisation.needs_consent&cause={fine.id}") == []
    assert office.names() == ["Alfa", "Beta", "Gamma", "Epsilon", "Delta"]


def test_a_log_in_about_to_lapse_does_not_hide_what_is_worse(office: Office) -> None:
    office.client("Alfa", "stopped", "exact.period_closed", login=office.login("Soon", days_left=4))
    assert "log-in at the package lapses soon" not in office.page()
    assert office.names("?state=stopped") == ["Alfa"]


def test_who_ended_the_grant_is_gone_from_the_board(office: Office) -> None:
    today = clock.today()
    withdrawn, ended, closed, last_day, kept = (
        office.client(name) for name in ("Withdrawn", "Ended", "Closed", "Last day", "Kept")
    )
    office.grant_of(withdrawn, state="withdrawn", withdrawn_at=clock.now())
    office.grant_of(ended, ends_on=today - timedelta(days=1))
    office.grant_of(last_day, ends_on=today)
    with office.database.scoped(Setting(tenant=closed.id)) as session:
        session.get_one(Tenant, closed.id).closed_at = clock.now()
    assert office.names() == ["Kept", "Last day"]
    assert "2 client accounts" in office.page()
    assert kept.name in office.browser.get(f"/p/{office.firm.id}/clients.csv").text
    assert withdrawn.name not in office.browser.get(f"/p/{office.firm.id}/clients.csv").text


def test_a_client_that_let_the_firm_in_twice_is_there_once(office: Office) -> None:
    client = office.client("Alfa")
    office.grant_of(client, email="old-address@example.com")
    make.make_grant(office.database, client, office.firm)
    assert office.names() == ["Alfa"]
    assert "1 in order · 0 need attention" in office.page()


def test_the_clients_of_another_firm_are_not_there(office: Office) -> None:
    rival = make.make_tenant(office.database, "portal", "Bakker & Zn")
    theirs = make.make_tenant(office.database, "client", "Theirs")
    make.make_grant(office.database, theirs, rival)
    office.client("Ours")
    assert office.names() == ["Ours"]
    assert office.names("?q=Theirs") == []


def test_the_csv_has_all_pages_and_no_formula(office: Office) -> None:
    login = office.login("Main")
    for n in range(52):
        office.client(f"Client {n:02d}", login=login)
    office.client("=cmd|' /C calc'!A0", "stopped", "exact.period_closed", login=login)
    text = office.browser.get(f"/p/{office.firm.id}/clients.csv").text
    lines = text.lstrip("\ufeff").splitlines()
    assert len(lines) == 54
    assert lines[0].startswith("Client;Enterprise number;State;Reason")
    assert lines[1].startswith("'=cmd|")
    assert "stopped" in lines[1]


def test_the_text_of_a_row_follows_what_it_shows(office: Office) -> None:
    """Rows are kept as text; whatever changes must show at once, and each reader has their own words."""
    client = office.client("Alfa", waiting=3, login=office.login("Main"))
    assert ">3</td>" in office.page()
    _stand(office, client, "stopped", "exact.period_closed", None)
    with office.database.scoped(Setting(tenant=client.id)) as session:
        session.get_one(Standing, client.id).waiting_lines = 4
        session.get_one(Tenant, client.id).name = "Beta"
    page = office.page()
    assert ">4</td>" in page
    assert "Beta" in page
    assert "Stopped" in page
    with office.database.scoped() as session:
        session.merge(office.karin).locale = "fr-BE"
    assert "Stopped" not in office.page("?q=Beta")


def test_the_page_asks_as_much_of_the_database_for_one_client_as_for_many(office: Office) -> None:
    office.client("Alfa", login=office.login("Main"))
    few = _statements(office)
    lapsed = office.login("Lapsed", "revoked")
    for n in range(30):
        office.client(f"Client {n}", login=lapsed)
    assert _statements(office) == few
    assert few <= MOST_QUERIES


def _statements(office: Office) -> int:
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(office.database.engine, "before_cursor_execute", note)
    try:
        office.page()
    finally:
        event.remove(office.database.engine, "before_cursor_execute", note)
    return len(sent)


def test_a_new_firm_is_told_how_to_begin(office: Office) -> None:
    page = office.page()
    assert "Your clients will appear here" in page
    assert "Synchronise all" not in page


def test_a_reader_sees_no_ticks(office: Office, sign_in: SignIn) -> None:
    office.client("Alfa")
    reader = make.make_user(office.database, "Jan De Smet", locale="en-GB")
    with office.database.scoped(Setting(tenant=office.firm.id)) as session:
        session.add(Membership(tenant_id=office.firm.id, user_id=reader.id, role="reader", created_at=clock.now()))
    assert 'name="id"' in office.page()
    assert 'name="id"' not in sign_in(reader).get(f"/p/{office.firm.id}/").text
