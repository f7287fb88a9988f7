from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.ponto import serve
from tests.connectors.ponto.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    running = serve(data=tmp_path / "ponto", ticking=False)
    yield World(running.url)
    running.stop()
    shutil.rmtree(tmp_path / "ponto")
