from __future__ import annotations

import pytest
from flask import Flask

from portal.translations import catalogues
from tests.look.stage import make_stage


@pytest.fixture(scope="session")
def stage() -> Flask:
    """The stage in all languages."""
    catalogues.compile_all()
    return make_stage()
