from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.exact import serve
from tests.sandbox.world import World


@pytest.fixture(scope="session")
def made_world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The small world, made once; each test gets a copy of its files."""
    data = tmp_path_factory.mktemp("exact")
    running = serve(data=data)
    world = World(running.url)
    world.http.close()
    running.stop()
    return data, world.token


@pytest.fixture
def world(made_world: tuple[Path, str], tmp_path: Path) -> Iterator[World]:
    data, token = made_world
    shutil.copytree(data, tmp_path / "exact")
    running = serve(data=tmp_path / "exact")
    world = World(running.url, token)
    yield world
    world.http.close()
    running.stop()
