"""What the product is told about Ponto, and that every feed on the list keeps the form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.connectors import ponto, registry
from portal.connectors.login import AuthMode
from portal.connectors.ponto import EXPLANATIONS, MANIFEST, mapping


def test_logging_in_is_as_the_provider_has_it() -> None:
    oauth = MANIFEST.oauth
    assert oauth is not None
    assert oauth.pkce
    assert oauth.basic
    assert oauth.authorise_params == {"scope": "offline_access ai"}  # never "pi": no payments
    assert oauth.lifetime == 1799
    assert set(oauth.authorise_hosts) == set(MANIFEST.hosts)
    assert MANIFEST.client_certificate


@pytest.mark.parametrize("key", list(registry.FEEDS))
def test_every_feed_keeps_the_form(key: str) -> None:
    connector = registry.load_feed(key)
    manifest = connector.MANIFEST
    assert manifest.key == key
    assert manifest.kind == "feed"
    assert manifest.hosts
    assert all(host.startswith("https://") and not host.endswith("/") for host in manifest.hosts.values())
    assert manifest.reads
    assert manifest.never
    assert (manifest.oauth is not None) == (manifest.auth is AuthMode.OAUTH2)
    assert callable(connector.connect)
    assert callable(connector.directory)
    assert callable(connector.callbacks)
    for code, explanation in connector.EXPLANATIONS.items():
        assert code.startswith(f"{key}.")
        assert explanation.title
        assert explanation.happened
        assert explanation.steps
        assert len(explanation.steps) <= 5
        assert registry.explain(code) is explanation


def test_an_unknown_feed_is_not_loaded() -> None:
    with pytest.raises(KeyError):
        registry.load_feed("exact")


def test_every_code_that_can_be_raised_is_explained() -> None:
    folder = Path(ponto.__file__).parent
    written = {
        code
        for name in ("client.py", "mapping.py", "callbacks.py")
        for code in re.findall(r'"(ponto\.[A-Za-z_]+)"', (folder / name).read_text())
    }
    transport = {f"ponto.{code}" for code in ("unreachable", "too_late", "timeout", "cut_off", "too_large")}
    known = {f"ponto.{code}" for code in mapping.KNOWN}
    plain = {f"ponto.{code}" for code in ("authorisation_expired", "refused")}
    assert written | transport | known | plain == set(EXPLANATIONS)
