"""The list of a client account and of a whole portal."""

from __future__ import annotations

from datetime import date

from portal.kernel.db import Database
from portal.kernel.vault import Vault
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import Desk, open_desk, statements, words
from tests.sync.office import add_client
from tests.world import World


def test_the_list_answers_what_waits(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    page = words(sign_in(desk.staff).get(f"/c/{desk.client}/entries").text)
    assert "1 entry waits to be sent" in page
    assert "March 2024" in page
    assert entry.reference in page
    assert "+110.25" in page
    assert "Bank moves by, EUR" in page


def test_state_month_and_search_narrow_it(desk: Desk, sign_in: SignIn) -> None:
    booked, _row = desk.sent("ok")
    draft = desk.draft((date(2024, 5, 2), "7.00"))
    client = sign_in(desk.staff)

    def refs(query: str) -> set[str]:
        page = client.get(f"/c/{desk.client}/entries?{query}").text
        return {entry.reference for entry in (booked, draft) if entry.reference in page}

    assert refs("") == {booked.reference, draft.reference}
    assert refs("state=booked") == {booked.reference}
    assert refs("state=draft") == {draft.reference}
    assert refs("month=2024-05") == {draft.reference}
    assert refs("month=2023-05") == set()
    assert refs(f"q={booked.reference[3:9].lower()}") == {booked.reference}
    assert refs("state=nonsense&month=99&page=x&per=7") == {booked.reference, draft.reference}


def test_late_lines_make_a_supplement(desk: Desk, sign_in: SignIn) -> None:
    desk.sent("ok")
    desk.draft((date(2024, 3, 30), "3.00"))
    client = sign_in(desk.staff)
    for url in (f"/c/{desk.client}/entries", f"/p/{desk.portal}/entries"):
        page = client.get(url).text
        assert "March 2024, supplement 1" in page
        assert "+3.00" in page, "what a supplement moves is known by its lines, not by a balance"


def test_a_portal_sees_all_its_clients_and_nobody_elses(
    desk: Desk, database: Database, vault: Vault, sign_in: SignIn
) -> None:
    mine = desk.draft()
    second = add_client(database, vault, desk.office.firm, desk.office.authorisation, automatic=False)
    second.bank_says((date(2024, 3, 6), "-40.00"))
    second.draft(date(2024, 12, 31))
    stranger = open_desk(database, vault, automatic=False)
    other = stranger.draft()
    page = sign_in(desk.staff).get(f"/p/{desk.portal}/entries").text
    assert desk.office.client.name in page
    assert second.client.name in page
    assert mine.reference in page
    assert "+110.25" in page
    assert "−40.00" in page
    assert other.reference not in page
    assert stranger.office.client.name not in page


def test_lists_ask_the_database_four_times(desk: Desk, database: Database, sign_in: SignIn) -> None:
    desk.draft()
    client = sign_in(desk.staff)
    for url in (f"/c/{desk.client}/entries", f"/p/{desk.portal}/entries"):
        client.get(url)
        with statements(database) as seen:
            assert client.get(url).status_code == 200
        assert len(seen) <= 4, seen


def test_the_csv_holds_the_query(desk: Desk, sign_in: SignIn) -> None:
    booked, row = desk.sent("ok")
    draft = desk.draft((date(2024, 5, 2), "7.00"))
    text = sign_in(desk.staff).get(f"/c/{desk.client}/entries.csv?state=booked").text
    assert booked.reference in text
    assert draft.reference not in text
    assert ";110.25;EUR;" in text
    assert f";{row.remote_number}" in text
    everyone = sign_in(desk.staff).get(f"/p/{desk.portal}/entries.csv").text
    assert booked.reference in everyone
    assert draft.reference in everyone


def test_an_empty_list_says_what_comes(desk: Desk, sign_in: SignIn) -> None:
    client = sign_in(desk.staff)
    assert "No entries yet" in client.get(f"/c/{desk.client}/entries").text
    assert "No entry matches" in client.get(f"/c/{desk.client}/entries?q=zzz").text


def test_strangers_see_nothing(desk: Desk, world: World, sign_in: SignIn) -> None:
    entry = desk.draft()
    client = sign_in(world.rival_staff)
    for url in (f"/c/{desk.client}/entries", f"/p/{desk.portal}/entries", desk.url(entry), desk.url(entry, ".csv")):
        assert client.get(url).status_code == 404
    mine = sign_in(desk.staff)
    assert mine.get(f"/c/{desk.client}/entries/{desk.office.configuration.id}").status_code == 404
