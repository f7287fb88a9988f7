"""After sending: booked, refused, doubtful, and what a person can do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.connectors.errors import Rejected, Temporary
from portal.sync import acting
from tests.routes.conftest import SignIn
from tests.routes.entries.desk import Desk, words
from tests.sync import provider
from tests.sync.office import SETTLE, Clock

CLOSED = Rejected("pretend.period_closed", provider_text="Period closed: 2024 - 3")


def test_a_receipt_links_ours_and_theirs(desk: Desk, sign_in: SignIn) -> None:
    entry, row = desk.sent("ok")
    page = words(sign_in(desk.staff).get(desk.url(entry)).text)
    assert "March 2024 is booked" in page
    assert entry.reference in page
    assert f"= number {row.remote_number} in Pretend Books" in page
    assert "112.50 EUR" in page.replace("\xa0", " ")
    assert "3 lines, as sent" in page
    assert f"booked {entry.reference} as number {row.remote_number}" in page


def test_a_refusal_is_explained_and_can_be_retried(desk: Desk, sign_in: SignIn) -> None:
    entry, row = desk.sent(CLOSED)
    client = sign_in(desk.staff)
    html = client.get(desk.url(entry)).text
    assert "March 2024 was refused" in html
    assert "Period closed: 2024 - 3" in html
    assert f"code=pretend.period_closed reference={entry.reference}" in html, "the support packet"
    assert client.post(desk.url(entry, "/retry")).status_code == 303
    assert desk.office.step(row).state == "confirmed"
    assert client.post(desk.url(entry, "/retry")).status_code == 409


def test_a_refused_entry_is_corrected_under_its_own_reference(desk: Desk, sign_in: SignIn) -> None:
    entry, row = desk.sent(CLOSED)
    client = sign_in(desk.staff)
    assert client.post(desk.url(entry, "/reopen")).status_code == 303
    page = client.get(desk.url(entry)).text
    assert "3 lines ready to send" in page
    assert "Throw this draft away" in page
    again = desk.office.offer(desk.entry(entry))
    assert (again.id, again.reference) == (row.id, row.reference)


def test_doubt_asks_nothing_of_a_person(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent("late")
    page = words(sign_in(desk.staff).get(desk.url(entry)).text)
    assert "March 2024 is being looked up" in page
    assert "Nothing for you to do" in page
    assert "Send again" not in page
    assert "Correct the entry" not in page


def test_what_waits_says_until_when(desk: Desk, sign_in: SignIn) -> None:
    entry, _row = desk.sent(Temporary("exact.rate_limited", sent=False, retry_after=600))
    client = sign_in(desk.staff)
    assert "Nothing for you to do: we try again" in client.get(desk.url(entry)).text
    assert "again today" in words(client.get(f"/c/{desk.client}/entries").text)


def test_a_parked_entry_can_be_sent_again_after_an_empty_look(desk: Desk, moving: Clock, sign_in: SignIn) -> None:
    entry, row = desk.parked(moving)
    client = sign_in(desk.staff)
    page = client.get(desk.url(entry)).text
    assert "It is not certain that this was booked" in page
    assert "Looked up without finding it" in page
    assert client.post(desk.url(entry, "/resend")).status_code == 303
    assert desk.office.step(row).state == "confirmed"
    assert desk.office.package.booked(entry.reference) == 1


def test_a_parked_entry_can_be_looked_up_again(desk: Desk, moving: Clock, sign_in: SignIn) -> None:
    entry, row = desk.parked(moving)
    assert sign_in(desk.staff).post(desk.url(entry, "/look")).status_code == 303
    assert desk.office.posting(row.id).state == "uncertain"


def test_without_a_look_nothing_is_sent_again(desk: Desk, moving: Clock, sign_in: SignIn) -> None:
    entry, row = desk.parked(moving)
    desk.office.set(row, looks=0, looked_at=None)
    client = sign_in(desk.staff)
    assert desk.url(entry, "/resend") not in client.get(desk.url(entry)).text
    assert client.post(desk.url(entry, "/resend")).status_code == 409
    assert desk.office.posting(row.id).state == "parked"


def test_what_cannot_be_looked_up_is_sent_again_on_a_person_s_word(
    desk: Desk, moving: Clock, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = provider.MANIFEST
    monkeypatch.setattr(
        provider, "MANIFEST", replace(manifest, capabilities=replace(manifest.capabilities, finds=False))
    )
    entry, row = desk.sent("lost_before")
    moving.pass_(SETTLE)
    desk.office.step(row)
    client = sign_in(desk.staff)
    page = words(client.get(desk.url(entry)).text)
    assert "cannot be asked whether an entry is there" in page
    assert f"Look for {entry.reference} in Pretend Books first" in page
    assert "Look up again" not in page
    assert client.post(desk.url(entry, "/resend")).status_code == 409
    assert client.post(desk.url(entry, "/resend"), data={"seen_absent": "yes"}).status_code == 303
    assert desk.office.step(row).state == "confirmed"
    assert desk.office.package.booked(entry.reference) == 1


def test_a_person_can_say_that_it_is_booked(desk: Desk, moving: Clock, sign_in: SignIn) -> None:
    entry, row = desk.parked(moving)
    client = sign_in(desk.staff)
    assert client.post(desk.url(entry, "/booked"), data={"remote_id": ""}).status_code == 422
    assert client.post(desk.url(entry, "/booked"), data={"remote_id": "24000123"}).status_code == 303
    assert desk.office.posting(row.id).remote_number == "24000123"
    assert "= number 24000123 in Pretend Books" in words(client.get(desk.url(entry)).text)


def test_the_test_button_reads_the_dossier_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch, sign_in: SignIn) -> None:
    monkeypatch.setattr(acting.look_anew, "__defaults__", (desk.office.connect,))
    entry = desk.draft()
    desk.correct(entry, 1, "613000")
    client = sign_in(desk.staff)
    url = desk.url(entry, "/test?card=entry-account-blocked")
    headers = {"HX-Request": "true", "HX-Target": "problem-entry-account-blocked-outcome"}
    still = client.post(url, headers=headers)
    assert 'id="problem-entry-account-blocked-outcome"' in still.text
    assert "is blocked in dossier" in still.text
    desk.correct(entry, 1, "612000")
    assert "nothing stands in the way any more" in client.post(url, headers=headers).text
    desk.office.package.reads.append(Temporary("exact.unreachable"))
    assert "Exact cannot be reached" in client.post(url, headers=headers).text
    assert client.post(url).status_code == 303
    assert ("periods", desk.office.coupling.dossier_code) in desk.office.package.calls
