"""The owner of an account finds the firm that it moves to, and cannot try the addresses of all firms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.kernel.db import Database
from portal.routes import _limits
from tests import factories as make
from tests.routes.conftest import SignIn


@pytest.fixture
def limits() -> Iterator[None]:
    _limits.limiter.enabled = True
    yield
    _limits.limiter.enabled = False


def test_addresses_of_firms_are_not_tried_one_after_the_other(
    limits: None, sign_in: SignIn, database: Database
) -> None:
    owner, firm = make.make_user(database, "Claire", locale="en-GB"), make.make_tenant(database, "portal", "Firm")
    client = make.make_tenant(database, "client", "Delmotte", members={owner: "owner"})
    grant, browser = make.make_grant(database, client, firm), sign_in(owner)
    url = f"/c/{client.id}/access/{grant.id}/move"
    seen = [browser.get(url, query_string={"email": f"office{number}@example.com"}).status_code for number in range(32)]
    assert seen == [422] * 30 + [429] * 2
    assert browser.get(url).status_code == 200
