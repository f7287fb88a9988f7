"""Banks of the demo that tell by themselves: a few clients without files, linked by both providers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests
from sqlalchemy import select

from portal.access import Scope
from portal.authorisations import service as authorisations
from portal.demo import cast
from portal.feeds import accounts, choosing, fetching, linking, visits
from portal.feeds.linking import Contact
from portal.feeds.models import Feed, FeedAccount
from portal.kernel import clock

if TYPE_CHECKING:
    from portal.demo.scene import Client, Scene

BROWSER = "demo"
BANKS = {"BE": "kbc", "NL": "rabobank", "FR": "bnp"}
CONTACT = Contact(cast.STAFF[1].email, "", cast.STAFF[1].locale)


@dataclass(frozen=True, slots=True)
class Link:
    """`days`: when the consent ends, in place of what the bank said; 0: it has ended; None: as the bank said."""

    client: int  # by its place in the list of forty
    provider: str
    days: int | None = None


LINKS: Sequence[Link] = (Link(26, "ponto"), Link(13, "saltedge", 8), Link(31, "saltedge", 0))


def link_banks(scene: Scene) -> None:
    """Through the consent pages of the sandboxes, as a browser would go; then a first fetch."""
    for link in LINKS:
        client = scene.clients[link.client]
        feed_id = (_by_log_in if link.provider == "ponto" else _by_page)(scene, client, link.provider)
        with scene.in_client(client) as scope:
            feed = scope.get(Feed, feed_id, lock=True)
            found = scope.session.scalars(
                select(FeedAccount).where(FeedAccount.tenant_id == scope.tenant_id, FeedAccount.feed_id == feed_id)
            ).all()
            accounts.choose(scope, feed, {row.id for row in found if row.number == client.iban})
            ticked = [row.id for row in found if row.ticked]
        for account_id in ticked:
            fetching.fetch(scene.made, client.tenant_id, account_id)
        if link.days is not None:
            _end(scene, client, feed_id, link.days)


def _by_log_in(scene: Scene, client: Client, provider: str) -> uuid.UUID:
    with scene.browser() as session_id:
        with scene.in_client(client) as scope:
            url = _begin(scene, scope, session_id, client, provider)
        back = requests.get(f"{url}&auto_approve=org{client.position:02d}", allow_redirects=False, timeout=20)
        with scene.in_client(client) as scope:
            done = authorisations.finish_login(
                scene.made, scope, session_id, provider, _query(back.headers["Location"])
            )
        with scene.in_client(client) as scope:
            feed = linking.arrive_by_login(scene.made, scope, done)
            if feed is None:
                raise RuntimeError("the log-in at the bank feed was for no feed")
            return feed.id


def _by_page(scene: Scene, client: Client, provider: str) -> uuid.UUID:
    with scene.browser() as session_id, scene.in_client(client) as scope:
        url = _begin(scene, scope, session_id, client, provider)
    sent = {"connect_url": url, "login": f"klant{client.position:02d}", "password": "demo"}
    given = _query(_control(scene, "consents", sent)["address"])
    visit = visits.claim_visit(scene.made, client.tenant_id, given["state"], BROWSER)
    with scene.in_client(client) as scope:
        linking.attach(scene.made, scope, scope.get(Feed, visit.feed_id, lock=True), given["connection_id"])
    return visit.feed_id


def _begin(scene: Scene, scope: Scope, session_id: uuid.UUID, client: Client, provider: str) -> str:
    offered = choosing.offer(scene.made, client.country).find(BANKS[client.country])
    bank = next(one for one in offered if provider in one.ways)
    choice = choosing.choice(scene.made, client.country, bank.key, provider)
    return linking.begin(scene.made, scope, session_id, BROWSER, choice, CONTACT)[1]


def _end(scene: Scene, client: Client, feed_id: uuid.UUID, days: int) -> None:
    """Weeks pass: a consent is about to end, or has ended and the product hears of it at its next fetch."""
    if days:
        with scene.in_client(client) as scope:
            scope.get(Feed, feed_id, lock=True).consent_ends_at = clock.now() + timedelta(days=days)
        return
    rows = _control(scene, "connections")["connections"]
    ours = next(row["id"] for row in rows if row["login"] == f"klant{client.position:02d}")
    _control(scene, f"connections/{ours}/end", {"how": "expire"})
    with scene.in_client(client) as scope:
        query = select(FeedAccount.id).where(
            FeedAccount.tenant_id == scope.tenant_id, FeedAccount.feed_id == feed_id, FeedAccount.ticked
        )
        ticked = scope.session.scalars(query).all()
    for account_id in ticked:
        fetching.fetch(scene.made, client.tenant_id, account_id)


def _query(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def _control(scene: Scene, path: str, sent: dict[str, Any] | None = None) -> Any:
    url = f"http://127.0.0.1:{scene.made.settings.saltedge_sandbox_port}/control/api/{path}"
    reply = requests.get(url, timeout=20) if sent is None else requests.post(url, json=sent, timeout=20)
    reply.raise_for_status()
    return reply.json()
