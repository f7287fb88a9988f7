"""A test client that is signed in for real, sends the CSRF token, and lints every page it gets."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import Settings
from portal import runtime
from portal.app import create_app
from portal.identity import sessions
from portal.identity.models import User
from portal.kernel import queue
from portal.kernel.db import Database
from portal.kernel.vault import Vault
from portal.routes._limits import limiter
from tests.conftest import Urls
from tests.pagelint import lint
from tests.world import World, make_world


def settings_for_tests(home: Path, database_urls: Urls, **more: str) -> Settings:
    return Settings.from_env(
        {
            "KOPPELPOORT_HOME": str(home),
            "DATABASE_URL": database_urls.app,
            "OWNER_DATABASE_URL": database_urls.owner,
            "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody listens: the doorbell is muted in tests
            "LOG_LEVEL": "WARNING",
            **more,
        }
    )


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, database_urls: Urls, database: Database, vault: Vault) -> Flask:
    settings = settings_for_tests(tmp_path_factory.mktemp("home"), database_urls)
    made = create_app(made=runtime.Runtime(settings, database, vault))
    made.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    limiter.enabled = False
    queue.connect(None)
    return made


@pytest.fixture(scope="session")
def world(database: Database) -> World:
    """The cast, made once a test worker; a test that changes it makes its own."""
    return make_world(database)


class Client(FlaskClient):
    """Adds the CSRF token to every POST and lints what comes back."""

    _token = ""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if kwargs.get("method") == "POST" and kwargs.pop("csrf", True):
            kwargs["headers"] = {"X-CSRFToken": self._csrf(), **(kwargs.get("headers") or {})}
        response = super().open(*args, **kwargs)
        if response.mimetype == "text/html" and response.status_code not in (204, 303) and response.data:
            _lint(response)
        return response

    def _csrf(self) -> str:
        found = re.search(r'"X-CSRFToken": "([^"]+)"', super().open("/help", method="GET").text) or re.search(
            r'"X-CSRFToken": "([^"]+)"', super().open("/signup", method="GET").text
        )
        assert found, "no CSRF token on the page"
        return found.group(1)


def _lint(response: TestResponse) -> None:
    if "<html" not in response.text[:200]:
        return  # a fragment: checked as part of its page
    nonce = re.search(r"'nonce-([^']+)'", response.headers.get("Content-Security-Policy", ""))
    assert nonce, "a page without a nonce in its policy"
    assert lint(response.text, nonce=nonce.group(1)) == []


SignIn = Callable[[User | None], Client]


@pytest.fixture
def sign_in(app: Flask, database: Database) -> SignIn:
    """A client signed in as this person; None: nobody."""

    def make(user: User | None) -> Client:
        app.test_client_class = Client
        client = app.test_client()
        assert isinstance(client, Client)
        if user is not None:
            with database.scoped() as session:
                token = sessions.start(session, user, agent="tests", second_factor=True)
            client.set_cookie("kp", token)
        return client

    return make
