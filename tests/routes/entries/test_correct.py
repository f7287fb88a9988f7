"""Correcting lines, and that only what was shown can be sent."""

from __future__ import annotations

from tests.routes.conftest import SignIn
from tests.routes.entries.desk import Desk, shown, words

HTMX = {"HX-Request": "true", "HX-Target": "entry-aside"}


def test_a_correction_swaps_the_line_and_the_hash(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    client = sign_in(desk.staff)
    before = shown(client.get(desk.url(entry)).text)
    line = desk.line_ids(entry)[0]
    answer = client.post(
        desk.url(entry, f"/lines/{line}"), headers=HTMX,
        data={"ledger_account": "612000", "description": "Paper", "version": before["version"]},
    )  # fmt: skip
    assert answer.status_code == 200
    assert f'id="line-{line}" hx-swap-oob="true"' in answer.text
    assert 'id="version" name="version" value="2"' in answer.text
    after = shown(answer.text)
    assert after["version"] == "2"
    assert after["sha256"] != before["sha256"]
    page = words(client.get(desk.url(entry)).text)
    assert "Karin Wouters changed this" in page
    assert "Before: 499000 Suspense" in page


def test_without_script_the_whole_page_comes_back(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    line = desk.line_ids(entry)[0]
    data = {"ledger_account": "612000", "description": "Paper", "version": "1"}
    answer = sign_in(desk.staff).post(desk.url(entry, f"/lines/{line}"), data=data)
    assert answer.status_code == 303
    assert answer.location.endswith(f"#line-{line}")


def test_a_correction_of_what_changed_meanwhile_shows_it_anew(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    desk.correct(entry, 2, "612000")
    line = desk.line_ids(entry)[0]
    answer = sign_in(desk.staff).post(
        desk.url(entry, f"/lines/{line}"), headers=HTMX,
        data={"ledger_account": "612000", "description": "Mine", "version": "1"},
    )  # fmt: skip
    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#entry"
    assert "This entry changed since it was shown" in answer.text
    assert "Mine" not in answer.text


def test_a_line_needs_an_account(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    url = desk.url(entry, f"/lines/{desk.line_ids(entry)[0]}")
    data = {"ledger_account": " ", "description": "Paper", "version": "1"}
    client = sign_in(desk.staff)
    assert client.post(url, data=data, headers=HTMX).status_code == 422
    assert client.post(url, data=data).status_code == 422
    assert desk.entry(entry).version == 1


def test_readers_look_only(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    client = sign_in(desk.reader)
    html = client.get(desk.url(entry)).text
    assert shown(html) == {}
    assert 'name="ledger_account"' not in html
    line = desk.line_ids(entry)[0]
    data = {"ledger_account": "612000", "description": "", "version": "1", "sha256": "0" * 64}
    for what in (f"/lines/{line}", "/send", "/drop", "/reopen", "/retry", "/look", "/resend", "/booked", "/test"):
        assert client.post(desk.url(entry, what), data=data).status_code == 403
    assert desk.entry(entry).version == 1


def test_what_was_shown_is_sent(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    client = sign_in(desk.staff)
    seen = shown(client.get(desk.url(entry)).text)
    assert client.post(desk.url(entry, "/send"), data=seen).status_code == 303
    row = desk.posting(entry)
    assert row is not None
    assert row.payload_hash.hex() == seen["sha256"]
    assert row.approved_by == desk.staff.id
    page = client.get(desk.url(entry)).text
    assert "March 2024 is queued" in page
    assert 'hx-trigger="every 3s"' in page
    desk.office.step(row)
    poll = client.get(desk.url(entry), headers={"HX-Request": "true", "HX-Target": "entry"})
    assert poll.status_code == 286
    assert "March 2024 is booked" in poll.text
    assert "<html" not in poll.text


def test_a_stale_preview_is_not_sent(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    client = sign_in(desk.staff)
    seen = shown(client.get(desk.url(entry)).text)
    desk.correct(entry, 1, "612000")
    answer = client.post(desk.url(entry, "/send"), data=seen, headers={"HX-Request": "true", "HX-Target": "entry"})
    assert answer.status_code == 409
    assert "This entry changed since it was shown" in answer.text
    assert shown(answer.text)["version"] == "2", "the fresh preview can be sent"
    assert desk.posting(entry) is None
    assert client.post(desk.url(entry, "/send"), data=shown(answer.text)).status_code == 303


def test_sending_twice_sends_once(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    client = sign_in(desk.staff)
    seen = shown(client.get(desk.url(entry)).text)
    answers = [client.post(desk.url(entry, "/send"), data=seen).status_code for _ in range(2)]
    assert answers == [303, 409]
    desk.office.step(desk.posting(entry))  # type: ignore[arg-type]  # it was sent above
    assert desk.office.package.booked(entry.reference) == 1


def test_a_draft_can_be_thrown_away(desk: Desk, sign_in: SignIn) -> None:
    entry = desk.draft()
    client = sign_in(desk.staff)
    assert client.post(desk.url(entry, "/drop"), data={"version": "9"}).status_code == 409
    assert client.post(desk.url(entry, "/drop"), data={"version": "1"}).status_code == 303
    assert "March 2024 was thrown away" in client.get(desk.url(entry)).text
    assert (
        entry.reference not in client.get(f"/c/{desk.client}/entries").text.partition("<main")[2].partition("<table")[2]
    )
