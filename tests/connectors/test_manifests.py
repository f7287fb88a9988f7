"""What a manifest says fits what its folder offers, for every app in the registry."""

from __future__ import annotations

import re

import pytest

from config import APPS
from portal.connectors import registry
from portal.connectors.login import AuthMode, FieldKind
from portal.connectors.manifest import Manifest
from portal.kernel import outward


def manifest_of(key: str) -> Manifest:
    return registry.load(key).MANIFEST


@pytest.mark.parametrize("key", registry.CONNECTORS)
def test_the_way_in_is_whole(key: str) -> None:
    manifest, offered = manifest_of(key), vars(registry.load(key))
    secrets = [field.key for field in manifest.form if field.kind is FieldKind.SECRET]
    assert manifest.key == key
    assert (manifest.oauth is not None) == (manifest.auth is AuthMode.OAUTH2)
    assert ("sign" in offered) == (manifest.auth in (AuthMode.KEY, AuthMode.HOSTED))
    assert ("open_login" in offered) == (manifest.auth is AuthMode.HOSTED)
    assert bool(secrets) == (manifest.auth is AuthMode.KEY)
    assert bool(manifest.hosts) != (bool(manifest.host_field) or manifest.auth is AuthMode.FILE)


@pytest.mark.parametrize("key", registry.CONNECTORS)
def test_what_needs_our_registration_has_variables_for_it(key: str) -> None:
    manifest = manifest_of(key)
    if manifest.registered or manifest.auth in (AuthMode.OAUTH2, AuthMode.HOSTED):
        assert APPS[key].secret
    assert manifest.auth is AuthMode.FILE or APPS[key].hosts


@pytest.mark.parametrize("key", registry.CONNECTORS)
def test_a_form_asks_what_can_be_answered(key: str) -> None:
    manifest = manifest_of(key)
    assert len({field.key for field in manifest.form}) == len(manifest.form)
    for field in manifest.form:
        assert field.label.strip()
        assert not field.example or not field.pattern or re.fullmatch(field.pattern, field.example)
        assert (field.kind is FieldKind.CHOICE) == bool(field.choices)
        assert not field.default or not field.choices or field.default in dict(field.choices)
        assert field.kind is not FieldKind.SECRET or not field.default
    if manifest.host_field:
        (server,) = (field for field in manifest.form if field.key == manifest.host_field)
        assert server.kind is FieldKind.URL
        assert not server.example or outward.address(server.example)


@pytest.mark.parametrize("key", registry.CONNECTORS)
def test_it_tells_what_it_reads_and_sends(key: str) -> None:
    manifest = manifest_of(key)
    assert manifest.reads
    assert manifest.sends
    assert manifest.never
    assert all(use.fields.strip() and use.why.strip() for use in (*manifest.reads, *manifest.sends))
    assert all(host.startswith("https://") for host in manifest.hosts.values())
