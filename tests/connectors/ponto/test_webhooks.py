"""Webhooks from the stand-in's signature to what the product believes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from portal.connectors.errors import Rejected
from portal.connectors.feed import Notice
from portal.connectors.ponto.callbacks import judge
from tests.connectors.ponto.world import APP, BACK, SECRET, World
from tests.sandbox.ponto.listener import Listener


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()
    made.server.server_close()


def believed(world: World, listener: Listener, now: datetime | None = None) -> list[Notice]:
    headers, body = listener.heard[-1]
    return list(
        judge(
            listener.url, headers, body, now or datetime.now(UTC), host=f"{world.url}/ponto-connect", application=APP,
            fetch_keys=lambda path: world.control.http.get(f"{world.url}{path}").content,
        )
    )  # fmt: skip


def test_a_webhook_is_believed_for_a_minute(world: World, listener: Listener) -> None:
    world.control.post("apps", client_id=APP, secret=SECRET, redirect_uris=[BACK], webhook=listener.url)
    world.control.post("rows", account=world.number, amount="5.00")
    world.fetch()
    world.control.post("webhooks/deliver")
    (notice,) = believed(world, listener)
    assert notice.event == "pontoConnect.account.transactionsCreated"
    assert (notice.account, notice.link) == (world.account, world.connection.identity().user_id)
    with pytest.raises(Rejected, match="callback_time"):
        believed(world, listener, datetime.now(UTC) + timedelta(minutes=2))


def test_a_page_seen_under_another_name_does_not_change_who_signs(world: World, listener: Listener) -> None:
    world.control.http.get(f"{world.url.replace('127.0.0.1', 'localhost')}/control/")
    world.control.post("apps", client_id=APP, secret=SECRET, redirect_uris=[BACK], webhook=listener.url)
    world.fetch()
    world.control.post("webhooks/deliver")
    assert believed(world, listener)
