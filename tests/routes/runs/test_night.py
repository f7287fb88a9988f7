"""The report of the nightly comparison."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select

from portal.connectors.base import EntryKind
from portal.kernel import clock
from portal.sync import comparison
from portal.sync.models import Comparison, Standing
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import Desk, words
from tests.world import World


def keep(desk: Desk, night: date, *findings: dict[str, Any]) -> None:
    with desk.office.scope() as scope:
        scope.session.add(
            Comparison(
                tenant_id=desk.client,
                coupling_id=desk.office.coupling.id,
                night=night,
                compared_at=clock.now(),
                offered=5,
                booked=4,
                found=3,
                missing=1,
                doubled=0,
                altered=0,
                findings=list(findings),
            )
        )


def stands(desk: Desk) -> str:
    with desk.office.scope() as scope:
        return scope.session.get_one(Standing, desk.client).code


def test_what_nobody_expected_there_is_no_clean_night(desk: Desk, sign_in: SignIn) -> None:
    client = sign_in(desk.staff)
    desk.sent("ok")
    there = desk.office.package.entries[desk.office.coupling.dossier_code]
    there.append(replace(there[0], reference="KP-AAAAAAAAAAAAAAAA", id="s", number="s"))
    comparison.compare(desk.office.runtime, desk.client, desk.office.coupling.id, desk.office.connect, reach=None)
    for url in (f"/p/{desk.portal}", f"/p/{desk.portal}/runs"):
        page = words(client.get(url, follow_redirects=True).text)
        assert "exactly once" not in page
        assert "1 entry differs from the books." in page


def test_a_clean_night_says_so(desk: Desk, sign_in: SignIn) -> None:
    client, url = sign_in(desk.staff), f"/p/{desk.portal}/runs/nights"
    assert "No night was compared yet" in client.get(url).text
    desk.sent("ok")
    comparison.compare(desk.office.runtime, desk.client, desk.office.coupling.id, desk.office.connect, reach=None)
    page = words(client.get(url).text)
    assert "All that was booked stands in the books exactly once" in page
    assert "Booked 1 of 1 offered" in page
    assert "the same on both sides" in page


@pytest.mark.parametrize(("offered", "said"), [(0, "Nothing was to be booked"), (2, "Nothing is booked yet")])
def test_a_night_without_bookings_claims_none(desk: Desk, sign_in: SignIn, offered: int, said: str) -> None:
    keep(desk, clock.today())
    with desk.office.scope() as scope:
        row = scope.session.scalars(select(Comparison).where(Comparison.tenant_id == desk.client)).one()
        row.offered, row.booked, row.found, row.missing = offered, 0, 0, 0
    client = sign_in(desk.staff)
    for path in ("", "/runs", "/runs/nights"):
        page = words(client.get(f"/p/{desk.portal}{path}", follow_redirects=True).text)
        assert said in page
        assert "exactly once" not in page
        assert "the same on both sides" not in page


def test_each_finding_is_explained_at_its_entry(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    dossier = desk.office.coupling.dossier_code
    desk.office.package.entries[dossier].clear()
    comparison.compare(desk.office.runtime, desk.client, desk.office.coupling.id, desk.office.connect, reach=None)
    assert desk.office.connect().find(dossier, EntryKind.BANK, entry.reference, "20", entry.date) == []
    html = sign_in(desk.staff).get(f"/p/{desk.portal}/runs/nights").text
    page = words(html)
    assert "1 entry differs from the books" in page
    assert "Booked, and no longer found in the package" in page
    assert "Nothing is sent again" in page
    assert f'<a href="{desk.url(entry)}">booked, but not found</a>' in html


def test_a_difference_is_marked_as_seen_with_a_reason(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("ok")
    desk.office.package.entries[desk.office.coupling.dossier_code].clear()
    compare = partial(comparison.compare, desk.office.runtime, desk.client, desk.office.coupling.id,
                      desk.office.connect, reach=None)  # fmt: skip
    compare()
    client, url = sign_in(desk.staff), f"/p/{desk.portal}/runs/nights"
    given = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)">', client.get(url).text))
    assert {"client", "comparison", "night", "kind", "reference"} <= set(given)
    answer = client.post(f"{url}/seen", data=given | {"note": "  "})
    assert "Write down why this may stay as it is." in client.get(answer.location).text
    assert "1 entry differs" in client.get(url).text
    assert stands(desk) == "standing.differences"
    assert client.post(f"{url}/seen", data=given | {"note": "Booked by hand as 77"}).status_code == 303
    for _again in range(2):  # and the comparison that finds the same does not ask anew
        page = words(client.get(url).text)
        assert "Every difference was looked at" in page
        assert "booked, but not found" in page
        assert "seen by Karin Wouters, today" in page
        assert ": Booked by hand as 77" in page
        assert "Mark as seen" not in page
        for path in (f"/p/{desk.portal}", f"/p/{desk.portal}/runs", f"/c/{desk.client}"):
            shown = words(client.get(path, follow_redirects=True).text)
            assert "differs from" not in shown, shown
            assert "exactly once" not in shown
        assert stands(desk) != "standing.differences"
        compare()
    assert "Booked by hand as 77" in client.get(f"{url}.csv").text
    assert (
        f"looked at the difference of {entry.reference}: Booked by hand as 77"
        in client.get(f"/c/{desk.client}/audit").text
    )
    assert client.post(f"{url}/seen", data=given | {"note": "twice"}).status_code == 404


def test_what_changed_since_it_was_seen_asks_anew(desk: Desk, sign_in: SignIn) -> None:
    finding = {"kind": "altered", "reference": "KP-A", "entry_id": "", "remote": ["7"], "ours": "1100.00 / 3",
               "theirs": "90.50 / 1"}  # fmt: skip
    keep(desk, clock.today() - timedelta(days=1), finding)
    keep(desk, clock.today(), finding | {"theirs": "1.00 / 1"})
    with desk.office.scope() as scope:
        query = select(Comparison).where(Comparison.tenant_id == desk.client).order_by(Comparison.night)
        before, after = scope.session.scalars(query)
        comparison.mark_seen(scope, before.id, "altered", "KP-A", "agreed")
        scope.session.flush()
        assert "seen_at" in before.findings[0]
        assert "seen_at" not in after.findings[0]


def test_only_who_may_decide_marks_as_seen(desk: Desk, world: World, sign_in: SignIn) -> None:
    keep(desk, clock.today(), {"kind": "missing", "reference": "KP-A", "entry_id": "", "remote": []})
    with desk.office.scope() as scope:
        kept = scope.session.scalars(select(Comparison).where(Comparison.tenant_id == desk.client)).one()
    form = {"client": str(desk.client), "comparison": str(kept.id), "night": kept.night.isoformat(),
            "kind": "missing", "reference": "KP-A", "note": "mine"}  # fmt: skip
    reader = sign_in(desk.reader)
    assert "Mark as seen" not in reader.get(f"/p/{desk.portal}/runs/nights").text
    assert reader.post(f"/p/{desk.portal}/runs/nights/seen", data=form).status_code == 403
    rival = sign_in(world.rival_staff)
    assert rival.post(f"/p/{world.rival.id}/runs/nights/seen", data=form).status_code == 404


def test_altered_amounts_read_as_amounts(desk: Desk, sign_in: SignIn) -> None:
    finding = {"kind": "altered", "reference": "KP-A", "entry_id": "", "remote": ["7"], "ours": "1100.00 / 3",
               "theirs": "90.50 / 1"}  # fmt: skip
    keep(desk, clock.today(), finding)
    page = words(sign_in(desk.staff).get(f"/p/{desk.portal}/runs/nights").text)
    assert "sent 1,100.00 in 3 lines, found 90.50 in 1 line" in page


def test_one_can_go_from_night_to_night(desk: Desk, sign_in: SignIn) -> None:
    today = clock.today()
    for days in (0, 1, 5):
        keep(desk, today - timedelta(days=days))
    client, url = sign_in(desk.staff), f"/p/{desk.portal}/runs/nights"
    middle = client.get(f"{url}?night={today - timedelta(days=1)}").text
    assert f"night={today}" in middle
    assert f"night={today - timedelta(days=5)}" in middle
    assert "Nothing was compared this night" in client.get(f"{url}?night=2020-01-01").text
    assert client.get(f"{url}.csv?night={today}").text.count("\r\n") == 2
    assert client.get(f"{url}.csv?night=soon").status_code == 404


def test_another_firm_sees_none_of_it(desk: Desk, world: World, sign_in: SignIn) -> None:
    keep(desk, clock.today())
    assert desk.office.client.name not in sign_in(world.rival_staff).get(f"/p/{world.rival.id}/runs/nights").text
    assert sign_in(world.rival_staff).get(f"/p/{desk.portal}/runs/nights").status_code == 404


def test_the_client_sees_the_newest_night_from_before_the_first_of_the_month_too(desk: Desk, sign_in: SignIn) -> None:
    client, home = sign_in(desk.staff), f"/c/{desk.client}/"
    assert "not compared yet" in client.get(home).text
    newest = clock.today().replace(day=1) - timedelta(days=1)
    keep(desk, newest - timedelta(days=1))
    keep(desk, newest)
    html = client.get(home).text
    assert f"Comparison of {newest:%d/%m/%Y}" in html
    assert "not compared yet" not in html


def test_the_client_is_led_to_the_very_entries_that_differ(desk: Desk, sign_in: SignIn) -> None:
    client, home = sign_in(desk.staff), f"/c/{desk.client}/"
    first, _row = desk.sent("ok")
    april = desk.draft((date(2024, 4, 5), "7.00"))
    fine = desk.draft((date(2024, 5, 5), "8.00"))
    night = comparison.night_of(clock.now())
    differs = [{"kind": "missing", "reference": one.reference, "entry_id": str(one.id)} for one in (first, april)]
    keep(desk, night, differs[0])
    html = client.get(home).text
    assert f'href="{desk.url(first)}">Show the entries' in html
    with desk.office.scope() as scope:
        scope.session.execute(delete(Comparison).where(Comparison.tenant_id == desk.client))
    keep(desk, night, *differs)
    html = client.get(home).text
    url = f"/c/{desk.client}/entries?night={night.isoformat()}"
    assert f'href="{url}">Show the entries' in html
    listed = client.get(url).text
    assert first.reference in listed
    assert april.reference in listed
    assert fine.reference not in listed
    assert fine.reference in client.get(f"/c/{desk.client}/entries?night=nonsense").text
