"""A bank through Salt Edge's stand-in, from the first visit on: what is stored is what the bank booked."""

from __future__ import annotations

import dataclasses
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from portal.authorisations import connecting
from portal.connectors.feed import Notice
from portal.connectors.saltedge import callbacks, returned
from portal.feeds import accounts, consents, fetching, linking, notices, opening, renewals, visits
from portal.feeds.linking import Choice, Contact
from portal.feeds.models import Feed, State
from portal.kernel import clock, http
from portal.ledger.models import StatementLine
from portal.runtime import Runtime
from sandbox.saltedge import Running, serve
from tests import factories as make
from tests.connectors.saltedge.world import APP, PRIVATE, PUBLIC, SECRET, Control
from tests.feeds.office import BROWSER, Office
from tests.sync.office import Clock

CHOICE = Choice("saltedge", "live", "argenta_be", "Argenta", "BE")
LOGIN = "claire.delmotte"
CALLED_AT = "https://portal.example/callbacks/saltedge"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = serve(data=tmp_path_factory.mktemp("saltedge"))
    yield running
    running.stop()


class Scene:
    """One client, one bank with two accounts, and a clock that moves on both sides."""

    def __init__(self, office: Office, hand: Clock, url: str) -> None:
        self.office, self.hand = office, hand
        self.control = Control(url)
        self.control.post("reset")
        self.control.post("apps", app_id=APP, secret=SECRET, public_key=PUBLIC, callbacks=CALLED_AT)
        self.control.post("clock", freeze=True)  # it moves with ours: nothing is fetched between two questions
        self.control.post("settings", deliver=False, automatic_hours=6)
        settings = dataclasses.replace(
            make.registered(office.means.settings, "saltedge", id=APP, secret=SECRET, hosts={"live": url}),
            saltedge_private_key=PRIVATE, saltedge_public_key=self.control.text("public-key"),
        )  # fmt: skip
        office.means = Runtime(settings, office.database, office.vault)
        self.numbers = [
            self.control.post("bank-accounts", provider="argenta_be", login=LOGIN, pace=pace)["iban"] for pace in (6, 1)
        ]
        self.began = clock.now()
        self.heard = 0

    def link(self) -> uuid.UUID:
        with self.office.scope(self.office.owner) as scope:
            contact = Contact(email=self.office.owner.email)
            feed, url = linking.begin(self.office.means, scope, uuid.uuid4(), BROWSER, CHOICE, contact)
            feed_id = feed.id
        hint = self.go(url)
        visits.claim_visit(self.office.means, self.office.client.id, hint.state, BROWSER)
        with self.office.scope(self.office.owner) as scope:
            linking.attach(self.office.means, scope, scope.get(Feed, feed_id), hint.link)
            feed = scope.get(Feed, feed_id)
            accounts.choose(scope, feed, {row.id for row in consents.accounts_of(scope, feed)})
        return feed_id

    def go(self, url: str) -> Notice:
        """Through the pages of the provider and the bank, and back."""
        back = self.control.post("consents", connect_url=url, login=LOGIN)["address"]
        return returned(dict(parse_qsl(urlsplit(back).query)))

    def renew(self, feed_id: uuid.UUID) -> None:
        with self.office.scope(self.office.owner) as scope:
            url = renewals.begin(self.office.means, scope, scope.get(Feed, feed_id), BROWSER)
        hint = self.go(url)
        visits.claim_visit(self.office.means, self.office.client.id, hint.state, BROWSER)
        with self.office.scope(self.office.owner) as scope:
            assert renewals.finish(self.office.means, scope, scope.get(Feed, feed_id))

    def pass_hours(self, hours: float) -> None:
        self.hand.pass_(hours * 3600)
        self.control.post("clock", advance=hours * 3600)

    def listen(self) -> int:
        """Heed what the provider told since; how many callbacks there were."""
        told = self.control.get("callbacks")["callbacks"][self.heard :]
        self.heard += len(told)
        for one in told:
            found = callbacks(
                CALLED_AT, {"Signature": one["signature"]}, one["body"].encode(), clock.now(), host="", application=APP,
                fetch_keys=lambda path: connecting.fetch_key(self.office.means.settings, "saltedge", "live", path),
            )  # fmt: skip
            notices.heed(self.office.means, "saltedge", found)
        return len(told)

    def fetch_due(self) -> None:
        for row in (row for feed in self.office.all(Feed) for row in self.office.accounts(feed.id)):
            if row.next_due_at is not None and row.next_due_at <= clock.now():
                fetching.fetch(self.office.means, self.office.client.id, row.id)

    def stored(self) -> Counter[tuple[str, Decimal, str]]:
        return Counter(
            (line.date.isoformat(), line.amount, line.description) for line in self.office.all(StatementLine)
        )

    def booked(self, until: str) -> Counter[tuple[str, Decimal, str]]:
        """What the bank booked since 90 days before the link, as far as the provider fetched it."""
        first = datetime.fromtimestamp(self.began.timestamp() - 90 * 86400, UTC).date().isoformat()
        return Counter(
            (row["date"], Decimal(row["amount"]), row["description"])
            for number in self.numbers for row in self.control.ledger(number)
            if first <= row["booked_at"] <= until
        )  # fmt: skip

    def last_success(self) -> str:
        (connection,) = self.control.get("connections")["connections"]
        return str(connection["last_success_at"])


