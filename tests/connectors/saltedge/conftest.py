from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.saltedge import Running, serve
from tests.connectors.saltedge.world import APP, PUBLIC, SECRET, World


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = serve(data=tmp_path_factory.mktemp("saltedge"))
    yield running
    running.stop()


@pytest.fixture
def world(server: Running) -> World:
    """Empty, with the clock standing still, and nobody fetching unasked."""
    world = World(server.url)
    world.control.post("reset")
    world.control.post("apps", app_id=APP, secret=SECRET, public_key=PUBLIC)
    world.control.post("clock", freeze=True)
    world.control.post("clock", set="2026-03-18T12:00:00Z")
    world.control.post("settings", automatic_hours=0)
    return world
