from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.exact import serve
from tests.sandbox.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    running = serve(port=0, data=tmp_path)
    world = World(running.url)
    yield world
    world.http.close()
    running.stop()