@pytest.fixture
def scene(office: Office, moving: Clock, server: Running, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(http, "RETRY_PAUSES", (0.0, 0.0))
    return Scene(office, moving, server.url)


@pytest.mark.slow
def test_weeks_of_a_bank_are_stored_line_by_line(scene: Scene) -> None:
    """Changed ids, rows with old dates, announced ones, duplicates, and the same callback up to three times."""
    chance = random.Random(5)
    feed_id = scene.link()
    scene.office.fetch(feed_id)
    callbacks_heard = 0
    for step in range(36):
        scene.pass_hours(12)
        callbacks_heard += scene.listen()
        if step % 9 == 4:
            scene.control.post(f"bank-accounts/{scene.numbers[0]}/reissue", days=4)
        if step % 7 == 3:
            kind = chance.choice(["500", "503", "drop", "truncated", "429", "garbage"])
            scene.control.post("faults", kind=kind, method="GET", endpoint="transactions", times=2)
        scene.fetch_due()
    scene.control("DELETE", "faults")
    scene.pass_hours(13)
    scene.listen()
    scene.fetch_due()
    assert callbacks_heard > 36
    assert scene.stored() == scene.booked(scene.last_success())
    assert sum(scene.stored().values()) > 600
    assert scene.office.feed(feed_id).state == State.CONNECTED


def test_a_consent_that_ended_is_renewed_and_nothing_is_missing(scene: Scene) -> None:
    feed_id = scene.link()
    scene.office.fetch(feed_id)
    for _ in range(8):
        scene.pass_hours(24 * 12)
        scene.fetch_due()
    feed = scene.office.feed(feed_id)
    assert (feed.state, feed.state_code) == (State.CONSENT_ENDED, "saltedge.consent_expired")
    scene.renew(feed_id)
    assert scene.office.feed(feed_id).state == State.CONNECTED
    scene.fetch_due()
    assert scene.stored() == scene.booked(scene.last_success())
    assert {row.number for row in scene.office.accounts(feed_id)} == set(scene.numbers)


def test_another_clients_connection_is_not_taken(scene: Scene) -> None:
    feed_id = scene.link()
    (connection,) = scene.control.get("connections")["connections"]
    with scene.office.scope(scene.office.owner) as scope:
        choice = dataclasses.replace(CHOICE, institution="kbc_be", name="KBC")
        contact = Contact(email=scene.office.owner.email)
        other, _ = linking.begin(scene.office.means, scope, uuid.uuid4(), BROWSER, choice, contact)
        other.customer = scene.office.vault.seal(scope.session, opening.place(other, "customer"), "1")
        with pytest.raises(visits.VisitRefused):
            linking.attach(scene.office.means, scope, other, connection["id"])
    assert scene.office.feed(feed_id).state == State.CONNECTED
