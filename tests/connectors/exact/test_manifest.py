"""What the product is told about Exact, and that every connector on the list keeps the form."""

from __future__ import annotations

import pytest

from portal.connectors import registry
from portal.connectors.exact import MANIFEST
from portal.connectors.login import AuthMode
from portal.connectors.manifest import Explanation


def test_the_token_rules_are_those_of_exact() -> None:
    assert MANIFEST.oauth is not None
    assert (MANIFEST.oauth.min_age, MANIFEST.oauth.lifetime, MANIFEST.oauth.grace) == (570, 600, 0)
    assert MANIFEST.oauth.refresh_lifetime == 30 * 24 * 3600


def test_our_breaker_opens_before_theirs() -> None:
    assert MANIFEST.limits.errors_per_hour is not None
    assert MANIFEST.limits.errors_per_hour < 10


@pytest.mark.parametrize("key", list(registry.CONNECTORS))
def test_every_connector_keeps_the_form(key: str) -> None:
    connector = registry.load(key)
    manifest = connector.MANIFEST
    assert manifest.key == key
    assert manifest.hosts or manifest.host_field or manifest.auth is AuthMode.FILE
    assert all(host.startswith("https://") and not host.endswith("/") for host in manifest.hosts.values())
    assert manifest.reads
    assert manifest.sends
    assert manifest.never
    assert (manifest.oauth is not None) == (manifest.auth is AuthMode.OAUTH2)
    assert manifest.capabilities.reference_length >= 20
    assert callable(connector.connect)
    assert hasattr(connector, "sign") == (manifest.auth in (AuthMode.KEY, AuthMode.HOSTED))
    assert hasattr(connector, "open_login") == (manifest.auth is AuthMode.HOSTED)
    assert all(question.key and question.label for question in manifest.form)
    for code, explanation in connector.EXPLANATIONS.items():
        assert code.startswith(f"{key}.")
        assert explanation.title
        assert explanation.happened
        assert explanation.steps
        assert len(explanation.steps) <= 5


def test_a_code_is_explained_by_its_connector() -> None:
    assert isinstance(registry.explain("exact.period_closed"), Explanation)
    assert registry.explain("exact.nobody_wrote_this") is None
    assert registry.explain("limit_reached") is None


def test_an_unknown_connector_is_not_loaded() -> None:
    with pytest.raises(KeyError):
        registry.load("os")
