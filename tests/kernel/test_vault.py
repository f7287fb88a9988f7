"""Sealed secrets open only where they were sealed, and survive a change of keys."""

from __future__ import annotations

import dataclasses

import pytest

from portal.kernel.db import Database, Setting, uuid7
from portal.kernel.vault import Kek, Place, Unreadable, Vault
from tests import factories as make

OLD, NEW = Kek("old", bytes(32)), Kek("new", bytes(range(1, 33)))


def test_a_ciphertext_opens_only_in_its_own_place(database: Database, vault: Vault) -> None:
    tenant, other = make.make_tenant(database, "client", "A"), make.make_tenant(database, "client", "B")
    place = Place("credentials", tenant.id, uuid7(), "refresh_token")
    with database.scoped(Setting(tenant=tenant.id)) as session:
        blob = vault.seal(session, place, "canary-é")
        assert vault.open(session, place, blob) == "canary-é"
        assert b"canary" not in blob
        for change in ({"table": "x"}, {"row": uuid7()}, {"column": "access_token"}, {"tenant": other.id}):
            with pytest.raises(Unreadable):
                vault.open(session, dataclasses.replace(place, **change), blob)
        for broken in (b"", blob[:-1], blob[:-1] + b"x", b"\x02" + blob[1:]):
            with pytest.raises(Unreadable):
                vault.open(session, place, broken)


def test_old_keys_still_open_and_rewrapping_makes_them_needless(database: Database) -> None:
    tenant = make.make_tenant(database, "client", "A")
    place = Place("credentials", tenant.id, uuid7(), "refresh_token")
    with database.scoped(Setting(tenant=tenant.id)) as session:
        blob = Vault([OLD]).seal(session, place, "secret")
    both = Vault([NEW, OLD])
    with database.scoped(Setting(tenant=tenant.id)) as session:
        assert both.open(session, place, blob) == "secret"
        with pytest.raises(Unreadable):
            Vault([NEW]).open(session, place, blob)
        assert both.rewrap(session, tenant.id) == 1
        assert both.rewrap(session, tenant.id) == 0
    with database.scoped(Setting(tenant=tenant.id)) as session:
        assert Vault([NEW]).open(session, place, blob) == "secret"


def test_without_a_key_nothing_starts() -> None:
    with pytest.raises(RuntimeError):
        Vault([])
