"""Ponto's own ways, against its stand-in server."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from decimal import Decimal

import pytest

from portal.connectors.errors import AuthorisationExpired, Rejected, Temporary, UnexpectedReply
from portal.connectors.feed import FeedTransaction, RefreshStatus
from tests.connectors.feed_contract import assert_nothing_lost, kept, read, refusal_of
from tests.connectors.ponto.world import World


def test_banks_of_a_country_are_listed_without_a_consent(world: World) -> None:
    banks = world.banks().institutions("NL")
    assert {"Rabobank", "ABN AMRO", "ING Nederland"} <= {bank.name for bank in banks}
    assert {bank.country for bank in banks} == {"NL"}
    assert [bank.name.lower() for bank in banks] == sorted(bank.name.lower() for bank in banks)
    assert len({bank.id for bank in banks}) == len(banks)
    assert "Bank that is no longer there" not in {bank.name for bank in world.banks().institutions("BE")}


def test_a_link_is_not_begun_but_logged_in_to(world: World) -> None:
    with pytest.raises(Rejected, match="begins_by_login"):
        world.banks().begin("bank", "https://portal.example", "state", person="p")


def test_another_organisation_is_refused(world: World) -> None:
    identity = world.connection.identity()
    client = world.client()
    client._link = identity.user_id
    assert client.identity() == identity
    client._link = "another"
    assert refusal_of(client.identity).code == "ponto.other_organisation"


def test_a_name_that_comes_later_is_told_again(world: World) -> None:
    known = (world.now.isoformat(), "2026-05-21T18:00:00+00:00")
    world.control.post(
        "rows", account=world.number, amount="88.80", booked=known[0], named=known[1], counterpart="Late Namer",
        date="2026-05-20",
    )  # fmt: skip
    world.fetch()
    first, cursor = read(world)
    (before,) = [one for one in first if one.line.amount == Decimal("88.80")]
    assert before.line.counterparty == ""
    world.pass_days(2)
    after = kept(read(world, cursor)[0])[before.id]
    assert after.counterparty == "Late Namer"


def test_a_change_to_an_old_line_is_told_by_the_last_synchronisation(world: World) -> None:
    """Far below what the overlap reads again."""
    world.control.post(
        "rows", account=world.number, amount="99.90", booked="2026-05-20T12:00:05+00:00", counterpart="Old Namer",
        named="2026-06-25T12:00:00+00:00", date="2026-05-20",
    )  # fmt: skip
    world.fetch()
    (old,) = [one for one in read(world)[0] if one.line.amount == Decimal("99.90")]
    world.pass_days(35)
    _, cursor = read(world)
    world.control.post("clock", set="2026-06-26T03:00:00+00:00")
    world.connection.accounts()  # lets the provider's own fetch at 2 h be made
    found = kept(read(world, cursor)[0])
    assert found[old.id].counterparty == "Old Namer"


def test_the_same_update_is_read_once(world: World) -> None:
    _, cursor = read(world)
    _, second = read(world, cursor)
    world.gate.calls.clear()
    read(world, second)
    assert [call[2] for call in world.gate.calls if call[0] == "before"].count("synchronizations") == 0


def test_a_cursor_that_nobody_understands_reads_all(world: World) -> None:
    everything = kept(read(world)[0])
    for cursor in ("nonsense", "[]", "{}", '{"stranger": "x"}', json.dumps({"newest": "gone-long-ago"})):
        assert kept(read(world, cursor)[0]).keys() == everything.keys()


def test_a_page_whose_first_row_is_gone_is_found_again(world: World) -> None:
    """The bank changed the id that the next page was counted from."""
    everything = kept(read(world)[0])
    lost = json.dumps({"newest": "x", "known": "", "older": "after=no-such-row&limit=100"})
    assert kept(read(world, lost)[0]).keys() == everything.keys()


def test_a_reading_is_short_when_little_is_new(world: World) -> None:
    _, cursor = read(world)
    world.gate.calls.clear()
    read(world, cursor)
    asked = [call for call in world.gate.calls if call[0] == "before" and call[2] == "accounts"]
    assert len(asked) == 2  # what is new, and one page more


@pytest.mark.parametrize("address", ["", "somewhere", "1.2.3", "192.0.2.1; drop", "192.0.2.0/24"])
def test_nothing_is_fetched_for_nobody(world: World, address: str) -> None:
    world.gate.calls.clear()
    assert refusal_of(lambda: world.connection.refresh(world.account, address)).code == "ponto.no_customer_address"
    assert world.gate.calls == []


def test_the_address_of_the_person_goes_along(world: World) -> None:
    for address in ("192.0.2.7", "2001:db8::7"):
        world.control.post("clock", advance=3600)
        world.connection.refresh(world.account, address)
        asked = world.control.get("synchronizations")["synchronizations"]
        assert asked[-1]["asked_by"] == address


def test_a_fetch_waits_then_runs_then_is_done(world: World) -> None:
    refresh = world.connection.refresh(world.account, "192.0.2.7")
    seen = [world.connection.refreshed(refresh).status]
    world.control.post("clock", advance=2)
    seen.append(world.connection.refreshed(refresh).status)
    world.control.post("clock", advance=2)
    seen.append(world.connection.refreshed(refresh).status)
    assert seen == [RefreshStatus.RUNNING, RefreshStatus.RUNNING, RefreshStatus.DONE]


def test_an_ended_consent_says_so_inside_a_success(world: World) -> None:
    world.control.post(f"accounts/{world.account}/withdraw")
    refresh = world.connection.refresh(world.account, "192.0.2.7")
    world.control.post("clock", advance=5)
    attempt = world.connection.refreshed(refresh)
    assert (attempt.status, attempt.code) == (RefreshStatus.FAILED, "ponto.authorizationInvalid")
    status = world.connection.status()
    assert status.last_attempt is not None
    assert status.last_attempt.code == "ponto.authorizationInvalid"
    assert status.ended == ""  # the other account of the link goes on


def test_a_bank_that_does_not_tell_the_end(world: World) -> None:
    world.control.post("settings", tell_consent_end=False)
    assert world.connection.status().consent_ends_at is None
    assert world.connection.renewal("http://127.0.0.1:9/back", "our-state").startswith(world.url)


def test_a_renewal_keeps_what_the_address_had(world: World) -> None:
    address = world.connection.renewal("http://127.0.0.1:9/back?feed=7&x=", "a state/&", world.account)
    answer = world.control.http.post(address, data={"decision": "deny"}, allow_redirects=False)
    assert answer.headers["Location"] == "http://127.0.0.1:9/back?feed=7&x=&state=a+state%2F%26&error=access_denied"


def test_an_expired_token_asks_for_a_person(world: World) -> None:
    world.control.post("faults", kind="unauthorized", endpoint="accounts")
    error = refusal_of(world.connection.accounts)
    assert isinstance(error, AuthorisationExpired)
    assert error.code == "ponto.authorisation_expired"
    assert error.values["request_id"]


def test_a_lost_answer_to_a_fetch_is_not_repeated(world: World) -> None:
    world.control.post("faults", kind="drop_after", method="POST", endpoint="synchronizations")
    before = len(world.control.get("synchronizations")["synchronizations"])
    error = refusal_of(lambda: world.connection.refresh(world.account, "192.0.2.7"))
    assert isinstance(error, Temporary)
    assert error.sent
    assert len(world.control.get("synchronizations")["synchronizations"]) == before + 1


def test_a_list_that_points_elsewhere_is_not_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next page gets our token: it is asked of the same list only."""
    from portal.connectors.ponto import mapping

    real = mapping.resources
    for link in ("https://evil.example/accounts", f"{world.url}/ponto-connect/userinfo", f"{world.url}/elsewhere"):
        monkeypatch.setattr(mapping, "resources", lambda document, link=link: (real(document)[0], link))
        world.gate.calls.clear()
        error = refusal_of(world.connection.accounts)
        assert isinstance(error, UnexpectedReply)
        assert error.code == "ponto.foreign_link"
        assert len(world.gate.calls) == 2


@pytest.mark.parametrize("seed", range(3))
def test_readings_that_break_off_anywhere_lose_nothing(world: World, seed: int) -> None:
    """Each page's cursor is kept when it comes; now and then nobody reads on, for a while."""
    chance, cursor = random.Random(seed), ""
    seen: list[FeedTransaction] = []
    for _ in range(24):
        for page in world.connection.transactions(world.account, cursor):
            seen += page.transactions
            cursor = page.cursor or cursor
            if chance.random() < 0.35:
                break
        for _ in range(chance.randrange(3)):
            amount = Decimal(chance.randrange(-99_999, 99_999)) / 100
            world.book(amount, world.today - timedelta(days=chance.randrange(90)), "By chance")
        world.control.post("clock", advance=chance.choice([3600, 43_200, 200_000]))
    for _ in range(2):  # one reading ends what was broken off, one more what came in between
        last, cursor = read(world, cursor)
        seen += last
    assert_nothing_lost(world, seen)
